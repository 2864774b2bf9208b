//! Reads data types.

use super::{DataType, TypeArgument};
use crate::diagnostic::Findings;
use crate::tokens::{Cursor, TokenKind};

/// How deep types may stand in one another.
const DEEPEST: usize = 32;

/// Types whose names ClickHouse takes in one spelling only.
const EXACT_NAMES: &[&str] = &[
    "String",
    "FixedString",
    "UUID",
    "IPv4",
    "IPv6",
    "Nullable",
    "LowCardinality",
    "Array",
    "Map",
    "Tuple",
    "Nested",
    "Variant",
    "Dynamic",
    "AggregateFunction",
    "SimpleAggregateFunction",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "Int128",
    "Int256",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
    "UInt128",
    "UInt256",
    "Float32",
    "Float64",
    "Enum8",
    "Enum16",
];

/// Reads the type that is next. `None`, with a finding, if there is none; the
/// cursor then stands before what is wrong.
pub(crate) fn parse_type(cursor: &mut Cursor<'_>, findings: &mut Findings<'_>) -> Option<DataType> {
    parse_nested(cursor, findings, 0).map(normalize)
}

fn parse_nested(
    cursor: &mut Cursor<'_>,
    findings: &mut Findings<'_>,
    depth: usize,
) -> Option<DataType> {
    let position = cursor.position();
    if cursor.peek() != Some(&TokenKind::Word) {
        findings.error(
            position,
            "a type is missing here",
            "write one, as in String or Nullable(Int32)",
        );
        return None;
    }
    if depth > DEEPEST {
        findings.error(
            position,
            format!("types stand more than {DEEPEST} deep in one another"),
            "make it simpler",
        );
        return None;
    }
    let name = cursor.text().to_owned();
    cursor.advance();
    let arguments = match cursor.take_symbol('(') {
        true => parse_arguments(&name, cursor, findings, depth)?,
        false => Vec::new(),
    };
    if let Some((message, help)) = objection(&name, &arguments) {
        findings.error(position, message, &help);
    }
    if name.eq_ignore_ascii_case("Boolean") {
        findings.warning(
            position,
            format!("{name} is taken for Bool"),
            "write Bool: Tinybird's own reader of datafiles refuses Boolean",
        );
        return Some(DataType::plain("Bool"));
    }
    Some(DataType { name, arguments })
}

fn parse_arguments(
    name: &str,
    cursor: &mut Cursor<'_>,
    findings: &mut Findings<'_>,
    depth: usize,
) -> Option<Vec<TypeArgument>> {
    let opened = cursor.position();
    let mut arguments = Vec::new();
    loop {
        if cursor.take_symbol(')') {
            return Some(arguments);
        }
        if cursor.is_at_end() {
            findings.error(
                opened,
                format!("the parenthesis of {name} is not closed"),
                "close it with `)`",
            );
            return None;
        }
        arguments.push(parse_argument(name, cursor, findings, depth)?);
        if takes_one_argument(name) && !cursor.at_symbol(')') {
            let message = format!("the parenthesis of {name} is not closed");
            findings.error(opened, message, "close it with `)`");
            return None;
        }
        if !cursor.take_symbol(',') && !cursor.at_symbol(')') && !cursor.is_at_end() {
            let message = format!(
                "`{}` does not belong in the arguments of {name}",
                cursor.text()
            );
            findings.error(
                cursor.position(),
                message,
                "separate arguments with commas and close with `)`",
            );
            return None;
        }
    }
}

fn takes_one_argument(name: &str) -> bool {
    matches!(
        name,
        "Nullable" | "LowCardinality" | "Array" | "FixedString"
    )
}

fn parse_argument(
    name: &str,
    cursor: &mut Cursor<'_>,
    findings: &mut Findings<'_>,
    depth: usize,
) -> Option<TypeArgument> {
    let holds_settings = name.eq_ignore_ascii_case("JSON") || name == "Object";
    let first = cursor.peek()?.clone();
    let second = cursor.peek_at(1).cloned();
    let ends_argument = matches!(second, Some(TokenKind::Symbol(',' | ')' | '(')));
    match first {
        TokenKind::Word if !holds_settings && ends_argument => Some(TypeArgument::Type(
            parse_nested(cursor, findings, depth + 1)?,
        )),
        TokenKind::Word | TokenKind::Quoted(_)
            if !holds_settings && second == Some(TokenKind::Word) =>
        {
            let element = match first {
                TokenKind::Quoted(element) => element,
                _ => cursor.text().to_owned(),
            };
            cursor.advance();
            Some(TypeArgument::Named(
                element,
                parse_nested(cursor, findings, depth + 1)?,
            ))
        }
        _ => {
            let literal = cursor.skip_until(|cursor| cursor.at_symbol(','));
            Some(TypeArgument::Literal(literal.to_string()))
        }
    }
}

