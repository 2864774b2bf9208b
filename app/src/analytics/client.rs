//! One client for both places.

use leptos::prelude::*;

use super::{Failure, FailureKind, Table, TransportError, TransportResponse};
use crate::{
    session::{TokenGrant, use_session},
    token::{AnalyticsToken, use_analytics_token},
};

/// Asks the analytics server with the page's token.
#[derive(Clone, Debug)]
pub struct Client {
    token: AnalyticsToken,
    /// Where the browser reaches the analytics server.
    origin: StoredValue<String>,
    #[cfg(feature = "ssr")]
    transport: Option<super::ServerTransport>,
}

/// Path and query of an endpoint. The values are dates, numbers and names of
/// our own, which need no escaping.
pub fn endpoint(pipe: &str, parameters: &[(&str, String)]) -> String {
    let mut path = format!("/v0/pipes/{pipe}.json");
    for (index, (name, value)) in parameters.iter().enumerate() {
        path.push(if index == 0 { '?' } else { '&' });
        path.push_str(name);
        path.push('=');
        path.push_str(value);
    }
    path
}

impl Client {
    /// The client of this page, from the contexts of its session, its token
    /// and, while it is rendered, `web`'s transport.
    pub fn from_context() -> Self {
        Self {
            token: use_analytics_token(),
            origin: use_session().analytics_origin,
            #[cfg(feature = "ssr")]
            transport: use_context(),
        }
    }

    /// Where the browser reaches the analytics server.
    pub fn origin(&self) -> String {
        self.origin.get_value()
    }

    fn grant(&self) -> Result<TokenGrant, Failure> {
        self.token
            .grant_untracked()
            .ok_or_else(|| Failure::without_answer(FailureKind::NoToken))
    }

    /// Asks while the page is rendered.
    #[cfg(feature = "ssr")]
    pub async fn get(&self, path_and_query: String) -> Result<Table, Failure> {
        let token = self.grant()?.token;
        let Some(transport) = &self.transport else {
            return Err(Failure::without_answer(FailureKind::Unreachable));
        };
        let request = super::TransportRequest {
            path_and_query,
            token,
        };
        read(transport.get(request).await, true)
    }

    /// Asks in the browser. A token that the analytics server refuses as
    /// expired is renewed, and the request repeated once.
    #[cfg(feature = "hydrate")]
    pub(crate) async fn get(
        &self,
        path_and_query: &str,
        abort: &crate::browser::Abort,
    ) -> Result<Table, Failure> {
        read(
            self.send(path_and_query, abort).await?,
            crate::browser::is_online(),
        )
    }

    /// Like `get`, with the answer as it came. `Err` only without a token.
    #[cfg(feature = "hydrate")]
    pub(crate) async fn send(
        &self,
        path_and_query: &str,
        abort: &crate::browser::Abort,
    ) -> Result<Result<TransportResponse, TransportError>, Failure> {
        let url = self.origin() + path_and_query;
        let used = self.grant()?.token;
        let answer = crate::browser::get(&url, Some(&used), abort).await;
        if !abort.is_aborted()
            && answer.as_ref().is_ok_and(is_expired)
            && let Some(grant) = self.token.renewed(&used).await
        {
            return Ok(crate::browser::get(&url, Some(&grant.token), abort).await);
        }
        Ok(answer)
    }
}

/// Whether the analytics server refused the token because its time is over.
#[cfg(feature = "hydrate")]
fn is_expired(answer: &TransportResponse) -> bool {
    answer.status == 403
        && Failure::from_answer(answer.status, &answer.body, None, None).kind
            == FailureKind::TokenExpired
}

/// Understands an answer, or the lack of one.
pub(crate) fn read(
    answer: Result<TransportResponse, TransportError>,
    online: bool,
) -> Result<Table, Failure> {
    match answer {
        Ok(TransportResponse {
            status,
            request_id,
            retry_after,
            body,
        }) => {
            let table = if (200..300).contains(&status) {
                Table::parse(&body)
            } else {
                None
            };
            table.ok_or_else(|| Failure::from_answer(status, &body, request_id, retry_after))
        }
        Err(TransportError::Timeout) => Err(Failure::without_answer(FailureKind::Timeout)),
        Err(TransportError::Unreachable) if online => {
            Err(Failure::without_answer(FailureKind::Unreachable))
        }
        Err(TransportError::Unreachable) => Err(Failure::without_answer(FailureKind::Offline)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_carry_their_parameters() {
        assert_eq!(
            endpoint("flights_period", &[]),
            "/v0/pipes/flights_period.json"
        );
        assert_eq!(
            endpoint(
                "top_destinations",
                &[("date_from", "2026-11-01".into()), ("limit", "8".into())]
            ),
            "/v0/pipes/top_destinations.json?date_from=2026-11-01&limit=8"
        );
    }

    #[test]
    fn no_answer_is_offline_only_when_the_browser_says_so() {
        let kind = |error, online| read(Err(error), online).unwrap_err().kind;
        assert_eq!(
            kind(TransportError::Unreachable, true),
            FailureKind::Unreachable
        );
        assert_eq!(
            kind(TransportError::Unreachable, false),
            FailureKind::Offline
        );
        assert_eq!(kind(TransportError::Timeout, true), FailureKind::Timeout);
    }

    #[test]
    fn only_a_good_status_is_read_as_rows() {
        let answer = |status| TransportResponse {
            status,
            request_id: Some("r".into()),
            retry_after: None,
            body: r#"{"meta":[],"data":[]}"#.into(),
        };
        assert_eq!(read(Ok(answer(200)), true).unwrap().rows, 0);
        assert_eq!(
            read(Ok(answer(500)), true).unwrap_err().kind,
            FailureKind::ServerFault
        );
    }
}
