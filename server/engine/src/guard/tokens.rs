//! Reading canonical SQL, as `formatQuerySingleLine` writes it: keywords in
//! capitals, no comments, one kind of quotes for strings and one for names.
//! It is split into tokens, never searched as text.

use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A keyword, a bare name or a number.
    Word,
    /// A name in backticks or double quotes.
    Quoted,
    /// A string.
    String,
    /// Any other sign.
    Sign(char),
}

/// A piece of the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

/// Splits a text; `None` when a quote is not closed.
pub(super) fn read(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut characters = text.char_indices().peekable();
    while let Some((start, first)) = characters.next() {
        let kind = match first {
            _ if first.is_whitespace() => continue,
            '\'' | '`' | '"' => {
                loop {
                    let (_, next) = characters.next()?;
                    if next == '\\' {
                        characters.next()?;
                    } else if next == first
                        && characters.next_if(|(_, twice)| *twice == first).is_none()
                    {
                        break;
                    }
                }
                if first == '\'' {
                    Kind::String
                } else {
                    Kind::Quoted
                }
            }
            _ if is_word(first) => {
                while characters.next_if(|(_, next)| is_word(*next)).is_some() {}
                Kind::Word
            }
            sign => Kind::Sign(sign),
        };
        let end = characters.peek().map_or(text.len(), |(end, _)| *end);
        tokens.push(Token { kind, start, end });
    }
    Some(tokens)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$'
}

/// What the tokens show.
#[derive(Debug, Default)]
pub(super) struct View {
    /// `SELECT` keywords.
    pub(super) selects: usize,
    /// Names given a value in `SETTINGS` clauses.
    pub(super) settings: BTreeSet<String>,
    /// Names with a parenthesis right behind them.
    pub(super) called: BTreeSet<String>,
    /// What stands behind each `APPLY`.
    pub(super) applied: Vec<Applied>,
}

/// What `APPLY` applies.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Applied {
    Function(String),
    Lambda(String),
}

impl View {
    pub(super) fn of(text: &str, tokens: &[Token]) -> Self {
        let mut view = Self::default();
        for (at, token) in tokens.iter().enumerate() {
            let name = name(text, token);
            let after = &tokens[at + 1..];
            if let (Some(name), Some(next)) = (&name, after.first())
                && next.kind == Kind::Sign('(')
                && next.start == token.end
            {
                view.called.insert(name.clone());
            }
            match (token.kind, &text[token.start..token.end]) {
                (Kind::Word, "SELECT") => view.selects += 1,
                (Kind::Word, "SETTINGS") => view.settings.extend(assigned(text, after)),
                (Kind::Word, "APPLY") => view.applied.extend(applied(text, after)),
                _ => {}
            }
        }
        view
    }
}

/// `SELECT` keywords in a canonical text.
pub(super) fn count_selects(text: &str) -> Option<usize> {
    Some(View::of(text, &read(text)?).selects)
}

/// The text without `FORMAT <format>`.
pub(super) fn without_format(text: &str, tokens: &[Token], format: &str) -> Option<String> {
    let is_format = |pair: &&[Token]| {
        let [keyword, value] = pair else { return false };
        keyword.kind == Kind::Word
            && &text[keyword.start..keyword.end] == "FORMAT"
            && name(text, value).as_deref() == Some(format)
    };
    let pair = tokens.windows(2).rev().find(is_format)?;
    let (before, after) = (&text[..pair[0].start], &text[pair[1].end..]);
    Some(format!("{}{after}", before.trim_end()))
}

/// The unquoted name that a token is, if it is one.
fn name(text: &str, token: &Token) -> Option<String> {
    let text = &text[token.start..token.end];
    match token.kind {
        Kind::Word => Some(text.to_owned()),
        Kind::Quoted => Some(unescape(&text[1..text.len() - 1])),
        Kind::String | Kind::Sign(_) => None,
    }
}

fn unescape(text: &str) -> String {
    let mut unescaped = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => unescaped.extend(characters.next()),
            other => unescaped.push(other),
        }
    }
    unescaped
}

