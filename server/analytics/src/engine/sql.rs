//! Writing values and names into SQL safely. Parsing SQL is `guard`'s work.

/// A string literal: `it's` becomes `'it\'s'`.
pub fn literal(text: &str) -> String {
    quoted(text, '\'')
}

/// An identifier in backticks: `` a`b `` becomes `` `a\`b` ``.
pub fn identifier(name: &str) -> String {
    quoted(name, '`')
}

/// `column = 'value'`, the condition of a tenant filter. The column is
/// compared as text, so that it may be of any type.
pub fn equals(column: &str, value: &str) -> String {
    format!("{} = {}", identifier(column), literal(value))
}

fn quoted(text: &str, quote: char) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(quote);
    for character in text.chars() {
        match character {
            '\\' => quoted.push_str("\\\\"),
            '\0' => quoted.push_str("\\0"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            character if character == quote => {
                quoted.push('\\');
                quoted.push(quote);
            }
            character => quoted.push(character),
        }
    }
    quoted.push(quote);
    quoted
}
