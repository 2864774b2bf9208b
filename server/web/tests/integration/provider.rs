//! A provider of one user, right in everything until a test makes it wrong in
//! one thing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::body::Bytes;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use crate::house::{CLIENT_SECRET, ORIGIN};

pub(crate) const ISSUER: &str = "https://op.example/idp";
pub(crate) const CLIENT: &str = "rookery-web";
pub(crate) const SUBJECT: &str = "user_cleo";

/// The provider's name of Cleo's session.
pub(crate) const SESSION: &str = "session-at-the-provider";

const ACCESS_TOKEN: &str = "an access token";
const REFRESH_TOKEN: &str = "a refresh token";

/// Changes a document before it is sent.
pub(crate) type Change = fn(&mut Value);

/// How the provider misbehaves; by default not at all.
#[derive(Default)]
pub(crate) struct Misbehaviour {
    pub(crate) metadata: Option<Change>,
    pub(crate) keys: Option<Change>,
    pub(crate) header: Option<Change>,
    pub(crate) claims: Option<Change>,
    pub(crate) tokens: Option<Change>,
    /// The answer to a refresh token.
    pub(crate) refreshed: Option<Change>,
    pub(crate) userinfo: Option<Change>,
    /// Replaces the ID token after it was signed.
    pub(crate) id_token: Option<fn(String) -> String>,
    /// Replaces the claims' JSON before it is signed.
    pub(crate) claims_text: Option<fn(String) -> String>,
    /// Parameters of the authorization response.
    pub(crate) response: Option<fn(&mut HashMap<String, String>)>,
    /// Status of every answer, as if the provider were down.
    pub(crate) down: Option<StatusCode>,
    /// Whether it no longer stands by what it gave: its session has ended.
    pub(crate) ended: bool,
    /// Status of the userinfo endpoint.
    pub(crate) userinfo_status: Option<StatusCode>,
}

/// What the provider was asked.
#[derive(Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) metadata: usize,
    pub(crate) keys: usize,
    pub(crate) tokens: usize,
    pub(crate) userinfo: usize,
}

struct Memory {
    key: EcdsaKeyPair,
    key_id: String,
    requests: HashMap<String, HashMap<String, String>>,
    counts: Counts,
    time: Arc<AtomicI64>,
    last_id_token: String,
    /// The claims about the user in the ID token and in userinfo.
    person: Value,
    misbehaviour: Misbehaviour,
}

/// The provider.
#[derive(Clone)]
pub(crate) struct Provider(Arc<Mutex<Memory>>);

