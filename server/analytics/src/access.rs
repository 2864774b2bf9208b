//! Who may do what: the workspace admin token, static tokens, JWTs, and what
//! the scopes of each allow.
//!
//! [`Authority`] turns the text of a token into an [`Access`]; an [`Access`]
//! answers questions such as "may it call this endpoint, and with which fixed
//! parameters?". Nothing here knows HTTP, and no tenant filter is built here:
//! `query` does that from the grants.

mod authority;
mod error;
mod grant;
mod readable;
mod resource;
mod scope;
mod static_token;
mod store;
#[cfg(test)]
mod tests;

pub use authority::{Authority, AuthoritySettings};
pub use error::AccessError;
pub use grant::{Access, AppendGrant, PipeGrant, ReadGrant};
pub use readable::{Fixed, Readable};
pub use resource::{Resource, resource_id};
pub use scope::{InvalidScope, StaticScope};
pub use static_token::StaticTokenText;
pub use store::{StaticToken, StoreError, TokenStore};
pub use token::{Revocation, RevocationKind};
