//! The type functions: what each accepts, what it makes of it.

use std::sync::Arc;

use super::{Arguments, Evaluator};
use crate::escape;
use crate::fault::{Class, Fault, Outcome};
use crate::value::{Float, Int, List, Value};

/// A type a parameter can be declared with.
#[derive(Debug)]
pub(crate) struct ParameterType {
    /// As templates write it.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// Whole numbers; without a cast they print bare.
    Integer {
        signed: bool,
        bits: u16,
        cast: bool,
    },
    Float,
    Boolean,
    Date,
    DateTime,
    DateTime64,
    Identifier,
}

const fn integer(name: &'static str, signed: bool, bits: u16) -> ParameterType {
    ParameterType {
        name,
        kind: Kind::Integer {
            signed,
            bits,
            cast: true,
        },
    }
}

const fn plain(name: &'static str, kind: Kind) -> ParameterType {
    ParameterType { name, kind }
}

const BARE_INTEGER: Kind = Kind::Integer {
    signed: true,
    bits: 32,
    cast: false,
};

static TYPES: &[ParameterType] = &[
    plain("String", Kind::Text),
    integer("Int8", true, 8),
    integer("Int16", true, 16),
    integer("Int32", true, 32),
    integer("Int64", true, 64),
    integer("Int128", true, 128),
    integer("Int256", true, 256),
    integer("UInt8", false, 8),
    integer("UInt16", false, 16),
    integer("UInt32", false, 32),
    integer("UInt64", false, 64),
    integer("UInt128", false, 128),
    integer("UInt256", false, 256),
    plain("Int", BARE_INTEGER),
    plain("Integer", BARE_INTEGER),
    plain("Float32", Kind::Float),
    plain("Float64", Kind::Float),
    plain("Boolean", Kind::Boolean),
    plain("bool", Kind::Boolean),
    plain("Date", Kind::Date),
    plain("DateTime", Kind::DateTime),
    plain("DateTime64", Kind::DateTime64),
    plain("Symbol", Kind::Identifier),
    plain("Column", Kind::Identifier),
];

impl ParameterType {
    /// The type called `name`.
    pub(crate) fn lookup(name: &str) -> Option<&'static Self> {
        TYPES.iter().find(|found| found.name == name)
    }

    /// The type of an Array's items. Items of no known type are taken as they
    /// are, as text: Tinybird does so, and projects have come to write their
    /// default in its place.
    pub(crate) fn of_items(name: &str) -> &'static Self {
        static TEXT: ParameterType = plain("String", Kind::Text);
        Self::lookup(name).unwrap_or(&TEXT)
    }

    /// Whether a text is a value of this type.
    pub(crate) fn takes(&'static self, text: &str) -> bool {
        self.read(text).is_some()
    }

    /// What a value of this type is, or each item of a list, for whoever gave
    /// another.
    pub(crate) fn described(&self, is_list: bool) -> String {
        let list = if is_list { "a list, each item " } else { "" };
        let shape = |what: &str| {
            let shape = self.shape().map(|shape| format!(" written as {shape}"));
            format!("{list}{what}{}", shape.unwrap_or_default())
        };
        match self.kind {
            Kind::Integer { signed, bits, .. } => {
                let least = match signed {
                    true => format!("-{}", largest(signed, bits, true)),
                    false => "0".to_owned(),
                };
                let most = largest(signed, bits, false);
                format!("{list}a whole number from {least} to {most}")
            }
            Kind::Float => shape("a number"),
            Kind::Date => shape("a date"),
            Kind::DateTime | Kind::DateTime64 => shape("a date and time"),
            Kind::Text | Kind::Boolean | Kind::Identifier => shape("a text"),
        }
    }

    /// How values of this type are written, where that is not plain.
    pub(crate) fn shape(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Date => Some("YYYY-MM-DD"),
            Kind::DateTime => Some("YYYY-MM-DD hh:mm:ss"),
            Kind::DateTime64 => Some("YYYY-MM-DD hh:mm:ss.mmm"),
            _ => None,
        }
    }

    /// What stands for a value of this type while a template is validated.
    fn placeholder(&'static self) -> Value {
        match self.kind {
            Kind::Text => Value::str("__no_value__"),
            Kind::Integer { cast, .. } => Value::Int(Int {
                value: 0,
                cast: cast.then_some(self.name),
            }),
            Kind::Float => Value::Float(Float {
                value: 0.0,
                cast: Some(self.name),
            }),
            Kind::Boolean => Value::int(0),
            Kind::Date => Value::str("2019-01-01"),
            Kind::DateTime => Value::str("2019-01-01 00:00:00"),
            Kind::DateTime64 => Value::str("2019-01-01 00:00:00.000"),
            Kind::Identifier => Value::Sql(Arc::from("`placeholder`")),
        }
    }

    /// The default that stands in for a value while a template is validated:
    /// not an empty one, and not one of another type, which is warned about
    /// where it stands.
    pub(super) fn default_in_place<'a>(
        &'static self,
        arguments: &'a Arguments,
    ) -> Option<&'a Value> {
        let default = arguments.default_in_place(1);
        default.filter(move |default| default.is_true() && self.takes(&default.text()))
    }

    /// Reads `text` as this type; nothing when it is not of it.
    fn read(&'static self, text: &str) -> Option<Value> {
        match self.kind {
            Kind::Text => Some(Value::str(text)),
            Kind::Integer { signed, bits, cast } => {
                read_integer(text, signed, bits, cast.then_some(self.name))
            }
            Kind::Float => read_float(text).map(|value| {
                Value::Float(Float {
                    value,
                    cast: Some(self.name),
                })
            }),
            Kind::Boolean => Some(Value::int(i128::from(
                text != "0" && !text.eq_ignore_ascii_case("false"),
            ))),
            Kind::Date => matches_shape(text, "0000-00-00", true).then(|| Value::str(text)),
            Kind::DateTime => is_date_time(text, "").then(|| Value::str(text)),
            Kind::DateTime64 => is_date_time(text, ".000").then(|| Value::str(text)),
            Kind::Identifier => {
                let mut sql = String::with_capacity(text.len() + 2);
                escape::push_identifier(&mut sql, text);
                Some(Value::Sql(Arc::from(sql)))
            }
        }
    }
}

