//! Values as Python text: `str()`, `repr()`, f-string and `%` formatting.
//! SQL text is `print`'s work.

use super::fault::{Fault, Outcome};
use super::value::Value;

impl Value {
    /// Python's `str()`.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Str(text) | Self::Sql(text) => text.to_string(),
            other => other.repr(),
        }
    }

    /// Python's `repr()`.
    pub(super) fn repr(&self) -> String {
        let mut out = String::new();
        self.push_repr(&mut out);
        out
    }

    fn push_repr(&self, out: &mut String) {
        match self {
            Self::None => out.push_str("None"),
            Self::Bool(true) => out.push_str("True"),
            Self::Bool(false) => out.push_str("False"),
            Self::Int(int) => out.push_str(&int.value.to_string()),
            Self::Wide { digits, .. } => out.push_str(digits),
            Self::Float(float) => out.push_str(&float_text(float.value)),
            Self::Str(text) => push_quoted(out, text),
            Self::Sql(text) => out.push_str(text),
            Self::List(list) => push_all(out, "[", list.iter(), "]"),
            Self::Tuple(list) if list.len() == 1 => push_all(out, "(", list.iter(), ",)"),
            Self::Tuple(list) => push_all(out, "(", list.iter(), ")"),
            Self::Set(set) if set.is_empty() => out.push_str("set()"),
            Self::Set(set) => push_all(out, "{", set.iter().map(|key| &key.0), "}"),
            Self::Dict(dict) => {
                out.push('{');
                for (index, (key, value)) in dict.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    key.0.push_repr(out);
                    out.push_str(": ");
                    value.push_repr(out);
                }
                out.push('}');
            }
            Self::Function(_) | Self::Lambda(_) => out.push_str("<function>"),
            Self::Placeholder => out.push_str("__no_value__"),
        }
    }
}

fn push_all<'v>(out: &mut String, open: &str, items: impl Iterator<Item = &'v Value>, close: &str) {
    out.push_str(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        item.push_repr(out);
    }
    out.push_str(close);
}

/// A string as Python shows it: single quotes unless it holds only those.
fn push_quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            found if found == quote => {
                out.push('\\');
                out.push(found);
            }
            control if control.is_control() => {
                out.push_str(&format!("\\x{:02x}", u32::from(control)))
            }
            other => out.push(other),
        }
    }
    out.push(quote);
}

/// Python's shortest text of a float: `1.0`, `1e+16`, `inf`, `nan`.
pub(super) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') {
            plain
        } else {
            plain + ".0"
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// The format of a value in an f-string: `[[fill]align][sign][0][width][,][.precision][type]`.
#[derive(Debug, Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

/// Wider fields than this have no use in SQL.
const MAX_FIELD: usize = 1_000;

impl Spec {
    fn parse(text: &str) -> Outcome<Self> {
        let invalid = || Fault::value_error(format!("Invalid format specifier '{text}'"));
        let mut spec = Self::default();
        let mut rest: Vec<char> = text.chars().collect();
        if rest.len() > 1 && matches!(rest[1], '<' | '>' | '^' | '=') {
            spec.fill = Some(rest[0]);
            spec.align = Some(rest[1]);
            rest.drain(..2);
        } else if let Some(align @ ('<' | '>' | '^' | '=')) = rest.first().copied() {
            spec.align = Some(align);
            rest.remove(0);
        }
        let mut rest = rest.into_iter().peekable();
        spec.sign = rest.next_if(|found| matches!(found, '+' | '-' | ' '));
        if rest.next_if_eq(&'0').is_some() && spec.align.is_none() {
            spec.fill = Some('0');
            spec.align = Some('=');
        }
        spec.width = number(&mut rest).unwrap_or(0);
        spec.grouping = rest.next_if(|found| matches!(found, ',' | '_'));
        if rest.next_if_eq(&'.').is_some() {
            spec.precision = Some(number(&mut rest).ok_or_else(invalid)?);
        }
        spec.kind = rest.next();
        if rest.next().is_some()
            || spec.width > MAX_FIELD
            || spec.precision.is_some_and(|digits| digits > MAX_FIELD)
        {
            return Err(invalid());
        }
        Ok(spec)
    }

    fn pad(&self, sign: &str, body: &str, default_align: char) -> String {
        let length = sign.chars().count() + body.chars().count();
        let missing = self.width.saturating_sub(length);
        let fill = self.fill.unwrap_or(' ');
        let run = |count: usize| fill.to_string().repeat(count);
        match self.align.unwrap_or(default_align) {
            '<' => format!("{sign}{body}{}", run(missing)),
            '^' => format!(
                "{}{sign}{body}{}",
                run(missing / 2),
                run(missing - missing / 2)
            ),
            '=' => format!("{sign}{}{body}", run(missing)),
            _ => format!("{}{sign}{body}", run(missing)),
        }
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.sign) {
            (true, _) => "-",
            (false, Some('+')) => "+",
            (false, Some(' ')) => " ",
            _ => "",
        }
    }
}

