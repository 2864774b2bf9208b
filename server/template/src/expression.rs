//! The syntax tree of the Python expressions inside tags.
//!
//! `lexer` and `parser` build it, `check` decides what an output tag may hold,
//! the evaluator walks it.

mod dump;
mod lexer;
mod parser;

use std::sync::Arc;

use super::functions::Function;
use super::value::Value;

pub(super) use dump::{binary_name, dump};
pub(super) use parser::{Names, Parser, SyntaxFault};

/// A variable: its text, and its place in the evaluator's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: Arc<str>,
    pub(super) slot: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Expr {
    Constant(Value),
    Name(Name),
    Format(Vec<FormatPart>),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Set(Vec<Expr>),
    /// An entry without a key is `**mapping`.
    Dict(Vec<(Option<Expr>, Expr)>),
    Unary(UnaryOperator, Box<Expr>),
    Binary(Box<Expr>, BinaryOperator, Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Compare(Box<Expr>, Vec<(Comparison, Expr)>),
    Conditional {
        test: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
    Call(Box<Call>),
    Attribute(Box<Expr>, Arc<str>),
    Subscript(Box<Expr>, Box<Expr>),
    Slice(Option<Box<Expr>>, Option<Box<Expr>>, Option<Box<Expr>>),
    Comprehension(Box<Comprehension>),
    Lambda(Arc<Lambda>),
    Starred(Box<Expr>),
}

/// A piece of an f-string.
#[derive(Debug, Clone)]
pub(super) enum FormatPart {
    Text(Arc<str>),
    Value {
        expr: Expr,
        conversion: Option<char>,
        spec: Vec<FormatPart>,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) callee: Callee,
    pub(super) arguments: Vec<Argument>,
}

#[derive(Debug, Clone)]
pub(super) enum Callee {
    /// A name of the language itself.
    Function(Function, Name),
    Method(Expr, Arc<str>),
    /// Whatever else stands before the parenthesis.
    Value(Expr),
}

#[derive(Debug, Clone)]
pub(super) enum Argument {
    Positional(Expr),
    Keyword(Arc<str>, Expr),
    /// `**mapping`
    Unpacked(Expr),
}

impl Argument {
    pub(super) fn expr(&self) -> &Expr {
        match self {
            Self::Positional(expr) | Self::Keyword(_, expr) | Self::Unpacked(expr) => expr,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnaryOperator {
    Negative,
    Positive,
    Not,
    Invert,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Is,
    IsNot,
    In,
    NotIn,
}

#[derive(Debug, Clone)]
pub(super) struct Comprehension {
    pub(super) kind: ComprehensionKind,
    pub(super) element: Expr,
    /// The value of a dict comprehension.
    pub(super) value: Option<Expr>,
    pub(super) clauses: Vec<Clause>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ComprehensionKind {
    List,
    Set,
    Dict,
    Generator,
}

/// `for targets in iterable if … if …`
#[derive(Debug, Clone)]
pub(super) struct Clause {
    pub(super) target: Target,
    pub(super) iterable: Expr,
    pub(super) conditions: Vec<Expr>,
}

#[derive(Debug, Clone)]
pub(super) struct Lambda {
    pub(super) parameters: Vec<Name>,
    pub(super) body: Expr,
}

/// What `for` and `set` assign to.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Name(Name),
    Several(Vec<Target>),
    /// `collection[key]`
    Item(Expr, Expr),
}

/// The inside of `{% set … %}`.
#[derive(Debug, Clone)]
pub(super) enum Statement {
    Assign(Target, Expr),
    Augment(Target, BinaryOperator, Expr),
    Evaluate(Expr),
}

impl Target {
    /// Visits the names this target binds.
    pub(super) fn names<'e>(&'e self, visit: &mut dyn FnMut(&'e Name)) {
        match self {
            Self::Name(name) => visit(name),
            Self::Several(targets) => targets.iter().for_each(|target| target.names(visit)),
            Self::Item(..) => {}
        }
    }

    fn children<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        match self {
            Self::Name(_) => {}
            Self::Several(targets) => targets.iter().for_each(|target| target.children(visit)),
            Self::Item(collection, key) => {
                visit(collection);
                visit(key);
            }
        }
    }
}

impl Statement {
    /// Visits the expressions directly inside.
    pub(super) fn children<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        match self {
            Self::Assign(target, expr) | Self::Augment(target, _, expr) => {
                target.children(visit);
                visit(expr);
            }
            Self::Evaluate(expr) => visit(expr),
        }
    }
}

impl Expr {
    /// Visits the expressions directly inside this one, in reading order.
    pub(super) fn children<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        match self {
            Self::Constant(_) | Self::Name(_) => {}
            Self::Format(parts) => format_children(parts, visit),
            Self::List(items)
            | Self::Tuple(items)
            | Self::Set(items)
            | Self::And(items)
            | Self::Or(items) => {
                items.iter().for_each(visit);
            }
            Self::Dict(entries) => {
                for (key, value) in entries {
                    key.iter().for_each(&mut *visit);
                    visit(value);
                }
            }
            Self::Unary(_, operand) | Self::Starred(operand) | Self::Attribute(operand, _) => {
                visit(operand)
            }
            Self::Binary(left, _, right) | Self::Subscript(left, right) => {
                visit(left);
                visit(right);
            }
            Self::Compare(left, rest) => {
                visit(left);
                rest.iter().for_each(|(_, right)| visit(right));
            }
            Self::Conditional {
                test,
                then,
                otherwise,
            } => {
                visit(then);
                visit(test);
                visit(otherwise);
            }
            Self::Call(call) => {
                if let Callee::Method(callee, _) | Callee::Value(callee) = &call.callee {
                    visit(callee);
                }
                call.arguments
                    .iter()
                    .for_each(|argument| visit(argument.expr()));
            }
            Self::Slice(start, stop, step) => {
                [start, stop, step]
                    .into_iter()
                    .flatten()
                    .for_each(|bound| visit(bound));
            }
            Self::Comprehension(comprehension) => {
                for clause in &comprehension.clauses {
                    clause.target.children(visit);
                    visit(&clause.iterable);
                    clause.conditions.iter().for_each(&mut *visit);
                }
                visit(&comprehension.element);
                comprehension.value.iter().for_each(visit);
            }
            Self::Lambda(lambda) => visit(&lambda.body),
        }
    }

    /// Visits this expression and all below it.
    pub(super) fn walk<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        let mut pending = vec![self];
        while let Some(expr) = pending.pop() {
            visit(expr);
            let from = pending.len();
            expr.children(&mut |child| pending.push(child));
            pending[from..].reverse();
        }
    }

    /// How many levels of expressions lie in each other, counted without
    /// recursion because the tree may be deep.
    pub(super) fn height(&self) -> usize {
        let mut highest = 0;
        let mut pending = vec![(self, 1)];
        while let Some((expr, level)) = pending.pop() {
            highest = highest.max(level);
            expr.children(&mut |child| pending.push((child, level + 1)));
        }
        highest
    }
}

fn format_children<'e>(parts: &'e [FormatPart], visit: &mut dyn FnMut(&'e Expr)) {
    for part in parts {
        if let FormatPart::Value { expr, spec, .. } = part {
            visit(expr);
            format_children(spec, visit);
        }
    }
}
