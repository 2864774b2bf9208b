//! What goes wrong while a template is parsed or rendered: the public errors,
//! and the evaluator's own fault with the class that `{% except %}` matches.

use serde_json::Value as Json;

/// Where the field's clients find help on templates; appended to the
/// documentation origin of the error envelope.
pub const DOCUMENTATION: &str = "/cli/advanced-templates.html";

/// A template that cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// The whole text, with the node's name and line where it is a matter of
    /// syntax.
    pub message: String,
    /// One-based line in the template's text.
    pub line: usize,
}

/// Something that a template may hold but should not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateWarning {
    /// What it is, and what to write.
    pub message: String,
    /// One-based line in the template's text.
    pub line: usize,
}

/// What kind of mistake stopped a rendering, for machine-readable codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenderErrorKind {
    /// A parameter without a default is missing.
    MissingParameter,
    /// A parameter does not have its declared type.
    InvalidParameter,
    /// The template raised it with `error()` or `custom_error()`.
    Raised,
    /// The template and the values do not fit together.
    Template,
    /// Evaluation went past a limit.
    Limit,
}

/// Which parameter an error is about, and what that takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the parameter `{name}` takes {expected}")]
pub struct ParameterHelp {
    /// The parameter's name.
    pub name: String,
    /// What its values are, such as `a number`.
    pub expected: String,
}

/// A template that could not be rendered with these parameters.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    /// The text clients see as `error`.
    pub message: String,
    /// Which parameter it is about and what that takes, where it is known. Not
    /// part of the message, which clients compare with Tinybird's.
    pub help: Option<Box<ParameterHelp>>,
    /// The value of `error` when `custom_error()` passed something other than
    /// text.
    pub body: Option<Json>,
    /// HTTP status, 400 unless `custom_error()` chose another in 400..=599.
    pub status: u16,
    /// For machine-readable codes.
    pub kind: RenderErrorKind,
    /// One-based line of the tag in the template's text.
    pub line: usize,
}

/// Python's exception classes as far as templates can tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// The engine's own errors, printed with their prefix.
    Template,
    /// A missing parameter; also printed with the prefix.
    Missing,
    /// A parameter of the wrong type; also printed with the prefix.
    Validation,
    Value,
    Type,
    Key,
    Index,
    Attribute,
    ZeroDivision,
    Overflow,
    /// `error()`: its text reaches the client as it is.
    Raised,
    /// `custom_error()`.
    Custom,
    /// Past a limit: no `{% except %}` catches it.
    Limit,
}

impl Class {
    /// Whether `{% except name %}` catches this class.
    pub(super) fn is_caught_by(self, name: &str) -> bool {
        match name {
            "Exception" | "BaseException" => self != Self::Limit,
            "ValueError" => {
                matches!(
                    self,
                    Self::Value | Self::Raised | Self::Template | Self::Missing | Self::Validation
                )
            }
            "SQLTemplateException" => {
                matches!(self, Self::Template | Self::Missing | Self::Validation)
            }
            "SQLTemplateCustomError" => self == Self::Custom,
            "TypeError" => self == Self::Type,
            "KeyError" => self == Self::Key,
            "IndexError" => self == Self::Index,
            "LookupError" => matches!(self, Self::Key | Self::Index),
            "AttributeError" => self == Self::Attribute,
            "ZeroDivisionError" => self == Self::ZeroDivision,
            "OverflowError" => self == Self::Overflow,
            "ArithmeticError" => matches!(self, Self::ZeroDivision | Self::Overflow),
            _ => false,
        }
    }
}

/// A fault inside the evaluator. Boxed, so that results stay small.
#[derive(Debug, Clone)]
pub(super) struct Fault(Box<Body>);

#[derive(Debug, Clone)]
struct Body {
    class: Class,
    message: String,
    help: Option<Box<ParameterHelp>>,
    custom: Option<(Json, u16)>,
    line: usize,
}

/// The result of evaluating anything.
pub(super) type Outcome<T> = Result<T, Fault>;

impl Fault {
    pub(super) fn new(class: Class, message: impl Into<String>) -> Self {
        Self(Box::new(Body {
            class,
            message: message.into(),
            help: None,
            custom: None,
            line: 0,
        }))
    }

    pub(super) fn template(message: impl Into<String>) -> Self {
        Self::new(Class::Template, message)
    }

    pub(super) fn type_error(message: impl Into<String>) -> Self {
        Self::new(Class::Type, message)
    }

    pub(super) fn value_error(message: impl Into<String>) -> Self {
        Self::new(Class::Value, message)
    }

    pub(super) fn limit(message: impl Into<String>) -> Self {
        Self::new(Class::Limit, message)
    }

    pub(super) fn custom(body: Json, text: String, status: u16) -> Self {
        let mut fault = Self::new(Class::Custom, text);
        fault.0.custom = Some((body, status));
        fault
    }

    /// Notes which parameter a text is not the value of, and what that takes.
    pub(super) fn of_parameter(mut self, name: &str, expected: &str) -> Self {
        if self.0.class == Class::Validation {
            self.0.help = Some(Box::new(ParameterHelp {
                name: name.to_owned(),
                expected: expected.to_owned(),
            }));
        }
        self
    }

    /// Notes the line of the innermost tag; the first note stays.
    pub(super) fn at(mut self, line: usize) -> Self {
        if self.0.line == 0 {
            self.0.line = line;
        }
        self
    }

    pub(super) fn class(&self) -> Class {
        self.0.class
    }

    pub(super) fn message(&self) -> &str {
        &self.0.message
    }
}

impl From<Fault> for RenderError {
    fn from(Fault(body): Fault) -> Self {
        let (kind, prefixed) = match body.class {
            Class::Missing => (RenderErrorKind::MissingParameter, true),
            Class::Validation => (RenderErrorKind::InvalidParameter, true),
            Class::Raised | Class::Custom => (RenderErrorKind::Raised, false),
            Class::Limit => (RenderErrorKind::Limit, true),
            Class::Template | Class::Key | Class::Attribute => (RenderErrorKind::Template, true),
            Class::Index => (
                RenderErrorKind::Template,
                body.message.starts_with("String index"),
            ),
            Class::Value | Class::Type | Class::ZeroDivision | Class::Overflow => {
                (RenderErrorKind::Template, false)
            }
        };
        let message = match body.class {
            Class::Key => format!(
                "Missing key {} while rendering the template. Ensure every object accessed in the template has this key.",
                body.message
            ),
            _ => body.message,
        };
        let message = if prefixed {
            format!("Template Syntax Error: {message}")
        } else {
            message
        };
        let (body_value, status) = match body.custom {
            Some((value, status)) => (Some(value), status),
            None => (None, 400),
        };
        Self {
            message,
            help: body.help,
            body: body_value,
            status,
            kind,
            line: body.line,
        }
    }
}
