//! SCHEMA and INDEXES: columns and data skipping indexes.

use std::collections::BTreeSet;

use super::data_source::{Column, Index};
use super::data_type::{DataType, parse_type};
use super::diagnostic::Findings;
use super::json_path::JsonPath;
use super::keywords::DATA_SOURCE;
use super::position::{Fragment, Position};
use super::tokens::{Cursor, TokenKind, Unclosed};

/// Kinds of data skipping indexes that a data source may have.
const INDEX_KINDS: &[&str] = &["minmax", "set", "bloom_filter", "ngrambf_v1", "tokenbf_v1"];

/// Words that may go on an expression in a new line.
const OPERATOR_WORDS: &[&str] = &[
    "AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "IS", "BETWEEN", "THEN", "ELSE", "WHEN", "END",
    "AS", "DIV", "MOD", "GLOBAL",
];

/// Reads the columns of SCHEMA. Columns that are wrong are left out and found.
pub(super) fn read_columns(block: &Fragment, findings: &mut Findings<'_>) -> Vec<Column> {
    let (mut cursor, unclosed) = Cursor::new(block);
    let mut found = findings.fork();
    let mut columns: Vec<Column> = Vec::new();
    let mut names = BTreeSet::new();
    while !cursor.is_at_end() {
        if let Some(column) = read_column(&mut cursor, &mut found) {
            if !names.insert(column.name.clone()) {
                let message = format!("the column `{}` stands twice in SCHEMA", column.name);
                found.error(
                    column.position,
                    message,
                    "take one of them out or rename it",
                );
            }
            columns.push(column);
        }
        if !cursor.take_symbol(',') && !cursor.is_at_end() && !resume(&mut cursor, &mut found) {
            break;
        }
    }
    report_unclosed(block, unclosed, found, findings);
    columns
}

/// Notes what stands where a comma should, and steps over it. Returns whether
/// another column may follow.
fn resume(cursor: &mut Cursor<'_>, findings: &mut Findings<'_>) -> bool {
    let position = cursor.position();
    let text = cursor.text();
    if position.column == 1
        && let Some(keyword) = DATA_SOURCE.nearest(text)
    {
        let message = format!(
            "{text} is not a valid option in {} files",
            DATA_SOURCE.file_kind
        );
        findings.error(position, message, &format!("did you mean {keyword}?"));
        return false;
    }
    let message = format!("a comma is missing before `{}`", text.trim_matches('`'));
    findings.error(position, message, "separate columns with commas");
    if matches!(text, ")" | "]" | "}") {
        cursor.advance();
        cursor.take_symbol(',');
    }
    true
}

/// Reports an unclosed quote with what was found above it: all below it was
/// read wrong.
fn report_unclosed<'file>(
    block: &Fragment,
    unclosed: Option<Unclosed>,
    found: Findings<'file>,
    findings: &mut Findings<'file>,
) {
    let Some(Unclosed { offset, what }) = unclosed else {
        return findings.absorb_above(u32::MAX, found);
    };
    let position = block.position(offset);
    findings.absorb_above(position.line, found);
    findings.error(position, format!("{what} is not closed"), "close it");
}

/// Reads one column; on failure the cursor stands before the next comma.
fn read_column(cursor: &mut Cursor<'_>, findings: &mut Findings<'_>) -> Option<Column> {
    let position = cursor.position();
    let column = column_name(cursor, findings).and_then(|name| {
        let data_type = column_type(&name, cursor, findings)?;
        Some(Column {
            name,
            data_type,
            json_path: None,
            default: None,
            codec: None,
            position,
        })
    });
    let Some(mut column) = column else {
        cursor.skip_until(|cursor| cursor.at_symbol(','));
        return None;
    };
    while read_modifier(cursor, &mut column, findings) {}
    Some(simplify(column, findings))
}

fn column_name(cursor: &mut Cursor<'_>, findings: &mut Findings<'_>) -> Option<String> {
    let position = cursor.position();
    if is_index_line(cursor) {
        findings.error(
            position,
            "indexes do not belong in SCHEMA",
            "move the line to an `INDEXES >` block",
        );
        return None;
    }
    let name = match cursor.peek()? {
        TokenKind::Quoted(name) => {
            let name = name.clone();
            cursor.advance();
            name
        }
        TokenKind::Word | TokenKind::Number => bare_name(cursor),
        _ => {
            let message = format!("`{}` begins no column", cursor.text());
            findings.error(
                position,
                message,
                "begin a column with its name; put backticks around an odd one",
            );
            return None;
        }
    };
    if name.is_empty() || name.contains(['`', '\\', '\0', '\n']) {
        findings.error(
            position,
            "this is not a name for a column",
            "use letters, digits and underscores",
        );
        return None;
    }
    Some(name)
}

