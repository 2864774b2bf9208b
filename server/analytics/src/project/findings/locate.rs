//! Where in a file the engine's complaint belongs, and how to put it.

use std::cmp::Reverse;

use datafile::tokens::{TokenKind, tokenize};
use datafile::{DataSource, Diagnostic, Fragment, Node, Pipe, Position};

/// SQL that ClickHouse's parser does not take.
pub(in crate::project) fn unreadable(pipe: &Pipe, node: &Node, message: &str) -> Diagnostic {
    let text = format!(
        "ClickHouse cannot read the SQL of `{}`: {}",
        node.name,
        tidy(message)
    );
    Diagnostic::error(&pipe.file, in_node(node, message), text)
}

/// SQL that ClickHouse's planner does not take.
pub(in crate::project) fn unplannable(pipe: &Pipe, node: &Node, message: &str) -> Diagnostic {
    let named = quoted_names(message)
        .next()
        .and_then(|name| find_name(&node.sql, name));
    let position = named.unwrap_or_else(|| in_node(node, message));
    let text = format!("ClickHouse cannot run `{}`: {}", node.name, tidy(message));
    Diagnostic::error(&pipe.file, position, text)
}

/// A definition that ClickHouse does not take.
pub(in crate::project) fn undefinable(data_source: &DataSource, message: &str) -> Diagnostic {
    let text = format!(
        "ClickHouse does not take the definition of `{}`: {}",
        data_source.name,
        tidy(message)
    );
    Diagnostic::error(
        &data_source.file,
        in_data_source(data_source, message),
        text,
    )
}

/// A message without the query it repeats and without all the tokens that
/// might have stood where one stands.
pub(in crate::project) fn tidy(message: &str) -> String {
    if let Some((_, rest)) = message.split_once("failed at position ")
        && let Some(token) = rest
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(") ").or(rest.split_once("): ")))
    {
        return format!("syntax error at `{}`", token.0);
    }
    let ends = [
        " in scope ",
        ": In scope ",
        ". In scope ",
        ": While processing ",
        " while processing: ",
        ": while executing ",
    ];
    let end = ends
        .iter()
        .filter_map(|words| message.find(words))
        .min()
        .unwrap_or(message.len());
    let hint = message[end..]
        .find("Maybe you meant")
        .map_or("", |at| &message[end + at..]);
    let kept = message[..end].trim_end_matches(['.', ' ']);
    match hint.trim_end_matches(['.', ' ']) {
        "" => kept.to_owned(),
        hint => format!("{kept}. {hint}"),
    }
}

/// The place of a fault in the tag that begins in line `line` of a node's
/// template: the name it speaks of, the tag, or else the line.
pub(in crate::project) fn in_template(node: &Node, line: usize, message: &str) -> Position {
    let lines = node.sql.split_inclusive('\n').take(line.saturating_sub(1));
    let start: usize = lines.map(str::len).sum();
    let rest = &node.sql[start..];
    let end = rest.find('\n').unwrap_or(rest.len());
    let after_colon = message
        .rsplit_once(": ")
        .map(|(_, name)| name.split(['(', ' ']).next().unwrap_or(""))
        .filter(|name| !name.is_empty());
    let named = in_call(message)
        .into_iter()
        .chain(quoted_names(message))
        .chain(after_colon)
        .find_map(|name| tokens_named(rest, name).next());
    let tags = ["{{", "{%", "{#"].into_iter();
    // A tag that does not end is the line's last.
    let tag = match message.starts_with("Missing end") {
        true => tags.filter_map(|tag| rest[..end].rfind(tag)).max(),
        false => tags.filter_map(|tag| rest[..end].find(tag)).min(),
    };
    match named.or(tag) {
        Some(offset) => node.sql.position(start + offset),
        None => node.sql.line_start(line),
    }
}

/// The function in `Array(x, …)`.
fn in_call(message: &str) -> Option<&str> {
    let (before, _) = message.split_once('(')?;
    before.rsplit(' ').next().filter(|name| !name.is_empty())
}

