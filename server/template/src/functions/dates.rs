//! Differences between dates.

use super::strptime::strptime;
use super::{Arguments, Evaluator};
use crate::fault::{Fault, Outcome};
use crate::value::Value;

/// What a difference is counted in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    Days,
    Hours,
    Minutes,
    Seconds,
}

impl Unit {
    fn microseconds(self) -> i128 {
        1_000_000
            * match self {
                Self::Days => 86_400,
                Self::Hours => 3_600,
                Self::Minutes => 60,
                Self::Seconds => 1,
            }
    }

    fn default_format(self) -> &'static str {
        match self {
            Self::Days => "%Y-%m-%d",
            _ => "%Y-%m-%d %H:%M:%S",
        }
    }
}

impl Evaluator<'_> {
    /// `day_diff(d0, d1)`: whole days between two ISO dates, never negative.
    pub(super) fn day_diff(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let first = arguments.require(0, "d0", "day_diff")?;
        let second = arguments.require(1, "d1", "day_diff")?;
        if self.is_validating() {
            return Ok(Value::int(0));
        }
        let read = |value: &Value| {
            strptime(&value.text(), "%Y-%m-%d").ok_or_else(|| {
                Fault::template(
                    "invalid date format in function `day_diff`, it must be ISO format date YYYY-MM-DD, e.g. 2018-09-26. For other fotmats, try `date_diff_in_days`",
                )
            })
        };
        let difference = (read(second)? - read(first)?).abs();
        Ok(Value::int(difference / Unit::Days.microseconds()))
    }

    /// `date_diff_in_…(d0, d1, date_format, default, backup_date_format=None,
    /// none_if_error=False)`: whole units between two dates, never negative.
    pub(super) fn date_diff(
        &mut self,
        unit: Unit,
        name: &str,
        arguments: &Arguments,
    ) -> Outcome<Value> {
        let first = arguments.require(0, "d0", name)?;
        let second = arguments.require(1, "d1", name)?;
        let default = arguments
            .get(3, "default")
            .filter(|default| !default.is_none());
        if self.is_validating() {
            return Ok(default.cloned().unwrap_or_else(|| Value::int(0)));
        }
        let none_if_error = arguments
            .get(5, "none_if_error")
            .is_some_and(Value::is_true);
        if first.is_none() || second.is_none() {
            return match default {
                Some(default) => Ok(default.clone()),
                None if none_if_error => Ok(Value::None),
                None => Err(Fault::template(format!(
                    "a date is missing in function `{name}`"
                ))),
            };
        }
        let format = arguments.text(2, "date_format", unit.default_format());
        let backup = arguments
            .get(4, "backup_date_format")
            .filter(|backup| !backup.is_none())
            .map(Value::text);
        let read = |value: &Value| {
            let text = value.text();
            strptime(&text, &format).or_else(|| strptime(&text, backup.as_deref()?))
        };
        match (read(first), read(second)) {
            (Some(first), Some(second)) => {
                Ok(Value::int((second - first).abs() / unit.microseconds()))
            }
            _ if none_if_error => Ok(Value::None),
            _ => Err(Fault::template(format!(
                "invalid date format in function `{name}`, it must match the format '{format}'"
            ))),
        }
    }
}
