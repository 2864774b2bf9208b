//! An answer as it is compared: status, headers and body, without the times.

use http::HeaderMap;

use super::Topic;

/// Members that say what a query took.
const TAKEN: [&str; 5] = [
    "\"rows_read\"",
    "\"bytes_read\"",
    "\"read_rows\"",
    "\"read_bytes\"",
    "\"total_rows_to_read\"",
];

/// Everything that the tenant gets to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut headers: Vec<(String, String)> = headers
            .iter()
            .filter(|(name, _)| name.as_str() != "date" && name.as_str() != "content-length")
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                (name.as_str().to_owned(), without_times(&value))
            })
            .collect();
        headers.sort();
        let body = match std::str::from_utf8(body) {
            Ok(text) => without_times(text).into_bytes(),
            Err(_) => body.to_vec(),
        };
        Self {
            status,
            headers,
            body,
        }
    }

    /// What counts of it while something is open.
    pub(super) fn shown(&self, is_open: &dyn Fn(Topic) -> bool) -> Self {
        let mut shown = self.clone();
        if is_open(Topic::Errors) && self.status >= 400 {
            shown.body.clear();
        }
        if is_open(Topic::Statistics) {
            shown.headers.retain(|(name, _)| name != "x-tb-statistics");
            if let Ok(text) = std::str::from_utf8(&shown.body) {
                let without = TAKEN
                    .iter()
                    .fold(text.to_owned(), |text, name| without(&text, name));
                let is_told = |line: &&str| !line.starts_with("{\"progress\"");
                let kept: Vec<&str> = without.split('\n').filter(is_told).collect();
                shown.body = kept.join("\n").into_bytes();
            }
        }
        shown
    }

    /// Whether it is the other but for the order of its lines.
    pub(super) fn has_the_rows_of(&self, other: &Self) -> bool {
        let lines = |answer: &Self| {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            let lines = text
                .lines()
                .map(|line| line.trim_end_matches(',').to_owned());
            let mut lines: Vec<String> = lines.collect();
            lines.sort();
            lines
        };
        self.status == other.status && self.headers == other.headers && lines(self) == lines(other)
    }

    /// Bytes of its body.
    pub(super) fn length(&self) -> usize {
        self.body.len()
    }

    /// Whether it is an answer with rows in it, as far as that is seen.
    pub(super) fn is_rows(&self) -> bool {
        self.status == 200 && !self.body.is_empty()
    }
}

impl Answer {
    /// What it says beside another: its status and body, and the headers that
    /// the other has not.
    pub(super) fn beside(&self, other: &Self) -> String {
        let own = self
            .headers
            .iter()
            .filter(|header| !other.headers.contains(header));
        let own: Vec<String> = own
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect();
        let body = String::from_utf8_lossy(&self.body);
        format!("{}\n{}{body}", self.status, own.concat())
    }
}

/// The text without the numbers of members whose names begin so.
fn without(text: &str, name: &str) -> String {
    let mut parts = text.split(name);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_time =
            |character: char| character.is_ascii_digit() || "_ns\\\": .e-+".contains(character);
        kept.push_str(name);
        kept.push_str(part.trim_start_matches(is_time));
    }
    kept
}

/// The text without the values of members whose names begin with `elapsed`.
fn without_times(text: &str) -> String {
    without(text, "\"elapsed")
}
