//! Numbers that the engine would change: whole ones beyond their type, an
//! empty text in the place of one, decimals with more places than the column.

use super::Refused;
use datafile::{DataType, TypeArgument};

/// Refuses what is no whole number that an integer type has room for; `true`
/// and `false` are 1 and 0. Other types are not looked at.
pub(super) fn whole(data_type: &DataType, written: &str) -> Result<(), Refused> {
    let Some((is_signed, bits)) = width(&data_type.name) else {
        return Ok(());
    };
    let digits = written.strip_prefix(['-', '+']).unwrap_or(written);
    let is_whole = is_digits(digits);
    let is_number = is_whole && fits(written.starts_with('-'), digits, is_signed, bits);
    match is_number || is_word(written) {
        true => Ok(()),
        false => Err(Refused::new(data_type, written)),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_word(written: &str) -> bool {
    matches!(written, "true" | "false")
}

/// Whether an integer type is signed, and its bits.
fn width(name: &str) -> Option<(bool, u32)> {
    let (is_signed, bits) = match name.strip_prefix('U') {
        Some(rest) => (false, rest.strip_prefix("Int")?),
        None => (true, name.strip_prefix("Int")?),
    };
    bits.parse().ok().map(|bits| (is_signed, bits))
}

fn fits(is_negative: bool, digits: &str, is_signed: bool, bits: u32) -> bool {
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return true;
    }
    if is_negative && !is_signed {
        return false;
    }
    // The largest magnitude: 2^bits - 1, 2^(bits-1) - 1, or 2^(bits-1).
    let power = power_of_two(if is_signed { bits - 1 } else { bits });
    let longer = digits.len().cmp(&power.len());
    let order = longer.then_with(|| digits.cmp(power.as_str()));
    match is_negative {
        true => order.is_le(),
        false => order.is_lt(),
    }
}

/// 2^exponent in decimal digits; up to 256, which no integer here holds.
fn power_of_two(exponent: u32) -> String {
    let mut digits = vec![1_u8];
    for _ in 0..exponent {
        let mut carry = 0;
        for digit in &mut digits {
            let doubled = *digit * 2 + carry;
            *digit = doubled % 10;
            carry = doubled / 10;
        }
        if carry > 0 {
            digits.push(carry);
        }
    }
    digits
        .iter()
        .rev()
        .map(|digit| char::from(b'0' + digit))
        .collect()
}

/// Refuses what is no number, and one too large for its type: it would become
/// infinite.
pub(super) fn float(data_type: &DataType, written: &str) -> Result<(), Refused> {
    let is_infinite = match data_type.name.as_str() {
        "Float32" => written.parse().map(f32::is_infinite),
        _ => written.parse().map(f64::is_infinite),
    };
    let has_digits = written.bytes().any(|byte| byte.is_ascii_digit());
    match is_infinite {
        Ok(is_infinite) if !(is_infinite && has_digits) => Ok(()),
        Err(_) if is_word(written) => Ok(()),
        _ => Err(Refused::new(data_type, written)),
    }
}

/// Refuses what is no decimal number, and one with more places than its type
/// keeps.
pub(super) fn decimal(data_type: &DataType, written: &str) -> Result<(), Refused> {
    let (number, exponent) = match written.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse().unwrap_or(0)),
        None => (written, 0),
    };
    let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    if !is_digits(before) || !(after.is_empty() || is_digits(after)) {
        return Err(Refused::new(data_type, written));
    }
    let places = match after.trim_end_matches('0') {
        "" => -trailing_zeros(before),
        after => length(after),
    };
    let is_zero = digits.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if is_zero || places.saturating_sub(exponent) <= scale(data_type) {
        return Ok(());
    }
    let why = "it has more decimal places than the column keeps";
    Err(Refused::because(data_type, written, why))
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

fn trailing_zeros(digits: &str) -> i64 {
    length(digits) - length(digits.trim_end_matches('0'))
}

/// Decimal places of `Decimal(P, S)` and `Decimal64(S)`.
fn scale(data_type: &DataType) -> i64 {
    let place = usize::from(data_type.name == "Decimal");
    match data_type.arguments.get(place) {
        Some(TypeArgument::Literal(scale)) => scale.trim().parse().unwrap_or(0),
        _ => 0,
    }
}
