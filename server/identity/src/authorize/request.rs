//! Reading an authorization request. The order of the checks matters: nothing
//! is sent to a redirect URI before it is known to be the client's own.

use crate::client::{Client, Clients};
use crate::parameters::Parameters;
use crate::scope::Scope;

use super::answer::{Refusal, Target};

/// A request that is well formed and the client's to make.
#[derive(Debug)]
pub(crate) struct AuthorizationRequest<'a> {
    pub(crate) client: &'a Client,
    pub(crate) target: Target<'a>,
    pub(crate) scope: Scope,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) code_challenge: Option<&'a str>,
    pub(crate) prompt: Prompt,
    /// Seconds since the sign-in that are still good enough.
    pub(crate) max_age: Option<i64>,
    pub(crate) login_hint: Option<&'a str>,
    pub(crate) id_token_hint: Option<&'a str>,
}

/// What the person is to be asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Prompt {
    /// Nothing at all.
    pub(crate) none: bool,
    /// To sign in, signed in or not.
    pub(crate) login: bool,
}

impl<'a> AuthorizationRequest<'a> {
    pub(crate) fn read(
        parameters: &'a Parameters,
        clients: &'a Clients,
    ) -> Result<Self, Refusal<'a>> {
        let (client, target) = addressee(parameters, clients)?;
        let wrong = |error, description| Refusal::redirect(target, error, description);
        let invalid = |description| wrong("invalid_request", description);

        if parameters.has_duplicates() {
            return Err(invalid("a parameter is sent more than once"));
        }
        if let Some((error, description)) = unsupported(parameters) {
            return Err(wrong(error, description));
        }
        match parameters.get("response_type") {
            Some("code") => {}
            Some(_) => {
                return Err(wrong(
                    "unsupported_response_type",
                    "response_type must be code",
                ));
            }
            None => return Err(invalid("response_type is missing")),
        }
        if parameters
            .get("response_mode")
            .is_some_and(|mode| mode != "query")
        {
            return Err(invalid("response_mode must be query"));
        }
        let scope = Scope::parse(parameters.get("scope").unwrap_or_default());
        if !scope.contains("openid") {
            return Err(wrong("invalid_scope", "scope must contain openid"));
        }
        Ok(Self {
            client,
            target,
            scope,
            nonce: parameters.get("nonce"),
            code_challenge: code_challenge(parameters, client).map_err(invalid)?,
            prompt: prompt(parameters).map_err(invalid)?,
            max_age: max_age(parameters).map_err(invalid)?,
            login_hint: parameters.get("login_hint"),
            id_token_hint: parameters.get("id_token_hint"),
        })
    }
}

/// Whom to answer (RFC 6749, section 4.1.2.1: without a registered redirect
/// URI, the browser must not be sent anywhere).
fn addressee<'a>(
    parameters: &'a Parameters,
    clients: &'a Clients,
) -> Result<(&'a Client, Target<'a>), Refusal<'a>> {
    let client = parameters
        .get("client_id")
        .and_then(|client_id| clients.get(client_id))
        .ok_or(Refusal::Page(
            "The application that sent you here is not known to this provider.",
        ))?;
    let redirect_uri = parameters
        .get("redirect_uri")
        .filter(|uri| client.redirect_uris.iter().any(|known| known == uri))
        .ok_or(Refusal::Page(
            "The application that sent you here asks for the answer at an address that is not registered for it.",
        ))?;
    let target = Target {
        redirect_uri,
        state: parameters.get("state"),
    };
    Ok((client, target))
}

/// OpenID Connect Core, section 6, and 3.1.2.6 for the errors.
fn unsupported(parameters: &Parameters) -> Option<(&'static str, &'static str)> {
    let known = [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ];
    known
        .into_iter()
        .find(|(parameter, _)| parameters.get(parameter).is_some())
        .map(|(_, error)| (error, "send the parameters themselves"))
}

/// RFC 7636, section 4.3, with `S256` only.
fn code_challenge<'a>(
    parameters: &'a Parameters,
    client: &Client,
) -> Result<Option<&'a str>, &'static str> {
    let method = parameters.get("code_challenge_method");
    match (parameters.get("code_challenge"), method) {
        (Some(challenge), Some("S256")) if is_digest(challenge) => Ok(Some(challenge)),
        (Some(_), Some("S256")) => Err("code_challenge is not a SHA-256 digest in base64url"),
        (Some(_), _) => Err("code_challenge_method must be S256"),
        (None, Some(_)) => Err("code_challenge is missing"),
        (None, None) if client.require_pkce => {
            Err("this client must use PKCE: code_challenge is missing")
        }
        (None, None) => Ok(None),
    }
}

fn is_digest(challenge: &str) -> bool {
    challenge.len() == 43
        && challenge
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// `consent` asks for nothing here: clients are the operator's own.
fn prompt(parameters: &Parameters) -> Result<Prompt, &'static str> {
    let mut prompt = Prompt::default();
    let values = parameters.get("prompt").unwrap_or_default();
    for value in values.split(' ').filter(|value| !value.is_empty()) {
        match value {
            "none" => prompt.none = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => {}
            _ => return Err("prompt has a value that is not known"),
        }
    }
    if prompt.none && values != "none" {
        return Err("prompt=none excludes other values");
    }
    Ok(prompt)
}

