//! Whatever comes as a bearer token: it is refused or it is genuine, and it
//! never ends the process.
//!
//! An input is shown as a token. It is also signed as a payload, so that the
//! fuzzer gets behind the signature; what stands before a NUL becomes the
//! header then. And it is read as a JWT template, whose tokens must be ones
//! that the verifier takes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::json;
use token::{JwtTemplate, Mint, OrganizationClaims, SigningKey, Subject, UserClaims, Verifier};

use crate::{json, seeds};

const SECRET: &str = "p.an-admin-token-of-more-than-thirty-two-bytes";
const WORKSPACE: &str = "workspace";
const NOW: i64 = 1_764_000_000;
const HEADER: &[u8] = br#"{"alg":"HS256","typ":"JWT"}"#;

/// Shows the input as a token, as a signed one and as a template of tokens.
///
/// # Panics
/// When a token is accepted that should not be, or a minted one refused.
pub fn run(data: &[u8]) {
    let key = SigningKey::hs256(SECRET).expect("the secret is long enough");
    let verifier = Verifier::new(WORKSPACE, [key.verifying_key()]).expect("there is one key");

    if let Ok(text) = std::str::from_utf8(data) {
        assert!(
            verifier.verify(text, NOW).is_err(),
            "a token nobody signed was accepted"
        );
    }

    let (header, payload) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (HEADER, data),
    };
    if let Ok(claims) = verifier.verify(&signed(header, payload), NOW) {
        assert!(claims.exp > NOW, "an expired token was accepted");
        assert_eq!(
            claims.workspace_id, WORKSPACE,
            "another workspace's token was accepted"
        );
    }

    if let Ok(template) = JwtTemplate::parse(crate::text(data)) {
        let mint = Mint::new(template, key, WORKSPACE);
        if let Ok(minted) = mint.mint(&subject(), NOW) {
            let read = verifier.verify(&minted.token, NOW);
            assert_eq!(
                read.ok(),
                Some(minted.claims),
                "a token of the mint is not what it says"
            );
        }
    }
}

fn signed(header: &[u8], payload: &[u8]) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature =
        crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("HMAC takes any message");
    format!("{message}.{signature}")
}

fn subject() -> Subject {
    let mut user = UserClaims {
        id: "user".to_owned(),
        full_name: Some("Ada O'Neill".to_owned()),
        email_verified: Some(true),
        ..UserClaims::default()
    };
    user.public_metadata
        .insert("plan".to_owned(), json!({"seats": [1, 2.5, null]}));
    Subject {
        user,
        organization: Some(OrganizationClaims {
            id: "org".to_owned(),
            slug: "ua".to_owned(),
            name: "United".to_owned(),
            role: Some("admin".to_owned()),
            ..OrganizationClaims::default()
        }),
    }
}

/// What claims, headers and templates may say.
const WORDS: [&str; 40] = [
    "alg",
    "HS256",
    "none",
    "typ",
    "JWT",
    "kid",
    "crit",
    "jwk",
    "zip",
    "workspace_id",
    "workspace",
    "name",
    "exp",
    "iat",
    "nbf",
    "jti",
    "sub",
    "aud",
    "scopes",
    "type",
    "PIPES:READ",
    "DATASOURCES:READ",
    "DATASOURCES:APPEND",
    "resource",
    "fixed_params",
    "filter",
    "limits",
    "rps",
    "lifetime",
    "claims",
    "org",
    "{{org.slug}}",
    "{{user.id || org.name}}",
    "{{user.public_metadata.plan.seats}}",
    "{{workspace.id}}",
    "{{",
    "}}",
    "",
    "\u{0}",
    "'",
];

/// Changes the JSON of the input's header or payload in place and tells its
/// new length; `None` leaves the input to libFuzzer, as half of all is.
#[must_use]
pub fn mutate(data: &mut [u8], length: usize, longest: usize, seed: u32) -> Option<usize> {
    if seed.is_multiple_of(2) {
        return None;
    }
    let input = &data[..length];
    let payload = input
        .iter()
        .position(|byte| *byte == 0)
        .map_or(0, |at| at + 1);
    let changed = if payload > 0 && seed.is_multiple_of(3) {
        let mut changed = json::mutate(&input[..payload - 1], &WORDS, seed)?;
        changed.extend(&input[payload - 1..]);
        changed
    } else {
        let mut changed = input[..payload].to_vec();
        changed.extend(json::mutate(&input[payload..], &WORDS, seed)?);
        changed
    };
    let place = data.get_mut(..changed.len().min(longest))?;
    place.copy_from_slice(changed.get(..place.len())?);
    Some(place.len())
}

/// The demo's JWT template, the tokens of the endpoints' golden cases with and
/// without their headers, and one whole token of somebody else.
///
/// # Panics
/// When the file of tokens is none.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::regressions("token");
    let templates = seeds::texts(&["demo/jwt_templates"], &["json"]);
    seeds.extend(templates.into_iter().map(String::into_bytes));
    for file in seeds::texts(&["server/analytics/tests/cases/endpoint"], &["toml"]) {
        let file: toml::Table = file.parse().expect("cases are TOML");
        seeds.extend(file.values().filter_map(of_case));
    }
    seeds.push(signed(HEADER, br#"{"workspace_id":"another"}"#).into_bytes());
    seeds
}

/// A token of the golden cases as an input; `None` for other values.
fn of_case(case: &toml::Value) -> Option<Vec<u8>> {
    let mut claims = serde_json::to_value(case.as_table()?).ok()?;
    let members = claims.as_object_mut()?;
    let header = members.remove("header");
    members.retain(|name, _| !["secret", "without", "static"].contains(&name.as_str()));
    let defaults = [
        ("workspace_id", json!(WORKSPACE)),
        ("name", json!("seed")),
        ("exp", json!(NOW + 3600)),
    ];
    for (name, value) in defaults {
        members.entry(name).or_insert(value);
    }
    let mut seed = Vec::new();
    if let Some(header) = header {
        seed.extend(header.to_string().into_bytes());
        seed.push(0);
    }
    seed.extend(claims.to_string().into_bytes());
    Some(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_and_their_changes_get_behind_the_signature() {
        let key = SigningKey::hs256(SECRET).unwrap();
        let verifier = Verifier::new(WORKSPACE, [key.verifying_key()]).unwrap();
        let taken = |payload: &[u8]| verifier.verify(&signed(HEADER, payload), NOW).is_ok();
        let seeds: Vec<Vec<u8>> = seeds().into_iter().filter(|seed| taken(seed)).collect();
        assert!(seeds.len() > 20, "{} seeds are taken", seeds.len());

        let mut changed = 0;
        for (seed, number) in seeds.iter().cycle().zip(0..1_000) {
            let mut data = seed.clone();
            data.resize(seed.len() + 1_000, 0);
            let longest = data.len();
            if let Some(length) = mutate(&mut data, seed.len(), longest, number)
                && data[..length] != *seed
                && taken(&data[..length])
            {
                changed += 1;
            }
        }
        assert!(changed > 50, "{changed} changed ones are taken");
    }
}