/// Names before `=` up to the clause's end: a closing parenthesis or a
/// keyword that begins another clause.
fn assigned(text: &str, tokens: &[Token]) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Sign('(' | '[' | '{') => depth += 1,
            Kind::Sign(')' | ']' | '}') if depth == 0 => break,
            Kind::Sign(')' | ']' | '}') => depth -= 1,
            Kind::Sign('=') if depth == 0 && at > 0 => names.extend(name(text, &tokens[at - 1])),
            Kind::Word if depth == 0 => match &text[token.start..token.end] {
                "UNION" | "INTERSECT" | "EXCEPT" | "FORMAT" => break,
                _ => {}
            },
            _ => {}
        }
    }
    names
}

/// A name, or a lambda with or without parentheses around it. A lambda that
/// is cut too short shows in the number of SELECTs found.
fn applied(text: &str, tokens: &[Token]) -> Option<Applied> {
    let first = tokens.first()?;
    let is_sign = |at: usize, sign| tokens.get(at).is_some_and(|t| t.kind == Kind::Sign(sign));
    let is_arrow = is_sign(1, '-') && is_sign(2, '>');
    if !is_arrow && first.kind != Kind::Sign('(') {
        return name(text, first).map(Applied::Function);
    }
    let mut depth = 0_usize;
    let mut end = first.end;
    for token in tokens {
        match token.kind {
            Kind::Sign('(' | '[' | '{') => depth += 1,
            Kind::Sign(')' | ']' | '}' | ',') if depth == 0 => break,
            Kind::Sign(')' | ']' | '}') => depth -= 1,
            Kind::Word if depth == 0 && ends_lambda(&text[token.start..token.end]) => break,
            _ => {}
        }
        end = token.end;
    }
    Some(Applied::Lambda(text[first.start..end].to_owned()))
}

/// Keywords that follow a column of a SELECT.
fn ends_lambda(word: &str) -> bool {
    [
        "APPLY",
        "EXCEPT",
        "REPLACE",
        "FROM",
        "WHERE",
        "UNION",
        "INTERSECT",
        "FORMAT",
    ]
    .contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(text: &str) -> View {
        View::of(text, &read(text).unwrap())
    }

    #[test]
    fn strings_and_quoted_names_are_not_keywords() {
        let view = view(r"SELECT 'SELECT \' SETTINGS a = 1', `SELECT`, `it\`s(`(1)");
        assert_eq!(view.selects, 1);
        assert!(view.settings.is_empty());
        assert_eq!(view.called, BTreeSet::from(["it`s(".to_owned()]));
        assert!(read("SELECT 'open").is_none());
    }

    #[test]
    fn settings_are_named_in_every_clause() {
        let view = view(
            "SELECT * FROM (SELECT x = 1 SETTINGS a = {'k':'v = 1'}, b = [1, 2]) WHERE c = 1 SETTINGS d = 'e = 1' FORMAT JSON SETTINGS f = 1",
        );
        let names: Vec<&str> = view.settings.iter().map(String::as_str).collect();
        assert_eq!(names, ["a", "b", "d", "f"]);
    }

    #[test]
    fn applied_functions_and_lambdas_are_told_apart() {
        let view = view(
            "SELECT * APPLY sum, * APPLY quantile(0.9), * APPLY (x -> (f(x) + 1)) APPLY x -> g(x, 1) FROM t",
        );
        assert_eq!(
            view.applied,
            [
                Applied::Function("sum".into()),
                Applied::Function("quantile".into()),
                Applied::Lambda("(x -> (f(x) + 1))".into()),
                Applied::Lambda("x -> g(x, 1)".into()),
            ]
        );
    }

    #[test]
    fn the_format_is_cut_out_and_nothing_else() {
        let text = "SELECT FORMAT JSON FROM t FORMAT JSON SETTINGS a = 1";
        let cut = without_format(text, &read(text).unwrap(), "JSON");
        assert_eq!(cut.unwrap(), "SELECT FORMAT JSON FROM t SETTINGS a = 1");
    }
}
