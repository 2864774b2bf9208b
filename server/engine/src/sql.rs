//! Writing values and names into SQL safely. Parsing SQL is `guard`'s work.

/// A string literal: `it's` becomes `'it\'s'`.
pub fn literal(text: &str) -> String {
    quoted(text, '\'')
}

/// An identifier in backticks: `` a`b `` becomes `` `a\`b` ``.
pub fn identifier(name: &str) -> String {
    quoted(name, '`')
}

/// `column = 'value'`, the condition of a tenant filter. ClickHouse reads the
/// text as the column's type.
pub fn equals(column: &str, value: &str) -> String {
    format!("{} = {}", identifier(column), literal(value))
}

/// A text as the value of a bound `{name:String}` parameter, which ClickHouse
/// reads in its escaped form. Numbers, dates and arrays (`['a', 'b']`, made
/// of [`literal`]s) are bound as they are, NULL as `\N`.
pub fn parameter(text: &str) -> String {
    let quoted = quoted(text, '\'');
    quoted[1..quoted.len() - 1].to_owned()
}

/// The texts among bound parameters, by name, as the engine takes them.
pub fn parameters<'a>(
    bound: impl IntoIterator<Item = &'a (String, String)>,
) -> Vec<(String, String)> {
    bound
        .into_iter()
        .map(|(name, text)| (name.clone(), parameter(text)))
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_value_ends_its_literal() {
        assert_eq!(literal(r"it's \ `ok`"), r"'it\'s \\ `ok`'");
        assert_eq!(identifier("a`b\\"), r"`a\`b\\`");
        assert_eq!(equals("org", "x' OR 1"), r"`org` = 'x\' OR 1'");
    }
}
