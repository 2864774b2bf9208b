//! Signing in at an OpenID Connect provider, as its relying party: the
//! authorization code flow with PKCE, state and nonce, and signing out there.
//!
//! Everything goes over HTTP messages, to the embedded provider too. What the
//! answers mean for pages and sessions is decided by the handlers.

mod claims;
mod client;
mod notice;
mod provider;
mod recheck;
mod transaction;
mod transport;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue};
use openidconnect::core::CoreAuthenticationFlow;
use openidconnect::{
    AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, EndSessionUrl, IssuerUrl,
    OAuth2TokenResponse, PkceCodeChallenge, RedirectUrl, Scope, TokenResponse, UserInfoError,
};
use serde::Deserialize;
use url::Url;

use crate::clock::Clock;
use crate::origin::{Origin, is_secure};
use crate::return_to::ReturnTo;
use crate::sealed::Sealer;
use crate::session::Account;
use crate::settings::{ClaimMapping, OidcSettings};
use claims::ClaimsError;
use client::{Registration, VerificationError, verify};
use notice::Heard;
use provider::{Metadata, Provider};
use transaction::{Transaction, Transactions};
use transport::{Transport, TransportError};

pub(crate) use notice::{Message, Notice, NoticeError};
pub(crate) use provider::ProviderError;
pub(crate) use recheck::{AskError, Credentials};
pub(crate) use transaction::TransactionError;

/// The path of the callback, registered at the provider below the origin.
pub(crate) const CALLBACK: &str = "/auth/callback";

/// An ID token longer than this does not go into the address that ends the
/// provider's session; the client id stands in.
const LONGEST_HINT: usize = 4096;

/// A configuration the relying party cannot work with.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The issuer is no usable address.
    #[error(
        "oidc.issuer `{0}` is not an https address: write the issuer as the provider's discovery document has it"
    )]
    Issuer(String),
    /// The HTTP client cannot be made.
    #[error("the HTTP client for the provider cannot be made")]
    Client(#[from] reqwest::Error),
}

/// Why somebody is not signed in. The text is for the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// The response names another issuer than the one that was asked (RFC 9207).
    #[error("the authorization response does not come from the issuer that was asked")]
    MixedUp,
    /// The provider refuses; its code is one it may use.
    #[error("the provider refused: {}", .0.code())]
    Refused(Refusal),
    /// A callback with neither a code nor an error.
    #[error("the authorization response has no code")]
    NoCode,
    /// The code was no longer good.
    #[error("the provider did not accept the authorization code")]
    CodeExpired,
    /// The token endpoint answered with something else than tokens.
    #[error("the token request failed: {0}")]
    TokenRequest(String),
    #[error("the ID token is not accepted: {0}")]
    Verification(#[from] VerificationError),
    #[error("userinfo is not accepted: {0}")]
    Userinfo(String),
    #[error(transparent)]
    Claims(#[from] ClaimsError),
}

/// The errors a provider may answer an authorization request with that mean
/// something to the person; the rest are the operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    AccessDenied,
    TemporarilyUnavailable,
    Other,
}

impl Refusal {
    fn new(error: &str) -> Self {
        match error {
            "access_denied" => Self::AccessDenied,
            "temporarily_unavailable" | "server_error" => Self::TemporarilyUnavailable,
            _ => Self::Other,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::Other => "another error",
        }
    }
}

/// The parameters a provider sends people back with.
#[derive(Deserialize)]
pub(crate) struct Callback {
    #[serde(default)]
    pub(crate) state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Somebody who has just signed in.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) account: Account,
    /// What the provider can be asked with later.
    pub(crate) credentials: Credentials,
    /// The provider's name of its own session, where it tells it.
    pub(crate) provider_session: Option<String>,
    pub(crate) return_to: ReturnTo,
}

/// This site as a client of its provider.
#[derive(Debug)]
pub(crate) struct RelyingParty {
    provider: Provider,
    registration: Registration,
    transactions: Transactions,
    scopes: Vec<Scope>,
    mapping: ClaimMapping,
    logout: bool,
    home: String,
    in_process: bool,
    heard: Heard,
    clock: Clock,
}

