//! Dates and moments. A text is a date and a time of ISO 8601 (or with a space
//! and slashes), in the column's time zone unless it names an offset. A whole
//! number counts seconds since 1970, in a DateTime64 parts of a second as its
//! precision has them.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use time::{Date, Month};

use super::Refused;
use datafile::{DataType, TypeArgument};

const DAY: i64 = 24 * 60 * 60;
/// 1900-01-01 00:00 and 2299-12-31 23:59:59, as seconds since 1970.
const YEARS: RangeInclusive<i64> = -2_208_988_800..=10_413_791_999;
/// Seconds that a number of another unit would seem to count: up to 1973.
const NEAR_1970: i64 = 100_000_000;

const OUT_OF_RANGE: &str = "the column has no room for that time";

/// Refuses what is no date of the calendar that the type has room for.
pub(super) fn date(data_type: &DataType, written: &str) -> Result<(), Refused> {
    let days = match data_type.name.as_str() {
        "Date" => 0..=i64::from(u16::MAX),
        _ => YEARS.start() / DAY..=YEARS.end() / DAY,
    };
    match take_date(written) {
        Some((day, "")) if days.contains(&day) => Ok(()),
        Some((_, "")) => Err(Refused::because(data_type, written, OUT_OF_RANGE)),
        _ if number(written).is_some() => {
            let why = "a number is no date, write it as 2026-01-31";
            Err(Refused::because(data_type, written, why))
        }
        _ => Err(Refused::new(data_type, written)),
    }
}

/// Refuses what is no moment that the type has room for. `value` is JSON,
/// `text` its text if it is a string; a number in quotes loses them.
pub(super) fn moment<'v>(
    data_type: &DataType,
    value: &'v str,
    text: Option<&str>,
) -> Result<Cow<'v, str>, Refused> {
    let written = text.unwrap_or(value);
    let precision = precision(data_type);
    let seconds = match number(written) {
        Some(Number::Whole(ticks)) => {
            let unit = 10_i64.pow(precision);
            let is_near = ticks != 0 && ticks.abs() / unit < NEAR_1970;
            if precision > 0 && is_near {
                let why = "a whole number counts parts of a second as the column's precision has \
                           them, and this one would be near 1970";
                return Err(Refused::because(data_type, written, why));
            }
            ticks.div_euclid(unit)
        }
        Some(Number::Fraction(seconds)) if precision > 0 => seconds,
        Some(Number::Fraction(_)) => return Err(Refused::new(data_type, written)),
        None => instant(written).ok_or_else(|| Refused::new(data_type, written))?,
    };
    if !range(data_type, precision).contains(&seconds) {
        return Err(Refused::because(data_type, written, OUT_OF_RANGE));
    }
    Ok(match (number(written), text) {
        (Some(Number::Whole(ticks)), Some(_)) => ticks.to_string().into(),
        // The engine reads a fraction in quotes only.
        (Some(Number::Fraction(_)), None) => format!("\"{value}\"").into(),
        _ => value.into(),
    })
}

/// Parts of a second, as a power of ten.
fn precision(data_type: &DataType) -> u32 {
    match (data_type.name.as_str(), data_type.arguments.first()) {
        ("DateTime64", Some(TypeArgument::Literal(precision))) => precision
            .trim()
            .parse()
            .ok()
            .filter(|&n| n <= 9)
            .unwrap_or(3),
        ("DateTime64", _) => 3,
        _ => 0,
    }
}

fn range(data_type: &DataType, precision: u32) -> RangeInclusive<i64> {
    match (data_type.name.as_str(), precision) {
        // What fits into 64 bits of nanoseconds.
        ("DateTime64", 9) => *YEARS.start()..=i64::MAX / 1_000_000_000 - 1,
        ("DateTime64", _) => YEARS,
        _ => 0..=i64::from(u32::MAX),
    }
}

enum Number {
    Whole(i64),
    /// Whole seconds of a number with a point.
    Fraction(i64),
}

fn number(written: &str) -> Option<Number> {
    if let Ok(whole) = written.parse() {
        return Some(Number::Whole(whole));
    }
    let (seconds, fraction) = written.split_once('.')?;
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = seconds.parse().ok().filter(|_| is_fraction)?;
    Some(Number::Fraction(seconds))
}

/// Seconds since 1970 of a date, or of a date and a time; without an offset as
/// if it were UTC's.
fn instant(written: &str) -> Option<i64> {
    let (day, rest) = take_date(written)?;
    let midnight = day * DAY;
    if rest.is_empty() {
        return Some(midnight);
    }
    let rest = rest.strip_prefix([' ', 'T', 't'])?;
    let (hour, rest) = take_number(rest, 23)?;
    let (minute, mut rest) = take_number(rest.strip_prefix(':')?, 59)?;
    let mut second = 0;
    if let Some(after) = rest.strip_prefix(':') {
        (second, rest) = take_number(after, 59)?;
        if let Some(fraction) = rest.strip_prefix('.') {
            rest = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if rest.len() == fraction.len() {
                return None;
            }
        }
    }
    let offset = offset(rest.strip_prefix(' ').unwrap_or(rest))?;
    Some(midnight + (hour * 60 + minute) * 60 + second - offset)
}

/// Seconds east of UTC: nothing, `Z`, `UTC`, `+05`, `+0530` or `+05:30`.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z" | "UTC" | "GMT") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits = zone.strip_prefix(['+', '-'])?;
    let (hours, minutes) = match digits.len() {
        2 => (digits, "0"),
        4 => digits.split_at_checked(2)?,
        5 => digits.split_once(':')?,
        _ => return None,
    };
    let (hours, left) = take_number(hours, 15)?;
    let (minutes, more) = take_number(minutes, 59)?;
    (left.is_empty() && more.is_empty()).then_some(sign * (hours * 60 + minutes) * 60)
}

/// The date that a text begins with, as days since 1970, and what follows.
fn take_date(text: &str) -> Option<(i64, &str)> {
    let (year, rest) = text.split_at_checked(4)?;
    let (year, _) = take_number(year, 9999).filter(|(_, left)| left.is_empty())?;
    let mark = rest
        .chars()
        .next()
        .filter(|mark| matches!(mark, '-' | '/'))?;
    let (month, rest) = take_number(rest.strip_prefix(mark)?, 12)?;
    let (day, rest) = take_number(rest.strip_prefix(mark)?, 31)?;
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?);
    let days = date.ok()?.to_julian_day() - Date::from_ordinal_date(1970, 1).ok()?.to_julian_day();
    Some((days.into(), rest))
}

/// A number of at most as many digits as `most` has, and what follows.
fn take_number(text: &str, most: i64) -> Option<(i64, &str)> {
    let longest = if most > 99 { 4 } else { 2 };
    let digits = text.bytes().take(longest).take_while(u8::is_ascii_digit);
    let (number, rest) = text.split_at(digits.count());
    let number = number.parse().ok().filter(|number| *number <= most)?;
    Some((number, rest))
}