fn read_integer(text: &str, signed: bool, bits: u16, cast: Option<&'static str>) -> Option<Value> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let has_sign = digits.len() != text.len();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if has_sign && !signed && bits < 128 {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    if negative && !signed && digits != "0" {
        return None;
    }
    let limit = largest(signed, bits, negative);
    if (digits.len(), digits) > (limit.len(), limit) {
        return None;
    }
    let sign = if negative && digits != "0" { "-" } else { "" };
    let whole = format!("{sign}{digits}");
    Some(match whole.parse() {
        Ok(value) => Value::Int(Int { value, cast }),
        Err(_) => Value::Wide {
            digits: Arc::from(whole),
            cast: cast.unwrap_or("Int256"),
        },
    })
}

/// The largest magnitude of an integer type, as decimal digits.
fn largest(signed: bool, bits: u16, negative: bool) -> &'static str {
    match (signed, bits, negative) {
        (true, 8, false) => "127",
        (true, 8, true) => "128",
        (true, 16, false) => "32767",
        (true, 16, true) => "32768",
        (true, 32, false) => "2147483647",
        (true, 32, true) => "2147483648",
        (true, 64, false) => "9223372036854775807",
        (true, 64, true) => "9223372036854775808",
        (true, 128, false) => "170141183460469231731687303715884105727",
        (true, 128, true) => "170141183460469231731687303715884105728",
        (true, _, false) => {
            "57896044618658097711785492504343953926634992332820282019728792003956564819967"
        }
        (true, _, true) => {
            "57896044618658097711785492504343953926634992332820282019728792003956564819968"
        }
        (false, 8, _) => "255",
        (false, 16, _) => "65535",
        (false, 32, _) => "4294967295",
        (false, 64, _) => "18446744073709551615",
        (false, 128, _) => "340282366920938463463374607431768211455",
        (false, _, _) => {
            "115792089237316195423570985008687907853269984665640564039457584007913129639935"
        }
    }
}

/// Python's `float()` without digit separators.
pub(super) fn read_float(text: &str) -> Option<f64> {
    let trimmed = text.trim();
    match trimmed.is_empty() || trimmed.contains('_') {
        true => None,
        false => trimmed.parse().ok(),
    }
}

/// `YYYY?MM?DD` or `DD?MM?YYYY`, `T` or a space, `hh:mm:ss` and `fraction`;
/// what follows is not looked at.
fn is_date_time(text: &str, fraction: &str) -> bool {
    ["0000?00?00", "00?00?0000"]
        .iter()
        .any(|date| matches_shape(text, &format!("{date}T00:00:00{fraction}"), false))
}

/// `0` stands for a digit, `?` for anything, `T` for `T` or a space.
fn matches_shape(text: &str, shape: &str, whole: bool) -> bool {
    let mut characters = text.chars();
    let fits = shape
        .chars()
        .all(|expected| match (expected, characters.next()) {
            (_, None) => false,
            ('0', Some(found)) => found.is_ascii_digit(),
            ('?', Some(_)) => true,
            ('T', Some(found)) => found == 'T' || found == ' ',
            (expected, Some(found)) => expected == found,
        });
    fits && (!whole || characters.next().is_none())
}

