//! Asking the provider again about somebody who signed in before: whether they
//! still may, and what is true of them now.
//!
//! What a session keeps for that is here, what becomes of the answer is decided
//! elsewhere.

use http::StatusCode;
use openidconnect::core::CoreErrorResponseType;
use openidconnect::{
    AccessToken, ClaimsVerificationError, Nonce, OAuth2TokenResponse, RefreshToken,
    RequestTokenError, SubjectIdentifier, TokenResponse, UserInfoError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::client::{self, TokenError, UserInfo, verify};
use super::provider::Metadata;
use super::transport::TransportError;
use super::{RelyingParty, claims};
use crate::problem::with_causes;
use crate::session::{Membership, Profile};

/// Where the provider writes the organizations: what has to be asked to learn
/// of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    Userinfo,
    IdToken,
}

/// What the provider gave at sign-in that opens it again later. Kept sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// The proof for the provider that a sign-out is meant.
    pub(crate) id_token: String,
    access_token: String,
    /// When the access token ends, in unix seconds; `None` where the provider
    /// does not say.
    expires_at: Option<i64>,
    refresh_token: Option<String>,
    organizations_from: Source,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Credentials(hidden)")
    }
}

impl Credentials {
    /// What `response` gave at `now` (unix seconds). `in_id_token` and
    /// `in_userinfo` tell where the organizations were found.
    pub(super) fn of(
        response: &client::Tokens,
        now: i64,
        in_id_token: bool,
        in_userinfo: bool,
    ) -> Self {
        Self {
            id_token: response
                .id_token()
                .map(ToString::to_string)
                .unwrap_or_default(),
            access_token: response.access_token().secret().clone(),
            expires_at: ends_at(response, now),
            refresh_token: response.refresh_token().map(|token| token.secret().clone()),
            organizations_from: if in_id_token && !in_userinfo {
                Source::IdToken
            } else {
                Source::Userinfo
            },
        }
    }

    fn is_over(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// The same after the provider answered with new tokens; what it leaves out
    /// stays as it was (RFC 6749, section 6).
    fn renewed(&self, response: &client::Tokens, now: i64) -> Self {
        Self {
            id_token: response
                .id_token()
                .map_or_else(|| self.id_token.clone(), ToString::to_string),
            access_token: response.access_token().secret().clone(),
            expires_at: ends_at(response, now),
            refresh_token: response
                .refresh_token()
                .map(|token| token.secret().clone())
                .or_else(|| self.refresh_token.clone()),
            organizations_from: self.organizations_from,
        }
    }
}

fn ends_at(response: &client::Tokens, now: i64) -> Option<i64> {
    let lasts = response.expires_in()?.as_secs();
    Some(now.saturating_add(lasts.try_into().unwrap_or(i64::MAX)))
}

/// What the provider tells of a person now.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) profile: Profile,
    pub(crate) memberships: Vec<Membership>,
}

/// Why there is no answer. The texts are for the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// The provider no longer stands by this sign-in: the person is gone, or
    /// their session or the consent has ended there.
    #[error("the provider has ended it: {0}")]
    Ended(String),
    /// It cannot be asked now, or what it says cannot be used.
    #[error("{0}")]
    Unanswered(String),
}

/// An answer, and the credentials that take the place of those it was asked
/// with: they are to be kept whatever the answer is.
pub(crate) type Asked = (Result<Told, AskError>, Option<Credentials>);

impl RelyingParty {
    /// What is true now of `subject`, who signed in with `credentials`.
    pub(crate) async fn ask_again(&self, subject: &str, credentials: &Credentials) -> Asked {
        let metadata = match self.provider.metadata().await {
            Ok(metadata) => metadata,
            Err(error) => return (Err(AskError::Unanswered(error.to_string())), None),
        };
        let now = self.clock.now();
        let subject = SubjectIdentifier::new(subject.to_owned());
        let needs_id_token = credentials.organizations_from == Source::IdToken;
        if !credentials.is_over(now) && !needs_id_token {
            let told = self.ask_userinfo(&metadata, &subject, credentials, Map::new());
            match told.await {
                // The access token may have ended before its time.
                Err(AskError::Ended(_)) if credentials.refresh_token.is_some() => {}
                told => return (told, None),
            }
        }
        let renewed = match self.renew(&metadata, &subject, credentials, now).await {
            Ok(renewed) => renewed,
            Err(error) => return (Err(error), None),
        };
        let (credentials, claims) = renewed;
        if needs_id_token && !claims.contains_key("sub") {
            let problem = "the organizations are in the ID token, and a refresh brings none";
            return (
                Err(AskError::Unanswered(problem.to_owned())),
                Some(credentials),
            );
        }
        let told = self
            .ask_userinfo(&metadata, &subject, &credentials, claims)
            .await;
        (told, Some(credentials))
    }

