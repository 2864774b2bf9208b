//! Example requests, ready to be copied and run.

/// A language to show the request in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Fetch,
    Curl,
    Rust,
}

impl Language {
    pub(super) const ALL: [Self; 3] = [Self::Fetch, Self::Curl, Self::Rust];

    /// What the choice says.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Curl => "curl",
            Self::Rust => "Rust",
        }
    }

    /// The request in this language.
    pub(super) fn example(self, url: &str, token: &str) -> String {
        match self {
            Self::Fetch => format!(
                r#"const response = await fetch("{url}", {{
  headers: {{ Authorization: "Bearer {token}" }},
}});
const {{ data, statistics }} = await response.json();"#
            ),
            Self::Curl => format!(
                r#"curl --header "Authorization: Bearer {token}" \
  "{url}""#
            ),
            Self::Rust => format!(
                r#"let answer: serde_json::Value = reqwest::Client::new()
    .get("{url}")
    .bearer_auth("{token}")
    .send()
    .await?
    .error_for_status()?
    .json()
    .await?;"#
            ),
        }
    }
}

/// The start of a token, for reading.
pub(super) fn shortened(token: &str) -> String {
    match token.char_indices().nth(16) {
        Some((end, _)) => format!("{}…", &token[..end]),
        None => token.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_carries_the_address_and_the_token() {
        for language in Language::ALL {
            let example = language.example("http://localhost:7181/v0/pipes/a.json", "abc");
            assert!(
                example.contains("\"http://localhost:7181/v0/pipes/a.json\""),
                "{example}"
            );
            assert!(example.contains("abc"), "{example}");
        }
    }

    #[test]
    fn long_tokens_are_shortened_for_reading() {
        assert_eq!(
            shortened("eyJhbGciOiJIUzI1NiJ9.e30.c2ln"),
            "eyJhbGciOiJIUzI1…"
        );
        assert_eq!(shortened("short"), "short");
    }
}
