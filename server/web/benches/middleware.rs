//! What the token middleware costs a request: with a token that is kept it has
//! to stay below 20 µs, with a new one, for which the provider of the process is
//! asked whether the person may still have it, below 150 µs.
//!
//! Measured as the difference to the same request of a visitor who is not
//! signed in: everything else around the middleware is in both.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use criterion::{Criterion, criterion_group, criterion_main};
use http::{Request, Response, header};
use http_body_util::BodyExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use token::{JwtTemplate, Mint, SigningKey};
use tower::ServiceExt;
use web::{Clock, OidcSettings, Settings, StartOptions};

const ORIGIN: &str = "http://localhost:3000";
const SECRET: &str = "the client secret of this benchmark";
const PEOPLE: &str = "[[organization]]\nslug = 'ua'\nname = 'United'\n\
    [[person]]\nid = 'user_ada'\nemail = 'ada@united.example'\nname = 'Ada'\n\
    password = 'rookery-demo'\norganizations = { ua = 'admin' }\n";

/// Longer than the clock of the benchmark runs.
const FOREVER: i64 = 1_000_000_000_000;

async fn send(router: &Router, request: Request<Body>) -> Response<Body> {
    router.clone().oneshot(request).await.unwrap()
}

fn get(address: &str, cookies: &str) -> Request<Body> {
    let path = address.strip_prefix(ORIGIN).unwrap_or(address);
    Request::builder()
        .uri(path)
        .header(header::HOST, "localhost:3000")
        .header(header::COOKIE, cookies)
        .body(Body::empty())
        .unwrap()
}

fn location(response: &Response<Body>) -> String {
    response.headers()[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned()
}

fn cookies(response: &Response<Body>) -> String {
    let pairs: Vec<&str> = response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|set| set.to_str().unwrap().split(';').next().unwrap())
        .filter(|pair| !pair.ends_with('='))
        .collect();
    pairs.join("; ")
}

/// Starts site and provider on one database file and signs Ada in; the site
/// with the cookies of her session.
async fn signed_in(files: &std::path::Path, time: &Arc<AtomicI64>) -> (Router, String) {
    let options = SqliteConnectOptions::new()
        .filename(files.join("rookery.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    let pool = SqlitePoolOptions::new()
        .connect_with(options)
        .await
        .unwrap();
    std::fs::write(files.join("identity.toml"), PEOPLE).unwrap();
    let identity = identity::Settings {
        argon2_memory_kib: 8,
        argon2_iterations: 1,
        access_token_lifetime_seconds: FOREVER,
        ..identity::Settings::default()
    };
    let client = identity::Client {
        client_id: "rookery-web".to_owned(),
        client_secret: SECRET.to_owned(),
        redirect_uris: vec![format!("{ORIGIN}/auth/callback")],
        post_logout_redirect_uris: Vec::new(),
        backchannel_logout_uri: None,
        events_uri: None,
        require_pkce: true,
    };
    let provider = identity::StartOptions {
        pool: pool.clone(),
        clients: vec![client],
        directory_file: Some(files.join("identity.toml")),
        key_directory: files.to_owned(),
        loopback: true,
    };
    let provider = identity::start(identity, provider).await.unwrap();
    let settings = Settings {
        session_idle_seconds: FOREVER,
        session_lifetime_seconds: 100 * 365 * 24 * 3600,
        site_root: files.to_owned(),
        ..Settings::default()
    };
    let key = SigningKey::hs256("a workspace admin token, long enough for HS256").unwrap();
    let template = include_str!("../../../demo/jwt_templates/tinybird.json");
    let clock = Arc::clone(time);
    let options = StartOptions {
        pool,
        mint: Mint::new(JwtTemplate::parse(template).unwrap(), key, "workspace"),
        cookie_secret: "a cookie secret that is long enough for this".to_owned(),
        client_secret: Some(SECRET.to_owned()),
        in_process_provider: Some(provider.router()),
        revocations: None,
        clock: Clock::new(move || clock.load(Ordering::Relaxed)),
    };
    let site = web::start(settings, OidcSettings::default(), options)
        .await
        .unwrap();
    let site = site.router();
    let provider = Router::new().nest("/idp", provider.router());

    let start = send(&site, get("/sign-in", "")).await;
    let page = send(&provider, get(&location(&start), "")).await;
    let form_cookies = cookies(&page);
    let body = page.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let hidden = |name: &str| {
        let input = body
            .split(&format!("name=\"{name}\" value=\""))
            .nth(1)
            .unwrap();
        input.split('"').next().unwrap().replace("&amp;", "&")
    };
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("request", &hidden("request"))
        .append_pair("form_secret", &hidden("form_secret"))
        .append_pair("email", "ada@united.example")
        .append_pair("password", "rookery-demo")
        .finish();
    let mut request = get("/idp/sign-in", &form_cookies).map(|_| Body::from(form));
    *request.method_mut() = http::Method::POST;
    let headers = request.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        "application/x-www-form-urlencoded".parse().unwrap(),
    );
    headers.insert("sec-fetch-site", "same-origin".parse().unwrap());
    let back = send(&provider, request).await;
    let done = send(&site, get(&location(&back), &cookies(&start))).await;
    (site, cookies(&done))
}

fn middleware(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let files = tempfile::tempdir().unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let time = Arc::new(AtomicI64::new(now.cast_signed()));
    let (site, session) = runtime.block_on(signed_in(files.path(), &time));
    let ask = |cookies: &str| get("/api/token", cookies);
    let answer = runtime.block_on(send(&site, ask(&session)));
    assert_eq!(answer.status(), http::StatusCode::OK);

    criterion.bench_function("signed out", |bench| {
        bench.to_async(&runtime).iter(|| send(&site, ask("")));
    });
    criterion.bench_function("a kept token", |bench| {
        bench.to_async(&runtime).iter(|| send(&site, ask(&session)));
    });
    criterion.bench_function("a new token", |bench| {
        bench.to_async(&runtime).iter(|| {
            time.fetch_add(800, Ordering::Relaxed);
            send(black_box(&site), ask(&session))
        });
    });
    let answer = runtime.block_on(send(&site, ask(&session)));
    assert_eq!(answer.status(), http::StatusCode::OK);
}

criterion_group!(benches, middleware);
criterion_main!(benches);
