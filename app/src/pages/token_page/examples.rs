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

    /// The request in this language: what stands before the token and what
    /// after it.
    pub(super) fn example(self, url: &str) -> [String; 2] {
        let (before, after) = match self {
            Self::Fetch => (
                format!("const response = await fetch(\"{url}\", {{\n  headers: {{ Authorization: \"Bearer "),
                "\" },\n});\nconst { data, statistics } = await response.json();".to_owned(),
            ),
            Self::Curl => {
                ("curl --header \"Authorization: Bearer ".to_owned(), format!("\" \\\n  \"{url}\""))
            }
            Self::Rust => (
                format!(
                    "let answer: serde_json::Value = reqwest::Client::new()\n    .get(\"{url}\")\n    .bearer_auth(\""
                ),
                "\")\n    .send()\n    .await?\n    .error_for_status()?\n    .json()\n    .await?;".to_owned(),
            ),
        };
        [before, after]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(language: Language) -> String {
        language
            .example("http://localhost:7181/v0/pipes/a.json")
            .join("abc")
    }

    #[test]
    fn every_example_carries_the_address_and_the_token() {
        for language in Language::ALL {
            let example = example(language);
            assert!(
                example.contains("\"http://localhost:7181/v0/pipes/a.json\""),
                "{example}"
            );
            assert!(example.contains("abc\""), "{example}");
        }
    }

    #[test]
    fn the_example_for_a_shell_is_one_command() {
        assert_eq!(
            example(Language::Curl),
            "curl --header \"Authorization: Bearer abc\" \\\n  \"http://localhost:7181/v0/pipes/a.json\""
        );
    }
}
