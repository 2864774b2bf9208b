//! A precedence-climbing parser for Python expressions and the statements of
//! `{% set %}`.

mod atoms;
mod tokens;

use std::collections::HashMap;
use std::sync::Arc;

use super::lexer::{self, Token};
use super::{BinaryOperator, Comparison, Expr, Lambda, Name, Statement, Target, UnaryOperator};
use crate::value::Value;

/// How deep parentheses may nest.
const MAX_NESTING: usize = 64;
/// How deep the finished tree may be; bounds the evaluator's recursion.
const MAX_HEIGHT: usize = 100;

/// An expression that cannot be read, in a few words.
#[derive(Debug, Clone)]
pub(crate) struct SyntaxFault(pub(crate) String);

impl SyntaxFault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

pub(super) type Parsed<T> = Result<T, SyntaxFault>;

/// The names of one template, each with its slot.
#[derive(Debug, Default)]
pub(crate) struct Names {
    slots: HashMap<Arc<str>, usize>,
    pub(crate) texts: Vec<Arc<str>>,
}

impl Names {
    /// The name's slot, a new one when it is not known yet.
    pub(crate) fn intern(&mut self, text: &str) -> Name {
        if let Some((text, slot)) = self.slots.get_key_value(text) {
            return Name {
                text: text.clone(),
                slot: *slot,
            };
        }
        let text: Arc<str> = Arc::from(text);
        let slot = self.texts.len();
        self.texts.push(text.clone());
        self.slots.insert(text.clone(), slot);
        Name { text, slot }
    }
}

/// Parses one tag's expression.
#[derive(Debug)]
pub(crate) struct Parser<'n> {
    tokens: Vec<Token>,
    at: usize,
    nesting: usize,
    names: &'n mut Names,
}

impl<'n> Parser<'n> {
    /// A parser over the tokens of `source`.
    pub(crate) fn new(source: &str, names: &'n mut Names) -> Parsed<Self> {
        Ok(Self {
            tokens: lexer::tokens(source)?,
            at: 0,
            nesting: 0,
            names,
        })
    }

    /// The whole source as one expression; `a, b` is a tuple.
    pub(crate) fn expression(mut self) -> Parsed<Expr> {
        let expr = self.several()?;
        self.finish()?;
        bounded(expr)
    }

    /// `targets in iterable`, the inside of a `for` tag.
    pub(crate) fn loop_header(mut self) -> Parsed<(Target, Expr)> {
        let target = self.loop_target()?;
        self.expect_word("in")?;
        let iterable = self.several()?;
        self.finish()?;
        Ok((target, bounded(iterable)?))
    }

    /// `[class [as name]]`, the inside of an `except` tag.
    pub(crate) fn handler(mut self) -> Parsed<(Vec<Arc<str>>, Option<Name>)> {
        if self.peek() == &Token::End {
            return Ok((Vec::new(), None));
        }
        let mut classes = Vec::new();
        let grouped = self.take("(");
        loop {
            classes.push(self.word()?);
            if !(grouped && self.take(",")) {
                break;
            }
        }
        if grouped {
            self.expect(")")?;
        }
        let name = if self.take_word("as") {
            Some(self.name()?)
        } else {
            None
        };
        self.finish()?;
        Ok((classes, name))
    }

    /// The inside of a `set` tag: one assignment or one expression.
    pub(crate) fn statement(mut self) -> Parsed<Statement> {
        let left = self.several()?;
        let statement = if self.take("=") {
            let value = self.several()?;
            Statement::Assign(target(left)?, bounded(value)?)
        } else if let Some(operator) = self.augmented() {
            let value = self.several()?;
            Statement::Augment(target(left)?, operator, bounded(value)?)
        } else {
            Statement::Evaluate(bounded(left)?)
        };
        self.finish()?;
        Ok(statement)
    }

