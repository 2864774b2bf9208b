//! Reading a token to show what it says. Nothing is verified here: that is
//! the analytics server's work, and the page's own token needs no proof.

use crate::json::Json;

/// The claims of a token that are worth showing, and their JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecodedToken {
    /// The header's JSON, indented.
    pub header: String,
    /// The payload's JSON, indented, in the order in which it was signed.
    pub payload: String,
    /// The pipes it may read, from its `PIPES:READ` scopes.
    pub pipes: Vec<String>,
    /// The parameters the analytics server sets whatever the caller asks,
    /// each once.
    pub fixed_parameters: Vec<(String, String)>,
    /// Requests per second, when limited.
    pub requests_per_second: Option<i64>,
}

/// Decodes a JSON web token; `None` for anything else, such as a static token.
pub fn decode(token: &str) -> Option<DecodedToken> {
    let mut parts = token.split('.');
    let (header, payload) = (parts.next()?, parts.next()?);
    let (header, payload) = (base64_url(header)?, base64_url(payload)?);
    let claims = Json::parse(&payload)?;
    let mut decoded = DecodedToken {
        header: indent(&header),
        payload: indent(&payload),
        requests_per_second: claims.field("limits").field("rps").integer(),
        ..DecodedToken::default()
    };
    for scope in claims.field("scopes").items().unwrap_or_default() {
        let resource = scope.field("resource");
        if scope.field("type").text().as_deref() == Some("PIPES:READ") {
            // One name or a list of them.
            let resources = resource.items().unwrap_or_else(|| vec![resource]);
            decoded
                .pipes
                .extend(resources.iter().filter_map(Json::text));
        }
        for (name, value) in scope.field("fixed_params").fields() {
            let number = || value.integer().map(|number| number.to_string());
            let parameter = (name, value.text().or_else(number).unwrap_or_default());
            if !decoded.fixed_parameters.contains(&parameter) {
                decoded.fixed_parameters.push(parameter);
            }
        }
    }
    Some(decoded)
}

/// Decodes base64url without padding (RFC 7515, section 2) into text.
fn base64_url(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len() * 3 / 4);
    let (mut buffer, mut bits) = (0_u32, 0);
    for symbol in encoded.bytes() {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        buffer = buffer << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Breaks JSON into lines and indents it by its nesting. Works on the text, so
/// that the order is kept.
pub fn indent(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut symbols = json.chars().peekable();
    while let Some(symbol) = symbols.next() {
        if quoted {
            out.push(symbol);
            quoted = escaped || symbol != '"';
            escaped = symbol == '\\' && !escaped;
            continue;
        }
        match symbol {
            '"' => {
                quoted = true;
                out.push(symbol);
            }
            '{' | '[' => {
                out.push(symbol);
                while symbols.next_if(|next| next.is_whitespace()).is_some() {}
                if let Some(close) = symbols.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(symbol);
            }
            ',' => {
                out.push(symbol);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            space if space.is_whitespace() => {}
            other => out.push(other),
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Header `{"alg":"HS256"}`, payload as in the design, no real signature.
    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJ3b3Jrc3BhY2VfaWQiOiJ3IiwiZXhwIjoxNzY0LCJzY29wZXMiOlt7InR5cGUiOiJQSVBFUzpSRUFEIiwicmVzb3VyY2UiOiJmbGlnaHRzX3Blcl9kYXkiLCJmaXhlZF9wYXJhbXMiOnsib3JnIjoidWEiLCJ1c2VyIjoiYWRhIn19LHsidHlwZSI6IlBJUEVTOlJFQUQiLCJyZXNvdXJjZSI6WyJhIiwiYiJdLCJmaXhlZF9wYXJhbXMiOnsib3JnIjoidWEifX1dLCJsaW1pdHMiOnsicnBzIjoxMH19.c2ln";

    #[test]
    fn a_token_shows_its_pipes_its_fixed_parameters_and_its_limit() {
        let decoded = decode(TOKEN).unwrap();
        assert_eq!(decoded.header, "{\n  \"alg\": \"HS256\"\n}");
        assert_eq!(decoded.pipes, ["flights_per_day", "a", "b"]);
        assert_eq!(
            decoded.fixed_parameters,
            [("org".into(), "ua".into()), ("user".into(), "ada".into())]
        );
        assert_eq!(decoded.requests_per_second, Some(10));
        assert!(
            decoded
                .payload
                .starts_with("{\n  \"workspace_id\": \"w\",\n  \"exp\": 1764,"),
            "{}",
            decoded.payload
        );
    }

    #[test]
    fn what_is_no_token_is_not_decoded() {
        for text in ["", "p.static_token", "a.b.c", "e30", "!!.e30.x"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }

    #[test]
    fn indenting_keeps_order_strings_and_empty_containers() {
        assert_eq!(
            indent(r#"{"b":[1, 2],"a":{},"t":"x,\"{y}\\","n":[ ]}"#),
            "{\n  \"b\": [\n    1,\n    2\n  ],\n  \"a\": {},\n  \"t\": \"x,\\\"{y}\\\\\",\n  \"n\": []\n}"
        );
    }
}