impl Provider {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Memory {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            key_id: "key-1".to_owned(),
            requests: HashMap::new(),
            counts: Counts::default(),
            time: Arc::default(),
            last_id_token: String::new(),
            person: json!({
                "name": "Cleo", "email": "cleo@delta.example", "email_verified": true,
                "organizations": [
                    {"id": "org_dl", "slug": "dl", "name": "Delta Air Lines", "role": "admin"},
                    {"id": "org_9e", "slug": "9e", "name": "Endeavor Air", "role": "member"},
                ],
            }),
            misbehaviour: Misbehaviour::default(),
        })))
    }

    pub(crate) fn set_clock(&self, time: Arc<AtomicI64>) {
        self.lock().time = time;
    }

    pub(crate) fn misbehave(&self, how: Misbehaviour) {
        self.lock().misbehaviour = how;
    }

    pub(crate) fn set_person(&self, person: Value) {
        self.lock().person = person;
    }

    /// Signs with another key from now on.
    pub(crate) fn rotate(&self, key_id: &str) {
        let mut memory = self.lock();
        memory.key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        memory.key_id = key_id.to_owned();
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// A logout token about Cleo's session, changed by `change`.
    pub(crate) fn logout_token(&self, change: Change) -> String {
        let memory = self.lock();
        let now = memory.time.load(Ordering::Relaxed);
        let mut claims = json!({
            "iss": ISSUER, "aud": CLIENT, "iat": now, "exp": now + 120,
            "jti": format!("notice-{}", memory.counts.userinfo), "sub": SUBJECT, "sid": SESSION,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        });
        change(&mut claims);
        let kind = claims["typ"].as_str().unwrap_or("logout+jwt").to_owned();
        memory.sign(&kind, &claims)
    }

    /// A security event: something about Cleo has changed.
    pub(crate) fn claims_changed(&self, change: Change) -> String {
        let memory = self.lock();
        let mut claims = json!({
            "iss": ISSUER, "aud": CLIENT, "iat": memory.time.load(Ordering::Relaxed),
            "jti": "event-1", "sub_id": {"format": "iss_sub", "iss": ISSUER, "sub": SUBJECT},
            "events": {
                "https://schemas.openid.net/secevent/caep/event-type/token-claims-change": {},
            },
        });
        change(&mut claims);
        memory.sign("secevent+jwt", &claims)
    }

    /// The ID token it issued last.
    pub(crate) fn last_id_token(&self) -> String {
        self.lock().last_id_token.clone()
    }

    /// What the authorization request at `address` asked.
    pub(crate) fn request_at(address: &str) -> HashMap<String, String> {
        let url = Url::parse(address).unwrap();
        url.query_pairs().into_owned().collect()
    }

    /// Lets the user sign in at `address`; the path they come back to.
    pub(crate) fn authorize(&self, address: &str) -> String {
        assert!(
            address.starts_with(&format!("{ISSUER}/authorize?")),
            "{address}"
        );
        let request = Self::request_at(address);
        assert_eq!(request["response_type"], "code");
        assert_eq!(request["client_id"], CLIENT);
        assert_eq!(request["code_challenge_method"], "S256");
        assert!(request["scope"].split(' ').any(|scope| scope == "openid"));
        let mut memory = self.lock();
        let code = format!("code-{}", memory.requests.len());
        let mut response = HashMap::from([
            ("state".to_owned(), request["state"].clone()),
            ("code".to_owned(), code.clone()),
            ("iss".to_owned(), ISSUER.to_owned()),
        ]);
        if let Some(change) = memory.misbehaviour.response {
            change(&mut response);
        }
        let mut back = Url::parse(&request["redirect_uri"]).unwrap();
        back.query_pairs_mut().extend_pairs(response);
        memory.requests.insert(code, request);
        back[url::Position::BeforePath..].to_owned()
    }

    /// The provider's addresses, relative to the issuer.
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(keys))
            .route("/token", post(tokens))
            .route("/userinfo", get(userinfo))
            .with_state(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap()
    }
}

impl Memory {
    /// A token that is no ID token, signed with the key of one.
    fn sign(&self, kind: &str, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "typ": kind, "kid": self.key_id});
        let [header, claims] =
            [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let input = format!("{header}.{claims}");
        let signature = self
            .key
            .sign(&SystemRandom::new(), input.as_bytes())
            .unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    fn id_token(&self, nonce: &str) -> String {
        let now = self.time.load(Ordering::Relaxed);
        let mut header = json!({"alg": "ES256", "typ": "JWT", "kid": self.key_id});
        apply(self.misbehaviour.header, &mut header);
        let half = &Sha256::digest(ACCESS_TOKEN)[..16];
        let mut claims = json!({
            "iss": ISSUER, "sub": SUBJECT, "aud": CLIENT, "nonce": nonce,
            "sid": SESSION, "iat": now, "exp": now + 300, "at_hash": URL_SAFE_NO_PAD.encode(half),
        });
        claims
            .as_object_mut()
            .unwrap()
            .extend(self.person.as_object().unwrap().clone());
        apply(self.misbehaviour.claims, &mut claims);
        let mut text = claims.to_string();
        if let Some(change) = self.misbehaviour.claims_text {
            text = change(text);
        }
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(text)
        );
        let signature = match header["alg"].as_str().unwrap() {
            "none" => Vec::new(),
            "HS256" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
                hmac::sign(&key, input.as_bytes()).as_ref().to_vec()
            }
            _ => self
                .key
                .sign(&SystemRandom::new(), input.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec(),
        };
        let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
        self.misbehaviour
            .id_token
            .map_or(token.clone(), |change| change(token))
    }

    fn public_key(&self) -> Value {
        let point = self.key.public_key().as_ref();
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.key_id,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        })
    }
}

