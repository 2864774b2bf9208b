//! Parameters of OAuth requests, from a query or a form.
//!
//! RFC 6749, section 3.1: a parameter sent without a value is treated as
//! omitted, and none may be sent twice. Decoding is strict: bytes that are not
//! UTF-8 are refused rather than replaced, because `state` goes back as it came.

use std::collections::HashSet;

use axum::extract::{FromRequest, Request};
use http::header;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

/// What a form or a query may measure; far above any honest request.
pub(crate) const LONGEST: usize = 16 * 1024;

/// All but the characters that need no escaping (RFC 3986, section 2.3). A
/// space becomes `%20`, which every decoder reads alike.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Decoded parameters in the order they were sent.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

/// Why a query or a form is not a set of parameters.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ParametersError {
    #[error("The parameters are not encoded in UTF-8.")]
    NotUtf8,
    #[error("The request is too long.")]
    TooLong,
    #[error("The request body must be application/x-www-form-urlencoded.")]
    NotAForm,
}

impl Parameters {
    pub(crate) fn parse(encoded: &str) -> Result<Self, ParametersError> {
        if encoded.len() > LONGEST {
            return Err(ParametersError::TooLong);
        }
        encoded
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name)?, decode(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The value, if the parameter was sent once and has one.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self
            .0
            .iter()
            .filter(|(sent, _)| sent == name)
            .map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (Some(value), None) if !value.is_empty() => Some(value),
            _ => None,
        }
    }

    /// Whether any parameter was sent more than once.
    pub(crate) fn has_duplicates(&self) -> bool {
        let mut seen = HashSet::new();
        !self.0.iter().all(|(name, _)| seen.insert(name))
    }

    /// As a query, to be read by [`Parameters::parse`] again.
    pub(crate) fn encode(&self) -> String {
        encode(
            self.0
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        )
    }
}

/// Writes a query.
pub(crate) fn encode<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    pairs
        .map(|(name, value)| {
            format!(
                "{}={}",
                utf8_percent_encode(name, ESCAPED),
                utf8_percent_encode(value, ESCAPED)
            )
        })
        .collect::<Vec<_>>()
        .join("&")
}

fn decode(text: &str) -> Result<String, ParametersError> {
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes())
        .decode_utf8()
        .map(|decoded| decoded.into_owned())
        .map_err(|_| ParametersError::NotUtf8)
}

/// Parameters sent as a form. Take `Result<Form, ParametersError>` to answer a
/// broken one in the endpoint's own shape.
#[derive(Debug)]
pub(crate) struct Form(pub(crate) Parameters);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = FormRejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, FormRejection> {
        let is_form = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|kind| {
                kind.trim()
                    .eq_ignore_ascii_case("application/x-www-form-urlencoded")
            });
        if !is_form {
            return Err(FormRejection(ParametersError::NotAForm));
        }
        let body = axum::body::to_bytes(request.into_body(), LONGEST)
            .await
            .map_err(|_| FormRejection(ParametersError::TooLong))?;
        std::str::from_utf8(&body)
            .map_err(|_| ParametersError::NotUtf8)
            .and_then(Parameters::parse)
            .map(Self)
            .map_err(FormRejection)
    }
}

/// A form that could not be read. Handlers turn it into their own kind of error.
#[derive(Debug)]
pub(crate) struct FormRejection(pub(crate) ParametersError);

impl axum::response::IntoResponse for FormRejection {
    fn into_response(self) -> axum::response::Response {
        service::ApiError::bad_request("invalid_request", self.0.to_string()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_survives_decoding_and_encoding_to_the_byte() {
        let state = "a b+c&d=e%f/é\u{1F426}\"<~";
        let query = encode([("state", state)].into_iter());
        assert_eq!(Parameters::parse(&query).unwrap().get("state"), Some(state));
        assert!(!query.contains('+') && !query.contains(' '), "{query}");
    }

    #[test]
    fn an_empty_value_is_as_good_as_none() {
        let parameters = Parameters::parse("state=&nonce&scope=openid").unwrap();
        assert_eq!(parameters.get("state"), None);
        assert_eq!(parameters.get("nonce"), None);
        assert_eq!(parameters.get("scope"), Some("openid"));
    }

    #[test]
    fn a_parameter_sent_twice_has_no_value() {
        let parameters = Parameters::parse("state=1&state=2&scope=openid").unwrap();
        assert!(parameters.has_duplicates());
        assert_eq!(parameters.get("state"), None);
        assert!(!Parameters::parse("a=1&b=1").unwrap().has_duplicates());
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_refused_not_replaced() {
        let error = Parameters::parse("state=%FF").unwrap_err();
        assert_eq!(error, ParametersError::NotUtf8);
    }

    #[test]
    fn an_oversized_request_is_refused() {
        let long = format!("state={}", "x".repeat(LONGEST));
        assert_eq!(
            Parameters::parse(&long).unwrap_err(),
            ParametersError::TooLong
        );
    }
}
