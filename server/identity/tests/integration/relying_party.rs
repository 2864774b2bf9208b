//! A full run with the crate `openidconnect` as the relying party: discovery,
//! keys, code with PKCE, ID token, userinfo and sign-out.

use http_body_util::{BodyExt, Full};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    ProviderMetadataWithLogout, RedirectUrl, Scope, TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

use crate::support::*;

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Organizations {
    organizations: Vec<Organization>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Organization {
    id: String,
    slug: String,
    name: String,
    role: String,
}

impl AdditionalClaims for Organizations {}

/// Its HTTP client: the messages go into the provider's router.
async fn exchange(
    router: axum::Router,
    request: HttpRequest,
) -> Result<HttpResponse, std::convert::Infallible> {
    let (parts, body) = request.into_parts();
    let request = http::Request::from_parts(parts, axum::body::Body::new(Full::from(body)));
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Ok(HttpResponse::from_parts(parts, body))
}

#[tokio::test]
async fn openidconnect_signs_a_person_in_and_out() {
    let house = House::new().await;
    let http = |request| exchange(house.router.clone(), request);
    let issuer = IssuerUrl::new(ISSUER.to_owned()).unwrap();
    let metadata = ProviderMetadataWithLogout::discover_async(issuer, &http)
        .await
        .unwrap();
    let logout = metadata.additional_metadata().end_session_endpoint.clone();
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(WEB.to_owned()),
        Some(ClientSecret::new(SECRET.to_owned())),
    )
    .set_redirect_uri(RedirectUrl::new(REDIRECT.to_owned()).unwrap());

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        )
        .add_scopes(["profile", "email", "organizations"].map(|scope| Scope::new(scope.to_owned())))
        .set_pkce_challenge(challenge)
        .url();

    let mut browser = house.browser();
    let target = url.as_str().strip_prefix(ORIGIN).unwrap();
    let answer = browser.sign_in(target, "cleo@delta.example").await.answer();
    assert_eq!(&answer["state"], state.secret());
    assert_eq!(answer["iss"], ISSUER);

    let code = AuthorizationCode::new(answer["code"].clone());
    let response = client
        .exchange_code(code)
        .unwrap()
        .set_pkce_verifier(verifier)
        .request_async(&http)
        .await
        .unwrap();
    let id_token = response.id_token().unwrap();
    let verifier = client.id_token_verifier();
    let claims = id_token.claims(&verifier, &nonce).unwrap();
    let hash = AccessTokenHash::from_token(
        response.access_token(),
        id_token.signing_alg().unwrap(),
        id_token.signing_key(&verifier).unwrap(),
    )
    .unwrap();
    assert_eq!(claims.access_token_hash(), Some(&hash));
    assert_eq!(claims.subject().as_str(), "user_cleo");
    assert_eq!(claims.email().unwrap().as_str(), "cleo@delta.example");
    assert_eq!(claims.email_verified(), Some(true));

    let userinfo: UserInfoClaims<Organizations, CoreGenderClaim> = client
        .user_info(
            response.access_token().clone(),
            Some(claims.subject().clone()),
        )
        .unwrap()
        .request_async(&http)
        .await
        .unwrap();
    let organizations = &userinfo.additional_claims().organizations;
    let roles: Vec<(&str, &str)> = organizations
        .iter()
        .map(|organization| (organization.slug.as_str(), organization.role.as_str()))
        .collect();
    assert_eq!(roles, [("9e", "member"), ("dl", "admin")]);
    assert_eq!(organizations[1].name, "Delta Air Lines");

    let hint = id_token.to_string();
    let sign_out = format!(
        "{}?{}",
        logout.unwrap().as_str().strip_prefix(ORIGIN).unwrap(),
        form(&[
            ("id_token_hint", &hint),
            ("post_logout_redirect_uri", SIGNED_OUT)
        ])
    );
    assert_eq!(browser.get(&sign_out).await.location(), SIGNED_OUT);
    let silent = browser.get(&authorize(BASIC, &[("prompt", "none")])).await;
    assert_eq!(silent.error(), "login_required");

    let after: Result<CoreUserInfoClaims, _> = client
        .user_info(response.access_token().clone(), None)
        .unwrap()
        .request_async(&http)
        .await;
    assert!(after.is_err(), "the access token ended with the session");
}
