//! Fetching the file of an import from an address, where the operator allows
//! its host.

use std::time::Duration;

use axum::body::Bytes;
use futures::TryStreamExt as _;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use service::ApiError;

/// How long a file may take, and how long its server may say nothing.
const LONGEST: Duration = Duration::from_secs(600);
const SILENCE: Duration = Duration::from_secs(30);

/// Fetches from some hosts, following redirects between them only.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    client: Client,
    hosts: Vec<String>,
    most_bytes: usize,
}

impl Fetcher {
    /// Fetches files of at most `most_bytes` from `hosts`: `host`, or
    /// `host:port` where it is not the scheme's own.
    pub(crate) fn new(hosts: &[String], most_bytes: usize) -> Result<Self, reqwest::Error> {
        let allowed = hosts.to_vec();
        let redirects = Policy::custom(move |attempt| {
            if attempt.previous().len() < 5 && is_allowed(&allowed, attempt.url()) {
                attempt.follow()
            } else {
                attempt.stop()
            }
        });
        let client = Client::builder()
            .redirect(redirects)
            .timeout(LONGEST)
            .read_timeout(SILENCE)
            .build()?;
        Ok(Self {
            client,
            hosts: hosts.to_vec(),
            most_bytes,
        })
    }

    /// The address, if its host is one of them.
    pub(crate) fn check(&self, url: &str) -> Result<Url, ApiError> {
        if self.hosts.is_empty() {
            let message = "the server fetches nothing from addresses: send the file itself, or \
                           name the host in `analytics.import_hosts`";
            return Err(ApiError::bad_request("url_not_available", message));
        }
        let parsed = Url::parse(url).ok();
        parsed
            .filter(|url| is_allowed(&self.hosts, url))
            .ok_or_else(|| {
                let message = "the server does not fetch from this address: its host is none of \
                               `analytics.import_hosts`";
                ApiError::bad_request("url_not_allowed", message)
            })
    }

    /// The file at an address.
    pub(crate) async fn fetch(&self, url: &str) -> Result<Bytes, ApiError> {
        let url = self.check(url)?;
        let answer = self.client.get(url).send().await.map_err(unfetched)?;
        if !answer.status().is_success() {
            let message = format!("the address answered {} and no file", answer.status());
            return Err(ApiError::bad_request("url_unreadable", message));
        }
        let mut file = Vec::new();
        let mut parts = answer.bytes_stream();
        while let Some(part) = parts.try_next().await.map_err(unfetched)? {
            if file.len() + part.len() > self.most_bytes {
                let limit = self.most_bytes;
                return Err(crate::ingest::IngestError::TooLarge { limit }.into());
            }
            file.extend_from_slice(&part);
        }
        Ok(file.into())
    }
}

fn is_allowed(hosts: &[String], url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let with_port = url.port().map(|port| format!("{host}:{port}"));
    let named = with_port.as_deref().unwrap_or(host);
    let is_plain = url.username().is_empty() && url.password().is_none();
    is_plain
        && matches!(url.scheme(), "http" | "https")
        && hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(named))
}

/// The address itself may hold a secret, so it is left out of what is told.
fn unfetched(error: reqwest::Error) -> ApiError {
    let message = "the file cannot be fetched: its server does not answer, or breaks off";
    ApiError::bad_request("url_unreadable", message).with_cause(error.without_url())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_hosts_are_fetched_from() {
        let hosts = ["files.example".to_owned(), "127.0.0.1:8080".to_owned()];
        let fetcher = Fetcher::new(&hosts, 1000).unwrap();
        for url in [
            "https://files.example/rows.csv?signature=x",
            "http://FILES.example:80/rows.csv",
            "http://127.0.0.1:8080/",
        ] {
            assert!(fetcher.check(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "rows.csv",
            "file:///etc/passwd",
            "ftp://files.example/rows.csv",
            "https://files.example:444/",
            "https://files.example@evil.example/",
            "https://user@files.example/",
            "https://evil.example/files.example",
            "https://files.example.evil.example/",
            "http://127.0.0.1/",
            "http://127.0.0.1:8081/",
        ] {
            let error = fetcher.check(url).unwrap_err();
            assert_eq!(error.code(), "url_not_allowed", "{url}");
        }
        let none = Fetcher::new(&[], 1000).unwrap();
        let error = none.check("https://files.example/").unwrap_err();
        assert_eq!(error.code(), "url_not_available");
    }
}
