//! Whole numbers that do not fit their column. ClickHouse would cut them to
//! size without a word (300 becomes 44 in a UInt8); here they are errors.

use std::ops::RangeInclusive;

use super::RowError;
use datafile::Column;

/// The error of a value (as JSON or CSV has it) that is a whole number beyond
/// the column's range. What is no whole number is the engine's to judge.
pub(super) fn check(column: &Column, value: &str) -> Option<RowError> {
    let range = range(&column.data_type.bare().name)?;
    let number = value.trim().trim_matches('"');
    let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // A number too long for an i128 fits no column.
    match number.parse::<i128>() {
        Ok(number) if range.contains(&number) => None,
        _ => Some(RowError::value(column, number)),
    }
}

fn range(data_type: &str) -> Option<RangeInclusive<i128>> {
    let (is_signed, bits) = match data_type.strip_prefix('U') {
        Some(rest) => (false, rest.strip_prefix("Int")?),
        None => (true, data_type.strip_prefix("Int")?),
    };
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 64)?;
    Some(match is_signed {
        true => -(1 << (bits - 1))..=(1 << (bits - 1)) - 1,
        false => 0..=(1 << bits) - 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafile::{DataType, Position};

    #[test]
    fn numbers_at_the_edge_fit_and_those_beyond_do_not() {
        let fits = |data_type: DataType, value: &str| {
            let column = Column {
                name: "n".into(),
                data_type,
                json_path: None,
                default: None,
                codec: None,
                position: Position { line: 1, column: 1 },
            };
            check(&column, value).is_none()
        };
        for (data_type, good, bad) in [
            ("UInt8", ["0", "255", "\"7\""], ["256", "-1", "\"300\""]),
            (
                "Int8",
                ["-128", "127", "+1"],
                ["128", "-129", "99999999999999999999"],
            ),
            (
                "UInt64",
                ["0", "18446744073709551615", ""],
                ["18446744073709551616", "-1", "-9223372036854775808"],
            ),
            (
                "Int64",
                ["-9223372036854775808", "9223372036854775807", "x"],
                [
                    "9223372036854775808",
                    "-9223372036854775809",
                    "1234567890123456789012345678901234567890123",
                ],
            ),
        ] {
            for value in good {
                assert!(
                    fits(DataType::plain(data_type), value),
                    "{data_type} {value}"
                );
                let nullable = DataType::wrap("Nullable", DataType::plain(data_type));
                assert!(fits(nullable, value), "{data_type} {value}");
            }
            for value in bad {
                assert!(
                    !fits(DataType::plain(data_type), value),
                    "{data_type} {value}"
                );
            }
        }
        assert!(fits(
            DataType::plain("Int256"),
            "99999999999999999999999999999999999999999"
        ));
        assert!(fits(DataType::plain("Float32"), "99999999999"));
        assert!(fits(DataType::plain("IntervalDay"), "99999999999"));
    }
}
