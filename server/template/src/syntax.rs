//! The syntax tree of a template: text, outputs and tags.

use super::expression::{Expr, Name, Statement, Target};

#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(Box<str>),
    Output(Output),
    If {
        branches: Vec<Branch>,
        otherwise: Vec<Node>,
    },
    For {
        target: Target,
        iterable: Expr,
        body: Vec<Node>,
        otherwise: Vec<Node>,
        line: usize,
    },
    While {
        test: Expr,
        body: Vec<Node>,
        otherwise: Vec<Node>,
        line: usize,
    },
    Set {
        statement: Statement,
        line: usize,
    },
    Break,
    Continue,
    Try(Box<Try>),
}

/// `{{ … }}`
#[derive(Debug, Clone)]
pub(super) struct Output {
    pub(super) expr: Expr,
    /// As written, for error texts.
    pub(super) source: Box<str>,
    pub(super) line: usize,
}

/// `if` or `elif`
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) test: Expr,
    pub(super) body: Vec<Node>,
    pub(super) line: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Try {
    pub(super) body: Vec<Node>,
    pub(super) handlers: Vec<Handler>,
    pub(super) otherwise: Vec<Node>,
    pub(super) finally: Vec<Node>,
}

/// `except [classes [as name]]`; no class catches all.
#[derive(Debug, Clone)]
pub(super) struct Handler {
    pub(super) classes: Vec<std::sync::Arc<str>>,
    pub(super) name: Option<Name>,
    pub(super) body: Vec<Node>,
}

/// Visits every tag's expressions, in reading order, with the line of the tag.
pub(super) fn expressions<'n>(nodes: &'n [Node], visit: &mut dyn FnMut(&'n Expr, Tag<'n>, usize)) {
    for node in nodes {
        match node {
            Node::Text(_) | Node::Break | Node::Continue => {}
            Node::Output(output) => visit(&output.expr, Tag::Output, output.line),
            Node::If {
                branches,
                otherwise,
            } => {
                for branch in branches {
                    visit(&branch.test, Tag::Control, branch.line);
                    expressions(&branch.body, visit);
                }
                expressions(otherwise, visit);
            }
            Node::For {
                target,
                iterable,
                body,
                otherwise,
                line,
            } => {
                visit(iterable, Tag::Binding(target), *line);
                expressions(body, visit);
                expressions(otherwise, visit);
            }
            Node::While {
                test,
                body,
                otherwise,
                line,
            } => {
                visit(test, Tag::Control, *line);
                expressions(body, visit);
                expressions(otherwise, visit);
            }
            Node::Set { statement, line } => {
                let tag = match statement {
                    Statement::Assign(target, _) => Tag::Binding(target),
                    Statement::Augment(..) | Statement::Evaluate(_) => Tag::Control,
                };
                statement.children(&mut |expr| visit(expr, tag, *line));
            }
            Node::Try(attempt) => {
                expressions(&attempt.body, visit);
                for handler in &attempt.handlers {
                    expressions(&handler.body, visit);
                }
                expressions(&attempt.otherwise, visit);
                expressions(&attempt.finally, visit);
            }
        }
    }
}

/// What kind of tag an expression stands in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tag<'n> {
    Output,
    Control,
    /// A tag that gives names to values: `for`, or `set` with `=`.
    Binding(&'n Target),
}
