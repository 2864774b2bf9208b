//! Values of entries: quotes, comments, `$VARIABLES` and secrets.
//!
//! `"…"` and `'…'` hold words together, `#` begins a comment, `$NAME` and
//! `${NAME}` stand for variables (`$$` for a dollar), `{{ tb_secret("name") }}`
//! for a secret. What a variable or secret holds is text: its quotes and
//! hashes mean nothing.

use super::diagnostic::Findings;
use super::position::{Fragment, Position};
use super::syntax::{Entry, Value};
use super::variables::Variables;

/// What happens to `{{ tb_secret(…) }}` in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrets {
    /// The secret's value is put in.
    Filled,
    /// It stays as written: the value is kept but never used.
    Kept,
    /// It is an error, for values that are shown or stored in clear.
    Refused,
}

/// A value, read.
#[derive(Debug)]
pub(crate) struct Text {
    /// Everything; without its quotes if one pair encloses it all.
    pub(crate) whole: Fragment,
    /// The words, without their quotes.
    pub(crate) words: Vec<Fragment>,
}

/// Reads values of one file.
#[derive(Debug)]
pub(crate) struct Values<'run> {
    pub(crate) variables: &'run Variables,
}

impl Values<'_> {
    /// Reads an entry's value as words.
    pub(crate) fn text(
        &self,
        entry: &Entry,
        secrets: Secrets,
        findings: &mut Findings<'_>,
    ) -> Text {
        let (Value::Inline(source) | Value::Block(source)) = &entry.value;
        let mut scanner = Scanner {
            source,
            variables: self.variables,
            secrets,
            findings,
            offset: 0,
            quote: None,
            whole: Fragment::empty(source.start()),
            word: None,
            words: Vec::new(),
            quoted_runs: 0,
            bare_characters: 0,
        };
        scanner.run();
        scanner.finish()
    }

    /// Reads prose: blocks as they are, their common indentation cut off, and
    /// lines without their quotes. Quotes need not pair.
    pub(crate) fn prose(&self, entry: &Entry) -> String {
        match &entry.value {
            Value::Block(block) => dedent(block),
            Value::Inline(line) => {
                let mut unheard = Findings::new("");
                let text = self.text(entry, Secrets::Kept, &mut unheard);
                if unheard.is_empty() {
                    text.whole.to_string()
                } else {
                    line.to_string()
                }
            }
        }
    }
}

