//! Where in a file the engine's complaint belongs.

use crate::datafile::tokens::{TokenKind, tokenize};
use crate::datafile::{DataSource, Diagnostic, Node, Pipe, Position};

/// SQL that ClickHouse's parser does not take.
pub(super) fn unreadable(pipe: &Pipe, node: &Node, message: &str) -> Diagnostic {
    let position = in_node(node, message);
    let message = format!(
        "ClickHouse cannot read the SQL of `{}`: {}",
        node.name,
        tidy(message)
    );
    Diagnostic::error(&pipe.file, position, message)
}

/// SQL that ClickHouse's planner does not take.
pub(super) fn unplannable(pipe: &Pipe, node: &Node, message: &str) -> Diagnostic {
    let position = named_in_node(node, message).unwrap_or_else(|| in_node(node, message));
    let message = format!("ClickHouse cannot run `{}`: {}", node.name, tidy(message));
    Diagnostic::error(&pipe.file, position, message)
}

/// A message without the whole query it repeats.
pub(super) fn tidy(message: &str) -> String {
    let cut = [
        " in scope ",
        ": In scope ",
        ": While processing ",
        ": while executing ",
    ]
    .iter()
    .filter_map(|words| message.find(words))
    .min()
    .unwrap_or(message.len());
    let hint = message[cut..]
        .find("Maybe you meant")
        .map_or("", |at| &message[cut + at..]);
    let kept = message[..cut].trim_end_matches(['.', ' ']);
    match hint.trim_end_matches(['.', ' ']) {
        "" => kept.to_owned(),
        hint => format!("{kept}. {hint}"),
    }
}

/// The first place in a node's SQL of the name that a message quotes.
fn named_in_node(node: &Node, message: &str) -> Option<Position> {
    let quoted = message.split(['`', '\'']).nth(1)?;
    let last = quoted.rsplit('.').next()?;
    let tokens = tokenize(&node.sql).0;
    let token = tokens.into_iter().find(|token| match &token.kind {
        TokenKind::Word => &node.sql[token.range.clone()] == last,
        TokenKind::Quoted(name) => name == last,
        _ => false,
    })?;
    Some(node.sql.position(token.range.start))
}

/// The place in a node's SQL that a message of ClickHouse's parser names
/// (`failed at position 12`), or where the SQL begins. Templates are rendered
/// before they are parsed, so that places in them are unknown.
pub(super) fn in_node(node: &Node, message: &str) -> Position {
    let offset = syntax_error_offset(message).filter(|_| !node.is_template);
    node.sql.position(offset.unwrap_or(0))
}

/// The byte, from 0, at which ClickHouse's parser stopped.
fn syntax_error_offset(message: &str) -> Option<usize> {
    let (_, rest) = message.split_once("failed at position ")?;
    let digits = rest
        .split(|character: char| !character.is_ascii_digit())
        .next()?;
    digits.parse::<usize>().ok()?.checked_sub(1)
}

/// The column or key of a data source that a message names, or its first
/// column.
pub(super) fn in_data_source(data_source: &DataSource, message: &str) -> Position {
    let engine = &data_source.engine;
    let keys = [
        ("partition", &engine.partition_key),
        ("sorting", &engine.sorting_key),
        ("primary", &engine.primary_key),
        ("sampling", &engine.sampling_key),
        ("TTL", &engine.ttl),
    ];
    let named_key = keys
        .into_iter()
        .find(|(word, key)| key.is_some() && message.to_lowercase().contains(&word.to_lowercase()));
    if let Some(key) = named_key.and_then(|(_, key)| key.as_ref()) {
        return key.start();
    }
    let words =
        || message.split(|character: char| !(character.is_alphanumeric() || character == '_'));
    let named = data_source
        .columns
        .iter()
        .find(|column| words().any(|word| word == column.name));
    named
        .or(data_source.columns.first())
        .map_or(Position::START, |column| column.position)
}
