//! From ClickHouse's error text to [`EngineError`].

use super::EngineError;

/// ClickHouse's `TIMEOUT_EXCEEDED`: its own `max_execution_time` was reached.
const TIMEOUT_EXCEEDED: i32 = 159;
/// ClickHouse's `QUERY_WAS_CANCELLED`: somebody killed the query.
const QUERY_WAS_CANCELLED: i32 = 394;

/// ClickHouse's names for errors of the machine: files, disks, descriptors,
/// memory, and data that is damaged.
const OF_THE_MACHINE: [&str; 25] = [
    "NOT_ENOUGH_SPACE",
    "CANNOT_OPEN_FILE",
    "CANNOT_CLOSE_FILE",
    "CANNOT_FSYNC",
    "CANNOT_STAT",
    "CANNOT_STATVFS",
    "CANNOT_CREATE_DIRECTORY",
    "CANNOT_SEEK_THROUGH_FILE",
    "CANNOT_TRUNCATE_FILE",
    "CANNOT_READ_FROM_FILE_DESCRIPTOR",
    "CANNOT_WRITE_TO_FILE_DESCRIPTOR",
    "CANNOT_ALLOCATE_MEMORY",
    "CANNOT_MMAP",
    "CANNOT_PIPE",
    "CANNOT_SCHEDULE_TASK",
    "CANNOT_CREATE_TIMER",
    "CHECKSUM_DOESNT_MATCH",
    "CORRUPTED_DATA",
    "NO_FILE_IN_DATA_PART",
    "BAD_SIZE_OF_FILE_IN_DATA_PART",
    "UNEXPECTED_FILE_IN_DATA_PART",
    "NO_SUCH_DATA_PART",
    "FILE_DOESNT_EXIST",
    "EPOLL_ERROR",
    "SYSTEM_ERROR",
];

/// What is wrong with the machine when a statement fails through no fault of
/// its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The disk has no room.
    DiskFull,
    /// Files, descriptors, memory, or damaged data.
    Machine,
}

impl EngineError {
    /// The same without the engine's own text, which may show the values that
    /// are bound to a statement: for those that bind secrets.
    #[must_use]
    pub fn without_text(self) -> Self {
        match self {
            Self::Query { code, name, .. } => Self::Query {
                code,
                message: format!(
                    "the SQL fails with {}; more is not told, for it uses secrets",
                    name.as_deref().unwrap_or("an error")
                ),
                name,
            },
            error => error,
        }
    }

    /// Whether the machine failed rather than the statement. The message then
    /// speaks of the server's files and is for its log only.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        let Self::Query { name, message, .. } = self else {
            return None;
        };
        let name = name.as_deref().unwrap_or("STD_EXCEPTION");
        let is_known = OF_THE_MACHINE.contains(&name);
        // Errors of the system come under a name of their own, or as they are;
        // what cannot be read to its end may be the caller's rows.
        if !is_known && !matches!(name, "STD_EXCEPTION" | "CANNOT_READ_ALL_DATA") {
            return None;
        }
        let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
        let is_full = [
            "No space left on device",
            "errno: 28",
            "Disk quota exceeded",
        ];
        if name == "NOT_ENOUGH_SPACE" || says(&is_full) {
            return Some(Trouble::DiskFull);
        }
        let of_the_system = [
            "errno: ",
            "filesystem error",
            "Too many open files",
            "while reading from part",
        ];
        (is_known || says(&of_the_system)).then_some(Trouble::Machine)
    }

    /// Reads `Code: 60. DB::Exception: Unknown table … (UNKNOWN_TABLE)
    /// (version 26.7.2.1)`. Text of another shape becomes a query error with
    /// code 0.
    pub(crate) fn from_text(text: &str) -> Self {
        let (code, mut message) = split_code(text.trim()).unwrap_or((0, text.trim()));
        // An exception raised while handling another carries its whole text.
        while let Some((_, inner)) = split_code(message) {
            message = inner;
        }
        let mut name = None;
        while let Some((rest, tail)) = split_tail(message) {
            if is_error_name(tail) {
                name = Some(tail.to_owned());
            } else if !tail.starts_with("version ") {
                break;
            }
            message = rest;
        }
        match code {
            TIMEOUT_EXCEEDED => Self::DeadlineExceeded,
            QUERY_WAS_CANCELLED => Self::Cancelled,
            code => Self::Query {
                code,
                name,
                message: message.to_owned(),
            },
        }
    }
}