/// The lines of a block without the indentation they share and without empty
/// lines at both ends.
pub(crate) fn dedent(block: &str) -> String {
    let indent_of = |line: &str| line.len() - line.trim_start().len();
    let common = block
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(indent_of)
        .min();
    let lines: Vec<&str> = block
        .lines()
        .map(|line| line.get(common.unwrap_or(0)..).unwrap_or(line).trim_end())
        .collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// The items of a list that commas or line ends separate, without quotes.
pub(crate) fn list_items(list: &str) -> Vec<String> {
    let bare = |item: &str| item.trim().trim_matches(['"', '\'']).trim().to_owned();
    list.split([',', '\n'])
        .map(bare)
        .filter(|item| !item.is_empty())
        .collect()
}

struct Scanner<'run, 'file> {
    source: &'run Fragment,
    variables: &'run Variables,
    secrets: Secrets,
    findings: &'run mut Findings<'file>,
    offset: usize,
    /// The open quote and where it was opened.
    quote: Option<(char, Position)>,
    whole: Fragment,
    word: Option<Fragment>,
    words: Vec<Fragment>,
    quoted_runs: usize,
    bare_characters: usize,
}

impl Scanner<'_, '_> {
    fn run(&mut self) {
        while let Some(character) = self.rest().chars().next() {
            if self.rest().starts_with("{{") {
                self.template();
            } else if character == '$' {
                self.variable();
            } else if let Some((quote, _)) = self.quote {
                self.quoted_character(character, quote);
            } else {
                self.bare_character(character);
            }
        }
    }

    fn finish(mut self) -> Text {
        if let Some((quote, position)) = self.quote {
            self.findings.error(
                position,
                format!("the quote {quote} is not closed"),
                "close it on the same line",
            );
        }
        self.end_word();
        let enclosed = self.quoted_runs == 1 && self.bare_characters == 0 && self.words.len() == 1;
        let whole = if enclosed {
            self.words[0].clone()
        } else {
            self.whole.trim()
        };
        Text {
            whole,
            words: self.words,
        }
    }

    fn rest(&self) -> &str {
        &self.source.as_str()[self.offset..]
    }

    fn here(&self) -> Position {
        self.source.position(self.offset)
    }

    fn quoted_character(&mut self, character: char, quote: char) {
        let escaped = self.rest()[character.len_utf8()..].chars().next();
        if character == quote {
            self.quote = None;
            self.push_whole(character);
        } else if let ('\\', '"', Some(next @ ('"' | '\\'))) = (character, quote, escaped) {
            self.push_whole(character);
            self.push_both(next);
        } else {
            self.push_both(character);
        }
    }

    fn bare_character(&mut self, character: char) {
        match character {
            '\'' | '"' => {
                self.quote = Some((character, self.here()));
                self.quoted_runs += 1;
                self.open_word();
                self.push_whole(character);
            }
            '#' if self.word.is_none() => {
                let line_end = self.rest().find('\n').unwrap_or(self.rest().len());
                self.offset += line_end;
            }
            _ if character.is_whitespace() => {
                self.end_word();
                self.push_whole(character);
            }
            _ => {
                self.bare_characters += 1;
                self.push_both(character);
            }
        }
    }

    fn variable(&mut self) {
        let rest = &self.rest()[1..];
        let (name, length) = match rest.strip_prefix('{') {
            Some(inner) => match inner.find('}') {
                Some(end) => (&inner[..end], end + 3),
                None => ("", 0),
            },
            None => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                let name = &rest[..end.unwrap_or(rest.len())];
                (name, name.len() + 1)
            }
        };
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if rest.starts_with('$') {
            self.put("$", 2);
        } else if !is_name {
            self.put("$", 1);
        } else if self.variables.refuses_environment {
            let message = format!(
                "${name} cannot be read: files that come over HTTP see nothing of the server's environment"
            );
            self.findings.error(
                self.here(),
                message,
                "write the value itself or {{ tb_secret(\"name\") }}, or write $$ for a dollar",
            );
            let written = self.rest()[..length].to_owned();
            self.put(&written, length);
        } else if let Some(value) = self.variables.environment.get(name) {
            self.put(&value.clone(), length);
        } else {
            let message = format!("the variable ${name} is not set and stays as written");
            self.findings.warning(
                self.here(),
                message,
                "set it in the environment, or write $$ for a dollar",
            );
            let written = self.rest()[..length].to_owned();
            self.put(&written, length);
        }
    }

    fn template(&mut self) {
        let Some(end) = self.rest().find("}}") else {
            self.findings.error(
                self.here(),
                "`{{` is not closed",
                "close it with `}}` on the same line",
            );
            self.offset = self.source.len();
            return;
        };
        let written = self.rest()[..end + 2].to_owned();
        let value = match (parse_secret(&written[2..end]), self.secrets) {
            (None, _) => {
                let message = format!("`{written}` is no secret");
                self.findings.error(
                    self.here(),
                    message,
                    "only {{ tb_secret(\"name\") }} and {{ tb_secret(\"name\", \"default\") }} can be used here",
                );
                None
            }
            (Some(_), Secrets::Kept) => Some(written.clone()),
            (Some(_), Secrets::Refused) => {
                self.findings.error(
                    self.here(),
                    "a secret cannot be used here",
                    "write the value itself",
                );
                None
            }
            (Some(secret), Secrets::Filled) => self.secret(secret),
        };
        self.put(&value.unwrap_or_default(), written.len());
    }

    fn secret(&mut self, secret: SecretCall) -> Option<String> {
        let value = self
            .variables
            .secrets
            .get(&secret.name)
            .cloned()
            .or(secret.default);
        if value.is_none() {
            let message = format!("the secret '{}' does not exist", secret.name);
            self.findings.error(
                self.here(),
                message,
                "create it, or give tb_secret a default as second argument",
            );
        }
        value
    }

    /// Adds text that stands for `length` bytes of the source.
    fn put(&mut self, text: &str, length: usize) {
        let position = self.here();
        self.open_word();
        self.bare_characters += usize::from(self.quote.is_none());
        self.whole.push(text, position);
        if let Some(word) = &mut self.word {
            word.push(text, position);
        }
        self.offset += length;
    }

    fn push_both(&mut self, character: char) {
        self.open_word();
        let position = self.here();
        if let Some(word) = &mut self.word {
            word.push(character.encode_utf8(&mut [0; 4]), position);
        }
        self.push_whole(character);
    }

    fn push_whole(&mut self, character: char) {
        let position = self.here();
        self.whole
            .push(character.encode_utf8(&mut [0; 4]), position);
        self.offset += character.len_utf8();
    }

    fn open_word(&mut self) {
        if self.word.is_none() {
            self.word = Some(Fragment::empty(self.here()));
        }
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }
}

/// A call of `tb_secret`.
#[derive(Debug, PartialEq, Eq)]
struct SecretCall {
    name: String,
    default: Option<String>,
}

