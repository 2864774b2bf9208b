//! Python's operators on values. Nothing here needs the evaluator; what can
//! grow is paid for by the caller.

use std::cmp::Ordering;

use super::expression::{BinaryOperator, Comparison, UnaryOperator};
use super::fault::{Class, Fault, Outcome};
use super::text::percent_format;
use super::value::{Key, Value};

impl Value {
    /// Python's `==`.
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Str(left) | Self::Sql(left), Self::Str(right) | Self::Sql(right)) => {
                left == right
            }
            (Self::List(left), Self::List(right)) | (Self::Tuple(left), Self::Tuple(right)) => {
                left.len() == right.len()
                    && left
                        .iter()
                        .zip(right.iter())
                        .all(|(left, right)| left.equals(right))
            }
            (Self::Set(left), Self::Set(right)) => {
                left.len() == right.len() && left.iter().all(|key| right.contains(key))
            }
            (Self::Dict(left), Self::Dict(right)) => {
                left.len() == right.len()
                    && left
                        .iter()
                        .all(|(key, value)| right.get(key).is_some_and(|found| found.equals(value)))
            }
            (Self::Wide { digits: left, .. }, Self::Wide { digits: right, .. }) => left == right,
            _ => match (self.as_int(), other.as_int()) {
                (Some(left), Some(right)) => left == right,
                _ => {
                    matches!((self.as_float(), other.as_float()), (Some(left), Some(right)) if left == right)
                }
            },
        }
    }
}

/// How two values compare; `symbol` is for the error text.
pub(super) fn order(left: &Value, right: &Value, symbol: &str) -> Outcome<Ordering> {
    let ordering = match (left, right) {
        (Value::Str(left), Value::Str(right)) => Some(left.cmp(right)),
        (Value::List(left), Value::List(right)) | (Value::Tuple(left), Value::Tuple(right)) => {
            for (left, right) in left.iter().zip(right.iter()) {
                if !left.equals(right) {
                    return order(left, right, symbol);
                }
            }
            Some(left.len().cmp(&right.len()))
        }
        _ => match (
            left.as_int(),
            right.as_int(),
            left.as_float(),
            right.as_float(),
        ) {
            (Some(left), Some(right), ..) => Some(left.cmp(&right)),
            // Nothing is less or greater than NaN; equal is as good as any.
            (_, _, Some(left), Some(right)) => {
                Some(left.partial_cmp(&right).unwrap_or(Ordering::Equal))
            }
            _ => None,
        },
    };
    ordering.ok_or_else(|| {
        Fault::type_error(format!(
            "'{symbol}' not supported between instances of '{}' and '{}'",
            left.type_name(),
            right.type_name()
        ))
    })
}

