//! The tight end of the grammar: literals, names, calls, subscripts,
//! collections, comprehensions and f-strings.

use super::super::{
    Argument, Call, Callee, Clause, Comprehension, ComprehensionKind, Expr, FormatPart, lexer,
};
use super::*;
use crate::functions::Function;

impl Parser<'_> {
    /// An atom with its calls, subscripts and attributes.
    pub(super) fn postfix(&mut self) -> Parsed<Expr> {
        let mut expr = self.atom()?;
        loop {
            if self.take("(") {
                let arguments = self.nested(Self::arguments)?;
                expr = Expr::Call(Box::new(Call {
                    callee: callee(expr),
                    arguments,
                }));
            } else if self.take("[") {
                let key = self.nested(Self::subscript)?;
                self.expect("]")?;
                expr = Expr::Subscript(Box::new(expr), Box::new(key));
            } else if self.take(".") {
                let Token::Name(attribute) = self.peek().clone() else {
                    return Err(SyntaxFault::new(format!(
                        "expected a method, found {}",
                        self.found()
                    )));
                };
                self.at += 1;
                expr = Expr::Attribute(Box::new(expr), attribute);
            } else {
                return Ok(expr);
            }
        }
    }

    fn atom(&mut self) -> Parsed<Expr> {
        match self.peek().clone() {
            Token::Int(value) => self.constant(Value::int(value)),
            Token::Float(value) => self.constant(Value::float(value)),
            Token::Str(_) | Token::Format(..) => self.strings(),
            Token::Name(name) => match &*name {
                "None" => self.constant(Value::None),
                "True" => self.constant(Value::Bool(true)),
                "False" => self.constant(Value::Bool(false)),
                _ => Ok(Expr::Name(self.name()?)),
            },
            Token::Operator("(") => self.nested(Self::parenthesis),
            Token::Operator("[") => self.nested(Self::bracket),
            Token::Operator("{") => self.nested(Self::brace),
            _ => Err(SyntaxFault::new(format!(
                "expected a value, found {}",
                self.found()
            ))),
        }
    }

    fn constant(&mut self, value: Value) -> Parsed<Expr> {
        self.at += 1;
        Ok(Expr::Constant(value))
    }

    /// Adjacent literals are one.
    fn strings(&mut self) -> Parsed<Expr> {
        let mut parts: Vec<FormatPart> = Vec::new();
        loop {
            match self.peek().clone() {
                Token::Str(text) => parts.push(FormatPart::Text(Arc::from(text))),
                Token::Format(text, raw) => {
                    parts.extend(self.nested(|parser| parser.format(&text, raw))?)
                }
                _ => break,
            }
            self.at += 1;
        }
        let text_only = parts.iter().all(|part| matches!(part, FormatPart::Text(_)));
        if !text_only {
            return Ok(Expr::Format(parts));
        }
        let text: String = parts
            .iter()
            .filter_map(|part| match part {
                FormatPart::Text(text) => Some(&**text),
                FormatPart::Value { .. } => None,
            })
            .collect();
        Ok(Expr::Constant(Value::str(text)))
    }

    /// The pieces of an f-string.
    fn format(&mut self, text: &str, raw: bool) -> Parsed<Vec<FormatPart>> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(found) = rest.find(['{', '}']) {
            literal.push_str(&rest[..found]);
            let brace = &rest[found..=found];
            rest = &rest[found + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            if brace == "}" {
                return Err(SyntaxFault::new("single '}' in an f-string, write '}}'"));
            }
            push_literal(&mut parts, &literal, raw)?;
            literal.clear();
            let end =
                field_end(rest).ok_or_else(|| SyntaxFault::new("unclosed '{' in an f-string"))?;
            parts.push(self.format_field(&rest[..end], raw)?);
            rest = &rest[end + 1..];
        }
        literal.push_str(rest);
        push_literal(&mut parts, &literal, raw)?;
        Ok(parts)
    }

    /// `expression[!conversion][:spec]`
    fn format_field(&mut self, field: &str, raw: bool) -> Parsed<FormatPart> {
        let (head, spec) = match top_level(field, ':') {
            Some(at) => (&field[..at], Some(&field[at + 1..])),
            None => (field, None),
        };
        let (source, conversion) = match head.rsplit_once('!') {
            Some((source, conversion @ ("r" | "s" | "a"))) => (source, conversion.chars().next()),
            _ => (head, None),
        };
        let mut inner = Parser::new(source, &mut *self.names)?;
        inner.nesting = self.nesting;
        let expr = inner.expression()?;
        let spec = match spec {
            Some(spec) => self.nested(|parser| parser.format(spec, raw))?,
            None => Vec::new(),
        };
        Ok(FormatPart::Value {
            expr,
            conversion,
            spec,
        })
    }

    fn parenthesis(&mut self) -> Parsed<Expr> {
        self.expect("(")?;
        if self.take(")") {
            return Ok(Expr::Tuple(Vec::new()));
        }
        let first = self.item()?;
        let expr = if self.is_word("for") {
            self.comprehension(ComprehensionKind::Generator, first, None)?
        } else if self.peek() == &Token::Operator(",") {
            Expr::Tuple(self.items(first, ")")?)
        } else {
            first
        };
        self.expect(")")?;
        Ok(expr)
    }

    fn bracket(&mut self) -> Parsed<Expr> {
        self.expect("[")?;
        if self.take("]") {
            return Ok(Expr::List(Vec::new()));
        }
        let first = self.item()?;
        let expr = match self.is_word("for") {
            true => self.comprehension(ComprehensionKind::List, first, None)?,
            false => Expr::List(self.items(first, "]")?),
        };
        self.expect("]")?;
        Ok(expr)
    }

    fn brace(&mut self) -> Parsed<Expr> {
        self.expect("{")?;
        if self.take("}") {
            return Ok(Expr::Dict(Vec::new()));
        }
        if self.peek() == &Token::Operator("**") {
            return self.dict(Vec::new());
        }
        let first = self.item()?;
        if self.take(":") {
            let value = self.test()?;
            if self.is_word("for") {
                let expr = self.comprehension(ComprehensionKind::Dict, first, Some(value))?;
                self.expect("}")?;
                return Ok(expr);
            }
            let entries = vec![(Some(first), value)];
            if !self.take(",") {
                self.expect("}")?;
                return Ok(Expr::Dict(entries));
            }
            return self.dict(entries);
        }
        let expr = match self.is_word("for") {
            true => self.comprehension(ComprehensionKind::Set, first, None)?,
            false => Expr::Set(self.items(first, "}")?),
        };
        self.expect("}")?;
        Ok(expr)
    }

    fn dict(&mut self, mut entries: Vec<(Option<Expr>, Expr)>) -> Parsed<Expr> {
        while !self.take("}") {
            if self.take("**") {
                entries.push((None, self.binary(0)?));
            } else {
                let key = self.test()?;
                self.expect(":")?;
                entries.push((Some(key), self.test()?));
            }
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Expr::Dict(entries))
    }

    fn items(&mut self, first: Expr, close: &'static str) -> Parsed<Vec<Expr>> {
        let mut items = vec![first];
        while self.take(",") && self.peek() != &Token::Operator(close) {
            items.push(self.item()?);
        }
        Ok(items)
    }

    fn comprehension(
        &mut self,
        kind: ComprehensionKind,
        element: Expr,
        value: Option<Expr>,
    ) -> Parsed<Expr> {
        let mut clauses = Vec::new();
        while self.take_word("for") {
            let target = self.loop_target()?;
            self.expect_word("in")?;
            let iterable = self.or()?;
            let mut conditions = Vec::new();
            while self.take_word("if") {
                conditions.push(self.or()?);
            }
            clauses.push(Clause {
                target,
                iterable,
                conditions,
            });
        }
        Ok(Expr::Comprehension(Box::new(Comprehension {
            kind,
            element,
            value,
            clauses,
        })))
    }

    fn arguments(&mut self) -> Parsed<Vec<Argument>> {
        let mut arguments = Vec::new();
        let mut named = false;
        while !self.take(")") {
            if self.take("**") {
                named = true;
                arguments.push(Argument::Unpacked(self.test()?));
            } else if let (Token::Name(name), Token::Operator("=")) =
                (self.peek().clone(), self.peek_second())
            {
                named = true;
                self.at += 2;
                let repeated = |argument: &Argument| matches!(argument, Argument::Keyword(text, _) if *text == name);
                if arguments.iter().any(repeated) {
                    return Err(SyntaxFault::new(format!(
                        "keyword argument repeated: {name}"
                    )));
                }
                arguments.push(Argument::Keyword(name, self.test()?));
            } else {
                if named {
                    return Err(SyntaxFault::new(
                        "positional argument follows keyword argument",
                    ));
                }
                let mut value = self.item()?;
                if self.is_word("for") {
                    value = self.comprehension(ComprehensionKind::Generator, value, None)?;
                }
                arguments.push(Argument::Positional(value));
            }
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(arguments)
    }

    fn subscript(&mut self) -> Parsed<Expr> {
        let start = self.bound()?;
        if !self.take(":") {
            let Some(key) = start else {
                return Err(SyntaxFault::new("an index is missing between '[' and ']'"));
            };
            return Ok(match self.peek() {
                Token::Operator(",") => Expr::Tuple(self.items(*key, "]")?),
                _ => *key,
            });
        }
        let stop = self.bound()?;
        let step = if self.take(":") { self.bound()? } else { None };
        Ok(Expr::Slice(start, stop, step))
    }

    fn bound(&mut self) -> Parsed<Option<Box<Expr>>> {
        if matches!(self.peek(), Token::Operator(":" | "]")) {
            return Ok(None);
        }
        Ok(Some(Box::new(self.test()?)))
    }
}

fn callee(expr: Expr) -> Callee {
    match expr {
        Expr::Name(name) => match Function::lookup(&name.text) {
            Some(function) => Callee::Function(function, name),
            None => Callee::Value(Expr::Name(name)),
        },
        Expr::Attribute(receiver, method) => Callee::Method(*receiver, method),
        other => Callee::Value(other),
    }
}

fn push_literal(parts: &mut Vec<FormatPart>, literal: &str, raw: bool) -> Parsed<()> {
    if !literal.is_empty() {
        let text = if raw {
            literal.to_owned()
        } else {
            lexer::unescape(literal)?
        };
        parts.push(FormatPart::Text(Arc::from(text)));
    }
    Ok(())
}

/// The position of the `}` that closes an f-string's field.
fn field_end(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '{' | '[' | '(') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}' | ']' | ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The position of `wanted` outside brackets and quotes.
fn top_level(text: &str, wanted: char) -> Option<usize> {
    let mut depth = 0usize;
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '{' | '[' | '(') => depth += 1,
            (None, '}' | ']' | ')') => depth = depth.saturating_sub(1),
            (None, found) if found == wanted && depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}
