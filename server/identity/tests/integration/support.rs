//! A provider on a database of its own, a browser with a cookie jar, and a
//! relying party that redeems codes.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::request::Builder;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use identity::{Client, Running, Settings, StartError, StartOptions};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::Value;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tempfile::TempDir;
use tower::ServiceExt;
use url::form_urlencoded;

pub(crate) const ISSUER: &str = "http://localhost:3000/idp";
pub(crate) const ORIGIN: &str = "http://localhost:3000";
/// The client that must use PKCE.
pub(crate) const WEB: &str = "rookery-web";
/// The client that need not, as the conformance suite's clients do not.
pub(crate) const BASIC: &str = "basic";
pub(crate) const SECRET: &str = "the secret of a relying party";
pub(crate) const REDIRECT: &str = "http://localhost:3000/auth/callback";
pub(crate) const SIGNED_OUT: &str = "http://localhost:3000/";
pub(crate) const ADA: &str = "ada@united.example";
pub(crate) const PASSWORD: &str = "rookery-demo";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) const DIRECTORY: &str = r#"
[[organization]]
id = "org_ua"
slug = "ua"
name = "United <Air> Lines"

[[organization]]
slug = "9e"
name = "Endeavor Air"

[[organization]]
slug = "dl"
name = "Delta Air Lines"

[[person]]
id = "user_ada"
email = "ada@united.example"
name = "Ada Lindqvist"
username = "ada"
password = "rookery-demo"
organizations = { ua = "admin" }

[[person]]
id = "user_cleo"
email = "Cleo@Delta.example"
name = "Cleo Marchetti"
password = "rookery-demo"
organizations = { dl = "admin", 9e = "member" }

[[person]]
id = "user_dan"
email = "dan@nowhere.example"
name = "Dan Whitfield"
password = "rookery-demo"
"#;

/// A running provider, mounted where its issuer says.
pub(crate) struct House {
    pub(crate) running: Running,
    pub(crate) router: Router,
    pub(crate) pool: SqlitePool,
    pub(crate) files: TempDir,
}

/// What a provider is started with.
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) directory: Option<String>,
    pub(crate) loopback: bool,
    pub(crate) clients: Vec<Client>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            settings: Settings {
                argon2_memory_kib: 8,
                argon2_iterations: 1,
                ..Settings::default()
            },
            directory: Some(DIRECTORY.to_owned()),
            loopback: true,
            clients: vec![client(WEB, true), client(BASIC, false)],
        }
    }
}

pub(crate) fn client(client_id: &str, require_pkce: bool) -> Client {
    Client {
        client_id: client_id.to_owned(),
        client_secret: SECRET.to_owned(),
        redirect_uris: vec![REDIRECT.to_owned(), format!("{REDIRECT}?two=1")],
        post_logout_redirect_uris: vec![SIGNED_OUT.to_owned()],
        backchannel_logout_uri: None,
        events_uri: None,
        require_pkce,
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::planned(Plan::default()).await
    }

    pub(crate) async fn planned(plan: Plan) -> Self {
        let files = tempfile::tempdir().unwrap();
        let pool = open(&files.path().join("rookery.db")).await;
        Self::start(files, pool, plan).await.unwrap()
    }

    /// Stops the provider and starts it anew on the same state.
    pub(crate) async fn restarted(self, plan: Plan) -> Result<Self, StartError> {
        self.running.shutdown().await;
        Self::start(self.files, self.pool, plan).await
    }

    async fn start(files: TempDir, pool: SqlitePool, plan: Plan) -> Result<Self, StartError> {
        let directory_file = plan.directory.map(|text| {
            let path = files.path().join("identity.toml");
            std::fs::write(&path, text).unwrap();
            path
        });
        let options = StartOptions {
            pool: pool.clone(),
            clients: plan.clients,
            directory_file,
            key_directory: files.path().to_owned(),
            loopback: plan.loopback,
        };
        let running = identity::start(plan.settings, options).await?;
        let router = match running.mount_path() {
            "" => running.router(),
            path => Router::new().nest(path, running.router()),
        };
        Ok(Self {
            running,
            router,
            pool,
            files,
        })
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            house: self,
            cookies: BTreeMap::new(),
            address: [192, 0, 2, 1].into(),
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    /// Presents a code with the client's secret in the header.
    pub(crate) async fn redeem(&self, client_id: &str, fields: &[(&str, &str)]) -> Reply {
        let credentials = STANDARD.encode(format!("{client_id}:{}", SECRET.replace(' ', "+")));
        let request = form_request("/idp/token")
            .header(header::AUTHORIZATION, format!("Basic {credentials}"));
        self.send(request.body(Body::from(form(fields))).unwrap())
            .await
    }

    /// Redeems a code of the client without PKCE.
    pub(crate) async fn redeem_basic(&self, code: &str) -> Reply {
        self.redeem(BASIC, &code_fields(code)).await
    }

    pub(crate) async fn userinfo(&self, access_token: &str) -> Reply {
        let request = Request::get("/idp/userinfo")
            .header(header::AUTHORIZATION, format!("Bearer {access_token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// The claims of an ID token, checked with the published keys.
    pub(crate) async fn id_token(&self, token: &str, client_id: &str) -> Value {
        let keys: JwkSet = serde_json::from_str(&self.get("/idp/jwks").await.body).unwrap();
        let header = jsonwebtoken::decode_header(token).unwrap();
        let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
        assert_eq!(header.typ.as_deref(), Some("JWT"));
        let mut validation = Validation::new(header.alg);
        validation.set_audience(&[client_id]);
        validation.set_issuer(&[ISSUER]);
        jsonwebtoken::decode(token, &DecodingKey::from_jwk(key).unwrap(), &validation)
            .unwrap()
            .claims
    }

    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        sqlx::query(sql)
            .execute(&self.pool)
            .await
            .unwrap()
            .rows_affected()
    }

    pub(crate) async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }
}

async fn open(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .busy_timeout(std::time::Duration::from_secs(5));
    SqlitePoolOptions::new()
        .max_connections(4)
        .connect_with(options)
        .await
        .unwrap()
}

/// The fields of a token request without PKCE.
pub(crate) fn code_fields(code: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
    ]
}

pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

pub(crate) fn form_request(path: &str) -> Builder {
    Request::post(path).header(
        header::CONTENT_TYPE,
        "application/x-www-form-urlencoded; charset=UTF-8",
    )
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        self.header(header::LOCATION)
    }

    /// The parameters that went to the client.
    pub(crate) fn answer(&self) -> BTreeMap<String, String> {
        let location = self.location();
        assert!(location.starts_with(REDIRECT), "{location}");
        let (_, query) = location.split_once('?').unwrap();
        form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    }

    pub(crate) fn code(&self) -> String {
        let answer = self.answer();
        answer
            .get("code")
            .unwrap_or_else(|| panic!("no code: {answer:?}"))
            .clone()
    }

    pub(crate) fn error(&self) -> String {
        self.answer().remove("error").unwrap_or_default()
    }

    pub(crate) fn is_sign_in_page(&self) -> bool {
        self.body.contains("name=\"password\"")
    }

    /// A page that says what is wrong and sends the browser nowhere.
    pub(crate) fn is_message(&self) -> bool {
        !self.headers.contains_key(header::LOCATION)
            && self.body.contains("role=\"alert\"")
            && !self.is_sign_in_page()
    }

    /// The value of a hidden field.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let marker = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&marker).unwrap();
        let (value, _) = rest.split_once('"').unwrap();
        value.replace("&amp;", "&")
    }
}