/// Reads `tb_secret("name"[, ["default="]"value"])`.
fn parse_secret(expression: &str) -> Option<SecretCall> {
    let arguments = expression.trim().strip_prefix("tb_secret")?.trim_start();
    let arguments = arguments.strip_prefix('(')?.strip_suffix(')')?;
    let (name, rest) = parse_string(arguments)?;
    let rest = rest.trim();
    if rest.is_empty() {
        return Some(SecretCall {
            name,
            default: None,
        });
    }
    let default = rest.strip_prefix(',')?.trim_start();
    let default = match default.strip_prefix("default") {
        Some(after) => after.trim_start().strip_prefix('=')?,
        None => default,
    };
    let (default, rest) = parse_string(default)?;
    rest.trim().is_empty().then_some(SecretCall {
        name,
        default: Some(default),
    })
}

/// Reads a quoted string; returns it and what follows it.
fn parse_string(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    let quote = text
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))?;
    let (string, rest) = text[1..].split_once(quote)?;
    Some((string.to_owned(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, secrets: Secrets) -> (String, Vec<String>, Vec<String>) {
        let variables = Variables {
            environment: [("TTL".to_owned(), "30 # \"days".to_owned())].into(),
            secrets: [("group".to_owned(), "g'1".to_owned())].into(),
            ..Variables::default()
        };
        let entry = Entry {
            keyword: "X".to_owned(),
            position: Position::START,
            value: Value::Inline(Fragment::verbatim(line, Position { line: 4, column: 3 })),
        };
        let mut findings = Findings::new("f");
        let text = Values {
            variables: &variables,
        }
        .text(&entry, secrets, &mut findings);
        let found = findings.messages();
        (
            text.whole.to_string(),
            text.words.iter().map(ToString::to_string).collect(),
            found,
        )
    }

    #[test]
    fn quotes_hold_words_together_and_comments_end_the_value() {
        let (whole, words, found) = read(r#""read token" READ # for the app"#, Secrets::Filled);
        assert_eq!(whole, r#""read token" READ"#);
        assert_eq!(words, ["read token", "READ"]);
        assert!(found.is_empty());
        assert_eq!(read(r##""a # b""##, Secrets::Filled).0, "a # b");
        assert_eq!(read("a#b", Secrets::Filled).0, "a#b");
        assert_eq!(read(r#""a \"b\" \\""#, Secrets::Filled).0, r#"a "b" \"#);
    }

    #[test]
    fn expressions_keep_quotes_that_do_not_enclose_all() {
        let line = "toStartOfInterval(t, INTERVAL 1 day, 'UTC')";
        assert_eq!(read(line, Secrets::Filled).0, line);
    }

    #[test]
    fn variables_and_secrets_are_text() {
        assert_eq!(read("$TTL", Secrets::Filled).1, ["30 # \"days"]);
        assert_eq!(
            read("${TTL}x $$5 $ 1", Secrets::Filled).0,
            "30 # \"daysx $5 $ 1"
        );
        assert_eq!(
            read(r#""x{{ tb_secret("group") }}y""#, Secrets::Filled).0,
            "xg'1y"
        );
        assert_eq!(read("{{tb_secret('none', 'd')}}", Secrets::Filled).0, "d");
        assert_eq!(
            read(r#"{{ tb_secret("none", default="d") }}"#, Secrets::Filled).0,
            "d"
        );
        assert_eq!(
            read("{{tb_secret('group')}}", Secrets::Kept).0,
            "{{tb_secret('group')}}"
        );
    }

    #[test]
    fn a_file_that_may_not_read_the_environment_is_refused_whether_or_not_the_name_is_set() {
        let mut variables = Variables {
            refuses_environment: true,
            ..Variables::default()
        };
        for environment in [None, Some(("TTL".to_owned(), "30".to_owned()))] {
            variables.environment.extend(environment);
            let source = Fragment::verbatim("a ${TTL} b", Position::START);
            let entry = Entry {
                keyword: "X".to_owned(),
                position: Position::START,
                value: Value::Inline(source),
            };
            let mut findings = Findings::new("f");
            let values = Values {
                variables: &variables,
            };
            let text = values.text(&entry, Secrets::Filled, &mut findings);
            assert_eq!(text.whole.to_string(), "a ${TTL} b");
            assert!(findings.has_errors());
        }
    }

    #[test]
    fn what_cannot_be_filled_is_found() {
        assert_eq!(read("$NOPE", Secrets::Filled).0, "$NOPE");
        assert_eq!(read("$NOPE", Secrets::Filled).2.len(), 1);
        for line in [
            "'open",
            "{{ other() }}",
            "{{ tb_secret('none') }}",
            "{{ tb_secret('a'",
        ] {
            assert_eq!(read(line, Secrets::Filled).2.len(), 1, "{line}");
        }
        assert_eq!(
            read("{{ tb_secret('group') }}", Secrets::Refused).2.len(),
            1
        );
    }

    #[test]
    fn prose_loses_the_indentation_its_lines_share() {
        assert_eq!(dedent("\n    one\n\n      two\n"), "one\n\n  two");
        assert_eq!(dedent(""), "");
    }
}
