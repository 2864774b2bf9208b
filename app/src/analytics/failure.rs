//! What can go wrong between a panel and the analytics server, in words for
//! the person who looks at the panel.

use serde::Serialize;

use crate::json::Json;

/// Why a panel has no data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// The HTTP status, 0 when there was no answer.
    pub status: u16,
    /// What the analytics server said, or what the network did.
    pub message: String,
    /// The request's id, for the server's operator.
    pub request_id: Option<String>,
    /// After how many seconds to come back, when the server says so.
    pub retry_after: Option<u32>,
}

/// The kinds that the interface treats differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum FailureKind {
    /// There is no token to ask with.
    NoToken,
    /// The browser says there is no network.
    Offline,
    /// No answer: the server is away, or does not allow this origin.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// 403 with the code `token_expired` or `token_revoked`: a new token helps
    /// whoever may still have one.
    TokenExpired,
    /// Any other 401 or 403.
    Forbidden,
    /// 429: too many requests in a second.
    RateLimited,
    /// 503 that says when to come back: the engine is starting.
    Starting,
    /// Any other 4xx: the request is at fault.
    Refused,
    /// 5xx.
    ServerFault,
    /// A 200 whose body is not an answer.
    Malformed,
}

impl Failure {
    /// A failure without an answer.
    pub fn without_answer(kind: FailureKind) -> Self {
        let message = match kind {
            FailureKind::NoToken => "This page has no analytics token.",
            FailureKind::Offline => "This panel needs the network.",
            FailureKind::Timeout => "The analytics server did not answer in time.",
            _ => "The analytics server cannot be reached.",
        };
        Self {
            kind,
            status: 0,
            message: message.to_owned(),
            request_id: None,
            retry_after: None,
        }
    }

    /// A failure out of an answer whose status is not 2xx, or whose body is
    /// no table.
    pub fn from_answer(
        status: u16,
        body: &str,
        request_id: Option<String>,
        retry_after: Option<u32>,
    ) -> Self {
        let envelope = Json::parse(body);
        let said = |name: &str| envelope.as_ref()?.field(name).text();
        let kind = match status {
            403 if matches!(
                said("code").as_deref(),
                Some("token_expired" | "token_revoked")
            ) =>
            {
                FailureKind::TokenExpired
            }
            401 | 403 => FailureKind::Forbidden,
            429 => FailureKind::RateLimited,
            503 if retry_after.is_some() => FailureKind::Starting,
            400..=499 => FailureKind::Refused,
            500..=599 => FailureKind::ServerFault,
            _ => FailureKind::Malformed,
        };
        let message = match kind {
            FailureKind::Malformed => "The answer is not what this page expects.".to_owned(),
            _ => said("error")
                .unwrap_or_else(|| format!("The analytics server answered with status {status}.")),
        };
        let request_id = request_id.or_else(|| said("request_id"));
        Self {
            kind,
            status,
            message,
            request_id,
            retry_after,
        }
    }

    /// Reads a failure that travelled with the page.
    pub(super) fn read(json: &Json) -> Option<Self> {
        let kind = json.field("kind").text()?;
        Some(Self {
            kind: FailureKind::ALL
                .into_iter()
                .find(|known| known.name() == kind)?,
            status: json.field("status").number()? as u16,
            message: json.field("message").text()?,
            request_id: json.field("request_id").text(),
            retry_after: json.field("retry_after").number().map(|pause| pause as u32),
        })
    }

    /// What it means to the person, in a few words.
    pub fn title(&self) -> &'static str {
        match self.kind {
            FailureKind::NoToken => "Nothing to ask with",
            FailureKind::Offline => "You are offline",
            FailureKind::Unreachable => "Analytics cannot be reached",
            FailureKind::Timeout => "This took too long",
            FailureKind::TokenExpired => "The token has expired",
            FailureKind::Forbidden => "Not allowed",
            FailureKind::RateLimited => "Too many requests",
            FailureKind::Starting => "The figures are on their way",
            FailureKind::Refused => "The request was refused",
            FailureKind::ServerFault => "Analytics has a problem",
            FailureKind::Malformed => "Unexpected answer",
        }
    }

    /// After how many seconds to try again without being asked: the server
    /// says so itself, and only a short wait is worth it.
    pub fn pause(&self) -> Option<u32> {
        let pause = self.retry_after.unwrap_or(1).max(1);
        let says_when = matches!(self.kind, FailureKind::RateLimited | FailureKind::Starting);
        (says_when && pause <= 5).then_some(pause)
    }

    /// Whether asking again elsewhere or later may do what this did not: there
    /// was no answer, or it was only "not now".
    pub fn is_passing(&self) -> bool {
        self.status == 0 || self.pause().is_some()
    }

    /// What to do about it, where there is more to say than "try again".
    pub fn advice(&self) -> Option<String> {
        match (self.kind, self.retry_after) {
            (FailureKind::Offline, _) => Some("It loads by itself once that is back.".to_owned()),
            (FailureKind::Forbidden, _) => Some(
                "The token of this page does not allow it. Reload the page for a new one."
                    .to_owned(),
            ),
            (FailureKind::RateLimited, Some(seconds)) => Some(format!("Try again in {seconds} s.")),
            (FailureKind::Starting, _) => {
                Some("The engine is starting; this loads by itself.".to_owned())
            }
            _ => None,
        }
    }
}

