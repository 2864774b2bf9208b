//! What a run of tests tells, in the words of `cargo test`.

use std::fmt;
use std::time::Duration;

/// Something that happened while the tests ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A fixture was loaded.
    Loaded {
        /// Into this data source.
        data_source: String,
        /// So many rows.
        rows: u64,
        /// What became of others.
        note: Option<String>,
    },
    /// A file of tests was passed over.
    Skipped {
        /// The file, relative to the project.
        file: String,
        /// Why.
        reason: String,
    },
    /// A case was answered as expected.
    Passed {
        /// `pipe::case`
        name: String,
        /// What differs without counting.
        note: Option<String>,
    },
    /// A case was answered otherwise; [`Summary`] tells how.
    Failed {
        /// `pipe::case`
        name: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded {
                data_source,
                rows,
                note,
            } => {
                write!(formatter, "loaded {rows} rows into {data_source}")?;
                match note {
                    Some(note) => write!(formatter, ", but {note}"),
                    None => Ok(()),
                }
            }
            Self::Skipped { file, reason } => write!(formatter, "skipped {file}: {reason}"),
            Self::Passed { name, note: None } => write!(formatter, "test {name} ... ok"),
            Self::Passed {
                name,
                note: Some(note),
            } => write!(formatter, "test {name} ... ok, but {note}"),
            Self::Failed { name } => write!(formatter, "test {name} ... FAILED"),
        }
    }
}

/// A case that was not answered as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `pipe::case`
    pub name: String,
    /// How the answer differs.
    pub message: String,
}

/// What came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Cases answered as expected.
    pub passed: usize,
    /// Cases left out by the filter.
    pub filtered: usize,
    /// Cases answered otherwise.
    pub failures: Vec<Failure>,
    /// How long everything took.
    pub elapsed: Duration,
}

impl Summary {
    /// Whether no case failed.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.failures.is_empty()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.failures.is_empty() {
            writeln!(formatter, "\nfailures:\n")?;
            for Failure { name, message } in &self.failures {
                writeln!(formatter, "---- {name} ----\n{message}\n")?;
            }
        }
        let result = if self.is_success() { "ok" } else { "FAILED" };
        write!(
            formatter,
            "\ntest result: {result}. {} passed; {} failed; {} filtered out; finished in {:.2}s",
            self.passed,
            self.failures.len(),
            self.filtered,
            self.elapsed.as_secs_f64()
        )
    }
}

/// Shows where two texts begin to differ, and both.
pub(super) fn difference(expected: &str, actual: &str) -> String {
    let same = expected
        .lines()
        .zip(actual.lines())
        .take_while(|(left, right)| left == right)
        .count();
    let at_line = |text: &str| match text.lines().nth(same) {
        Some(line) => format!("`{line}`"),
        None if text.is_empty() => "nothing".to_owned(),
        None if text.ends_with('\n') => "the end".to_owned(),
        None => "the end, without a line break".to_owned(),
    };
    format!(
        "line {}: expected {}, got {}\nexpected:\n{expected}\ngot:\n{actual}",
        same + 1,
        at_line(expected),
        at_line(actual),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_its_first_line() {
        let first = |expected, actual| {
            difference(expected, actual)
                .lines()
                .next()
                .map(str::to_owned)
        };
        assert_eq!(
            first("a\nb\n", "a\nc\n"),
            Some("line 2: expected `b`, got `c`".into())
        );
        assert_eq!(
            first("a\n", "a\nc\n"),
            Some("line 2: expected the end, got `c`".into())
        );
        assert_eq!(
            first("a", "a\n"),
            Some("line 2: expected the end, without a line break, got the end".into())
        );
        assert_eq!(
            first("a\n", ""),
            Some("line 1: expected `a`, got nothing".into())
        );
    }

    #[test]
    fn a_summary_reads_like_cargos() {
        let mut summary = Summary {
            passed: 2,
            elapsed: Duration::from_millis(1234),
            ..Summary::default()
        };
        let ok = "\ntest result: ok. 2 passed; 0 failed; 0 filtered out; finished in 1.23s";
        assert_eq!(summary.to_string(), ok);
        summary.failures.push(Failure {
            name: "a::b".into(),
            message: "line 1".into(),
        });
        assert!(
            summary
                .to_string()
                .starts_with("\nfailures:\n\n---- a::b ----\nline 1\n")
        );
        assert!(!summary.is_success());
    }
}
