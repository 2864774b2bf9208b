//! What relying parties read first: the provider's metadata (OpenID Connect
//! Discovery 1.0, section 3; RFC 8414) and its keys (RFC 7517).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use serde_json::{Value, json};

use crate::claims;
use crate::provider::Provider;
use crate::scope::Scope;
use crate::settings::SigningAlgorithm;

/// An hour: far shorter than a next key is published before its use.
const CACHE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=3600");

/// `GET /.well-known/openid-configuration`
pub(crate) async fn metadata(State(provider): State<Arc<Provider>>) -> impl IntoResponse {
    ([CACHE], Json(document(&provider)))
}

/// `GET /jwks`
pub(crate) async fn keys(State(provider): State<Arc<Provider>>) -> impl IntoResponse {
    let kind = (header::CONTENT_TYPE, "application/jwk-set+json");
    ([CACHE, kind], Json(provider.keys.current().public()))
}

fn document(provider: &Provider) -> Value {
    let issuer = &provider.issuer;
    json!({
        "issuer": issuer.as_str(),
        "authorization_endpoint": issuer.url("/authorize"),
        "token_endpoint": issuer.url("/token"),
        "userinfo_endpoint": issuer.url("/userinfo"),
        "jwks_uri": issuer.url("/jwks"),
        "end_session_endpoint": issuer.url("/end_session"),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "scopes_supported": Scope::SUPPORTED,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": SigningAlgorithm::ALL,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "select_account"],
        "claims_supported": claims::SUPPORTED,
        "claim_types_supported": ["normal"],
        "ui_locales_supported": ["en"],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
    })
}