fn number(rest: &mut std::iter::Peekable<std::vec::IntoIter<char>>) -> Option<usize> {
    let mut value = None;
    while let Some(digit) = rest.peek().and_then(|found| found.to_digit(10)) {
        rest.next();
        value = Some(
            value
                .unwrap_or(0usize)
                .saturating_mul(10)
                .saturating_add(digit as usize),
        );
    }
    value
}

/// Python's `format(value, spec)`.
pub(super) fn format_value(value: &Value, spec: &str) -> Outcome<String> {
    if spec.is_empty() {
        return Ok(value.text());
    }
    let spec = Spec::parse(spec)?;
    let unknown = |kind: char| {
        let name = value.type_name();
        Fault::value_error(format!(
            "Unknown format code '{kind}' for object of type '{name}'"
        ))
    };
    match (value, spec.kind) {
        (Value::Int(_) | Value::Bool(_), None | Some('d' | 'x' | 'X' | 'o' | 'b' | 'n')) => {
            let number = value.as_int().unwrap_or(0);
            let digits = match spec.kind {
                Some('x') => format!("{:x}", number.unsigned_abs()),
                Some('X') => format!("{:X}", number.unsigned_abs()),
                Some('o') => format!("{:o}", number.unsigned_abs()),
                Some('b') => format!("{:b}", number.unsigned_abs()),
                _ => grouped(&number.unsigned_abs().to_string(), spec.grouping),
            };
            Ok(spec.pad(spec.sign(number < 0), &digits, '>'))
        }
        (Value::Int(_) | Value::Bool(_) | Value::Float(_), kind) => {
            let number = value.as_float().unwrap_or(0.0);
            let body = float_body(number.abs(), kind, &spec)
                .ok_or_else(|| unknown(kind.unwrap_or('?')))?;
            Ok(spec.pad(spec.sign(number < 0.0), &body, '>'))
        }
        (_, None | Some('s')) => {
            let text = value.text();
            let cut = spec
                .precision
                .map_or(text.clone(), |length| text.chars().take(length).collect());
            Ok(spec.pad("", &cut, '<'))
        }
        (_, Some(kind)) => Err(unknown(kind)),
    }
}

fn float_body(number: f64, kind: Option<char>, spec: &Spec) -> Option<String> {
    let digits = spec.precision.unwrap_or(6);
    Some(match kind {
        Some('f' | 'F') => {
            let fixed = format!("{number:.digits$}");
            match fixed.split_once('.') {
                Some((whole, part)) => format!("{}.{part}", grouped(whole, spec.grouping)),
                None => grouped(&fixed, spec.grouping),
            }
        }
        Some('%') => format!("{:.digits$}%", number * 100.0),
        Some('e' | 'E') => {
            let text = format!("{number:.digits$e}");
            let (mantissa, exponent) = text.split_once('e')?;
            let exponent: i32 = exponent.parse().ok()?;
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
        None | Some('g') => match spec.precision {
            None => float_text(number),
            Some(digits) => {
                let digits = digits.max(1);
                let rounded: f64 = format!("{number:.*e}", digits - 1).parse().ok()?;
                let text = float_text(rounded);
                text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
            }
        },
        Some(_) => return None,
    })
}

fn grouped(digits: &str, separator: Option<char>) -> String {
    let Some(separator) = separator else {
        return digits.to_owned();
    };
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

/// Python's `template % values`.
pub(super) fn percent_format(template: &str, values: &Value) -> Outcome<String> {
    let mut out = String::new();
    let mut next = 0;
    let mut rest = template;
    while let Some(found) = rest.find('%') {
        out.push_str(&rest[..found]);
        rest = &rest[found + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let mut key = None;
        if let Some(after) = rest.strip_prefix('(') {
            let end = after
                .find(')')
                .ok_or_else(|| Fault::value_error("incomplete format key"))?;
            key = Some(&after[..end]);
            rest = &after[end + 1..];
        }
        let end = rest
            .find(|character: char| character.is_alphabetic())
            .ok_or_else(|| Fault::value_error("incomplete format"))?;
        let flags = &rest[..end];
        let kind = rest[end..].chars().next().unwrap_or('s');
        rest = &rest[end + kind.len_utf8()..];
        let value = match key {
            Some(key) => named(values, key)?,
            None => positional(values, &mut next)?,
        };
        out.push_str(&percent_field(flags, kind, value)?);
    }
    out.push_str(rest);
    match values {
        Value::Tuple(items) if next < items.len() => Err(Fault::type_error(
            "not all arguments converted during string formatting",
        )),
        Value::Tuple(_) | Value::Dict(_) | Value::List(_) => Ok(out),
        _ if next == 0 => Err(Fault::type_error(
            "not all arguments converted during string formatting",
        )),
        _ => Ok(out),
    }
}

fn named<'v>(values: &'v Value, key: &str) -> Outcome<&'v Value> {
    let Value::Dict(dict) = values else {
        return Err(Fault::type_error("format requires a mapping"));
    };
    let key = super::value::Key(Value::str(key));
    dict.get(&key)
        .ok_or_else(|| Fault::new(super::fault::Class::Key, key.0.repr()))
}

fn positional<'v>(values: &'v Value, next: &mut usize) -> Outcome<&'v Value> {
    let value = match values {
        Value::Tuple(items) => items.get(*next),
        single if *next == 0 => Some(single),
        _ => None,
    };
    *next += 1;
    value.ok_or_else(|| Fault::type_error("not enough arguments for format string"))
}