impl RelyingParty {
    /// The client that `settings` describe. `generated_secret` stands in for a
    /// secret that is not configured; `in_process` is the embedded provider.
    pub(crate) fn new(
        settings: OidcSettings,
        generated_secret: Option<String>,
        in_process: Option<Router>,
        sealer: Arc<Sealer>,
        origin: &Origin,
        clock: Clock,
    ) -> Result<Self, OidcError> {
        let issuer = Url::parse(&settings.issuer)
            .ok()
            .filter(|issuer| is_secure(issuer) && issuer.query().is_none())
            .ok_or_else(|| OidcError::Issuer(settings.issuer.clone()))?;
        let answers_here = in_process.is_some();
        let transport = Transport::new(&issuer, in_process)?;
        let secret = settings
            .client_secret
            .map(|secret| secret.reveal().to_owned())
            .or(generated_secret);
        let registration = Registration {
            id: ClientId::new(settings.client_id),
            secret: secret.map(ClientSecret::new),
            redirect: RedirectUrl::new(origin.at(CALLBACK))
                .expect("an origin with a path is an address"),
        };
        let issuer = IssuerUrl::new(settings.issuer.clone())
            .map_err(|_| OidcError::Issuer(settings.issuer))?;
        Ok(Self {
            provider: Provider::new(issuer, transport, clock.clone()),
            registration,
            transactions: Transactions::new(sealer, origin.clone(), clock.clone()),
            scopes: settings
                .scopes
                .into_iter()
                .filter(|scope| scope != "openid")
                .map(Scope::new)
                .collect(),
            mapping: settings.claims,
            logout: settings.logout,
            home: origin.at("/"),
            in_process: answers_here,
            heard: Heard::default(),
            clock,
        })
    }

    /// The issuer, as it is configured.
    pub(crate) fn issuer(&self) -> &str {
        self.provider.issuer()
    }

    /// Whether the provider runs in this process, where asking it costs next to
    /// nothing.
    pub(crate) fn is_in_process(&self) -> bool {
        self.in_process
    }

