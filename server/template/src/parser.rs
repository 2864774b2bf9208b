//! From segments to the syntax tree of a template.

use super::check;
use super::expression::{Names, Parser as ExpressionParser, SyntaxFault};
use super::fault::TemplateError;
use super::lexer::{Segment, Segments, error_at};
use super::syntax::{Branch, Handler, Node, Output, Try};

/// How deep tags may nest.
const MAX_NESTING: usize = 40;

/// Parses the template `source`, which errors call `name`.
pub(super) fn parse(name: &str, source: &str) -> Result<(Vec<Node>, Names), TemplateError> {
    let mut parser = Parser {
        name,
        segments: Segments::new(name, source),
        names: Names::default(),
        whitespace: Whitespace::All,
        open: Vec::new(),
    };
    let (nodes, _) = parser.body()?;
    Ok((nodes, parser.names))
}

/// How runs of whitespace in text are kept.
#[derive(Debug, Clone, Copy)]
enum Whitespace {
    All,
    Single,
    Oneline,
}

/// A tag that is waiting for its `{% end %}`.
#[derive(Debug, Clone, Copy)]
struct Open {
    operator: &'static str,
    line: usize,
}

struct Parser<'t> {
    name: &'t str,
    segments: Segments<'t>,
    names: Names,
    whitespace: Whitespace,
    open: Vec<Open>,
}

/// What ended a body.
#[derive(Debug, Clone, Copy)]
enum End<'t> {
    /// `{% end %}`, or the end of the template.
    End,
    /// `else`, `elif`, `except` or `finally` with what follows it.
    Middle {
        operator: &'t str,
        suffix: &'t str,
        line: usize,
    },
}

impl<'t> Parser<'t> {
    fn body(&mut self) -> Result<(Vec<Node>, End<'t>), TemplateError> {
        let mut nodes = Vec::new();
        loop {
            let Some((segment, line)) = self.segments.next()? else {
                return match self.open.last() {
                    Some(open) => Err(TemplateError {
                        message: format!(
                            "Missing {{% end %}} block for {} at line {}",
                            open.operator, open.line
                        ),
                        line: open.line,
                    }),
                    None => Ok((nodes, End::End)),
                };
            };
            match segment {
                Segment::Text(text) => nodes.push(Node::Text(self.text(text))),
                Segment::Output(source) => nodes.push(self.output(source, line)?),
                Segment::Tag(contents) => {
                    let (operator, suffix) = match contents.split_once(char::is_whitespace) {
                        Some((operator, suffix)) => (operator, suffix.trim()),
                        None => (contents, ""),
                    };
                    match operator {
                        "end" if self.open.is_empty() => {
                            return Err(self.error("Extra {% end %} block", line));
                        }
                        "end" => return Ok((nodes, End::End)),
                        "else" | "elif" | "except" | "finally" => {
                            self.check_middle(operator, line)?;
                            return Ok((
                                nodes,
                                End::Middle {
                                    operator,
                                    suffix,
                                    line,
                                },
                            ));
                        }
                        _ => nodes.extend(self.tag(operator, suffix, line)?),
                    }
                }
            }
        }
    }

    fn output(&mut self, source: &str, line: usize) -> Result<Node, TemplateError> {
        let expr = ExpressionParser::new(source, &mut self.names)
            .and_then(ExpressionParser::expression)
            .map_err(|fault| self.invalid("expression", source, &fault, line))?;
        check::output(&expr, line)?;
        Ok(Node::Output(Output {
            expr,
            source: source.into(),
            line,
        }))
    }

