//! The golden cases of the API: see tests/cases/endpoint/README.md.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::server::{ADMIN, Server, WORKSPACE, unix_now};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "get")]
    method: String,
    path: String,
    token: Option<String>,
    #[serde(default)]
    query_token: bool,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    refused: bool,
    text: Option<String>,
    rows: Option<String>,
    json: Option<String>,
    #[serde(default)]
    contains: Vec<String>,
    #[serde(default)]
    absent: Vec<String>,
    #[serde(default)]
    answer_headers: BTreeMap<String, String>,
    #[serde(default)]
    missing_headers: Vec<String>,
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> u16 {
    200
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/endpoint")
}

#[tokio::test]
async fn every_request_is_answered_as_expected() {
    let server = Server::start().await;
    let tokens = make_tokens(&server).await;
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .filter(|path| !path.ends_with("tokens.toml"))
        .collect();
    files.sort();
    let mut count = 0;
    let mut failures = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let file_name = path.file_name().unwrap().to_string_lossy().into_owned();
        for case in file.case {
            count += 1;
            if let Err(problem) = check(&server, &tokens, &case).await {
                failures.push(format!("{file_name}: {}\n    {problem}", case.name));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {count} cases:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(count >= 60, "only {count} cases");
    server.stop().await;
}

async fn check(
    server: &Server,
    tokens: &BTreeMap<String, String>,
    case: &Case,
) -> Result<(), String> {
    let mut url = server.url(&case.path);
    let token = match case.token.as_deref() {
        None => None,
        Some(name) => Some(
            tokens
                .get(name)
                .ok_or(format!("no token is called {name}"))?,
        ),
    };
    if case.query_token {
        let separator = if url.contains('?') { '&' } else { '?' };
        url = format!("{url}{separator}token={}", token.ok_or("no token")?);
    }
    let method: Method = case.method.parse().map_err(|_| "no method")?;
    let mut request = server.client.request(method, url).body(case.body.clone());
    if let Some(token) = token.filter(|_| !case.query_token) {
        request = request.bearer_auth(token);
    }
    for (name, value) in &case.headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.bytes().await.map_err(|error| error.to_string())?;
    let body = String::from_utf8_lossy(&body).into_owned();
    if case.refused && !(400..500).contains(&status) {
        return Err(format!("status {status} instead of a refusal: {body}"));
    }
    if !case.refused && status != case.status {
        return Err(format!(
            "status {status} instead of {}: {body}",
            case.status
        ));
    }
    for (name, expected) in &case.answer_headers {
        let value = headers
            .get(name)
            .map(|value| value.to_str().unwrap_or_default());
        match value {
            Some(value) if expected == "*" || value == expected => {}
            other => {
                return Err(format!(
                    "header {name} is {other:?} instead of {expected:?}"
                ));
            }
        }
    }
    if let Some(name) = case
        .missing_headers
        .iter()
        .find(|name| headers.contains_key(*name))
    {
        return Err(format!("there is a header {name}"));
    }
    check_body(case, &body)
}

fn check_body(case: &Case, body: &str) -> Result<(), String> {
    if let Some(text) = &case.text
        && text != body
    {
        return Err(format!("body {body:?} instead of {text:?}"));
    }
    if let Some(part) = case
        .contains
        .iter()
        .find(|part| !body.contains(part.as_str()))
    {
        return Err(format!("{part:?} is not in {body}"));
    }
    if let Some(part) = case.absent.iter().find(|part| body.contains(part.as_str())) {
        return Err(format!("{part:?} is in {body}"));
    }
    if case.rows.is_none() && case.json.is_none() {
        return Ok(());
    }
    let given: Value = serde_json::from_str(body).map_err(|error| format!("{error}: {body}"))?;
    if let Some(rows) = &case.rows {
        let rows: Value = serde_json::from_str(rows).map_err(|error| format!("rows: {error}"))?;
        if given["data"] != rows {
            return Err(format!("rows {} instead of {rows}", given["data"]));
        }
    }
    if let Some(json) = &case.json {
        let json: Value = serde_json::from_str(json).map_err(|error| format!("json: {error}"))?;
        if !has(&given, &json) {
            return Err(format!("{json} is not in {given}"));
        }
    }
    Ok(())
}

/// Whether `given` has everything that `wanted` has; lists must be equal in
/// length.
fn has(given: &Value, wanted: &Value) -> bool {
    match (given, wanted) {
        (Value::Object(given), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| given.get(name).is_some_and(|given| has(given, wanted))),
        (Value::Array(given), Value::Array(wanted)) => {
            given.len() == wanted.len()
                && given
                    .iter()
                    .zip(wanted)
                    .all(|(given, wanted)| has(given, wanted))
        }
        _ => given == wanted,
    }
}

/// The tokens of tokens.toml, made as they ask.
async fn make_tokens(server: &Server) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(directory().join("tokens.toml")).unwrap();
    let described: toml::Table = toml::from_str(&text).unwrap();
    let mut tokens = BTreeMap::from([("admin".to_owned(), ADMIN.to_owned())]);
    for (name, described) in described {
        let described = serde_json::to_value(described).unwrap();
        let token = match &described["static"] {
            Value::Array(scopes) => static_token(server, &name, scopes).await,
            _ => jwt(&name, described),
        };
        tokens.insert(name, token);
    }
    tokens
}

async fn static_token(server: &Server, name: &str, scopes: &[Value]) -> String {
    let scopes: Vec<(&str, &str)> = scopes
        .iter()
        .map(|scope| ("scope", scope.as_str().unwrap()))
        .collect();
    let request = server
        .post(&format!("/v0/tokens?name={name}"))
        .query(&scopes);
    let answer = request.bearer_auth(ADMIN).send().await.unwrap();
    let token: Value = answer.json().await.unwrap();
    token["token"]
        .as_str()
        .unwrap_or_else(|| panic!("{name}: {token}"))
        .to_owned()
}

fn jwt(name: &str, mut described: Value) -> String {
    let described = described.as_object_mut().unwrap();
    let secret = described.remove("secret").unwrap_or(ADMIN.into());
    let header = described
        .remove("header")
        .unwrap_or(json!({ "alg": "HS256", "typ": "JWT" }));
    let without = described.remove("without").unwrap_or(json!([]));
    let is_changed = described.remove("change_payload").is_some();
    let mut claims = json!({ "workspace_id": WORKSPACE, "name": name, "exp": unix_now() + 3600 });
    claims.as_object_mut().unwrap().append(described);
    for claim in without.as_array().unwrap() {
        claims
            .as_object_mut()
            .unwrap()
            .remove(claim.as_str().unwrap());
    }
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    let payload = claims.to_string().replace(r#""<null>""#, "null");
    let message = format!("{}.{}", encode(header.to_string()), encode(payload.clone()));
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_str().unwrap().as_bytes());
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256);
    let signature = signature.unwrap();
    if is_changed {
        let payload = payload.replace("\"ua\"", "\"b6\"");
        return format!(
            "{}.{}.{signature}",
            encode(header.to_string()),
            encode(payload)
        );
    }
    format!("{message}.{signature}")
}
