//! `rookery token`: a token for trying the API from the command line.

use std::time::{SystemTime, UNIX_EPOCH};

use token::{OrganizationClaims, Subject, UserClaims};

use super::{Failure, print};
use crate::cli;
use crate::services::Installation;

/// Prints the admin token, or one minted for an organization.
///
/// # Errors
/// The template or the keys cannot be read, or do not make a token.
pub(crate) fn show(installation: &Installation, arguments: &cli::Token) -> Result<(), Failure> {
    let Some(slug) = &arguments.org else {
        print(installation.admin_token());
        return Ok(());
    };
    let subject = Subject {
        user: UserClaims {
            id: arguments.user.clone(),
            ..UserClaims::default()
        },
        organization: Some(OrganizationClaims {
            id: slug.clone(),
            slug: slug.clone(),
            name: slug.clone(),
            ..OrganizationClaims::default()
        }),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    print(
        &installation
            .mint()?
            .mint(&subject, i64::try_from(now)?)?
            .token,
    );
    Ok(())
}