/// A name without quotes may hold some signs besides letters and digits.
fn bare_name(cursor: &mut Cursor<'_>) -> String {
    let mut name = String::new();
    loop {
        name.push_str(cursor.text());
        cursor.advance();
        let goes_on = match cursor.peek() {
            Some(TokenKind::Word | TokenKind::Number) => true,
            Some(TokenKind::Symbol(sign)) => matches!(sign, '.' | '*' | '<' | '>' | '+' | '-'),
            _ => false,
        };
        if !goes_on || !cursor.is_adjacent() {
            return name;
        }
    }
}

fn is_index_line(cursor: &Cursor<'_>) -> bool {
    let mut ahead = 2;
    if !cursor.at_word(0, "INDEX") {
        return false;
    }
    while let Some(kind) = cursor.peek_at(ahead) {
        match kind {
            TokenKind::Symbol(',') => return false,
            _ if cursor.at_word(ahead, "TYPE") => return true,
            _ => ahead += 1,
        }
    }
    false
}

fn column_type(
    name: &str,
    cursor: &mut Cursor<'_>,
    findings: &mut Findings<'_>,
) -> Option<DataType> {
    let is_missing = match cursor.peek() {
        None | Some(TokenKind::Symbol(',') | TokenKind::JsonPath(_)) => true,
        Some(_) => cursor.at_word(0, "DEFAULT") || cursor.at_word(0, "CODEC"),
    };
    if is_missing {
        let message = format!("the column `{name}` has no type");
        findings.error(
            cursor.position(),
            message,
            "write one after its name, as in String",
        );
        return None;
    }
    parse_type(cursor, findings)
}

/// Reads what may follow a column's type, in any order. Returns whether there
/// was anything.
fn read_modifier(
    cursor: &mut Cursor<'_>,
    column: &mut Column,
    findings: &mut Findings<'_>,
) -> bool {
    let position = cursor.position();
    if let Some(TokenKind::JsonPath(text)) = cursor.peek() {
        let text = text.clone();
        cursor.advance();
        read_json_path(&text, position, column, findings);
        return true;
    }
    if cursor.at_word(0, "DEFAULT") {
        cursor.advance();
        let expression = cursor.skip_until(ends_default);
        if expression.is_empty() {
            findings.error(
                position,
                "DEFAULT has no value",
                "write an expression after it, as in DEFAULT 0",
            );
        }
        set_once(
            &mut column.default,
            expression.to_string(),
            "DEFAULT",
            position,
            findings,
        );
        return true;
    }
    if cursor.at_word(0, "CODEC") && cursor.peek_at(1) == Some(&TokenKind::Symbol('(')) {
        cursor.advance();
        cursor.advance();
        let codec = cursor.skip_until(|_| false);
        if !cursor.take_symbol(')') {
            findings.error(
                position,
                "the parenthesis of CODEC is not closed",
                "close it with `)`",
            );
        }
        set_once(
            &mut column.codec,
            codec.to_string(),
            "CODEC",
            position,
            findings,
        );
        return true;
    }
    read_refused_modifier(cursor, position, findings)
}

fn read_json_path(
    text: &str,
    position: Position,
    column: &mut Column,
    findings: &mut Findings<'_>,
) {
    match JsonPath::parse(text) {
        Ok(path) => {
            if path.array_depth() > 0 && column.data_type.bare().name != "Array" {
                findings.error(
                    position,
                    format!(
                        "`{path}` takes all elements of an array, but `{}` is no Array",
                        column.name
                    ),
                    "make its type Array(…), or take `[:]` out",
                );
            }
            set_once(
                &mut column.json_path,
                path,
                "a JSONPath",
                position,
                findings,
            );
        }
        Err(error) => findings.error(position, error.message, error.help),
    }
}

fn set_once<Value>(
    place: &mut Option<Value>,
    value: Value,
    what: &str,
    position: Position,
    findings: &mut Findings<'_>,
) {
    if place.replace(value).is_some() {
        findings.error(
            position,
            format!("the column has {what} twice"),
            "take one of them out",
        );
    }
}

/// Whether a DEFAULT's expression is over. A name that begins a line and
/// cannot go on an expression is the next column, its comma forgotten.
fn ends_default(cursor: &Cursor<'_>) -> bool {
    let begins_codec =
        cursor.at_word(0, "CODEC") && cursor.peek_at(1) == Some(&TokenKind::Symbol('('));
    match cursor.peek() {
        Some(TokenKind::Symbol(',') | TokenKind::JsonPath(_)) | None => true,
        Some(TokenKind::Word | TokenKind::Quoted(_)) if cursor.begins_line() => {
            let goes_on = OPERATOR_WORDS.iter().any(|word| cursor.at_word(0, word));
            let operand_ended = match cursor.previous() {
                Some(TokenKind::Symbol(sign)) => matches!(sign, ')' | ']' | '}'),
                _ => true,
            };
            begins_codec || (operand_ended && !goes_on)
        }
        Some(_) => begins_codec,
    }
}

