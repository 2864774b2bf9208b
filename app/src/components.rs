//! The parts that pages are made of. What a page shows lives in
//! [`crate::pages`].

pub mod account;
mod copy_button;
mod data_table;
pub mod header;
mod icon;
mod link;
pub mod notices;
mod panel;

pub use account::{OrganizationSwitcher, SignInButton, SignOutButton, SignedIn, SignedOut};
pub(crate) use account::{sign_in_link, sign_out_form};
pub use copy_button::copy_button;
pub use data_table::DataTable;
pub use header::{Footer, Header};
pub use icon::Icon;
pub(crate) use link::link;
pub use notices::Notices;
pub(crate) use panel::panel;
