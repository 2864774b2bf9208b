//! The real embedded provider: the way a person of the demo takes, from the
//! sign-in link through the provider's pages and back.

use std::fs;
use std::time::{Duration, Instant};

use axum::Router;
use identity::{Client, Settings};
use tempfile::TempDir;
use web::{OidcSettings, StartOptions};

use crate::browser::{Answer, Browser};
use crate::house::{CLIENT_SECRET, House, ORIGIN};

const PEOPLE: &str = r#"
[[organization]]
slug = "dl"
name = "Delta Air Lines Inc."
[[organization]]
slug = "9e"
name = "Endeavor Air Inc."
[[person]]
id = "user_cleo"
email = "cleo@delta.example"
name = "Cleo Marchetti"
password = "rookery-demo"
organizations = { dl = "admin", 9e = "member" }
[[person]]
id = "user_dan"
email = "dan@nowhere.example"
name = "Dan Whitfield"
password = "rookery-demo"
"#;

/// The site, and the provider as the same browser sees it.
struct Embedded {
    house: House,
    browser: Browser,
    provider: Browser,
    files: TempDir,
    _running: identity::Running,
}

/// The site with the provider at `/idp` of the same origin, in its process.
async fn embedded() -> Embedded {
    let house = House::new().await;
    let (running, files) = provider_at(&house, ORIGIN, None).await;
    let options = house.options(running.router());
    let browser = site(&house, ORIGIN, options, &running).await;
    Embedded {
        provider: browser.clone(),
        house,
        browser,
        files,
        _running: running,
    }
}

/// The site with the provider on its own port, over the network.
async fn apart() -> Embedded {
    let house = House::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (running, files) = provider_at(&house, &origin, None).await;
    let served = Router::new().nest("/idp", running.router());
    let provider = Browser::new(served.clone(), &origin);
    tokio::spawn(async move { axum::serve(listener, served).await });
    let options = StartOptions {
        in_process_provider: None,
        ..house.options(Router::new())
    };
    let browser = site(&house, &origin, options, &running).await;
    Embedded {
        house,
        browser,
        provider,
        files,
        _running: running,
    }
}

async fn site(
    house: &House,
    provider: &str,
    options: StartOptions,
    running: &identity::Running,
) -> Browser {
    let oidc = OidcSettings {
        issuer: format!("{provider}/idp"),
        ..house.oidc.clone()
    };
    let site = web::start(house.settings.clone(), oidc, options)
        .await
        .unwrap();
    Browser::new(site.router().nest("/idp", running.router()), ORIGIN)
}

/// The provider with the site as its client.
async fn provider_at(
    house: &House,
    origin: &str,
    notices: Option<&str>,
) -> (identity::Running, TempDir) {
    let files = tempfile::tempdir().unwrap();
    let directory = files.path().join("identity.toml");
    fs::write(&directory, PEOPLE).unwrap();
    let settings = Settings {
        issuer: Some(format!("{origin}/idp")),
        // As little as Argon2 takes: the password is not what is tested here.
        argon2_memory_kib: 19 * 1024,
        argon2_iterations: 2,
        ..Settings::default()
    };
    let options = identity::StartOptions {
        pool: house.pool.clone(),
        clients: vec![Client {
            client_id: house.oidc.client_id.clone(),
            client_secret: CLIENT_SECRET.to_owned(),
            redirect_uris: vec![format!("{ORIGIN}/auth/callback")],
            post_logout_redirect_uris: vec![format!("{ORIGIN}/")],
            backchannel_logout_uri: notices.map(|base| format!("{base}/auth/backchannel-logout")),
            events_uri: notices.map(|base| format!("{base}/auth/events")),
            require_pkce: true,
        }],
        directory_file: Some(directory),
        key_directory: files.path().to_owned(),
        loopback: true,
    };
    (identity::start(settings, options).await.unwrap(), files)
}

/// The site with the provider in its process, as one binary serves both: what
/// the provider tells goes over a socket.
async fn served() -> Embedded {
    let house = House::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (running, files) = provider_at(&house, ORIGIN, Some(&base)).await;
    let oidc = OidcSettings {
        issuer: format!("{ORIGIN}/idp"),
        ..house.oidc.clone()
    };
    let options = house.options(running.router());
    let site = web::start(house.settings.clone(), oidc, options)
        .await
        .unwrap();
    let router = site.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let browser = Browser::new(site.router().nest("/idp", running.router()), ORIGIN);
    Embedded {
        provider: browser.clone(),
        house,
        browser,
        files,
        _running: running,
    }
}