/// A template's message without the ` at node:2` that tells its clients where;
/// in a file that would be another line.
pub(in crate::project) fn without_place<'run>(message: &'run str, node: &str) -> &'run str {
    match message.rsplit_once(&format!(" at {node}:")) {
        Some((kept, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => kept,
        _ => message,
    }
}

/// The place in a node's SQL where ClickHouse's parser stopped, or where the
/// SQL begins. Templates are rendered before they are parsed; in them it is
/// where the text that the message repeats is found.
fn in_node(node: &Node, message: &str) -> Position {
    let offset = match node.is_template {
        false => syntax_error_offset(message),
        true => syntax_error_excerpt(message)
            .and_then(|(excerpt, line)| best_match(&node.sql, excerpt, line)),
    };
    node.sql.position(offset.unwrap_or(0))
}

/// What ClickHouse's parser shows of the SQL from where it stopped, and the
/// line there: `failed at position 12 (||) (line 2, col 3): || 1. Expected …`.
fn syntax_error_excerpt(message: &str) -> Option<(&str, usize)> {
    let (_, rest) = message.split_once("failed at position ")?;
    let (place, excerpt) = rest.split_once("): ")?;
    let line = place
        .rsplit_once("(line ")
        .and_then(|(_, line)| line.split(',').next()?.parse().ok());
    let end = excerpt.find(". Expected").unwrap_or(excerpt.len());
    Some((excerpt[..end].trim_end(), line.unwrap_or(1)))
}

/// The byte from which the most of `excerpt` stands in `sql`; of equal places
/// the one nearest to line `line`, since rendering keeps most line breaks.
fn best_match(sql: &str, excerpt: &str, line: usize) -> Option<usize> {
    let first = tokenize(excerpt).0.first()?.range.end;
    let common = |offset: usize| {
        let pairs = sql[offset..].bytes().zip(excerpt.bytes());
        pairs.take_while(|(left, right)| left == right).count()
    };
    let distance = |offset: usize| (1 + sql[..offset].matches('\n').count()).abs_diff(line);
    sql.match_indices(&excerpt[..first])
        .map(|(offset, _)| offset)
        .min_by_key(|offset| (Reverse(common(*offset)), distance(*offset)))
}

/// The byte, from 0, at which ClickHouse's parser stopped.
fn syntax_error_offset(message: &str) -> Option<usize> {
    let (_, rest) = message.split_once("failed at position ")?;
    let digits = rest
        .split(|character: char| !character.is_ascii_digit())
        .next()?;
    digits.parse::<usize>().ok()?.checked_sub(1)
}

/// The column or key of a data source that a message speaks of, or its first
/// column.
fn in_data_source(data_source: &DataSource, message: &str) -> Position {
    let unknown_type = message
        .split_once("family: ")
        .and_then(|(_, rest)| rest.split(['.', ' ']).next());
    let names = unknown_type.into_iter().chain(quoted_names(message));
    let found = names
        .filter_map(|name| in_definition(data_source, name))
        .next();
    let first = data_source
        .columns
        .first()
        .map_or(Position::START, |column| column.position);
    found.unwrap_or(first)
}

/// Where a data source's definition uses a name.
fn in_definition(data_source: &DataSource, name: &str) -> Option<Position> {
    let uses = |sql: &str| tokens_named(sql, name).next().is_some();
    let engine = &data_source.engine;
    let keys = [
        &engine.sorting_key,
        &engine.partition_key,
        &engine.primary_key,
        &engine.sampling_key,
        &engine.ttl,
    ];
    let in_keys = keys
        .into_iter()
        .flatten()
        .find_map(|key| find_name(key, name));
    let column = data_source.columns.iter().find(|column| {
        column.name == name
            || uses(&column.data_type.to_string())
            || column.default.as_deref().is_some_and(uses)
            || column.codec.as_deref().is_some_and(uses)
    });
    let index = data_source
        .indexes
        .iter()
        .find(|index| index.name == name || uses(&index.expression));
    let unknown_in_keys = in_keys.filter(|_| data_source.column(name).is_none());
    unknown_in_keys
        .or(column.map(|column| column.position))
        .or(index.map(|index| index.position))
}

/// Names that a message puts in quotes, the last part of each.
fn quoted_names(message: &str) -> impl Iterator<Item = &str> {
    let quoted = message.split(['`', '\'']).skip(1).step_by(2);
    quoted.filter_map(|name| name.rsplit('.').next())
}

/// The first place of a name in SQL.
pub(in crate::project) fn find_name(sql: &Fragment, name: &str) -> Option<Position> {
    tokens_named(sql, name)
        .next()
        .map(|offset| sql.position(offset))
}

fn tokens_named<'run>(sql: &'run str, name: &'run str) -> impl Iterator<Item = usize> + 'run {
    let is_named = move |kind: &TokenKind, text: &str| match kind {
        TokenKind::Word => text == name,
        TokenKind::Quoted(quoted) => quoted == name,
        _ => false,
    };
    let tokens = tokenize(sql).0.into_iter();
    tokens
        .filter(move |token| is_named(&token.kind, &sql[token.range.clone()]))
        .map(|token| token.range.start)
}