/// What is wrong with a type as it is named, and how to mend it.
fn objection(name: &str, arguments: &[TypeArgument]) -> Option<(String, String)> {
    let not_a_type = format!("{name} is not a type");
    match name {
        "Int" => Some((
            not_a_type,
            "say how many bits: Int8, Int16, Int32, Int64".to_owned(),
        )),
        "UInt" => Some((
            not_a_type,
            "say how many bits: UInt8, UInt16, UInt32, UInt64".to_owned(),
        )),
        "DateTime64" if arguments.is_empty() => Some((
            "DateTime64 needs a precision".to_owned(),
            "write DateTime64(3) for milliseconds".to_owned(),
        )),
        _ => {
            let exact = EXACT_NAMES
                .iter()
                .find(|exact| exact.eq_ignore_ascii_case(name))?;
            (*exact != name).then(|| {
                (
                    not_a_type,
                    format!("write {exact}: names of types are case-sensitive"),
                )
            })
        }
    }
}

/// Takes `Nullable(SimpleAggregateFunction(f, T))` for what ClickHouse can do:
/// `SimpleAggregateFunction(f, Nullable(T))`.
fn normalize(data_type: DataType) -> DataType {
    let function = match (data_type.name.as_str(), data_type.inner()) {
        ("Nullable", Some(inner)) if inner.name == "SimpleAggregateFunction" => inner.clone(),
        _ => return data_type,
    };
    let nullable = |argument: TypeArgument| match argument {
        TypeArgument::Type(inner) if !inner.is_nullable() => {
            TypeArgument::Type(DataType::wrap("Nullable", inner))
        }
        other => other,
    };
    let mut arguments = function.arguments.into_iter();
    let arguments = arguments
        .next()
        .into_iter()
        .chain(arguments.map(nullable))
        .collect();
    DataType {
        name: function.name,
        arguments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::{Fragment, Position};

    fn parse(text: &str) -> (Option<String>, Vec<String>) {
        let source = Fragment::verbatim(text, Position::START);
        let (mut cursor, _) = Cursor::new(&source);
        let mut findings = Findings::new("f");
        let data_type = parse_type(&mut cursor, &mut findings);
        (
            data_type.map(|data_type| data_type.to_string()),
            findings.messages(),
        )
    }

    #[test]
    fn types_print_as_written() {
        for text in [
            "String",
            "DateTime64(3, 'UTC')",
            "LowCardinality(Nullable(String))",
            "Map(LowCardinality(String), Array(Tuple(`a` UInt8, `b c` String)))",
            "Enum8('a' = 1, 'b' = -2)",
            "AggregateFunction(quantiles(0.5, 0.9), Float64)",
            "SimpleAggregateFunction(sum, UInt64)",
            "Decimal(18, 4)",
            "JSON(max_dynamic_paths = 8, a.b UInt32, SKIP c)",
            "AggregateFunction(count)",
        ] {
            assert_eq!(parse(text), (Some(text.to_owned()), vec![]), "{text}");
        }
    }

    #[test]
    fn nullable_simple_aggregates_turn_inside_out() {
        assert_eq!(
            parse("Nullable(SimpleAggregateFunction(max, DateTime))")
                .0
                .as_deref(),
            Some("SimpleAggregateFunction(max, Nullable(DateTime))")
        );
    }

    #[test]
    fn boolean_is_another_name_of_bool() {
        let (data_type, messages) = parse("Nullable(Boolean)");
        assert_eq!(data_type.as_deref(), Some("Nullable(Bool)"));
        assert_eq!(messages, ["Boolean is taken for Bool"]);
    }

    #[test]
    fn vague_types_are_refused() {
        for text in [
            "Int",
            "UInt",
            "DateTime64",
            "Array(Int)",
            "string",
            "Array(",
            "",
            "Nullable(String",
        ] {
            assert_eq!(parse(text).1.len(), 1, "{text}");
        }
        let deep = "Array(".repeat(5000);
        assert_eq!(parse(&deep).1.len(), 1);
    }
}