fn max_age(parameters: &Parameters) -> Result<Option<i64>, &'static str> {
    parameters
        .get("max_age")
        .map(|seconds| match seconds.parse::<u32>() {
            Ok(seconds) => Ok(i64::from(seconds)),
            Err(_) => Err("max_age must be a number of seconds"),
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const URI: &str = "https%3A%2F%2Fapp.example%2Fcb";

    fn clients() -> Clients {
        let client = |id: &str, require_pkce| Client {
            client_id: id.to_owned(),
            client_secret: "a secret of the right length".to_owned(),
            redirect_uris: vec!["https://app.example/cb".to_owned()],
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            events_uri: None,
            require_pkce,
        };
        Clients::new(vec![client("web", true), client("old", false)]).unwrap()
    }

    fn outcome(query: &str) -> String {
        let parameters = Parameters::parse(query).unwrap();
        match AuthorizationRequest::read(&parameters, &clients()) {
            Ok(_) => "accepted".to_owned(),
            Err(Refusal::Page(_)) => "page".to_owned(),
            Err(Refusal::Redirect { error, target, .. }) => {
                format!("{error} {}", target.state.unwrap_or("-"))
            }
        }
    }

    /// A request of the client without PKCE and with the given additions.
    fn with(additions: &str) -> String {
        outcome(&format!(
            "client_id=old&redirect_uri={URI}&response_type=code&scope=openid&state=s&{additions}"
        ))
    }

    #[test]
    fn nothing_is_sent_to_an_address_that_is_not_registered() {
        for query in [
            "".to_owned(),
            format!("redirect_uri={URI}&response_type=code&scope=openid"),
            format!("client_id=nobody&redirect_uri={URI}"),
            "client_id=old&response_type=code&scope=openid".to_owned(),
            format!("client_id=old&redirect_uri={URI}%2F"),
            format!("client_id=old&redirect_uri={URI}%3Fx%3D1"),
            "client_id=old&redirect_uri=https%3A%2F%2FAPP.example%2Fcb".to_owned(),
            format!("client_id=old&redirect_uri={URI}&redirect_uri={URI}"),
            format!("client_id=old&client_id=web&redirect_uri={URI}"),
        ] {
            assert_eq!(outcome(&query), "page", "{query}");
        }
    }

    #[test]
    fn requests_that_are_merely_unusual_are_accepted() {
        for additions in [
            "",
            "nonce=n",
            "prompt=consent",
            "prompt=login%20consent",
            "max_age=10000",
            "display=popup&ui_locales=de&claims_locales=se&acr_values=1&login_hint=a",
            "claims=%7B%22userinfo%22%3A%7B%22name%22%3A%7B%22essential%22%3Atrue%7D%7D%7D",
            "extra=unknown&response_mode=query",
            "request=",
        ] {
            assert_eq!(with(additions), "accepted", "{additions}");
        }
    }

    #[test]
    fn each_mistake_has_its_error() {
        for (additions, expected) in [
            ("extra=1&extra=2", "invalid_request s"),
            ("state=t", "invalid_request -"),
            ("request=abc", "request_not_supported s"),
            ("request_uri=https%3A%2F%2Fx", "request_uri_not_supported s"),
            ("registration=%7B%7D", "registration_not_supported s"),
            ("response_mode=fragment", "invalid_request s"),
            ("response_mode=form_post", "invalid_request s"),
            ("prompt=none%20login", "invalid_request s"),
            ("prompt=dance", "invalid_request s"),
            ("max_age=-1", "invalid_request s"),
            ("max_age=soon", "invalid_request s"),
        ] {
            assert_eq!(with(additions), expected, "{additions}");
        }
        let base = format!("client_id=old&redirect_uri={URI}&state=s");
        for (rest, expected) in [
            ("scope=openid", "invalid_request s"),
            (
                "scope=openid&response_type=token",
                "unsupported_response_type s",
            ),
            (
                "scope=openid&response_type=code%20id_token",
                "unsupported_response_type s",
            ),
            ("response_type=code", "invalid_scope s"),
            ("response_type=code&scope=profile", "invalid_scope s"),
        ] {
            assert_eq!(outcome(&format!("{base}&{rest}")), expected, "{rest}");
        }
    }

    #[test]
    fn pkce_is_s256_or_nothing_and_for_most_clients_not_nothing() {
        let of = |client: &str, rest: &str| {
            outcome(&format!(
                "client_id={client}&redirect_uri={URI}&response_type=code&scope=openid&{rest}"
            ))
        };
        let good = format!("code_challenge={CHALLENGE}&code_challenge_method=S256");
        assert_eq!(of("web", &good), "accepted");
        assert_eq!(of("old", &good), "accepted");
        assert_eq!(of("old", ""), "accepted");
        assert_eq!(of("web", ""), "invalid_request -");
        for bad in [
            format!("code_challenge={CHALLENGE}"),
            format!("code_challenge={CHALLENGE}&code_challenge_method=plain"),
            format!("code_challenge={CHALLENGE}x&code_challenge_method=S256"),
            "code_challenge_method=S256".to_owned(),
        ] {
            assert_eq!(of("old", &bad), "invalid_request -", "{bad}");
        }
    }
}