fn percent_field(flags: &str, kind: char, value: &Value) -> Outcome<String> {
    let (left, flags) = match flags.strip_prefix('-') {
        Some(rest) => ("<", rest),
        None => ("", flags),
    };
    let needs_number = || {
        let name = value.type_name();
        Fault::type_error(format!(
            "%{kind} format: a real number is required, not {name}"
        ))
    };
    match kind {
        's' | 'r' => {
            let text = if kind == 'r' {
                value.repr()
            } else {
                value.text()
            };
            let align = if left.is_empty() && !flags.is_empty() && !flags.starts_with('.') {
                ">"
            } else {
                left
            };
            format_value(&Value::str(text), &format!("{align}{flags}"))
        }
        'd' | 'i' | 'u' => {
            let whole = value.as_float().ok_or_else(needs_number)?.trunc();
            let number = value.as_int().unwrap_or(whole as i128);
            format_value(&Value::int(number), &format!("{left}{flags}"))
        }
        'x' | 'X' | 'o' if value.as_int().is_some() => {
            format_value(value, &format!("{left}{flags}{kind}"))
        }
        'f' | 'F' | 'e' | 'E' | 'g' => {
            let number = value.as_float().ok_or_else(needs_number)?;
            format_value(&Value::float(number), &format!("{left}{flags}{kind}"))
        }
        _ => Err(Fault::value_error(format!(
            "unsupported format character '{kind}'"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_python_prints_them() {
        let cases = [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (1e15, "1000000000000000.0"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-2.5e-7, "-2.5e-07"),
            (f64::INFINITY, "inf"),
            (-0.0, "-0.0"),
        ];
        for (value, expected) in cases {
            assert_eq!(float_text(value), expected);
        }
    }

    #[test]
    fn strings_choose_their_quotes_as_python_does() {
        assert_eq!(Value::str("it's").repr(), r#""it's""#);
        assert_eq!(Value::str("it's \"x\"").repr(), r#"'it\'s "x"'"#);
        assert_eq!(Value::str("a\n\0").repr(), r"'a\n\x00'");
    }

    #[test]
    fn format_specifiers_are_pythons() {
        let cases = [
            (Value::int(5), "02d", "05"),
            (Value::int(-5), "04", "-005"),
            (Value::int(1_234_567), ",", "1,234,567"),
            (Value::float(2.5), ".2f", "2.50"),
            (Value::float(0.256), ".1%", "25.6%"),
            (Value::str("ab"), ">4", "  ab"),
            (Value::str("ab"), "*^6", "**ab**"),
            (Value::str("abc"), ".2", "ab"),
            (Value::int(255), "x", "ff"),
        ];
        for (value, spec, expected) in cases {
            assert_eq!(format_value(&value, spec).unwrap(), expected, "{spec}");
        }
        assert!(format_value(&Value::str("a"), "d").is_err());
        assert!(format_value(&Value::int(1), "99999999d").is_err());
    }

    #[test]
    fn percent_formatting_is_pythons() {
        let pair = Value::tuple(vec![Value::str("a"), Value::int(3)]).unwrap();
        assert_eq!(percent_format("%s=%02d%%", &pair).unwrap(), "a=03%");
        assert_eq!(percent_format("%s", &Value::int(1)).unwrap(), "1");
        assert!(percent_format("%s", &pair).is_err());
        assert!(percent_format("%d", &Value::str("x")).is_err());
    }
}