/// Steps over what SQL allows after a type and SCHEMA does not.
fn read_refused_modifier(
    cursor: &mut Cursor<'_>,
    position: Position,
    findings: &mut Findings<'_>,
) -> bool {
    let refused = [
        ("NULL", "make the type Nullable(…)"),
        (
            "NOT",
            "leave NOT NULL out: a column is NOT NULL unless its type is Nullable",
        ),
        ("MATERIALIZED", "use DEFAULT, or a materialized view"),
        ("ALIAS", "compute it in a pipe"),
        ("EPHEMERAL", "use DEFAULT"),
        ("TTL", "use ENGINE_TTL"),
        ("COMMENT", "write a comment after `--`"),
        ("PRIMARY", "use ENGINE_PRIMARY_KEY"),
    ];
    let Some((word, help)) = refused.iter().find(|(word, _)| cursor.at_word(0, word)) else {
        return false;
    };
    if cursor.begins_line() {
        return false;
    }
    findings.error(
        position,
        format!("{} cannot be used in SCHEMA", word.to_uppercase()),
        help,
    );
    cursor.skip_until(ends_default);
    true
}

/// `Nullable(…) DEFAULT NULL` says nothing that Nullable does not.
fn simplify(mut column: Column, findings: &mut Findings<'_>) -> Column {
    let is_null = column
        .default
        .as_deref()
        .is_some_and(|value| value.eq_ignore_ascii_case("NULL"));
    if is_null && column.is_nullable() {
        column.default = None;
    } else if is_null {
        let message = format!("the column `{}` cannot hold NULL", column.name);
        findings.error(
            column.position,
            message,
            "make its type Nullable(…), or give it another DEFAULT",
        );
    }
    let whole_row = column
        .json_path
        .as_ref()
        .is_some_and(JsonPath::is_whole_row);
    let takes_rows = matches!(
        column.data_type.bare().name.as_str(),
        "String" | "JSON" | "Object" | "Map" | "Dynamic"
    );
    if whole_row && !takes_rows {
        let message = format!("`$` is the whole row, which `{}` cannot hold", column.name);
        findings.error(column.position, message, "make its type String or JSON");
    }
    column
}

/// Reads INDEXES: `[INDEX] name expression TYPE kind [GRANULARITY n]`, one a
/// line.
pub(super) fn read_indexes(block: &Fragment, findings: &mut Findings<'_>) -> Vec<Index> {
    let mut offset = 0;
    let mut indexes = Vec::new();
    for line in block.split_inclusive('\n') {
        let fragment = block.slice(offset..offset + line.len());
        offset += line.len();
        let (mut cursor, unclosed) = Cursor::new(&fragment);
        let mut found = findings.fork();
        if !cursor.is_at_end() {
            indexes.extend(read_index(&mut cursor, &mut found));
        }
        report_unclosed(&fragment, unclosed, found, findings);
    }
    indexes
}

fn read_index(cursor: &mut Cursor<'_>, findings: &mut Findings<'_>) -> Option<Index> {
    const SHAPE: &str = "write `INDEX name expression TYPE kind GRANULARITY 1`";
    if cursor.at_word(0, "INDEX") {
        cursor.advance();
    }
    let position = cursor.position();
    let name = match cursor.peek() {
        Some(TokenKind::Word) => cursor.text().to_owned(),
        Some(TokenKind::Quoted(name)) => name.clone(),
        _ => {
            findings.error(position, "this index has no name", SHAPE);
            return None;
        }
    };
    cursor.advance();
    let expression = cursor.skip_until(|cursor| cursor.at_word(0, "TYPE"));
    if expression.is_empty() || !cursor.at_word(0, "TYPE") {
        findings.error(
            cursor.position(),
            format!("the index `{name}` has no expression and TYPE"),
            SHAPE,
        );
        return None;
    }
    cursor.advance();
    let kind_position = cursor.position();
    let kind_name = cursor.text();
    let kind =
        cursor.skip_until(|cursor| cursor.at_word(0, "GRANULARITY") || cursor.at_symbol(','));
    if !INDEX_KINDS.contains(&kind_name) {
        findings.error(
            kind_position,
            format!("`{kind_name}` is not a kind of index"),
            "choose from minmax, set, bloom_filter, ngrambf_v1 and tokenbf_v1",
        );
        return None;
    }
    let granularity = read_granularity(cursor, findings);
    cursor.take_symbol(',');
    if !cursor.is_at_end() {
        let message = format!("`{}` does not belong to the index", cursor.text());
        findings.error(cursor.position(), message, "write one index a line");
    }
    Some(Index {
        name,
        expression: expression.to_string(),
        kind: kind.to_string(),
        granularity,
        position,
    })
}

fn read_granularity(cursor: &mut Cursor<'_>, findings: &mut Findings<'_>) -> Option<u64> {
    if !cursor.at_word(0, "GRANULARITY") {
        return None;
    }
    cursor.advance();
    let granularity = cursor.text().parse().ok().filter(|number| *number > 0);
    if granularity.is_none() {
        findings.error(
            cursor.position(),
            "GRANULARITY needs a number",
            "write GRANULARITY 1",
        );
    }
    cursor.advance();
    granularity
}