    /// Starts a sign-in: the address at the provider to go to, and the cookies
    /// that remember it.
    pub(crate) async fn start(
        &self,
        return_to: ReturnTo,
        headers: &HeaderMap,
    ) -> Result<(Url, Vec<HeaderValue>), SignInError> {
        let metadata = self.provider.metadata().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let transaction = self.transactions.start(verifier, return_to);
        let client = self.registration.client(&metadata);
        let (state, nonce) = (transaction.state.clone(), transaction.nonce.clone());
        let (address, _, _) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || state,
                move || nonce,
            )
            .add_scopes(self.scopes.iter().cloned())
            .set_pkce_challenge(challenge)
            .url();
        Ok((address, self.transactions.remember(&transaction, headers)))
    }

    /// The cookie that makes the browser forget a sign-in, however it ended.
    pub(crate) fn forget(&self, callback: &Callback) -> Option<HeaderValue> {
        self.transactions.forget(&callback.state)
    }

    /// Ends a sign-in: who came back, proven by the provider.
    pub(crate) async fn finish(
        &self,
        callback: Callback,
        headers: &HeaderMap,
    ) -> Result<SignedIn, SignInError> {
        let transaction = self.transactions.end(&callback.state, headers)?;
        let metadata = self.provider.metadata().await?;
        check_issuer(&metadata, callback.iss.as_deref())?;
        if let Some(error) = callback.error {
            return Err(SignInError::Refused(Refusal::new(&error)));
        }
        let code = callback.code.ok_or(SignInError::NoCode)?;
        self.redeem(&metadata, AuthorizationCode::new(code), transaction)
            .await
    }

    /// Where the provider ends its session for somebody who signed in with
    /// `id_token`; `None` when it does not offer that or must not be asked.
    pub(crate) async fn end_session(&self, id_token: Option<&str>) -> Option<Url> {
        if !self.logout {
            return None;
        }
        let metadata = match self.provider.metadata().await {
            Ok(metadata) => metadata,
            Err(error) => {
                tracing::warn!(%error, "signed out here only");
                return None;
            }
        };
        let endpoint: &EndSessionUrl = metadata
            .additional_metadata()
            .end_session_endpoint
            .as_ref()?;
        let mut address = endpoint.url().clone();
        {
            let mut query = address.query_pairs_mut();
            if let Some(hint) = id_token.filter(|token| token.len() <= LONGEST_HINT) {
                query.append_pair("id_token_hint", hint);
            }
            query.append_pair("client_id", &self.registration.id);
            query.append_pair("post_logout_redirect_uri", &self.home);
        }
        Some(address)
    }

    async fn redeem(
        &self,
        metadata: &Arc<Metadata>,
        code: AuthorizationCode,
        transaction: Transaction,
    ) -> Result<SignedIn, SignInError> {
        let transport = self.provider.transport();
        let client = self.registration.client(metadata);
        let response = client
            .exchange_code(code)
            .map_err(|error| SignInError::TokenRequest(error.to_string()))?
            .set_pkce_verifier(transaction.verifier)
            .request_async(transport)
            .await
            .map_err(|error| self.token_error(error))?;
        let id_token = response.id_token().ok_or(VerificationError::Missing)?;
        let access_token = response.access_token();
        let (nonce, now) = (&transaction.nonce, self.clock.now());

        let verified = match verify(&client, metadata, id_token, access_token, nonce, now) {
            Err(VerificationError::UnknownKey) => {
                let newer = self.provider.with_newer_keys(metadata).await;
                let newer = newer.ok_or(VerificationError::UnknownKey)?;
                let client = self.registration.client(&newer);
                verify(&client, &newer, id_token, access_token, nonce, now)?
            }
            other => other?,
        };

        let subject = verified.subject();
        let mut claims = client::to_json(verified);
        let has_organizations =
            |claims: &serde_json::Value| claims.pointer(&self.mapping.organizations).is_some();
        let in_id_token = has_organizations(&claims);
        let mut in_userinfo = false;
        if let Ok(request) = client.user_info(access_token.clone(), Some(subject.clone())) {
            let told: client::UserInfo = request
                .request_async(transport)
                .await
                .map_err(|error| self.userinfo_error(error))?;
            let told = client::to_json(&told);
            in_userinfo = has_organizations(&told);
            client::lay_over(&mut claims, told);
        }
        let provider_session = claims.get("sid").and_then(serde_json::Value::as_str);
        Ok(SignedIn {
            account: self.account(metadata, subject, &claims)?,
            credentials: Credentials::of(&response, now, in_id_token, in_userinfo),
            provider_session: provider_session.map(str::to_owned),
            return_to: transaction.return_to,
        })
    }

    fn token_error(&self, error: client::TokenError) -> SignInError {
        use openidconnect::RequestTokenError::{Other, Parse, Request, ServerResponse};
        match error {
            Request(error) => self.provider.unreachable(&error).into(),
            ServerResponse(response) if client::is_invalid_grant(&response) => {
                SignInError::CodeExpired
            }
            ServerResponse(response) => SignInError::TokenRequest(response.to_string()),
            // Where it is wrong, not what is there: that may be personal.
            Parse(error, _) => SignInError::TokenRequest(format!("at `{}`", error.path())),
            Other(reason) => SignInError::TokenRequest(reason),
        }
    }

    /// The error without what the provider sent: that may be personal.
    fn userinfo_error(&self, error: UserInfoError<TransportError>) -> SignInError {
        SignInError::Userinfo(match error {
            UserInfoError::Request(error) => return self.provider.unreachable(&error).into(),
            UserInfoError::ClaimsVerification(ClaimsVerificationError::InvalidSubject(_)) => {
                "it is about another subject than the ID token".to_owned()
            }
            UserInfoError::Response(status, _, reason) => format!("{reason} (status {status})"),
            UserInfoError::Parse(error) => format!("at `{}`", error.path()),
            _ => "it is not what was asked for".to_owned(),
        })
    }

    fn account(
        &self,
        metadata: &Metadata,
        subject: &str,
        claims: &serde_json::Value,
    ) -> Result<Account, ClaimsError> {
        let memberships = claims::memberships(&self.mapping, claims)?;
        Ok(Account {
            issuer: metadata.issuer().to_string(),
            profile: claims::profile(&self.mapping, subject, claims),
            active: memberships.first().map(|each| each.slug.clone()),
            memberships,
            signed_in_at: self.clock.now(),
        })
    }
}

/// RFC 9207, section 2.4: a response that names its issuer must name the right
/// one, and one that should name it must.
fn check_issuer(metadata: &Metadata, named: Option<&str>) -> Result<(), SignInError> {
    let promised = metadata
        .additional_metadata()
        .additional_metadata
        .authorization_response_iss_parameter_supported;
    match named {
        Some(named) if named == metadata.issuer().as_str() => Ok(()),
        None if !promised => Ok(()),
        _ => Err(SignInError::MixedUp),
    }
}
