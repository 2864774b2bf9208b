//! A lexer of ClickHouse's SQL, written for these tests alone: what it takes
//! for a token decides whether a value stayed where it belongs.

/// A token without what may differ between two values of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    QuotedName,
    String,
    Number,
    Symbol(char),
}

/// The tokens of `sql`, comments and whitespace left out; an error for what
/// ClickHouse's lexer refuses.
pub(super) fn tokens(sql: &str) -> Result<Vec<Token>, String> {
    let characters: Vec<char> = sql.chars().collect();
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        let next = characters.get(at + 1).copied();
        let current = characters[at];
        match (current, next) {
            (space, _) if space.is_whitespace() || space == '\u{feff}' => at += 1,
            ('-', Some('-')) | ('#', Some(' ' | '!')) => {
                while at < characters.len() && characters[at] != '\n' {
                    at += 1;
                }
            }
            ('/', Some('*')) => {
                at += 2;
                while !(characters.get(at) == Some(&'*') && characters.get(at + 1) == Some(&'/')) {
                    if at >= characters.len() {
                        return Err("a comment is not closed".to_owned());
                    }
                    at += 1;
                }
                at += 2;
            }
            ('x' | 'X' | 'b' | 'B', Some('\'')) => {
                at += 2;
                while characters.get(at).is_some_and(char::is_ascii_hexdigit) {
                    at += 1;
                }
                if characters.get(at) != Some(&'\'') {
                    return Err("a hexadecimal literal is not closed".to_owned());
                }
                at += 1;
                tokens.push(Token::String);
            }
            ('\'' | '"' | '`', _) => {
                at = quoted(&characters, at)?;
                tokens.push(if current == '\'' {
                    Token::String
                } else {
                    Token::QuotedName
                });
            }
            ('‘' | '’' | '“' | '”', _) => {
                let end = if matches!(current, '‘' | '’') {
                    '’'
                } else {
                    '”'
                };
                let length = characters[at + 1..].iter().position(|found| *found == end);
                at += 2 + length.ok_or("a typographic quote is not closed")?;
                tokens.push(if end == '’' {
                    Token::String
                } else {
                    Token::QuotedName
                });
            }
            ('$', _) => {
                let tag: Vec<char> = std::iter::once('$')
                    .chain(
                        characters[at + 1..]
                            .iter()
                            .copied()
                            .take_while(|found| is_word(*found)),
                    )
                    .chain(std::iter::once('$'))
                    .collect();
                let open = characters[at..].starts_with(&tag);
                let rest = &characters[(at + tag.len()).min(characters.len())..];
                match rest
                    .windows(tag.len())
                    .position(|window| window == tag)
                    .filter(|_| open)
                {
                    Some(length) => {
                        at += length + 2 * tag.len();
                        tokens.push(Token::String);
                    }
                    None => {
                        at += 1;
                        tokens.push(Token::Symbol('$'));
                    }
                }
            }
            (digit, _) if digit.is_ascii_digit() => {
                at = number(&characters, at);
                // A sign before a number belongs to it where no operand stands.
                if tokens.last() == Some(&Token::Symbol('-')) {
                    let operand = tokens.len().checked_sub(2).map(|before| &tokens[before]);
                    let unary = match operand {
                        None => true,
                        Some(Token::Symbol(symbol)) => !matches!(symbol, ')' | ']' | '}'),
                        Some(Token::Word(word)) => word == "select",
                        Some(_) => false,
                    };
                    if unary {
                        tokens.pop();
                    }
                }
                tokens.push(Token::Number);
            }
            (letter, _) if is_word(letter) => {
                let start = at;
                while at < characters.len() && (is_word(characters[at]) || characters[at] == '$') {
                    at += 1;
                }
                let word: String = characters[start..at].iter().collect();
                // The name of a query parameter follows the name of its secret.
                let bound = tokens.last() == Some(&Token::Symbol('{'));
                tokens.push(if bound {
                    Token::QuotedName
                } else {
                    Token::Word(word.to_lowercase())
                });
            }
            (symbol, _) if symbol.is_ascii_graphic() => {
                tokens.push(Token::Symbol(symbol));
                at += 1;
            }
            (other, _) => return Err(format!("{other:?} is no token")),
        }
    }
    Ok(tokens)
}

fn quoted(characters: &[char], start: usize) -> Result<usize, String> {
    let quote = characters[start];
    let mut at = start + 1;
    loop {
        match characters.get(at) {
            None => return Err(format!("{quote} is not closed")),
            Some('\\') => at += 2,
            Some(found) if *found == quote && characters.get(at + 1) == Some(&quote) => at += 2,
            Some(found) if *found == quote => return Ok(at + 1),
            Some(_) => at += 1,
        }
    }
}

fn number(characters: &[char], start: usize) -> usize {
    let mut at = start;
    while let Some(found) = characters.get(at) {
        let exponent_sign = matches!(found, '+' | '-') && matches!(characters[at - 1], 'e' | 'E');
        if !(is_word(*found) || *found == '.' || exponent_sign) {
            break;
        }
        at += 1;
    }
    at
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}