    /// New tokens, and the claims of the ID token among them.
    async fn renew(
        &self,
        metadata: &Metadata,
        subject: &SubjectIdentifier,
        credentials: &Credentials,
        now: i64,
    ) -> Result<(Credentials, Map<String, Value>), AskError> {
        let Some(refresh_token) = &credentials.refresh_token else {
            let problem = "the access token has ended, and the provider gave no refresh token: \
                           ask for the scope offline_access, or what the provider has in its place";
            return Err(AskError::Unanswered(problem.to_owned()));
        };
        let client = self.registration.client(metadata);
        let refresh_token = RefreshToken::new(refresh_token.clone());
        let response = client
            .exchange_refresh_token(&refresh_token)
            .map_err(|error| AskError::Unanswered(error.to_string()))?
            .request_async(self.provider.transport())
            .await
            .map_err(refresh_error)?;
        let mut claims = Map::new();
        if let Some(id_token) = response.id_token() {
            // It need not repeat the nonce (OpenID Connect Core, section 12.2).
            let any = |_: Option<&Nonce>| Ok(());
            let access_token = response.access_token();
            let verified = verify(&client, metadata, id_token, access_token, any, now)
                .map_err(|error| AskError::Unanswered(error.to_string()))?;
            if verified.subject() != subject {
                let problem = "the refreshed ID token is about another subject";
                return Err(AskError::Unanswered(problem.to_owned()));
            }
            if let Value::Object(found) = client::to_json(verified) {
                claims = found;
            }
        }
        Ok((credentials.renewed(&response, now), claims))
    }

    /// Lays what userinfo tells over `claims`, where the provider has it.
    async fn ask_userinfo(
        &self,
        metadata: &Metadata,
        subject: &SubjectIdentifier,
        credentials: &Credentials,
        claims: Map<String, Value>,
    ) -> Result<Told, AskError> {
        let mut claims = Value::Object(claims);
        let client = self.registration.client(metadata);
        let access_token = AccessToken::new(credentials.access_token.clone());
        match client.user_info(access_token, Some(subject.clone())) {
            Ok(request) => {
                let told: UserInfo = request
                    .request_async(self.provider.transport())
                    .await
                    .map_err(userinfo_error)?;
                client::lay_over(&mut claims, client::to_json(&told));
            }
            Err(_) if claims.get("sub").is_some() => {}
            Err(_) => {
                let problem = "the provider has no userinfo endpoint to ask";
                return Err(AskError::Unanswered(problem.to_owned()));
            }
        }
        let memberships = claims::memberships(&self.mapping, &claims)
            .map_err(|error| AskError::Unanswered(error.to_string()))?;
        Ok(Told {
            profile: claims::profile(&self.mapping, subject, &claims),
            memberships,
        })
    }
}

/// `invalid_grant` is the provider's last word; all else may be our own fault,
/// or pass.
fn refresh_error(error: TokenError) -> AskError {
    match error {
        RequestTokenError::ServerResponse(response) => match response.error() {
            CoreErrorResponseType::InvalidGrant => {
                AskError::Ended("the refresh token is not accepted".to_owned())
            }
            other => AskError::Unanswered(format!("the token endpoint refused: {other}")),
        },
        RequestTokenError::Request(error) => AskError::Unanswered(with_causes(&error)),
        RequestTokenError::Parse(error, _) => {
            AskError::Unanswered(format!("the token answer is broken at `{}`", error.path()))
        }
        RequestTokenError::Other(reason) => AskError::Unanswered(reason),
    }
}

fn userinfo_error(error: UserInfoError<TransportError>) -> AskError {
    match error {
        UserInfoError::Response(StatusCode::UNAUTHORIZED, _, _) => {
            AskError::Ended("userinfo does not accept the access token".to_owned())
        }
        UserInfoError::Request(error) => AskError::Unanswered(with_causes(&error)),
        UserInfoError::ClaimsVerification(ClaimsVerificationError::InvalidSubject(_)) => {
            AskError::Unanswered("userinfo is about another subject".to_owned())
        }
        UserInfoError::Response(status, _, reason) => {
            AskError::Unanswered(format!("userinfo: {reason} (status {status})"))
        }
        UserInfoError::Parse(error) => {
            AskError::Unanswered(format!("userinfo is broken at `{}`", error.path()))
        }
        _ => AskError::Unanswered("userinfo is not what was asked for".to_owned()),
    }
}
