//! The scoped token that travels from the web server, which signs it, through
//! the browser to the analytics server, which verifies it.
//!
//! Here live the claims and scopes of such a token ([`Claims`]), the keys
//! ([`SigningKey`], [`VerifyingKey`]), signing ([`sign`]) and verifying
//! ([`Verifier`], [`Revocations`]), and the JWT templates that turn a person and an
//! organization into claims ([`JwtTemplate`], [`Mint`]). Sessions, HTTP, static
//! tokens and what a scope allows to do in detail live elsewhere: `web` asks
//! the [`Mint`], `analytics` the [`Verifier`].
//!
//! ```
//! use token::{Claims, Scope, SigningKey, Verifier, sign};
//!
//! let key = SigningKey::hs256("p.the-workspace-admin-token-of-32-bytes-or-more")?;
//! let claims = Claims {
//!     workspace_id: "b8f6…".into(),
//!     name: "frontend".into(),
//!     exp: 1_900_000_000,
//!     scopes: vec![Scope::read_pipe("flights_per_day").fixed("org", "ua")],
//!     ..Claims::default()
//! };
//! let token = sign(&claims, &key)?;
//!
//! let verifier = Verifier::new("b8f6…", [key.verifying_key()])?;
//! assert_eq!(verifier.verify(&token, 1_899_999_999)?, claims);
//! assert_eq!(verifier.verify(&token, 1_900_000_000).unwrap_err().code(), "token_expired");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod claims;
mod json;
mod keys;
mod mint;
mod revocation;
mod sign;
mod template;
mod verify;

pub use claims::{Audience, Claims, Limits, Resources, Scope, ScopeKind};
pub use keys::{Algorithm, KeyError, Keyring, Settings, SigningKey, VerifyingKey};
pub use mint::{Mint, MintError, Minted};
pub use revocation::{Revocation, RevocationKind, Revocations};
pub use sign::{SignError, sign};
pub use template::{JwtTemplate, OrganizationClaims, Subject, TemplateError, UserClaims};
pub use verify::{Verifier, VerifyError};

/// The longest token that is signed or read, in bytes. Kilobyte-sized tokens
/// with dozens of scopes are normal; beyond this, proxies start to refuse the
/// header that carries it.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