/// Sorts by the first of each pair; equal ones stay in order. A comparison that
/// is not defined ends it, which the standard sort has no way to say.
pub(super) fn sort(mut items: Vec<(Value, Value)>, reverse: bool) -> Outcome<Vec<(Value, Value)>> {
    if items.len() < 2 {
        return Ok(items);
    }
    let right = sort(items.split_off(items.len() / 2), reverse)?;
    let mut left = sort(items, reverse)?.into_iter().peekable();
    let mut right = right.into_iter().peekable();
    let mut merged = Vec::with_capacity(left.len() + right.len());
    while let (Some(first), Some(second)) = (left.peek(), right.peek()) {
        let ordering = order(&second.0, &first.0, "<")?;
        let second_first = if reverse {
            ordering.is_gt()
        } else {
            ordering.is_lt()
        };
        merged.extend(if second_first {
            right.next()
        } else {
            left.next()
        });
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}

/// One link of a comparison chain.
pub(super) fn compare(left: &Value, comparison: Comparison, right: &Value) -> Outcome<bool> {
    // A parameter that is not there equals nothing and is in nothing.
    if matches!(left, Value::Placeholder) || matches!(right, Value::Placeholder) {
        return Ok(matches!(
            comparison,
            Comparison::NotEqual | Comparison::IsNot | Comparison::NotIn
        ));
    }
    let is_nan = |value: &Value| value.as_float().is_some_and(f64::is_nan);
    let ordered = |symbol: &str, fits: fn(Ordering) -> bool| {
        order(left, right, symbol).map(|ordering| fits(ordering) && !is_nan(left) && !is_nan(right))
    };
    match comparison {
        Comparison::Equal => Ok(left.equals(right)),
        Comparison::NotEqual => Ok(!left.equals(right)),
        Comparison::Less => ordered("<", Ordering::is_lt),
        Comparison::LessOrEqual => ordered("<=", Ordering::is_le),
        Comparison::Greater => ordered(">", Ordering::is_gt),
        Comparison::GreaterOrEqual => ordered(">=", Ordering::is_ge),
        Comparison::Is => Ok(is_same(left, right)),
        Comparison::IsNot => Ok(!is_same(left, right)),
        Comparison::In => contains(right, left),
        Comparison::NotIn => contains(right, left).map(|found| !found),
    }
}

fn is_same(left: &Value, right: &Value) -> bool {
    left.type_name() == right.type_name() && left.equals(right)
}

fn contains(container: &Value, item: &Value) -> Outcome<bool> {
    match (container, item) {
        (Value::Str(text), Value::Str(part)) => Ok(text.contains(&**part)),
        (Value::Str(_), _) => Err(Fault::type_error(format!(
            "'in <string>' requires string as left operand, not {}",
            item.type_name()
        ))),
        (Value::List(items) | Value::Tuple(items), _) => {
            Ok(items.iter().any(|found| found.equals(item)))
        }
        (Value::Set(items), _) => Ok(items.contains(&Key::new(item.clone())?)),
        (Value::Dict(entries), _) => Ok(entries.contains_key(&Key::new(item.clone())?)),
        _ => Err(Fault::type_error(format!(
            "argument of type '{}' is not iterable",
            container.type_name()
        ))),
    }
}

/// `-x`, `+x`, `not x`, `~x`
pub(super) fn unary(operator: UnaryOperator, value: &Value) -> Outcome<Value> {
    if operator == UnaryOperator::Not {
        return Ok(Value::Bool(!value.is_true()));
    }
    if matches!(value, Value::Placeholder) {
        return Ok(Value::Placeholder);
    }
    let symbol = match operator {
        UnaryOperator::Negative => "-",
        UnaryOperator::Positive => "+",
        _ => "~",
    };
    let result = match (operator, value.as_int(), value) {
        (UnaryOperator::Negative, Some(number), _) => {
            Some(Value::int(number.checked_neg().ok_or_else(overflow)?))
        }
        (UnaryOperator::Positive, Some(number), _) => Some(Value::int(number)),
        (UnaryOperator::Invert, Some(number), _) => Some(Value::int(!number)),
        (UnaryOperator::Negative, None, Value::Float(float)) => Some(Value::float(-float.value)),
        (UnaryOperator::Positive, None, Value::Float(float)) => Some(Value::float(float.value)),
        _ => None,
    };
    result.ok_or_else(|| {
        Fault::type_error(format!(
            "bad operand type for unary {symbol}: '{}'",
            value.type_name()
        ))
    })
}

/// The weight the result of `left operator right` may have, to be paid before
/// it is built.
pub(super) fn price(left: &Value, operator: BinaryOperator, right: &Value) -> usize {
    let both = left.weight().saturating_add(right.weight());
    match operator {
        BinaryOperator::Multiply => match (left.as_size(), right.as_size()) {
            (None, Some(times)) => left.weight().saturating_mul(times.max(1)),
            (Some(times), None) => right.weight().saturating_mul(times.max(1)),
            _ => both,
        },
        // Each field of a text may be padded to a thousand characters.
        BinaryOperator::Modulo => match left {
            Value::Str(text) => both.saturating_add(text.matches('%').count() * 1_000),
            _ => both,
        },
        _ => both,
    }
}

/// `left operator right`
pub(super) fn binary(left: &Value, operator: BinaryOperator, right: &Value) -> Outcome<Value> {
    if matches!(left, Value::Placeholder) || matches!(right, Value::Placeholder) {
        return Ok(Value::Placeholder);
    }
    match operator {
        BinaryOperator::Add => add(left, right),
        BinaryOperator::Subtract => subtract(left, right),
        BinaryOperator::Multiply => multiply(left, right),
        BinaryOperator::Divide => match (left.as_float(), right.as_float()) {
            (Some(_), Some(0.0)) => Err(Fault::new(Class::ZeroDivision, "division by zero")),
            (Some(left), Some(right)) => Ok(Value::float(left / right)),
            _ => Err(unsupported("/", left, right)),
        },
        BinaryOperator::FloorDivide => floor_divide(left, right),
        BinaryOperator::Modulo => modulo(left, right),
        BinaryOperator::Power => power(left, right),
        BinaryOperator::BitAnd
        | BinaryOperator::BitOr
        | BinaryOperator::BitXor
        | BinaryOperator::ShiftLeft
        | BinaryOperator::ShiftRight => bits(left, operator, right),
    }
}

fn add(left: &Value, right: &Value) -> Outcome<Value> {
    match (left, right) {
        (Value::Str(left), Value::Str(right)) => {
            let mut text = String::with_capacity(left.len() + right.len());
            text.push_str(left);
            text.push_str(right);
            Ok(Value::str(text))
        }
        (Value::List(left), Value::List(right)) => {
            Value::list(left.iter().chain(right.iter()).cloned().collect())
        }
        (Value::Tuple(left), Value::Tuple(right)) => {
            Value::tuple(left.iter().chain(right.iter()).cloned().collect())
        }
        (Value::Str(_), other) => Err(Fault::type_error(format!(
            "can only concatenate str (not \"{}\") to str",
            other.type_name()
        ))),
        _ => numbers(left, right, "+", i128::checked_add, |left, right| {
            left + right
        }),
    }
}

fn subtract(left: &Value, right: &Value) -> Outcome<Value> {
    match (left, right) {
        (Value::Set(left), Value::Set(right)) => Value::set(
            left.iter()
                .filter(|key| !right.contains(*key))
                .map(|key| key.0.clone()),
        ),
        _ => numbers(left, right, "-", i128::checked_sub, |left, right| {
            left - right
        }),
    }
}

fn multiply(left: &Value, right: &Value) -> Outcome<Value> {
    let times = |number: i128| usize::try_from(number.max(0)).map_err(|_| overflow());
    match (left, right, left.as_int(), right.as_int()) {
        (Value::Str(text), _, _, Some(number)) | (_, Value::Str(text), Some(number), _) => {
            Ok(Value::str(text.repeat(times(number)?)))
        }
        (Value::List(items), _, _, Some(number)) | (_, Value::List(items), Some(number), _) => {
            Value::list(repeated(items, times(number)?))
        }
        (Value::Tuple(items), _, _, Some(number)) | (_, Value::Tuple(items), Some(number), _) => {
            Value::tuple(repeated(items, times(number)?))
        }
        _ => numbers(left, right, "*", i128::checked_mul, |left, right| {
            left * right
        }),
    }
}

fn repeated(items: &[Value], times: usize) -> Vec<Value> {
    std::iter::repeat_n(items, times)
        .flatten()
        .cloned()
        .collect()
}

fn numbers(
    left: &Value,
    right: &Value,
    symbol: &str,
    whole: fn(i128, i128) -> Option<i128>,
    real: fn(f64, f64) -> f64,
) -> Outcome<Value> {
    match (
        left.as_int(),
        right.as_int(),
        left.as_float(),
        right.as_float(),
    ) {
        (Some(left), Some(right), ..) => whole(left, right).map(Value::int).ok_or_else(overflow),
        (_, _, Some(left), Some(right)) => Ok(Value::float(real(left, right))),
        _ => Err(unsupported(symbol, left, right)),
    }
}

/// `left // right`, rounding down.
pub(super) fn floor_divide(left: &Value, right: &Value) -> Outcome<Value> {
    let whole = |left: i128, right: i128| {
        let quotient = left.checked_div(right)?;
        let rounds_up = left % right != 0 && (left < 0) != (right < 0);
        Some(quotient - i128::from(rounds_up))
    };
    division(left, right, "//", whole, |left, right| {
        (left / right).floor()
    })
}

/// `left % right`: the remainder with the sign of `right`, or text formatting.
pub(super) fn modulo(left: &Value, right: &Value) -> Outcome<Value> {
    if let Value::Str(template) = left {
        return percent_format(template, right).map(Value::str);
    }
    let whole = |left: i128, right: i128| {
        let remainder = left.checked_rem(right)?;
        let other_sign = remainder != 0 && (remainder < 0) != (right < 0);
        Some(if other_sign {
            remainder + right
        } else {
            remainder
        })
    };
    division(left, right, "%", whole, |left, right| {
        left - right * (left / right).floor()
    })
}

/// As [`numbers`], for what cannot be done with zero.
fn division(
    left: &Value,
    right: &Value,
    symbol: &str,
    whole: fn(i128, i128) -> Option<i128>,
    real: fn(f64, f64) -> f64,
) -> Outcome<Value> {
    if let (Some(_), Some(0.0)) = (left.as_float(), right.as_float()) {
        return Err(Fault::new(
            Class::ZeroDivision,
            "integer division or modulo by zero",
        ));
    }
    numbers(left, right, symbol, whole, real)
}

/// `left ** right`
pub(super) fn power(left: &Value, right: &Value) -> Outcome<Value> {
    match (
        left.as_int(),
        right.as_int(),
        left.as_float(),
        right.as_float(),
    ) {
        (Some(base), Some(exponent), ..) if exponent >= 0 => {
            let exponent = u32::try_from(exponent).map_err(|_| overflow())?;
            base.checked_pow(exponent)
                .map(Value::int)
                .ok_or_else(overflow)
        }
        (_, _, Some(0.0), Some(exponent)) if exponent < 0.0 => Err(Fault::new(
            Class::ZeroDivision,
            "0.0 cannot be raised to a negative power",
        )),
        (_, _, Some(base), Some(exponent)) => Ok(Value::float(base.powf(exponent))),
        _ => Err(unsupported("** or pow()", left, right)),
    }
}

fn bits(left: &Value, operator: BinaryOperator, right: &Value) -> Outcome<Value> {
    let symbol = match operator {
        BinaryOperator::BitAnd => "&",
        BinaryOperator::BitOr => "|",
        BinaryOperator::BitXor => "^",
        BinaryOperator::ShiftLeft => "<<",
        _ => ">>",
    };
    if let (Value::Set(left), Value::Set(right)) = (left, right) {
        return match operator {
            BinaryOperator::BitAnd => Value::set(left.intersection(right).map(|key| key.0.clone())),
            BinaryOperator::BitOr => Value::set(left.union(right).map(|key| key.0.clone())),
            _ => Value::set(left.symmetric_difference(right).map(|key| key.0.clone())),
        };
    }
    let (Some(first), Some(second)) = (left.as_int(), right.as_int()) else {
        return Err(unsupported(symbol, left, right));
    };
    let result = match operator {
        BinaryOperator::BitAnd => Some(first & second),
        BinaryOperator::BitOr => Some(first | second),
        BinaryOperator::BitXor => Some(first ^ second),
        _ => {
            let distance =
                u32::try_from(second).map_err(|_| Fault::value_error("negative shift count"))?;
            match operator {
                BinaryOperator::ShiftRight => Some(
                    first
                        .checked_shr(distance)
                        .unwrap_or(if first < 0 { -1 } else { 0 }),
                ),
                _ if distance < 127 => first.checked_mul(1 << distance),
                _ => None,
            }
        }
    };
    result.map(Value::int).ok_or_else(overflow)
}

/// `len(value)`
pub(super) fn length(value: &Value) -> Outcome<Value> {
    match value {
        Value::Str(text) => Ok(Value::size(text.chars().count())),
        Value::List(items) | Value::Tuple(items) => Ok(Value::size(items.len())),
        Value::Set(items) => Ok(Value::size(items.len())),
        Value::Dict(entries) => Ok(Value::size(entries.len())),
        _ => Err(Fault::type_error(format!(
            "object of type '{}' has no len()",
            value.type_name()
        ))),
    }
}

/// Templates compute with 128 bits.
pub(super) fn overflow() -> Fault {
    Fault::new(
        Class::Overflow,
        "the number is too large for a template to compute with",
    )
}

fn unsupported(symbol: &str, left: &Value, right: &Value) -> Fault {
    Fault::type_error(format!(
        "unsupported operand type(s) for {symbol}: '{}' and '{}'",
        left.type_name(),
        right.type_name()
    ))
}