impl FailureKind {
    const ALL: [Self; 11] = [
        Self::NoToken,
        Self::Offline,
        Self::Unreachable,
        Self::Timeout,
        Self::TokenExpired,
        Self::Forbidden,
        Self::RateLimited,
        Self::Starting,
        Self::Refused,
        Self::ServerFault,
        Self::Malformed,
    ];

    /// The name under which it travels with the page.
    fn name(self) -> &'static str {
        match self {
            Self::NoToken => "NoToken",
            Self::Offline => "Offline",
            Self::Unreachable => "Unreachable",
            Self::Timeout => "Timeout",
            Self::TokenExpired => "TokenExpired",
            Self::Forbidden => "Forbidden",
            Self::RateLimited => "RateLimited",
            Self::Starting => "Starting",
            Self::Refused => "Refused",
            Self::ServerFault => "ServerFault",
            Self::Malformed => "Malformed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_token_is_told_apart_from_a_forbidden_one() {
        let expired =
            r#"{"error":"The token has expired","code":"token_expired","request_id":"r1"}"#;
        let failure = Failure::from_answer(403, expired, None, None);
        assert_eq!(failure.kind, FailureKind::TokenExpired);
        assert_eq!(failure.request_id.as_deref(), Some("r1"));
        let other = r#"{"error":"No access to this pipe","code":"forbidden"}"#;
        assert_eq!(
            Failure::from_answer(403, other, None, None).kind,
            FailureKind::Forbidden
        );
        assert_eq!(
            Failure::from_answer(401, expired, None, None).kind,
            FailureKind::Forbidden
        );
    }

    #[test]
    fn the_servers_words_are_kept_and_missing_ones_replaced() {
        let failure = Failure::from_answer(
            400,
            r#"{"error":"'date_from' must be a date","code":"bad_parameter"}"#,
            Some("r2".into()),
            None,
        );
        assert_eq!(
            (failure.kind, failure.message.as_str()),
            (FailureKind::Refused, "'date_from' must be a date")
        );
        assert_eq!(failure.request_id.as_deref(), Some("r2"));
        let failure = Failure::from_answer(502, "<html>Bad gateway</html>", None, None);
        assert_eq!(failure.kind, FailureKind::ServerFault);
        assert_eq!(
            failure.message,
            "The analytics server answered with status 502."
        );
    }

    #[test]
    fn rate_limits_say_when_to_come_back() {
        let failure = Failure::from_answer(429, "", None, Some(3));
        assert_eq!(failure.advice().as_deref(), Some("Try again in 3 s."));
        assert_eq!(failure.pause(), Some(3));
        let pause = |seconds| Failure::from_answer(429, "", None, seconds).pause();
        assert_eq!(
            (pause(None), pause(Some(0)), pause(Some(600))),
            (Some(1), Some(1), None)
        );
    }

    #[test]
    fn an_engine_that_starts_is_asked_again_and_any_other_fault_is_not() {
        let starting = Failure::from_answer(503, "", None, Some(5));
        assert_eq!(
            (starting.kind, starting.pause()),
            (FailureKind::Starting, Some(5))
        );
        assert_eq!(starting.title(), "The figures are on their way");
        let other = Failure::from_answer(503, "", None, None);
        assert_eq!(
            (other.kind, other.pause()),
            (FailureKind::ServerFault, None)
        );
    }

    #[test]
    fn failures_of_every_kind_survive_the_way_into_the_browser() {
        for kind in FailureKind::ALL {
            let failure = Failure {
                kind,
                retry_after: Some(7),
                ..Failure::from_answer(500, "", Some("r".into()), None)
            };
            let json = Json::parse(&serde_json::to_string(&failure).unwrap()).unwrap();
            assert_eq!(Failure::read(&json), Some(failure));
        }
    }

    #[test]
    fn an_answer_that_is_no_table_is_malformed() {
        assert_eq!(
            Failure::from_answer(200, "hello", None, None).kind,
            FailureKind::Malformed
        );
    }
}
