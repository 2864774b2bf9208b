//! What is wrong with a project, where, and how to mend it.

use std::fmt;

use super::position::Position;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The project works, but not as its author may expect.
    Warning,
    /// The project cannot be served.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// One finding in a datafile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as a path relative to the project.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The character within the line, from 1.
    pub column: u32,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to change.
    pub help: Option<String>,
    /// Whether the project can be served nevertheless.
    pub severity: Severity,
}

impl Diagnostic {
    /// Something that keeps the project from being served.
    #[must_use]
    pub fn error(file: &str, position: Position, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: position.line,
            column: position.column,
            message: message.into(),
            help: None,
            severity: Severity::Error,
        }
    }

    /// Something its author should know.
    #[must_use]
    pub fn warning(file: &str, position: Position, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(file, position, message)
        }
    }

    /// Adds what to change.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether it keeps the project from being served.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            message,
            help,
            severity,
        } = self;
        write!(formatter, "{file}:{line}:{column}: {severity}: {message}")?;
        match help {
            Some(help) => write!(formatter, " (help: {help})"),
            None => Ok(()),
        }
    }
}

/// Collects the findings of one file, so that all are reported at once.
#[derive(Debug)]
pub(crate) struct Findings<'file> {
    file: &'file str,
    found: Vec<Diagnostic>,
}

impl<'file> Findings<'file> {
    pub(crate) fn new(file: &'file str) -> Self {
        Self {
            file,
            found: Vec::new(),
        }
    }

    /// Notes an error and how to mend it.
    pub(crate) fn error(&mut self, position: Position, message: impl Into<String>, help: &str) {
        self.found
            .push(Diagnostic::error(self.file, position, message).help(help));
    }

    /// Notes a warning and what it means for the project.
    pub(crate) fn warning(&mut self, position: Position, message: impl Into<String>, help: &str) {
        self.found
            .push(Diagnostic::warning(self.file, position, message).help(help));
    }

    /// Another collection for the same file.
    pub(crate) fn fork(&self) -> Self {
        Self::new(self.file)
    }

    /// Takes over what another collection found above a line.
    pub(crate) fn absorb_above(&mut self, line: u32, other: Self) {
        self.found.extend(
            other
                .found
                .into_iter()
                .filter(|diagnostic| diagnostic.line < line),
        );
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether any of it keeps the file from being served.
    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(Diagnostic::is_error)
    }

    #[cfg(test)]
    pub(crate) fn messages(self) -> Vec<String> {
        self.found
            .into_iter()
            .map(|diagnostic| diagnostic.message)
            .collect()
    }

    /// The value with its warnings, or, if there is any error, everything found.
    pub(crate) fn conclude<Model>(
        mut self,
        model: Option<Model>,
    ) -> Result<(Model, Vec<Diagnostic>), Vec<Diagnostic>> {
        self.found
            .sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        match model {
            Some(model) if !self.found.iter().any(Diagnostic::is_error) => Ok((model, self.found)),
            _ => Err(self.found),
        }
    }
}
