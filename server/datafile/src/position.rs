//! Where text stands in a file: positions, and pieces of text that remember
//! where each of their characters came from.
//!
//! A [`Fragment`] survives what reading a datafile does to text (quotes taken
//! off, variables put in, lines joined), so that an error found late, even by
//! the engine, still points into the file as its author wrote it.

use std::fmt;
use std::ops::Range;

/// A place in a text file; both numbers count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The character within the line, from 1.
    pub column: u32,
}

impl Position {
    /// The first character of a file.
    pub const START: Position = Position { line: 1, column: 1 };

    /// The place `characters` further on in the same line.
    pub(crate) fn right(self, characters: usize) -> Position {
        let distance = u32::try_from(characters).unwrap_or(u32::MAX);
        Position {
            line: self.line,
            column: self.column.saturating_add(distance),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}

/// A piece of a datafile's text. It reads like a `&str` and can say of each
/// byte at which line and column of the file it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct Fragment {
    text: String,
    /// Runs of text: the byte where each begins and that byte's place. Within
    /// a run the text is exactly the file's; every line begins a new run.
    runs: Vec<(usize, Position)>,
}

impl Fragment {
    /// Empty text at a place: a value that was left out.
    pub(crate) fn empty(position: Position) -> Self {
        Self {
            text: String::new(),
            runs: vec![(0, position)],
        }
    }

    /// Text that stands in the file as it is, from `start` on.
    pub(crate) fn verbatim(text: &str, start: Position) -> Self {
        let mut fragment = Self::empty(start);
        let mut line = start.line;
        for (index, piece) in text.split_inclusive('\n').enumerate() {
            let position = if index == 0 {
                start
            } else {
                Position { line, column: 1 }
            };
            fragment.push(piece, position);
            line = line.saturating_add(1);
        }
        fragment
    }

    /// Adds `piece`, which stands at `position` and keeps within one line.
    pub(crate) fn push(&mut self, piece: &str, position: Position) {
        if piece.is_empty() {
            return;
        }
        if self.text.is_empty() {
            self.runs.clear();
        }
        self.runs.push((self.text.len(), position));
        self.text.push_str(piece);
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the text begins.
    #[must_use]
    pub fn start(&self) -> Position {
        self.position(0)
    }

    /// The place of the character at byte `offset`; past the end, the place
    /// just after the last character.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let offset = self.text.floor_char_boundary(offset.min(self.text.len()));
        let run = self
            .runs
            .partition_point(|(start, _)| *start <= offset)
            .saturating_sub(1);
        let (start, position) = self.runs[run];
        position.right(self.text[start..offset].chars().count())
    }

    /// Where line `line` of the text begins, its indentation skipped; lines
    /// count from 1, and what is past the end counts as the last.
    #[must_use]
    pub fn line_start(&self, line: usize) -> Position {
        let mut offset = 0;
        for content in self.text.split_inclusive('\n').take(line.saturating_sub(1)) {
            offset += content.len();
        }
        let rest = &self.text[offset..];
        let indent = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        self.position(offset + indent)
    }

    /// The part in a range of bytes.
    pub(crate) fn slice(&self, range: Range<usize>) -> Fragment {
        let mut part = Self::empty(self.position(range.start));
        let first = self
            .runs
            .partition_point(|(start, _)| *start <= range.start)
            .saturating_sub(1);
        for (index, (start, _)) in self.runs.iter().enumerate().skip(first) {
            let next = self
                .runs
                .get(index + 1)
                .map_or(self.text.len(), |(next, _)| *next);
            let from = (*start).max(range.start);
            let to = next.min(range.end);
            if from >= to {
                break;
            }
            part.push(&self.text[from..to], self.position(from));
        }
        part
    }

    /// Without the white space on both ends.
    pub(crate) fn trim(&self) -> Fragment {
        let start = self.text.len() - self.text.trim_start().len();
        self.slice(start..start + self.text.trim().len())
    }
}

impl std::ops::Deref for Fragment {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Fragment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for Fragment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} at {}", self.text, self.start())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32) -> Position {
        Position { line, column }
    }

    #[test]
    fn verbatim_text_counts_lines_and_characters() {
        let fragment = Fragment::verbatim("één\ntwee\n", at(3, 5));
        assert_eq!(fragment.position(0), at(3, 5));
        assert_eq!(fragment.position("éé".len()), at(3, 7));
        assert_eq!(fragment.position("één\ntw".len()), at(4, 3));
        assert_eq!(
            fragment.position(1000),
            at(5, 1).min(fragment.position(1000))
        );
    }

    #[test]
    fn joined_pieces_keep_their_own_places() {
        let mut fragment = Fragment::empty(at(1, 1));
        fragment.push("left ", at(1, 10));
        fragment.push("right", at(7, 3));
        assert_eq!(fragment.position(2), at(1, 12));
        assert_eq!(fragment.position(6), at(7, 4));
        let part = fragment.slice(3..7);
        assert_eq!(
            (part.as_str(), part.position(0), part.position(3)),
            ("t ri", at(1, 13), at(7, 4))
        );
    }

    #[test]
    fn trimming_moves_the_start() {
        let trimmed = Fragment::verbatim("\n   a b  \n", at(1, 1)).trim();
        assert_eq!((trimmed.as_str(), trimmed.start()), ("a b", at(2, 4)));
        assert_eq!(Fragment::verbatim("  \n ", at(1, 1)).trim().as_str(), "");
    }
}
