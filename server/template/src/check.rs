//! What tags may hold: a short allow-list for `{{ … }}`, everything but a few
//! ways out for `{% … %}`.

use super::expression::{
    Argument, BinaryOperator, Call, Callee, Expr, FormatPart, Name, UnaryOperator, binary_name,
    dump,
};
use super::fault::TemplateError;

/// Methods an output may call.
const OUTPUT_METHODS: &[&str] = &["split", "get", "join", "replace"];

/// Attributes no tag may name: ways to a formatter's inner objects.
const FORBIDDEN_ATTRIBUTES: &[&str] = &["format", "format_map"];

/// Python's functions that reach out of a template.
const FORBIDDEN_FUNCTIONS: &[&str] = &[
    "breakpoint",
    "callable",
    "classmethod",
    "compile",
    "delattr",
    "dir",
    "eval",
    "exec",
    "exit",
    "getattr",
    "globals",
    "hasattr",
    "help",
    "id",
    "input",
    "locals",
    "memoryview",
    "object",
    "open",
    "print",
    "property",
    "quit",
    "setattr",
    "staticmethod",
    "super",
    "type",
    "vars",
];

/// Whether `name` is a function templates are kept from.
pub(super) fn is_forbidden_function(name: &str) -> bool {
    FORBIDDEN_FUNCTIONS.contains(&name) || name.starts_with("__")
}

/// Checks the expression of an output tag.
pub(super) fn output(expr: &Expr, line: usize) -> Result<(), TemplateError> {
    check_output(expr).map_err(|message| TemplateError {
        message: format!("Template Syntax Error: {message}"),
        line,
    })
}

/// Checks an expression of a control or set tag.
pub(super) fn control(expr: &Expr, line: usize) -> Result<(), TemplateError> {
    let mut fault = None;
    expr.walk(&mut |expr| {
        if fault.is_none() {
            fault = check_control(expr).err();
        }
    });
    match fault {
        Some(message) => Err(TemplateError {
            message: format!("Template Syntax Error: {message}"),
            line,
        }),
        None => Ok(()),
    }
}

fn check_control(expr: &Expr) -> Result<(), String> {
    match expr {
        Expr::Name(name) => check_name(name),
        Expr::Attribute(_, attribute) => check_attribute(attribute),
        Expr::Call(call) => match &call.callee {
            Callee::Method(_, method) => check_attribute(method),
            Callee::Value(Expr::Name(name)) if is_forbidden_function(&name.text) => {
                Err(format!("Invalid function name: {}", name.text))
            }
            Callee::Value(_) | Callee::Function(..) => Ok(()),
        },
        _ => Ok(()),
    }
}

fn check_name(name: &Name) -> Result<(), String> {
    match name.text.starts_with("__") {
        true => Err(format!("Invalid name: {}", name.text)),
        false => Ok(()),
    }
}

fn check_attribute(attribute: &str) -> Result<(), String> {
    match attribute.starts_with('_') || FORBIDDEN_ATTRIBUTES.contains(&attribute) {
        true => Err(format!("Invalid attribute: {attribute}")),
        false => Ok(()),
    }
}

fn check_output(expr: &Expr) -> Result<(), String> {
    match expr {
        Expr::Constant(_) => Ok(()),
        Expr::Name(name) => check_name(name),
        Expr::Format(parts) => parts.iter().try_for_each(check_part),
        Expr::List(items) | Expr::Tuple(items) | Expr::Set(items) => {
            items.iter().try_for_each(check_output)
        }
        Expr::Dict(entries) => entries.iter().try_for_each(|(key, value)| match key {
            Some(key) => check_output(key).and_then(|()| check_output(value)),
            None => Err(invalid(expr)),
        }),
        Expr::Unary(UnaryOperator::Negative | UnaryOperator::Not, operand) => check_output(operand),
        Expr::Binary(left, operator, right) => {
            if !matches!(
                operator,
                BinaryOperator::Add | BinaryOperator::Subtract | BinaryOperator::Multiply
            ) {
                return Err(format!("Invalid BinOp: {}()", binary_name(*operator)));
            }
            check_output(left)?;
            check_output(right)
        }
        Expr::Conditional {
            test,
            then,
            otherwise,
        } => [test, then, otherwise]
            .into_iter()
            .try_for_each(|expr| check_output(expr)),
        Expr::Subscript(collection, key) => {
            check_output(collection)?;
            match is_constant_key(key) {
                true => Ok(()),
                false => Err(invalid(key)),
            }
        }
        Expr::Call(call) => check_call(call, expr),
        Expr::Unary(..)
        | Expr::And(_)
        | Expr::Or(_)
        | Expr::Compare(..)
        | Expr::Attribute(..)
        | Expr::Slice(..)
        | Expr::Comprehension(_)
        | Expr::Lambda(_)
        | Expr::Starred(_) => Err(invalid(expr)),
    }
}

fn check_call(call: &Call, whole: &Expr) -> Result<(), String> {
    match &call.callee {
        Callee::Function(function, name) if !function.is_allowed_in_output() => {
            return Err(format!("Invalid function name: {}", name.text));
        }
        Callee::Function(..) => {}
        Callee::Method(receiver, method) => {
            if !OUTPUT_METHODS.contains(&&**method) {
                return Err(format!("Invalid method name: {method}"));
            }
            check_output(receiver)?;
        }
        Callee::Value(Expr::Name(name)) => {
            return Err(format!("Invalid function name: {}", name.text));
        }
        Callee::Value(_) => return Err(invalid(whole)),
    }
    call.arguments
        .iter()
        .try_for_each(|argument| match argument {
            Argument::Unpacked(_) => Err(invalid(whole)),
            other => check_output(other.expr()),
        })
}

fn check_part(part: &FormatPart) -> Result<(), String> {
    match part {
        FormatPart::Text(_) => Ok(()),
        FormatPart::Value { expr, spec, .. } => {
            check_output(expr)?;
            spec.iter().try_for_each(check_part)
        }
    }
}

fn is_constant_key(key: &Expr) -> bool {
    let constant = |expr: &Expr| match expr {
        Expr::Constant(_) => true,
        Expr::Unary(UnaryOperator::Negative, operand) => matches!(**operand, Expr::Constant(_)),
        _ => false,
    };
    match key {
        Expr::Slice(start, stop, step) => [start, stop, step]
            .into_iter()
            .flatten()
            .all(|bound| constant(bound)),
        key => constant(key),
    }
}

fn invalid(expr: &Expr) -> String {
    format!("Invalid expression type: {}", dump(expr))
}