/// `Code: 60. DB::Exception: text` → (60, `text`). Servers of before 2021 write
/// `Code: 60, e.displayText() = DB::Exception: text`.
fn split_code(text: &str) -> Option<(i32, &str)> {
    let rest = text.strip_prefix("Code: ")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (code, rest) = rest.split_at(digits);
    let rest = rest
        .strip_prefix(". ")
        .or_else(|| rest.strip_prefix(", e.displayText() = "))?;
    let message = rest.strip_prefix("DB::Exception: ")?;
    Some((code.parse().ok()?, message))
}

/// `text (tail)` or `text (tail).` → (`text`, `tail`).
fn split_tail(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_end().trim_end_matches('.');
    let (rest, tail) = text.strip_suffix(')')?.rsplit_once('(')?;
    Some((rest.trim_end(), tail))
}

fn is_error_name(text: &str) -> bool {
    text.len() > 3
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (i32, Option<String>, String) {
        match EngineError::from_text(text) {
            EngineError::Query {
                code,
                name,
                message,
            } => (code, name, message),
            other => panic!("not a query error: {other:?}"),
        }
    }

    #[test]
    fn code_name_and_message_are_told_apart() {
        assert_eq!(
            parts(
                "Code: 60. DB::Exception: Unknown table expression identifier 'x' (y) in scope SELECT 1. (UNKNOWN_TABLE)"
            ),
            (
                60,
                Some("UNKNOWN_TABLE".into()),
                "Unknown table expression identifier 'x' (y) in scope SELECT 1.".into()
            )
        );
    }

    #[test]
    fn an_error_inside_an_error_is_unwrapped() {
        assert_eq!(
            parts(
                "Code: 164. DB::Exception: Code: 164. DB::Exception: Cannot modify 'a' setting in readonly mode. (READONLY) (version 26.7.2.1). (READONLY)"
            ),
            (
                164,
                Some("READONLY".into()),
                "Cannot modify 'a' setting in readonly mode.".into()
            )
        );
    }

    #[test]
    fn what_the_machine_fails_at_is_told_from_what_the_statement_does() {
        for (text, expected) in [
            (
                "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)",
                Some(Trouble::DiskFull),
            ),
            (
                "Code: 75. DB::Exception: Cannot write to file /s/store/a.bin: , errno: 28, strerror: No space left on device. (CANNOT_WRITE_TO_FILE_DESCRIPTOR)",
                Some(Trouble::DiskFull),
            ),
            (
                "Code: 1001. DB::Exception: std::filesystem::filesystem_error: filesystem error: in create_directory: No space left on device [\"/s\"]. (STD_EXCEPTION)",
                Some(Trouble::DiskFull),
            ),
            (
                "Code: 76. DB::Exception: Cannot open file /s/a.bin: , errno: 24, strerror: Too many open files. (CANNOT_OPEN_FILE)",
                Some(Trouble::Machine),
            ),
            (
                "Code: 523. DB::Exception: Cannot create epoll descriptor: , errno: 24. (EPOLL_ERROR)",
                Some(Trouble::Machine),
            ),
            (
                "Code: 40. DB::Exception: Checksum doesn't match: corrupted data. (CHECKSUM_DOESNT_MATCH)",
                Some(Trouble::Machine),
            ),
            (
                "Code: 395. DB::Exception: errno: 28, No space left on device. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)",
                None,
            ),
            (
                "Code: 60. DB::Exception: Unknown table 'x'. (UNKNOWN_TABLE)",
                None,
            ),
        ] {
            assert_eq!(EngineError::from_text(text).trouble(), expected, "{text}");
        }
    }

    #[test]
    fn unknown_shapes_keep_their_text() {
        assert_eq!(
            parts("it broke (really)"),
            (0, None, "it broke (really)".into())
        );
    }

    #[test]
    fn limits_have_errors_of_their_own() {
        assert_eq!(
            EngineError::from_text(
                "Code: 159. DB::Exception: Timeout exceeded: elapsed 1004.000 ms, maximum: 1000 ms: While executing NumbersRange. (TIMEOUT_EXCEEDED)"
            ),
            EngineError::DeadlineExceeded
        );
        assert_eq!(
            EngineError::from_text(
                "Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED)"
            ),
            EngineError::Cancelled
        );
    }
}