    fn tag(
        &mut self,
        operator: &str,
        suffix: &str,
        line: usize,
    ) -> Result<Option<Node>, TemplateError> {
        match operator {
            "comment" => Ok(None),
            "whitespace" => {
                self.whitespace = match suffix {
                    "all" => Whitespace::All,
                    "single" => Whitespace::Single,
                    "oneline" => Whitespace::Oneline,
                    _ => return Err(self.error(format!("invalid whitespace mode {suffix}"), line)),
                };
                Ok(None)
            }
            "set" => self.set(suffix, line).map(Some),
            "if" => self.branches(suffix, line).map(Some),
            "for" => self.loop_over(suffix, line).map(Some),
            "while" => self.loop_while(suffix, line).map(Some),
            "try" => self.attempt(line).map(Some),
            "break" | "continue" => {
                let looped = self
                    .open
                    .iter()
                    .any(|open| matches!(open.operator, "for" | "while"));
                match (looped, operator) {
                    (false, _) => {
                        Err(self.error(format!("{operator} outside for or while block"), line))
                    }
                    (true, "break") => Ok(Some(Node::Break)),
                    (true, _) => Ok(Some(Node::Continue)),
                }
            }
            "import" | "from" | "include" | "extends" | "block" | "apply" | "raw" | "module"
            | "autoescape" => Err(self.error(format!("{operator} is forbidden"), line)),
            _ => Err(self.error(format!("unknown operator: '{operator}'"), line)),
        }
    }

    fn set(&mut self, suffix: &str, line: usize) -> Result<Node, TemplateError> {
        if suffix.is_empty() {
            return Err(self.error("set missing statement", line));
        }
        let statement = ExpressionParser::new(suffix, &mut self.names)
            .and_then(ExpressionParser::statement)
            .map_err(|fault| self.invalid("set statement", suffix, &fault, line))?;
        let mut checked = Ok(());
        statement.children(&mut |expr| {
            if checked.is_ok() {
                checked = check::control(expr, line);
            }
        });
        checked?;
        Ok(Node::Set { statement, line })
    }

    fn condition(
        &mut self,
        operator: &str,
        source: &str,
        line: usize,
    ) -> Result<super::expression::Expr, TemplateError> {
        let expr = ExpressionParser::new(source, &mut self.names)
            .and_then(ExpressionParser::expression)
            .map_err(|fault| {
                self.invalid(
                    "control block",
                    &format!("{operator} {source}"),
                    &fault,
                    line,
                )
            })?;
        check::control(&expr, line)?;
        Ok(expr)
    }

    fn branches(&mut self, suffix: &str, line: usize) -> Result<Node, TemplateError> {
        let mut test = self.condition("if", suffix, line)?;
        let mut test_line = line;
        let mut branches = Vec::new();
        self.enter("if", line)?;
        loop {
            let (body, end) = self.body()?;
            branches.push(Branch {
                test,
                body,
                line: test_line,
            });
            match end {
                End::End => {
                    self.open.pop();
                    return Ok(Node::If {
                        branches,
                        otherwise: Vec::new(),
                    });
                }
                End::Middle {
                    operator: "elif",
                    suffix,
                    line,
                } => {
                    test = self.condition("elif", suffix, line)?;
                    test_line = line;
                }
                End::Middle { suffix, line, .. } => {
                    let otherwise = self.last_body("else", suffix, line)?;
                    return Ok(Node::If {
                        branches,
                        otherwise,
                    });
                }
            }
        }
    }

    fn loop_over(&mut self, suffix: &str, line: usize) -> Result<Node, TemplateError> {
        let (target, iterable) = ExpressionParser::new(suffix, &mut self.names)
            .and_then(ExpressionParser::loop_header)
            .map_err(|fault| {
                self.invalid("control block", &format!("for {suffix}"), &fault, line)
            })?;
        check::control(&iterable, line)?;
        let (body, otherwise) = self.loop_bodies("for", line)?;
        Ok(Node::For {
            target,
            iterable,
            body,
            otherwise,
            line,
        })
    }

    fn loop_while(&mut self, suffix: &str, line: usize) -> Result<Node, TemplateError> {
        let test = self.condition("while", suffix, line)?;
        let (body, otherwise) = self.loop_bodies("while", line)?;
        Ok(Node::While {
            test,
            body,
            otherwise,
            line,
        })
    }

    fn loop_bodies(
        &mut self,
        operator: &'static str,
        line: usize,
    ) -> Result<(Vec<Node>, Vec<Node>), TemplateError> {
        self.enter(operator, line)?;
        let (body, end) = self.body()?;
        let otherwise = match end {
            End::End => {
                self.open.pop();
                Vec::new()
            }
            End::Middle { suffix, line, .. } => self.last_body("else", suffix, line)?,
        };
        Ok((body, otherwise))
    }

