//! The pages, one module each. They decide what is shown to whom; the parts
//! live in [`crate::components`] and [`crate::charts`].

pub mod dashboard;
pub mod landing;
pub mod not_found;
mod standing;
pub mod token_page;

pub use dashboard::Dashboard;
pub use landing::Landing;
pub use not_found::NotFound;
pub use token_page::TokenPage;