impl Evaluator<'_> {
    /// `Type(x, default, defined)`
    pub(super) fn typed(
        &mut self,
        parameter_type: &'static ParameterType,
        arguments: &Arguments,
    ) -> Outcome<Value> {
        let Some(given) = arguments.get(0, "x") else {
            return Err(missing_argument());
        };
        let value = match given {
            Value::Placeholder => match parameter_type.default_in_place(arguments) {
                Some(default) => default,
                None => return Ok(parameter_type.placeholder()),
            },
            Value::None => match arguments.default(1) {
                Some(Value::Placeholder) => return Ok(parameter_type.placeholder()),
                Some(default) => default,
                None if parameter_type.kind == Kind::Boolean => return Ok(Value::int(0)),
                None => return self.missing(arguments),
            },
            given => given,
        };
        // Text of its own type stays as it is; this is the usual case.
        if let (Value::Str(_), Kind::Text) = (value, parameter_type.kind) {
            return Ok(value.clone());
        }
        self.budget.charge(value.weight())?;
        let text = value.text();
        if parameter_type.kind == Kind::Identifier && text.is_empty() {
            return Err(empty_identifier());
        }
        parameter_type.read(&text).ok_or_else(|| {
            Fault::new(
                Class::Validation,
                format!("Error validating '{text}' to type {}", parameter_type.name),
            )
        })
    }

    /// A parameter nobody gave: an error, unless `defined=False` allows it.
    pub(super) fn missing(&self, arguments: &Arguments) -> Outcome<Value> {
        match arguments.get(2, "defined") {
            Some(defined) if !defined.is_true() => Ok(Value::None),
            _ => Err(Fault::new(Class::Missing, self.missing_message())),
        }
    }

    /// `Array(x, 'Type', default, defined)`
    pub(super) fn array(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let Some(given) = arguments.get(0, "x") else {
            return Err(missing_argument());
        };
        let item_type = ParameterType::of_items(&arguments.text(1, "_type", "String"));
        let value = match (given, arguments.default(2)) {
            (Value::Placeholder, Some(default))
                if default.is_true() && !matches!(default, Value::Placeholder) =>
            {
                default
            }
            (Value::Placeholder, _) | (Value::None, Some(Value::Placeholder)) => {
                return Ok(Value::List(Arc::new(List::typed(vec![bare(
                    item_type.placeholder(),
                )])?)));
            }
            (Value::None, Some(default)) => default,
            (Value::None, None) => match arguments.get(3, "defined").or(arguments.named("defined"))
            {
                Some(defined) if !defined.is_true() => return Ok(Value::None),
                _ => return Err(Fault::new(Class::Missing, self.missing_message())),
            },
            (given, _) => given,
        };
        let items = self.read_array(item_type, value)?;
        Ok(Value::List(Arc::new(List::typed(items)?)))
    }

    /// The items of a list or of a comma-separated string, each checked.
    pub(crate) fn read_array(
        &mut self,
        item_type: &'static ParameterType,
        value: &Value,
    ) -> Outcome<Vec<Value>> {
        self.budget.charge(value.weight())?;
        let texts: Vec<String> = match value {
            Value::List(items) | Value::Tuple(items) => items.iter().map(Value::text).collect(),
            Value::Set(items) => items.iter().map(|key| key.0.text()).collect(),
            other => other.text().split(',').map(str::to_owned).collect(),
        };
        self.budget.steps(texts.len())?;
        texts
            .iter()
            .enumerate()
            .map(|(index, text)| {
                let item = match item_type.kind {
                    // Names in an array are values, not identifiers.
                    Kind::Identifier => Some(Value::str(text)),
                    _ => item_type.read(text).map(bare),
                };
                item.ok_or_else(|| {
                    let shown = if text.is_empty() {
                        "empty string"
                    } else {
                        text
                    };
                    let all = texts.join(",");
                    let name = item_type.name;
                    Fault::new(
                        Class::Validation,
                        format!("Error validating [{all}][{index}] ({shown}) to type {name}"),
                    )
                })
            })
            .collect()
    }
}

/// A number without its cast, as it stands in an array.
fn bare(value: Value) -> Value {
    match value {
        Value::Int(int) => Value::int(int.value),
        Value::Float(float) => Value::float(float.value),
        other => other,
    }
}

fn missing_argument() -> Fault {
    Fault::template("one of the transform type functions is missing an argument")
}

/// ClickHouse has no identifier without a character.
pub(super) fn empty_identifier() -> Fault {
    Fault::new(
        Class::Validation,
        "An empty text cannot be the name of a column or a table",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_integer_type_ends_where_its_bits_end() {
        for name in [
            "Int8", "Int16", "Int32", "Int64", "Int128", "Int256", "UInt8", "UInt16", "UInt32",
            "UInt64", "UInt128", "UInt256",
        ] {
            let parameter_type = ParameterType::lookup(name).unwrap();
            let Kind::Integer { signed, bits, .. } = parameter_type.kind else {
                panic!("{name} is an integer");
            };
            let top = largest(signed, bits, false);
            assert!(parameter_type.read(top).is_some(), "{name} {top}");
            let above = add_one(top);
            assert!(parameter_type.read(&above).is_none(), "{name} {above}");
            let bottom = if signed {
                format!("-{}", largest(signed, bits, true))
            } else {
                "0".to_owned()
            };
            assert!(parameter_type.read(&bottom).is_some(), "{name} {bottom}");
            let below = if signed {
                format!("-{}", add_one(largest(signed, bits, true)))
            } else {
                "-1".to_owned()
            };
            assert!(parameter_type.read(&below).is_none(), "{name} {below}");
        }
    }

    fn add_one(digits: &str) -> String {
        let mut digits: Vec<u8> = digits.bytes().collect();
        for digit in digits.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                break;
            }
            *digit = b'0';
        }
        String::from_utf8(digits).unwrap()
    }
}