    fn augmented(&mut self) -> Option<BinaryOperator> {
        let Token::Operator(operator) = self.peek() else {
            return None;
        };
        let operator = match *operator {
            "+=" => BinaryOperator::Add,
            "-=" => BinaryOperator::Subtract,
            "*=" => BinaryOperator::Multiply,
            "/=" => BinaryOperator::Divide,
            "//=" => BinaryOperator::FloorDivide,
            "%=" => BinaryOperator::Modulo,
            "**=" => BinaryOperator::Power,
            "&=" => BinaryOperator::BitAnd,
            "|=" => BinaryOperator::BitOr,
            "^=" => BinaryOperator::BitXor,
            ">>=" => BinaryOperator::ShiftRight,
            "<<=" => BinaryOperator::ShiftLeft,
            _ => return None,
        };
        self.at += 1;
        Some(operator)
    }

    /// Expressions separated by commas: one alone is itself, several a tuple.
    fn several(&mut self) -> Parsed<Expr> {
        let first = self.item()?;
        if self.peek() != &Token::Operator(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take(",") {
            if matches!(
                self.peek(),
                Token::End | Token::Operator("=" | ")" | "]" | "}")
            ) {
                break;
            }
            items.push(self.item()?);
        }
        Ok(Expr::Tuple(items))
    }

    /// An expression or `*expression`.
    fn item(&mut self) -> Parsed<Expr> {
        if self.take("*") {
            return Ok(Expr::Starred(Box::new(self.binary(0)?)));
        }
        self.test()
    }

    /// A whole expression without commas: `lambda`, `a if b else c`, or less.
    fn test(&mut self) -> Parsed<Expr> {
        self.nested(|parser| {
            if parser.take_word("lambda") {
                return parser.lambda();
            }
            let then = parser.or()?;
            if !parser.take_word("if") {
                return Ok(then);
            }
            let test = parser.or()?;
            parser.expect_word("else")?;
            let otherwise = parser.test()?;
            Ok(Expr::Conditional {
                test: Box::new(test),
                then: Box::new(then),
                otherwise: Box::new(otherwise),
            })
        })
    }

    fn lambda(&mut self) -> Parsed<Expr> {
        let mut parameters = Vec::new();
        while !self.take(":") {
            parameters.push(self.name()?);
            if !self.take(",") {
                self.expect(":")?;
                break;
            }
        }
        let body = self.test()?;
        Ok(Expr::Lambda(Arc::new(Lambda { parameters, body })))
    }

    fn or(&mut self) -> Parsed<Expr> {
        let first = self.and()?;
        if !self.is_word("or") {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.take_word("or") {
            operands.push(self.and()?);
        }
        Ok(Expr::Or(operands))
    }

    fn and(&mut self) -> Parsed<Expr> {
        let first = self.not()?;
        if !self.is_word("and") {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.take_word("and") {
            operands.push(self.not()?);
        }
        Ok(Expr::And(operands))
    }

    fn not(&mut self) -> Parsed<Expr> {
        if self.take_word("not") {
            return self
                .nested(|parser| Ok(Expr::Unary(UnaryOperator::Not, Box::new(parser.not()?))));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let left = self.binary(0)?;
        let mut rest = Vec::new();
        while let Some(comparison) = self.comparison_operator()? {
            rest.push((comparison, self.binary(0)?));
        }
        match rest.is_empty() {
            true => Ok(left),
            false => Ok(Expr::Compare(Box::new(left), rest)),
        }
    }

    fn comparison_operator(&mut self) -> Parsed<Option<Comparison>> {
        if self.take_word("in") {
            return Ok(Some(Comparison::In));
        }
        if self.take_word("is") {
            let negated = self.take_word("not");
            return Ok(Some(if negated {
                Comparison::IsNot
            } else {
                Comparison::Is
            }));
        }
        if self.take_word("not") {
            self.expect_word("in")?;
            return Ok(Some(Comparison::NotIn));
        }
        let Token::Operator(operator) = self.peek() else {
            return Ok(None);
        };
        let comparison = match *operator {
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(comparison))
    }

    /// Binary operators that bind at least as tightly as `minimum`.
    fn binary(&mut self, minimum: u8) -> Parsed<Expr> {
        let mut left = self.unary()?;
        while let Some((operator, strength)) = self.binary_operator() {
            if strength < minimum {
                break;
            }
            self.at += 1;
            let right = self.binary(strength + 1)?;
            left = Expr::Binary(Box::new(left), operator, Box::new(right));
        }
        Ok(left)
    }

    fn binary_operator(&self) -> Option<(BinaryOperator, u8)> {
        let Token::Operator(operator) = self.peek() else {
            return None;
        };
        Some(match *operator {
            "|" => (BinaryOperator::BitOr, 1),
            "^" => (BinaryOperator::BitXor, 2),
            "&" => (BinaryOperator::BitAnd, 3),
            "<<" => (BinaryOperator::ShiftLeft, 4),
            ">>" => (BinaryOperator::ShiftRight, 4),
            "+" => (BinaryOperator::Add, 5),
            "-" => (BinaryOperator::Subtract, 5),
            "*" => (BinaryOperator::Multiply, 6),
            "/" => (BinaryOperator::Divide, 6),
            "//" => (BinaryOperator::FloorDivide, 6),
            "%" => (BinaryOperator::Modulo, 6),
            _ => return None,
        })
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let operator = match self.peek() {
            Token::Operator("-") => UnaryOperator::Negative,
            Token::Operator("+") => UnaryOperator::Positive,
            Token::Operator("~") => UnaryOperator::Invert,
            _ => return self.power(),
        };
        self.at += 1;
        self.nested(|parser| Ok(Expr::Unary(operator, Box::new(parser.unary()?))))
    }

    fn power(&mut self) -> Parsed<Expr> {
        let base = self.postfix()?;
        if !self.take("**") {
            return Ok(base);
        }
        let exponent = self.nested(Self::unary)?;
        Ok(Expr::Binary(
            Box::new(base),
            BinaryOperator::Power,
            Box::new(exponent),
        ))
    }

    fn loop_target(&mut self) -> Parsed<Target> {
        let mut targets = Vec::new();
        loop {
            targets.push(self.single_target()?);
            if !self.take(",") {
                break;
            }
            if self.is_word("in") {
                return Ok(Target::Several(targets));
            }
        }
        Ok(match targets.len() {
            1 => targets.remove(0),
            _ => Target::Several(targets),
        })
    }

    fn single_target(&mut self) -> Parsed<Target> {
        let close = if self.take("(") {
            ")"
        } else if self.take("[") {
            "]"
        } else {
            return Ok(Target::Name(self.name()?));
        };
        let inner = self.nested(Self::loop_target)?;
        self.expect(close)?;
        Ok(match inner {
            Target::Several(_) => inner,
            single => Target::Several(vec![single]),
        })
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(SyntaxFault::new(format!(
                "expressions may nest at most {MAX_NESTING} levels"
            )));
        }
        let result = parse(self);
        self.nesting -= 1;
        result
    }
}

/// Turns the left side of `=` into what is assigned to.
fn target(expr: Expr) -> Parsed<Target> {
    match expr {
        Expr::Name(name) => Ok(Target::Name(name)),
        Expr::Tuple(items) | Expr::List(items) => Ok(Target::Several(
            items.into_iter().map(target).collect::<Parsed<_>>()?,
        )),
        Expr::Subscript(collection, key) if !matches!(*key, Expr::Slice(..)) => {
            Ok(Target::Item(bounded(*collection)?, bounded(*key)?))
        }
        _ => Err(SyntaxFault::new(
            "only a name, several names or an item can be assigned to",
        )),
    }
}

fn bounded(expr: Expr) -> Parsed<Expr> {
    match expr.height() > MAX_HEIGHT {
        true => Err(SyntaxFault::new(format!(
            "the expression is more than {MAX_HEIGHT} operations deep"
        ))),
        false => Ok(expr),
    }
}

#[cfg(test)]
mod tests;
