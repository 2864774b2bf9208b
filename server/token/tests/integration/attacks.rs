//! The attack matrix: hostile tokens, each with the one code it is refused with.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;
use token::{SigningKey, Verifier, VerifyError};

use crate::support::{
    HEADER, NOW, SECRET, WORKSPACE, b64, ed25519_pem, good, hmac, hs256_verifier, p256_pem, raw,
    raw_with, with, without,
};

/// Replaces the segment at `index` of a good token without signing again.
fn with_segment(index: usize, segment: &str) -> String {
    let token = raw(HEADER, &good().to_string());
    let mut segments: Vec<&str> = token.split('.').collect();
    segments[index] = segment;
    segments.join(".")
}

/// Signs a good payload under another header.
fn under(header: &str) -> String {
    raw(header, &good().to_string())
}

/// Every hostile token for a verifier that knows one HS256 key: what it tries,
/// the token, the code. One line each, long or not: it is a table.
#[rustfmt::skip]
fn matrix() -> Vec<(&'static str, String, &'static str)> {
    let token = raw(HEADER, &good().to_string());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let deep = "[".repeat(400) + &"]".repeat(400);
    let scope = |scope: serde_json::Value| raw(HEADER, &with("scopes", json!([scope])));
    let fixed = |value: serde_json::Value| {
        scope(json!({"type": "PIPES:READ", "resource": "a", "fixed_params": {"org": value}}))
    };
    let doubled = |extra: &str| {
        let payload = good().to_string();
        raw(
            HEADER,
            &format!("{},{extra}}}", payload.strip_suffix('}').unwrap()),
        )
    };
    vec![
        // Shape and encoding.
        ("nothing", String::new(), "token_malformed"),
        ("a word", "notreal".into(), "token_malformed"),
        ("two segments", message.into(), "token_malformed"),
        ("four segments", format!("{token}.{signature}"), "token_malformed"),
        ("five segments, as an encrypted token has", "a.b.c.d.e".into(), "token_malformed"),
        ("only dots", "..".into(), "token_malformed"),
        ("surrounded by spaces", format!(" {token} "), "token_malformed"),
        ("a newline at the end", format!("{token}\n"), "token_malformed"),
        ("a null byte at the end", format!("{token}\0"), "token_malformed"),
        ("padded signature", format!("{token}="), "token_malformed"),
        ("padded payload", with_segment(1, &URL_SAFE.encode(format!("{} ", good()))), "token_invalid_signature"),
        ("payload in the standard alphabet", with_segment(1, &STANDARD.encode("{\"a\":\"???>>>\"}")), "token_invalid_signature"),
        ("stray bits at the signature's end", stray_bits(&token), "token_malformed"),
        ("truncated signature", token[..token.len() - 11].into(), "token_invalid_signature"),
        ("no signature", format!("{message}."), "token_invalid_signature"),
        ("signature of another length", with_segment(2, &b64([0u8; 64])), "token_invalid_signature"),
        ("signature of zeros", with_segment(2, &b64([0u8; 32])), "token_invalid_signature"),
        ("a JSON serialization", format!(r#"{{"payload":"{message}"}}"#), "token_malformed"),
        ("header not JSON", under("HS256"), "token_malformed"),
        ("header not an object", under("[]"), "token_malformed"),
        ("header null", under("null"), "token_malformed"),
        ("header not UTF-8", format!("{}.{}.{signature}", b64([0xff, 0xfe]), b64("{}")), "token_malformed"),
        ("payload not JSON", raw(HEADER, "exp=1"), "token_malformed"),
        ("payload a list", raw(HEADER, "[]"), "token_malformed"),
        ("payload with something behind it", raw(HEADER, &format!("{}{{}}", good())), "token_malformed"),
        ("payload nested beyond reason", raw(HEADER, &with("x", json!(0)).replace(":0", &format!(":{deep}"))), "token_malformed"),
        // Size.
        ("a huge token", "a".repeat(1 << 20), "token_too_large"),
        ("a huge payload, well signed", raw(HEADER, &with("x", json!("a".repeat(16 << 10)))), "token_too_large"),
        ("a huge header", under(&format!(r#"{{"alg":"HS256","x":"{}"}}"#, "a".repeat(1000))), "token_too_large"),
        // Algorithm confusion.
        ("alg none without signature", format!("{}.{}.", b64(r#"{"alg":"none"}"#), b64(good().to_string())), "token_wrong_algorithm"),
        ("alg none, well signed", under(r#"{"alg":"none"}"#), "token_wrong_algorithm"),
        ("alg nOnE", under(r#"{"alg":"nOnE"}"#), "token_wrong_algorithm"),
        ("alg empty", under(r#"{"alg":""}"#), "token_wrong_algorithm"),
        ("alg in lower case", under(r#"{"alg":"hs256"}"#), "token_wrong_algorithm"),
        ("alg HS512", under(r#"{"alg":"HS512"}"#), "token_wrong_algorithm"),
        ("alg RS256", under(r#"{"alg":"RS256"}"#), "token_wrong_algorithm"),
        ("alg ES256", under(r#"{"alg":"ES256"}"#), "token_wrong_algorithm"),
        ("alg a list", under(r#"{"alg":["HS256"]}"#), "token_malformed"),
        ("alg twice", under(r#"{"alg":"none","alg":"HS256"}"#), "token_malformed"),
        // Keys.
        ("another secret", raw_with(b"another-secret-of-32-bytes-at-least!", HEADER, &good().to_string()), "token_invalid_signature"),
        ("the empty secret", raw_with(b"", HEADER, &good().to_string()), "token_invalid_signature"),
        ("a prefix of the secret", raw_with(&SECRET.as_bytes()[..32], HEADER, &good().to_string()), "token_invalid_signature"),
        ("kid as a path to an empty file", raw_with(b"", r#"{"alg":"HS256","kid":"/dev/null"}"#, &good().to_string()), "token_invalid_signature"),
        ("kid as SQL", raw_with(b"x", r#"{"alg":"HS256","kid":"' UNION SELECT 'x"}"#, &good().to_string()), "token_invalid_signature"),
        ("kid a number", under(r#"{"alg":"HS256","kid":1}"#), "token_malformed"),
        ("kid twice", under(r#"{"alg":"HS256","kid":"a","kid":"b"}"#), "token_malformed"),
        ("its own key", under(r#"{"alg":"HS256","jwk":{"kty":"oct","k":"eA"}}"#), "token_unsupported_header"),
        ("a key to fetch", under(r#"{"alg":"HS256","jku":"http://127.0.0.1/keys"}"#), "token_unsupported_header"),
        ("a certificate to fetch", under(r#"{"alg":"HS256","x5u":"http://127.0.0.1/"}"#), "token_unsupported_header"),
        ("its own certificate", under(r#"{"alg":"HS256","x5c":["eA=="]}"#), "token_unsupported_header"),
        // Header extensions.
        ("unencoded payload", under(r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#), "token_unsupported_header"),
        ("an empty crit", under(r#"{"alg":"HS256","crit":[]}"#), "token_unsupported_header"),
        ("compressed", under(r#"{"alg":"HS256","zip":"DEF"}"#), "token_unsupported_header"),
        ("encrypted", under(r#"{"alg":"HS256","enc":"A128GCM"}"#), "token_unsupported_header"),
        ("a logout token", under(r#"{"alg":"HS256","typ":"logout+jwt"}"#), "token_unsupported_header"),
        ("an access token of another kind", under(r#"{"alg":"HS256","typ":"at+jwt"}"#), "token_unsupported_header"),
        // Payload changed after signing.
        ("changed payload", with_segment(1, &b64(with("name", json!("admin")))), "token_invalid_signature"),
        ("changed tenant", with_segment(1, &b64(good().to_string().replace("\"ua\"", "\"b6\""))), "token_invalid_signature"),
        ("changed header", with_segment(0, &b64(r#"{"alg":"HS256"}"#)), "token_invalid_signature"),
        // Duplicates.
        ("exp twice", doubled(r#""exp":9999999999"#), "token_malformed"),
        ("exp twice, once escaped", doubled(r#""\u0065xp":9999999999"#), "token_malformed"),
        ("an unknown claim twice", doubled(r#""role":"a","role":"b""#), "token_malformed"),
        ("a fixed parameter twice", raw(HEADER, &good().to_string().replace(r#""org":"ua""#, r#""org":"b6","org":"ua""#)), "token_malformed"),
        // Time.
        ("no exp", raw(HEADER, &without("exp")), "token_missing_expiry"),
        ("exp null", raw(HEADER, &with("exp", json!(null))), "token_missing_expiry"),
        ("exp in the past", raw(HEADER, &with("exp", json!(NOW - 1))), "token_expired"),
        ("exp this very second", raw(HEADER, &with("exp", json!(NOW))), "token_expired"),
        ("exp a fraction of this second", raw(HEADER, &with("exp", json!(NOW as f64 + 0.9))), "token_expired"),
        ("exp zero", raw(HEADER, &with("exp", json!(0))), "token_expired"),
        ("exp negative", raw(HEADER, &with("exp", json!(-1))), "token_invalid_claim"),
        ("exp as text", raw(HEADER, &with("exp", json!("9999999999"))), "token_invalid_claim"),
        ("exp true", raw(HEADER, &with("exp", json!(true))), "token_invalid_claim"),
        ("exp in milliseconds", raw(HEADER, &with("exp", json!((NOW + 900) * 1000))), "token_invalid_claim"),
        ("exp beyond 64 bits", raw(HEADER, &good().to_string().replace(&(NOW + 900).to_string(), "18446744073709551616")), "token_invalid_claim"),
        ("exp infinite", raw(HEADER, &good().to_string().replace(&(NOW + 900).to_string(), "1e999")), "token_malformed"),
        ("not valid before the next second", raw(HEADER, &with("nbf", json!(NOW + 1))), "token_not_yet_valid"),
        ("nbf as text", raw(HEADER, &with("nbf", json!("0"))), "token_invalid_claim"),
        ("iat as text", raw(HEADER, &with("iat", json!("now"))), "token_invalid_claim"),
        // Workspace and audience.
        ("another workspace", raw(HEADER, &with("workspace_id", json!("11111111-1111-1111-1111-111111111111"))), "token_wrong_workspace"),
        ("the workspace in upper case", raw(HEADER, &with("workspace_id", json!(WORKSPACE.to_uppercase()))), "token_wrong_workspace"),
        ("an empty workspace", raw(HEADER, &with("workspace_id", json!(""))), "token_wrong_workspace"),
        ("workspace as a list", raw(HEADER, &with("workspace_id", json!([WORKSPACE]))), "token_invalid_claim"),
        ("no workspace", raw(HEADER, &without("workspace_id")), "token_missing_claim"),
        ("another audience", raw(HEADER, &with("aud", json!("https://api.example"))), "token_wrong_audience"),
        ("no audience among several", raw(HEADER, &with("aud", json!([]))), "token_wrong_audience"),
        // Names, scopes, limits.
        ("no name", raw(HEADER, &without("name")), "token_missing_claim"),
        ("an empty name", raw(HEADER, &with("name", json!(""))), "token_invalid_claim"),
        ("a name as long as a book", raw(HEADER, &with("name", json!("n".repeat(257)))), "token_invalid_claim"),
        ("no scopes", raw(HEADER, &without("scopes")), "token_missing_claim"),
        ("empty scopes", raw(HEADER, &with("scopes", json!([]))), "token_invalid_claim"),
        ("scopes an object", raw(HEADER, &with("scopes", json!({"type": "PIPES:READ"}))), "token_invalid_claim"),
        ("scopes as text", raw(HEADER, &with("scopes", json!("PIPES:READ"))), "token_invalid_claim"),
        ("the scope ADMIN", scope(json!({"type": "ADMIN", "resource": "a"})), "token_invalid_claim"),
        ("a scope in lower case", scope(json!({"type": "pipes:read", "resource": "a"})), "token_invalid_claim"),
        ("a scope without resource", scope(json!({"type": "PIPES:READ"})), "token_invalid_claim"),
        ("a scope on nothing", scope(json!({"type": "PIPES:READ", "resource": ""})), "token_invalid_claim"),
        ("a scope on an empty list", scope(json!({"type": "PIPES:READ", "resource": []})), "token_invalid_claim"),
        ("a misspelt restriction", scope(json!({"type": "PIPES:READ", "resource": "a", "fixed_param": {"org": "ua"}})), "token_invalid_claim"),
        ("a filter that would be ignored", scope(json!({"type": "PIPES:READ", "resource": "a", "filter": "org = 'ua'"})), "token_invalid_claim"),
        ("a null tenant", fixed(json!(null)), "token_invalid_claim"),
        ("an object for a tenant", fixed(json!({"ne": ""})), "token_invalid_claim"),
        ("an empty list of tenants", fixed(json!([])), "token_invalid_claim"),
        ("a list of lists of tenants", fixed(json!([["ua"]])), "token_invalid_claim"),
        ("fixed parameters as a list", scope(json!({"type": "PIPES:READ", "resource": "a", "fixed_params": ["org"]})), "token_invalid_claim"),
        ("a limit as text", raw(HEADER, &with("limits", json!({"rps": "10"}))), "token_invalid_claim"),
        ("a limit that allows nothing", raw(HEADER, &with("limits", json!({"rps": 0}))), "token_invalid_claim"),
        ("a limit below nothing", raw(HEADER, &with("limits", json!({"rps": -1}))), "token_invalid_claim"),
        ("a permission as text", scope(json!({"type": "PIPES:READ", "resource": "a", "sql": "true"})), "token_invalid_claim"),
        ("a limit of nothing", raw(HEADER, &with("limits", json!({}))), "token_invalid_claim"),
    ]
}

/// The token with its last character changed to one that decodes to the same
/// bytes in a lenient decoder.
fn stray_bits(token: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = token.chars().next_back().unwrap();
    let index = ALPHABET.find(last).unwrap();
    let stray = ALPHABET.as_bytes()[index | 1] as char;
    assert_ne!(
        last, stray,
        "32 bytes leave two spare bits in the last character"
    );
    format!("{}{stray}", &token[..token.len() - 1])
}

#[test]
fn every_hostile_token_is_refused_with_its_code() {
    let verifier = hs256_verifier();
    let matrix = matrix();
    assert!(matrix.len() >= 40);
    let mut wrong = Vec::new();
    for (attack, token, code) in matrix {
        match verifier.verify(&token, NOW) {
            Err(error) if error.code() == code => {}
            other => wrong.push(format!("{attack}: expected {code}, got {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_token_the_matrix_starts_from_is_good() {
    assert!(
        hs256_verifier()
            .verify(&raw(HEADER, &good().to_string()), NOW)
            .is_ok()
    );
}

#[test]
fn a_refusal_never_repeats_the_token() {
    for (attack, token, _) in matrix() {
        let Err(error) = hs256_verifier().verify(&token, NOW) else {
            continue;
        };
        let text = error.to_string();
        assert!(text.len() < 300, "{attack}: {text}");
        for segment in token.split('.').filter(|segment| segment.len() >= 16) {
            assert!(!text.contains(segment), "{attack}: {text}");
        }
    }
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    let key = SigningKey::es256_pem("k1", &p256_pem()).unwrap();
    let verifier = Verifier::new(WORKSPACE, [key.verifying_key()]).unwrap();
    // The public key, as it would be known to everybody.
    let public = format!("{:?}", key.verifying_key());
    for header in [
        r#"{"alg":"HS256","kid":"k1"}"#,
        r#"{"alg":"ES256","kid":"k1"}"#,
    ] {
        let token = raw_with(public.as_bytes(), header, &good().to_string());
        let error = verifier.verify(&token, NOW).unwrap_err();
        let expected = [VerifyError::WrongAlgorithm, VerifyError::InvalidSignature];
        assert!(expected.contains(&error), "{header}: {error:?}");
    }
}

#[test]
fn a_key_id_cannot_pick_a_weaker_key() {
    let es256 = SigningKey::es256_pem("es", &p256_pem()).unwrap();
    let eddsa = SigningKey::eddsa_pem("ed", &ed25519_pem()).unwrap();
    let hs256 = SigningKey::hs256(SECRET).unwrap();
    let keys = [
        es256.verifying_key(),
        eddsa.verifying_key(),
        hs256.verifying_key(),
    ];
    let verifier = Verifier::new(WORKSPACE, keys).unwrap();
    let payload = b64(good().to_string());
    for (header, code) in [
        // An HMAC under the id of an asymmetric key, whatever the header says.
        (r#"{"alg":"HS256","kid":"es"}"#, "token_wrong_algorithm"),
        (r#"{"alg":"HS256","kid":"ed"}"#, "token_wrong_algorithm"),
        (r#"{"alg":"ES256","kid":"ed"}"#, "token_wrong_algorithm"),
        (r#"{"alg":"EdDSA","kid":"es"}"#, "token_wrong_algorithm"),
        (r#"{"kid":"es"}"#, "token_invalid_signature"),
        (r#"{"kid":"ed"}"#, "token_invalid_signature"),
        (r#"{"alg":"ES256"}"#, "token_wrong_algorithm"),
    ] {
        let message = format!("{}.{payload}", b64(header));
        let token = format!("{message}.{}", hmac(SECRET.as_bytes(), &message));
        assert_eq!(
            verifier.verify(&token, NOW).unwrap_err().code(),
            code,
            "{header}"
        );
    }
}

#[test]
fn an_unknown_key_id_finds_no_asymmetric_key() {
    let key = SigningKey::eddsa_pem("current", &ed25519_pem()).unwrap();
    let verifier = Verifier::new(WORKSPACE, [key.verifying_key()]).unwrap();
    for header in [
        r#"{"alg":"EdDSA","kid":"old"}"#,
        r#"{"alg":"EdDSA"}"#,
        r#"{"kid":"../current"}"#,
    ] {
        let token = raw(header, &good().to_string());
        assert_eq!(
            verifier.verify(&token, NOW),
            Err(VerifyError::UnknownKey),
            "{header}"
        );
    }
}