async fn metadata(State(provider): State<Provider>) -> Response {
    let mut memory = provider.lock();
    memory.counts.metadata += 1;
    let mut document = json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/authorize"),
        "token_endpoint": format!("{ISSUER}/token"),
        "userinfo_endpoint": format!("{ISSUER}/userinfo"),
        "end_session_endpoint": format!("{ISSUER}/end_session"),
        "jwks_uri": format!("{ISSUER}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "authorization_response_iss_parameter_supported": true,
    });
    apply(memory.misbehaviour.metadata, &mut document);
    answer(&memory, document)
}

async fn keys(State(provider): State<Provider>) -> Response {
    let mut memory = provider.lock();
    memory.counts.keys += 1;
    let mut document = json!({"keys": [memory.public_key()]});
    apply(memory.misbehaviour.keys, &mut document);
    answer(&memory, document)
}

async fn tokens(
    State(provider): State<Provider>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let mut memory = provider.lock();
    memory.counts.tokens += 1;
    let secret = STANDARD.encode(format!("{CLIENT}:{}", CLIENT_SECRET.replace(' ', "+")));
    let basic = headers
        .get(header::AUTHORIZATION)
        .is_some_and(|given| given.to_str().unwrap() == format!("Basic {secret}"));
    let posted = form
        .get("client_secret")
        .is_some_and(|given| given == CLIENT_SECRET);
    if !basic && !posted {
        return refuse("invalid_client");
    }
    if form["grant_type"] == "refresh_token" {
        if memory.misbehaviour.ended || form["refresh_token"] != REFRESH_TOKEN {
            return refuse("invalid_grant");
        }
        let mut document = json!({
            "access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 300,
        });
        apply(memory.misbehaviour.refreshed, &mut document);
        return answer(&memory, document);
    }
    let Some(request) = form
        .get("code")
        .and_then(|code| memory.requests.remove(code))
    else {
        return refuse("invalid_grant");
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
    if challenge != request["code_challenge"]
        || form["redirect_uri"] != request["redirect_uri"]
        || form["redirect_uri"] != format!("{ORIGIN}/auth/callback")
    {
        return refuse("invalid_grant");
    }
    memory.last_id_token = memory.id_token(&request["nonce"]);
    let mut document = json!({
        "access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 300,
        "id_token": memory.last_id_token, "refresh_token": REFRESH_TOKEN,
    });
    apply(memory.misbehaviour.tokens, &mut document);
    answer(&memory, document)
}

async fn userinfo(State(provider): State<Provider>, headers: HeaderMap, _: Bytes) -> Response {
    let mut memory = provider.lock();
    memory.counts.userinfo += 1;
    let known = headers[header::AUTHORIZATION] == format!("Bearer {ACCESS_TOKEN}");
    if !known || memory.misbehaviour.ended {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if let Some(status) = memory.misbehaviour.userinfo_status {
        return status.into_response();
    }
    let mut document = memory.person.clone();
    document["sub"] = SUBJECT.into();
    apply(memory.misbehaviour.userinfo, &mut document);
    answer(&memory, document)
}

fn apply(change: Option<Change>, document: &mut Value) {
    if let Some(change) = change {
        change(document);
    }
}

fn answer(memory: &Memory, document: Value) -> Response {
    match memory.misbehaviour.down {
        Some(status) => status.into_response(),
        None => Json(document).into_response(),
    }
}

fn refuse(code: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": code}))).into_response()
}
