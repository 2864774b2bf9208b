//! The parts that pages are made of. What a page shows lives in
//! [`crate::pages`].

pub mod account;
mod copy_button;
mod data_table;
pub mod header;
mod icon;
pub mod notices;
pub mod theme_button;

pub use account::{OrganizationSwitcher, SignInButton, SignOutButton, SignedIn, SignedOut};
pub use copy_button::copy_button;
pub use data_table::DataTable;
pub use header::{Footer, Header};
pub use icon::{Icon, icon};
pub use notices::Notices;
pub use theme_button::ThemeButton;