    fn attempt(&mut self, line: usize) -> Result<Node, TemplateError> {
        self.enter("try", line)?;
        let (body, mut end) = self.body()?;
        let mut attempt = Try {
            body,
            handlers: Vec::new(),
            otherwise: Vec::new(),
            finally: Vec::new(),
        };
        loop {
            let End::Middle {
                operator,
                suffix,
                line,
            } = end
            else {
                self.open.pop();
                if attempt.handlers.is_empty() && attempt.finally.is_empty() {
                    return Err(self.error("try needs an except or a finally block", line));
                }
                return Ok(Node::Try(Box::new(attempt)));
            };
            let header = match operator {
                "except" => ExpressionParser::new(suffix, &mut self.names)
                    .and_then(ExpressionParser::handler)
                    .map_err(|fault| {
                        self.invalid("control block", &format!("except {suffix}"), &fault, line)
                    })?,
                _ => (Vec::new(), None),
            };
            let (body, next) = self.body()?;
            match operator {
                "except" => attempt.handlers.push(Handler {
                    classes: header.0,
                    name: header.1,
                    body,
                }),
                "else" => attempt.otherwise = body,
                _ => attempt.finally = body,
            }
            end = next;
        }
    }

    /// The body after `else`, which only `{% end %}` may end.
    fn last_body(
        &mut self,
        operator: &str,
        suffix: &str,
        line: usize,
    ) -> Result<Vec<Node>, TemplateError> {
        if !suffix.is_empty() {
            return Err(self.error(
                format!("Template Syntax Error: Invalid control block: {operator} {suffix}"),
                line,
            ));
        }
        let (body, end) = self.body()?;
        if let End::Middle { operator, line, .. } = end {
            return Err(self.error(format!("{operator} block cannot follow else"), line));
        }
        self.open.pop();
        Ok(body)
    }

    fn enter(&mut self, operator: &'static str, line: usize) -> Result<(), TemplateError> {
        self.open.push(Open { operator, line });
        match self.open.len() > MAX_NESTING {
            true => Err(self.error(format!("tags may nest at most {MAX_NESTING} levels"), line)),
            false => Ok(()),
        }
    }

    fn check_middle(&self, operator: &str, line: usize) -> Result<(), TemplateError> {
        let parents: &[&str] = match operator {
            "else" => &["if", "for", "while", "try"],
            "elif" => &["if"],
            _ => &["try"],
        };
        match self.open.last() {
            None => Err(self.error(
                format!("{operator} outside {} block", parents.join(" or ")),
                line,
            )),
            Some(open) if !parents.contains(&open.operator) => Err(self.error(
                format!(
                    "{operator} block cannot be attached to {} block",
                    open.operator
                ),
                line,
            )),
            Some(_) => Ok(()),
        }
    }

    fn text(&self, text: &str) -> Box<str> {
        match self.whitespace {
            Whitespace::All => text.into(),
            Whitespace::Oneline => collapse(text, |_| " ").into(),
            Whitespace::Single => {
                collapse(text, |run| if run.contains('\n') { "\n" } else { " " }).into()
            }
        }
    }

    fn error(&self, message: impl AsRef<str>, line: usize) -> TemplateError {
        error_at(self.name, message, line)
    }

    fn invalid(&self, what: &str, source: &str, fault: &SyntaxFault, line: usize) -> TemplateError {
        let reason = &fault.0;
        self.error(
            format!("Template Syntax Error: Invalid {what}: {source} ({reason})"),
            line,
        )
    }
}

/// Replaces every run of whitespace.
fn collapse(text: &str, replacement: impl Fn(&str) -> &'static str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(char::is_whitespace) {
        out.push_str(&rest[..start]);
        let run_length = rest[start..]
            .find(|found: char| !found.is_whitespace())
            .unwrap_or(rest.len() - start);
        out.push_str(replacement(&rest[start..start + run_length]));
        rest = &rest[start + run_length..];
    }
    out.push_str(rest);
    out
}