/// An authorization request of one of the clients, with parameters to vary.
pub(crate) fn authorize(client_id: &str, variation: &[(&str, &str)]) -> String {
    let mut parameters = vec![
        ("client_id", client_id),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid profile email organizations"),
    ];
    if client_id == WEB {
        parameters.push(("code_challenge", CHALLENGE));
        parameters.push(("code_challenge_method", "S256"));
    }
    parameters.retain(|(name, _)| !variation.iter().any(|(varied, _)| varied == name));
    parameters.extend(variation.iter().filter(|(_, value)| !value.is_empty()));
    format!("/idp/authorize?{}", form(&parameters))
}

/// A browser: keeps cookies, sends the origin with posts, follows nothing.
pub(crate) struct Browser<'a> {
    pub(crate) house: &'a House,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) address: IpAddr,
}

impl Browser<'_> {
    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(Request::get(path), String::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let request = form_request(path)
            .header(header::ORIGIN, ORIGIN)
            .header("sec-fetch-site", "same-origin");
        self.send(request, form(fields)).await
    }

    pub(crate) async fn send(&mut self, request: Builder, body: String) -> Reply {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request
            .header(header::COOKIE, cookies.join("; "))
            .extension(ConnectInfo(SocketAddr::new(self.address, 40000)));
        let reply = self
            .house
            .send(request.body(Body::from(body)).unwrap())
            .await;
        for cookie in reply.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            match rest.split_once(';').unwrap() {
                (_, attributes) if attributes.contains("Max-Age=0") => {
                    self.cookies.remove(name);
                }
                (value, _) => {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        reply
    }

    /// Fills in the form of a sign-in page.
    pub(crate) async fn fill_in(&mut self, page: &Reply, email: &str, password: &str) -> Reply {
        let (request, secret) = (page.hidden("request"), page.hidden("form_secret"));
        let fields = [
            ("request", request.as_str()),
            ("form_secret", secret.as_str()),
            ("email", email),
            ("password", password),
        ];
        self.post("/idp/sign-in", &fields).await
    }

    /// Answers an authorization request by signing in.
    pub(crate) async fn sign_in(&mut self, authorize: &str, email: &str) -> Reply {
        let page = self.get(authorize).await;
        assert!(page.is_sign_in_page(), "{page:?}");
        self.fill_in(&page, email, PASSWORD).await
    }

    /// A browser in which Ada is signed in, and the token response.
    pub(crate) async fn ada(&mut self) -> Value {
        let reply = self.sign_in(&authorize(BASIC, &[]), ADA).await;
        let response = self.house.redeem_basic(&reply.code()).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
        response.json()
    }
}

/// The claims of a token, unchecked.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