impl Embedded {
    /// Writes another directory file, and waits until the token ends; how long
    /// that took.
    async fn until_refused(&self, directory: &str, token: &str) -> Duration {
        assert!(self.house.accepts(token));
        let start = Instant::now();
        fs::write(self.files.path().join("identity.toml"), directory).unwrap();
        while self.house.accepts(token) {
            assert!(start.elapsed() < Duration::from_secs(20), "it never ends");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        start.elapsed()
    }

    async fn token(&mut self) -> String {
        let answer = self.browser.get("/api/token").await;
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// Signs in with address and password; the answer is the callback's.
    async fn sign_in(&mut self, email: &str) -> Answer {
        let start = self.browser.get("/sign-in?return_to=/token").await;
        let page = self.provider.get(start.location()).await;
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in hidden_fields(&page.body) {
            form.append_pair(&name, &value);
        }
        let form = form
            .append_pair("email", email)
            .append_pair("password", "rookery-demo")
            .finish();
        let back = self.provider.post("/idp/sign-in", &form).await;
        self.browser.get(back.location()).await
    }
}

/// The hidden fields of the page's first form.
fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let form = page.split("</form>").next().unwrap();
    let attribute = |tag: &str, name: &str| {
        let value = tag.split(&format!("{name}=\"")).nth(1).unwrap();
        value.split('"').next().unwrap().replace("&amp;", "&")
    };
    form.split("<input ")
        .skip(1)
        .filter(|tag| tag.contains("type=\"hidden\""))
        .map(|tag| (attribute(tag, "name"), attribute(tag, "value")))
        .collect()
}

#[tokio::test]
async fn a_person_of_the_demo_signs_in_switches_and_signs_out() {
    let mut embedded = embedded().await;
    let answer = embedded.sign_in("cleo@delta.example").await;
    assert_eq!(answer.location(), "/token");

    let page = embedded.browser.get("/token").await;
    let fixed = embedded.house.fixed(page.header("x-tinybird-token"));
    assert_eq!(fixed, ("dl".to_owned(), "user_cleo".to_owned()));
    assert!(page.body.contains("Cleo Marchetti"));

    embedded
        .browser
        .post("/organization", "organization=9e")
        .await;
    let page = embedded.browser.get("/token").await;
    assert_eq!(
        embedded.house.fixed(page.header("x-tinybird-token")).0,
        "9e"
    );
    assert_eq!(page.header("x-org-name"), "Endeavor Air Inc.");

    let leaving = embedded.browser.post("/sign-out", "").await;
    assert!(leaving.location().starts_with(&format!("{ORIGIN}/idp/")));
    let left = embedded.provider.get(leaving.location()).await;
    assert_eq!(left.location(), format!("{ORIGIN}/"));
    assert_eq!(embedded.browser.session(), None);

    // The provider asks again: its session has ended, too.
    let start = embedded.browser.get("/sign-in").await;
    let page = embedded.provider.get(start.location()).await;
    assert!(page.body.contains("name=\"password\""), "{}", page.body);
}

#[tokio::test]
async fn a_second_sign_in_needs_no_password() {
    let mut embedded = embedded().await;
    embedded.sign_in("cleo@delta.example").await;
    let start = embedded.browser.get("/sign-in?return_to=/dashboard").await;
    let back = embedded.provider.get(start.location()).await;
    let answer = embedded.browser.get(back.location()).await;
    assert_eq!(answer.location(), "/dashboard");
}

#[tokio::test]
async fn a_person_in_no_organization_signs_in_and_gets_no_token() {
    let mut embedded = embedded().await;
    assert_eq!(
        embedded.sign_in("dan@nowhere.example").await.location(),
        "/token"
    );
    let page = embedded.browser.get("/dashboard").await;
    assert!(page.body.contains("Dan Whitfield"));
    assert_eq!(page.headers["x-tinybird-token"], "");
    let answer = embedded.browser.get("/api/token").await;
    assert_eq!(answer.json()["code"], "no_organization");
}

#[tokio::test]
async fn a_provider_on_its_own_port_is_used_over_the_network() {
    let mut apart = apart().await;
    let answer = apart.sign_in("cleo@delta.example").await;
    assert_eq!(answer.location(), "/token");
    let page = apart.browser.get("/token").await;
    let fixed = apart.house.fixed(page.header("x-tinybird-token"));
    assert_eq!(fixed, ("dl".to_owned(), "user_cleo".to_owned()));
}

/// A busy machine is no failure: what is promised is a second.
const SOON: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_membership_that_is_removed_from_the_file_ends_its_tokens_at_once() {
    let mut served = served().await;
    served.sign_in("cleo@delta.example").await;
    let out = served.token().await;
    let without_delta = PEOPLE.replace("dl = \"admin\", ", "");
    assert!(served.until_refused(&without_delta, &out).await < SOON);
    let page = served.browser.get("/token").await;
    assert_eq!(served.house.fixed(page.header("x-tinybird-token")).0, "9e");
    assert!(!page.body.contains("Delta Air Lines"), "{}", page.body);
}

#[tokio::test]
async fn a_person_who_is_removed_from_the_file_is_signed_out_at_once() {
    let mut served = served().await;
    served.sign_in("cleo@delta.example").await;
    let out = served.token().await;
    let cleo = PEOPLE.find("[[person]]\nid = \"user_cleo\"").unwrap();
    let dan = PEOPLE.find("[[person]]\nid = \"user_dan\"").unwrap();
    let without_cleo = format!("{}{}", &PEOPLE[..cleo], &PEOPLE[dan..]);
    assert!(served.until_refused(&without_cleo, &out).await < SOON);
    let answer = served.browser.get("/api/token").await;
    assert_eq!(answer.json()["code"], "signed_out");
}

#[tokio::test]
async fn another_password_or_a_removed_organization_ends_access_too() {
    for changed in [
        PEOPLE.replace("rookery-demo", "another-password"),
        PEOPLE
            .replace(
                "[[organization]]\nslug = \"dl\"\nname = \"Delta Air Lines Inc.\"\n",
                "",
            )
            .replace("dl = \"admin\", ", ""),
    ] {
        let mut served = served().await;
        served.sign_in("cleo@delta.example").await;
        let out = served.token().await;
        assert!(served.until_refused(&changed, &out).await < SOON);
    }
}

#[tokio::test]
async fn without_notices_the_next_token_asks_the_provider_of_the_process() {
    let mut embedded = embedded().await;
    embedded.sign_in("cleo@delta.example").await;
    embedded.token().await;
    let start = Instant::now();
    let without_delta = PEOPLE.replace("dl = \"admin\", ", "");
    fs::write(embedded.files.path().join("identity.toml"), without_delta).unwrap();
    loop {
        embedded.house.pass(1);
        let answer = embedded.browser.get("/api/token?org=9e").await;
        if embedded.browser.get("/api/token?org=dl").await.json()["code"] == "not_a_member" {
            break;
        }
        assert_eq!(answer.status, http::StatusCode::OK);
        assert!(start.elapsed() < Duration::from_secs(20), "it never ends");
        embedded.house.pass(720);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_used_changes_nothing() {
    let mut served = served().await;
    served.sign_in("cleo@delta.example").await;
    let file = served.files.path().join("identity.toml");
    fs::write(&file, "[[person]]\nemail = 'half of a fi").unwrap();
    // The next good file is read after the bad one, so that one was passed over.
    let out = served.token().await;
    let half = PEOPLE.replace("9e = \"member\" ", "");
    fs::write(&file, &half).unwrap();
    let mut status = served.browser.get("/api/token?org=dl").await.status;
    for _ in 0..20 {
        assert_eq!(status, http::StatusCode::OK);
        tokio::time::sleep(Duration::from_millis(20)).await;
        status = served.browser.get("/api/token?org=dl").await.status;
    }
    assert!(!out.is_empty());
}

#[tokio::test]
async fn signing_out_at_the_provider_ends_the_session_here() {
    let mut served = served().await;
    served.sign_in("cleo@delta.example").await;
    let out = served.token().await;
    let page = served.provider.get("/idp/end_session").await;
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in hidden_fields(&page.body) {
        form.append_pair(&name, &value);
    }
    let form = form.finish();
    served.provider.post("/idp/sign-out", &form).await;
    let start = Instant::now();
    while served.house.accepts(&out) {
        assert!(start.elapsed() < Duration::from_secs(20), "it never ends");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let answer = served.browser.get("/api/token").await;
    assert_eq!(answer.json()["code"], "signed_out");
}
