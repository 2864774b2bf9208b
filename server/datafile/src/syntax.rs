//! From lines to entries: the first step of reading a datafile.
//!
//! A line that begins with a keyword is an entry. `KEYWORD >` opens a block
//! that ends at the next line that begins, unindented, with a keyword of this
//! kind of file. What the values mean is not known here.

use super::diagnostic::Findings;
use super::keywords::{Grammar, KeywordStatus};
use super::position::{Fragment, Position};

/// A keyword with its value.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The keyword in upper case.
    pub(crate) keyword: String,
    /// Where the keyword stands.
    pub(crate) position: Position,
    /// What follows it.
    pub(crate) value: Value,
}

/// What follows a keyword.
#[derive(Debug)]
pub(crate) enum Value {
    /// The rest of the line, as written.
    Inline(Fragment),
    /// The lines after `KEYWORD >`, as written.
    Block(Fragment),
}

/// Reads a file's entries; whatever is no entry becomes a finding.
pub(crate) fn read_entries(
    text: &str,
    grammar: &Grammar,
    findings: &mut Findings<'_>,
) -> Vec<Entry> {
    let mut reader = Reader {
        grammar,
        findings,
        entries: Vec::new(),
        block: None,
        given: None,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 0;
    for content in text.split_inclusive('\n') {
        line += 1;
        reader.line(content, line);
    }
    reader.close_block();
    reader.entries
}

struct Reader<'run, 'file> {
    grammar: &'run Grammar,
    findings: &'run mut Findings<'file>,
    entries: Vec<Entry>,
    block: Option<OpenBlock>,
    /// The reason last given for reading over a keyword.
    given: Option<&'static str>,
}

/// A block whose end is not yet seen.
struct OpenBlock {
    keyword: String,
    position: Position,
    text: String,
    first_line: u32,
}

impl Reader<'_, '_> {
    fn line(&mut self, content: &str, line: u32) {
        let first_word = leading_word(content);
        let begins_entry = !first_word.is_empty()
            && self
                .grammar
                .status(&first_word.to_ascii_uppercase())
                .is_some();
        if !begins_entry && let Some(block) = &mut self.block {
            block.text.push_str(content);
            return;
        }
        let trimmed = content.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return;
        }
        self.close_block();
        let indent = content.len() - trimmed.len();
        let position = Position { line, column: 1 }.right(content[..indent].chars().count());
        self.entry(trimmed, position);
    }

    /// Takes a line, its indentation cut off, that must begin with a keyword.
    fn entry(&mut self, content: &str, position: Position) {
        let word = leading_word(content);
        let keyword = word.to_ascii_uppercase();
        match self.grammar.status(&keyword) {
            None => return self.unknown(content, &keyword, position),
            Some(KeywordStatus::Refused(help)) => {
                let message = match keyword.as_str() {
                    "INCLUDE" => "INCLUDE is not supported yet".to_owned(),
                    _ => self.not_an_option(&keyword),
                };
                self.findings.error(position, message, help);
                return self.skip_value(content, word, position);
            }
            Some(KeywordStatus::Ignored(reason)) => {
                // A group such as ENGINE and its keys is told of once.
                if self.given.replace(reason) != Some(reason) {
                    let message = format!("{keyword} is ignored");
                    self.findings.warning(position, message, reason);
                }
                return self.skip_value(content, word, position);
            }
            Some(KeywordStatus::Known) => {}
        }
        if position.column > 1 {
            self.findings.warning(
                position,
                format!("{keyword} is indented"),
                "put keywords at the beginning of the line: below a block an indented one is read as the block's text",
            );
        }
        self.value(keyword, word.len(), content, position);
    }

    fn value(&mut self, keyword: String, keyword_length: usize, content: &str, position: Position) {
        if opens_block(&content[keyword_length..]) {
            self.block = Some(OpenBlock {
                keyword,
                position,
                text: String::new(),
                first_line: position.line.saturating_add(1),
            });
            return;
        }
        let rest = Fragment::verbatim(content, position)
            .slice(keyword_length..content.len())
            .trim();
        self.entries.push(Entry {
            keyword,
            position,
            value: Value::Inline(rest),
        });
    }

    /// A keyword that is not taken may open a block all the same.
    fn skip_value(&mut self, content: &str, word: &str, position: Position) {
        if opens_block(&content[word.len()..]) {
            self.block = Some(OpenBlock {
                keyword: String::new(),
                position,
                text: String::new(),
                first_line: position.line.saturating_add(1),
            });
        }
    }

    fn unknown(&mut self, content: &str, keyword: &str, position: Position) {
        if keyword.is_empty() {
            self.findings.error(
                position,
                "this line does not begin with a keyword",
                "begin it with a keyword, or with # to make it a comment; the lines of a block follow `KEYWORD >`",
            );
            return;
        }
        let help = match self.grammar.nearest(keyword) {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => {
                "take the line out; what a file may hold is in docs/compatibility.md".to_owned()
            }
        };
        let message = self.not_an_option(keyword);
        self.findings.error(position, message, &help);
        self.skip_value(content, leading_word(content), position);
    }

    fn not_an_option(&self, keyword: &str) -> String {
        format!(
            "{keyword} is not a valid option in {} files",
            self.grammar.file_kind
        )
    }

    fn close_block(&mut self) {
        let Some(block) = self.block.take() else {
            return;
        };
        if block.keyword.is_empty() {
            return;
        }
        let first = Position {
            line: block.first_line,
            column: 1,
        };
        let text = match block.text.is_empty() {
            true => Fragment::empty(block.position),
            false => Fragment::verbatim(&block.text, first),
        };
        self.entries.push(Entry {
            keyword: block.keyword,
            position: block.position,
            value: Value::Block(text),
        });
    }
}

/// The word a text begins with; empty if it begins with anything else.
fn leading_word(text: &str) -> &str {
    let end = text
        .find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    match rest.chars().next() {
        None | Some('>') => word,
        Some(character) if character.is_whitespace() => word,
        Some(_) => "",
    }
}

/// Whether what follows a keyword is `>` alone, perhaps with a comment.
fn opens_block(rest: &str) -> bool {
    rest.trim_start().strip_prefix('>').is_some_and(|after| {
        let after = after.trim();
        after.is_empty() || after.starts_with('#')
    })
}
