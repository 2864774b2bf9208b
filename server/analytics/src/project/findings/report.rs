//! What a check found, as text for people: each finding with the line it
//! stands in and a caret under the place.

use std::collections::BTreeMap;
use std::fmt;

use crate::project::files::source::SourceFile;
use datafile::{Diagnostic, Severity};

/// The outcome of checking a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Everything found, by file and position.
    pub found: Vec<Diagnostic>,
    /// How much was checked.
    pub extent: Extent,
    /// The files' texts, for excerpts.
    sources: BTreeMap<String, String>,
}

/// How much a check covered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Data sources whose files were read.
    pub data_sources: usize,
    /// Pipes whose files were read.
    pub pipes: usize,
    /// Nodes that the engine's planner took.
    pub planned_nodes: usize,
    /// Nodes that were parsed but not planned: with stand-ins for their
    /// parameters the engine refused values, not the SQL.
    pub parsed_nodes: usize,
    /// Whether an engine took part.
    pub with_engine: bool,
    /// Whether the engine waits for the files to be right.
    pub awaits_files: bool,
}

impl Report {
    pub(in crate::project) fn new(files: &[SourceFile], found: Vec<Diagnostic>) -> Self {
        let source = |file: &SourceFile| (file.path.clone(), file.text.clone());
        let mut report = Self {
            sources: files.iter().map(source).collect(),
            ..Self::default()
        };
        report.add(found);
        report
    }

    /// Adds findings, each once and in order.
    pub(in crate::project) fn add(&mut self, found: Vec<Diagnostic>) {
        for diagnostic in found {
            if !self.found.contains(&diagnostic) {
                self.found.push(diagnostic);
            }
        }
        let key =
            |diagnostic: &Diagnostic| (diagnostic.file.clone(), diagnostic.line, diagnostic.column);
        self.found.sort_by_key(key);
    }

    /// Whether the project can be served.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    fn count(&self, severity: Severity) -> usize {
        self.found
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    }

    fn excerpt(&self, diagnostic: &Diagnostic) -> Option<Excerpt<'_>> {
        let line = usize::try_from(diagnostic.line).ok()?.checked_sub(1)?;
        let text = self.sources.get(&diagnostic.file)?.lines().nth(line)?;
        let column = usize::try_from(diagnostic.column).ok()?.saturating_sub(1);
        Some(Excerpt {
            number: diagnostic.line,
            text,
            column,
        })
    }
}

/// A line of a file and the character to point at, from 0.
struct Excerpt<'text> {
    number: u32,
    text: &'text str,
    column: usize,
}

impl Excerpt<'_> {
    /// White space up to the place (tabs stay tabs, so that carets line up)
    /// and carets under the word there.
    fn carets(&self) -> String {
        let blank = |character: char| if character == '\t' { '\t' } else { ' ' };
        let before: String = self.text.chars().take(self.column).map(blank).collect();
        let is_word = |character: &char| character.is_alphanumeric() || *character == '_';
        let width = self
            .text
            .chars()
            .skip(self.column)
            .take_while(is_word)
            .count()
            .max(1);
        format!("{before}{}", "^".repeat(width))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.found {
            let Diagnostic {
                file,
                line,
                column,
                message,
                help,
                severity,
            } = diagnostic;
            let margin = " ".repeat(line.to_string().len());
            writeln!(formatter, "{severity}: {message}")?;
            writeln!(formatter, "{margin}--> {file}:{line}:{column}")?;
            if let Some(excerpt) = self.excerpt(diagnostic) {
                writeln!(formatter, "{margin} |")?;
                writeln!(formatter, "{} | {}", excerpt.number, excerpt.text)?;
                writeln!(formatter, "{margin} | {}", excerpt.carets())?;
            }
            if let Some(help) = help {
                writeln!(formatter, "{margin} = help: {help}")?;
            }
            writeln!(formatter)?;
        }
        self.summary(formatter)
    }
}

impl Report {
    fn summary(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Extent {
            data_sources,
            pipes,
            planned_nodes,
            parsed_nodes,
            with_engine,
            awaits_files,
        } = self.extent;
        let plural =
            |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        write!(
            formatter,
            "{}, {}",
            plural(data_sources, "data source"),
            plural(pipes, "pipe")
        )?;
        if with_engine {
            write!(
                formatter,
                ", {} planned by the engine",
                plural(planned_nodes, "node")
            )?;
            if parsed_nodes > 0 {
                write!(formatter, ", {} parsed only", plural(parsed_nodes, "node"))?;
            }
        }
        let errors = plural(self.count(Severity::Error), "error");
        write!(
            formatter,
            ": {errors}, {}",
            plural(self.count(Severity::Warning), "warning")
        )?;
        match awaits_files {
            true => write!(formatter, "; the SQL is checked once these are mended"),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafile::Position;

    #[test]
    fn a_finding_shows_its_line_with_carets_under_the_word() {
        let file = SourceFile {
            path: "a.pipe".to_owned(),
            text: "NODE a\nSQL >\n\tSELECT nope\n".to_owned(),
        };
        let position = Position { line: 3, column: 9 };
        let found =
            vec![Diagnostic::error("a.pipe", position, "no column `nope`").help("name another")];
        let report = Report::new(&[file], found);
        assert!(!report.is_good());
        assert_eq!(
            report.to_string(),
            "error: no column `nope`\n --> a.pipe:3:9\n  |\n3 | \tSELECT nope\n  | \t       ^^^^\n  = help: name another\n\n\
             0 data sources, 0 pipes: 1 error, 0 warnings"
        );
    }

    #[test]
    fn a_place_past_the_file_has_no_excerpt() {
        let found = vec![Diagnostic::warning(
            "gone",
            Position { line: 9, column: 9 },
            "hm",
        )];
        let report = Report::new(&[], found);
        assert!(report.is_good());
        assert!(
            report
                .to_string()
                .starts_with("warning: hm\n --> gone:9:9\n\n")
        );
    }
}
