//! The client of the `openidconnect` crate as this site uses it, and the checks
//! of an ID token that the crate leaves to its user.

use chrono::DateTime;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, AuthType, ClaimsVerificationError, ClientId,
    ClientSecret, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    IdTokenClaims, IdTokenFields, NonceVerifier, RedirectUrl, RequestTokenError,
    SignatureVerificationError, StandardErrorResponse, StandardTokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::provider::Metadata;
use super::transport::TransportError;

/// The signature algorithms that are accepted: asymmetric ones. Which of them
/// a token may use is further narrowed by what the provider announces; what
/// the token's header says decides nothing.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Clocks may differ by this much, in seconds.
pub(super) const LEEWAY: i64 = 60;

/// The claims the standard does not name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct OtherClaims(Map<String, Value>);

impl AdditionalClaims for OtherClaims {}

type Claims = IdTokenClaims<OtherClaims, CoreGenderClaim>;

type TokenFields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type IdToken = openidconnect::IdToken<
    OtherClaims,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

/// What the token endpoint answers with.
pub(super) type Tokens = StandardTokenResponse<TokenFields, CoreTokenType>;

/// The claims of userinfo.
pub(super) type UserInfo = UserInfoClaims<OtherClaims, CoreGenderClaim>;

type ErrorResponse = StandardErrorResponse<CoreErrorResponseType>;

/// Why the token endpoint gave no tokens.
pub(super) type TokenError = RequestTokenError<TransportError, ErrorResponse>;

/// A client made from a discovery document.
pub(super) type Client = openidconnect::Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    ErrorResponse,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why an ID token proves nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum VerificationError {
    #[error("the token response has no ID token")]
    Missing,
    #[error("no known key of the provider fits")]
    UnknownKey,
    #[error("{0}")]
    Claims(ClaimsVerificationError),
    #[error("it was issued for another client (azp)")]
    AuthorizedParty,
    #[error("it belongs to another access token (at_hash)")]
    AccessToken,
}

/// This site as the provider has it registered.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) id: ClientId,
    /// A client without one proves itself by PKCE alone.
    pub(super) secret: Option<ClientSecret>,
    pub(super) redirect: RedirectUrl,
}

impl Registration {
    /// A client for the provider that `metadata` describes.
    pub(super) fn client(&self, metadata: &Metadata) -> Client {
        Client::from_provider_metadata(metadata.clone(), self.id.clone(), self.secret.clone())
            .set_redirect_uri(self.redirect.clone())
            .set_auth_type(auth_type(metadata))
    }
}

/// How the token endpoint wants the secret: as it announces, else by HTTP Basic
/// (OpenID Connect Discovery 1.0, section 3).
fn auth_type(metadata: &Metadata) -> AuthType {
    let post_only = metadata
        .token_endpoint_auth_methods_supported()
        .is_some_and(|methods| {
            !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
                && methods.contains(&CoreClientAuthMethod::ClientSecretPost)
        });
    if post_only {
        AuthType::RequestBody
    } else {
        AuthType::BasicAuth
    }
}

/// The claims of `id_token`, if the provider signed it for this client and this
/// sign-in. `now` is in unix seconds.
pub(super) fn verify<'token>(
    client: &Client,
    metadata: &Metadata,
    id_token: &'token IdToken,
    access_token: &AccessToken,
    nonce: impl NonceVerifier,
    now: i64,
) -> Result<&'token Claims, VerificationError> {
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs(algorithms(metadata))
        .set_time_fn(move || at(now - LEEWAY))
        .set_issue_time_verifier_fn(move |issued| {
            if issued <= at(now + LEEWAY) {
                Ok(())
            } else {
                Err("issued in the future".to_owned())
            }
        });
    let claims = id_token
        .claims(&verifier, nonce)
        .map_err(|error| match error {
            ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            ) => VerificationError::UnknownKey,
            other => VerificationError::Claims(other),
        })?;
    if claims
        .authorized_party()
        .is_some_and(|party| party != client.client_id())
    {
        return Err(VerificationError::AuthorizedParty);
    }
    if let Some(expected) = claims.access_token_hash() {
        let signature = |error| {
            VerificationError::Claims(ClaimsVerificationError::SignatureVerification(error))
        };
        let algorithm = id_token.signing_alg().map_err(signature)?;
        let key = id_token.signing_key(&verifier).map_err(signature)?;
        let actual = AccessTokenHash::from_token(access_token, algorithm, key)
            .map_err(|_| VerificationError::AccessToken)?;
        if actual != *expected {
            return Err(VerificationError::AccessToken);
        }
    }
    Ok(claims)
}

/// The accepted algorithms that the provider announces.
pub(super) fn algorithms(metadata: &Metadata) -> impl Iterator<Item = CoreJwsSigningAlgorithm> {
    let announced = metadata.id_token_signing_alg_values_supported();
    ALGORITHMS
        .into_iter()
        .filter(|each| announced.contains(each))
}

fn at(seconds: i64) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

/// Verified claims as JSON, in which the configured pointers find their way.
pub(super) fn to_json(claims: &impl Serialize) -> Value {
    serde_json::to_value(claims).unwrap_or_default()
}

/// Adds what userinfo tells to the claims of the ID token. What both tell is
/// fresher in userinfo; its subject is the same.
pub(super) fn lay_over(claims: &mut Value, told: Value) {
    if let (Value::Object(claims), Value::Object(told)) = (claims, told) {
        claims.extend(told);
    }
}

/// Whether the code was expired, used before, or somebody else's (RFC 6749,
/// section 5.2).
pub(super) fn is_invalid_grant(response: &ErrorResponse) -> bool {
    *response.error() == CoreErrorResponseType::InvalidGrant
}
