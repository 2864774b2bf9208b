//! What a template says about its parameters: for error texts, for the API's
//! description, and for names that cannot be used.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value as Json;

use super::expression::{Argument, Call, Callee, Clause, Expr, Name};
use super::fault::{TemplateError, TemplateWarning};
use super::functions::{Function, ParameterType};
use super::syntax::{Node, Tag, expressions};
use super::value::Value;

/// One parameter of a template.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterDeclaration {
    /// Its name.
    pub name: String,
    /// As written: `String`, `Int32`, `Array(Int32)`, `JSON`, `Column` …
    pub parameter_type: String,
    /// The value used when none is given.
    pub default: Option<Json>,
    /// Whether a call without it fails: no default and no `defined()` guard,
    /// unless the template says `required=` itself.
    pub required: bool,
    /// For people.
    pub description: Option<String>,
    /// The values it should have; not enforced.
    pub allowed: Option<Json>,
    /// An example value.
    pub example: Option<Json>,
    /// What its text looks like.
    pub format: Option<String>,
}

/// Names that are options of the API itself.
const RESERVED: &[&str] = &["format", "q"];

/// Names that the API may take for options; usable, with a warning.
const DISCOURAGED: &[&str] = &[
    "__tb__csv_header",
    "__tb__semver",
    "debug_source_tables",
    "debug",
    "explain",
    "finalize_aggregations",
    "output_format_json_quote_64bit_integers",
    "output_format_json_quote_denormals",
    "output_format_parquet_string_as_string",
    "pipeline",
    "playground",
    "query_id",
    "release_replacements",
    "tag",
    "template_parameters",
    "token",
];

/// What a template's text tells before it is rendered.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) parameters: Vec<ParameterDeclaration>,
    /// Variables to turn into lists before rendering.
    pub(super) arrays: Vec<(usize, &'static ParameterType)>,
    pub(super) missing_message: String,
    pub(super) warnings: Vec<TemplateWarning>,
}

/// Reads all declarations of a template.
pub(super) fn survey(nodes: &[Node]) -> Result<Survey, TemplateError> {
    let mut reader = Reader::default();
    expressions(nodes, &mut |_, tag, _| {
        if let Tag::Binding(target) = tag {
            target.names(&mut |name| reader.bind(name));
        }
    });
    expressions(nodes, &mut |expr, _, _| {
        expr.walk(&mut |expr| reader.read_bindings(expr));
    });
    expressions(nodes, &mut |expr, _, line| reader.read(expr, line));
    match reader.fault.take() {
        Some(fault) => Err(fault),
        None => Ok(reader.finish()),
    }
}

#[derive(Default)]
struct Reader {
    /// Names the template itself gives values to.
    bound: BTreeSet<usize>,
    found: Vec<Found>,
    by_slot: HashMap<usize, usize>,
    arrays: Vec<(usize, &'static ParameterType)>,
    warnings: Vec<TemplateWarning>,
    /// Defaults that their own types refuse.
    odd_defaults: Vec<OddDefault>,
    /// The first thing that cannot be.
    fault: Option<TemplateError>,
    /// The tag that is being read.
    line: usize,
}

/// A default that its own type refuses.
struct OddDefault {
    slot: usize,
    /// Such as `DateTime(since, …)`.
    call: String,
    default: String,
    /// How a value is written, where that is not plain.
    shape: Option<&'static str>,
    line: usize,
}

impl OddDefault {
    /// What is wrong; what comes of it only where the default is ever used.
    fn warning(self, parameter: &str, is_guarded: bool) -> TemplateWarning {
        let shape = self
            .shape
            .map_or(String::new(), |shape| format!(": write {shape}"));
        let consequence = match is_guarded {
            true => String::new(),
            false => format!(", and requests without `{parameter}` fail"),
        };
        let Self {
            call,
            default,
            line,
            ..
        } = self;
        TemplateWarning {
            message: format!(
                "the default '{default}' of {call} is of another type{consequence}{shape}"
            ),
            line,
        }
    }
}

struct Found {
    declaration: ParameterDeclaration,
    typed: bool,
    has_default: bool,
    /// Said by `required=`.
    required: Option<bool>,
    /// Asked for with `defined()`, or allowed to be missing.
    guarded: bool,
    /// Used for more than being asked about.
    used: bool,
}

impl Found {
    fn new(name: &str) -> Self {
        Self {
            declaration: ParameterDeclaration {
                name: name.to_owned(),
                parameter_type: "String".to_owned(),
                default: None,
                required: false,
                description: None,
                allowed: None,
                example: None,
                format: None,
            },
            typed: false,
            has_default: false,
            required: None,
            guarded: false,
            used: false,
        }
    }
}

impl Reader {
    fn bind(&mut self, name: &Name) {
        self.bound.insert(name.slot);
    }

    fn read_bindings(&mut self, expr: &Expr) {
        match expr {
            Expr::Comprehension(comprehension) => {
                for Clause { target, .. } in &comprehension.clauses {
                    target.names(&mut |name| self.bind(name));
                }
            }
            Expr::Lambda(lambda) => lambda.parameters.iter().for_each(|name| self.bind(name)),
            _ => {}
        }
    }

    /// Reads one tag's expression, calls before the names they use.
    fn read(&mut self, expr: &Expr, line: usize) {
        self.line = line;
        let mut skipped: BTreeSet<*const Expr> = BTreeSet::new();
        expr.walk(&mut |expr| match expr {
            Expr::Call(call) => {
                self.check_callee(call);
                skipped.extend(self.read_call(call));
                // The name of a function where one is expected is no parameter.
                for argument in &call.arguments {
                    if let Expr::Name(name) = argument.expr()
                        && matches!(Function::lookup(&name.text), Some(Function::Builtin(_)))
                        && matches!(
                            call.callee,
                            Callee::Function(Function::Builtin(_), _) | Callee::Method(..)
                        )
                    {
                        skipped.insert(argument.expr());
                    }
                }
            }
            Expr::Name(name)
                if !skipped.contains(&std::ptr::from_ref(expr))
                    && !self.bound.contains(&name.slot) =>
            {
                self.found(name).used = true;
            }
            _ => {}
        });
    }

    fn refuse(&mut self, message: String) {
        let line = self.line;
        self.fault.get_or_insert(TemplateError { message, line });
    }

    fn check_callee(&mut self, call: &Call) {
        if let Callee::Value(Expr::Name(name)) = &call.callee
            && !self.bound.contains(&name.slot)
        {
            self.refuse(format!(
                "Template Syntax Error: '{}' is not a valid function, line {}",
                name.text, self.line
            ));
        }
    }

    fn check_name(&mut self, name: &Name) {
        let (text, line) = (&name.text, self.line);
        if RESERVED.contains(&&**text) {
            self.refuse(format!(
                "\"{text}\" can not be used as a variable name, line {line}"
            ));
        } else if DISCOURAGED.contains(&&**text) {
            self.warn(format!(
                "\"{text}\" is an option of the API and should not be used as a variable name"
            ));
        }
    }

    /// A default that its own type refuses fails every request without the
    /// parameter, unless the template asks before whether it is there.
    fn check_default(
        &mut self,
        parameter_type: &'static ParameterType,
        name: &Name,
        default: Option<&Expr>,
    ) {
        let Some(text) = default.and_then(constant).filter(|value| !value.is_none()) else {
            return;
        };
        let text = text.text();
        if parameter_type.takes(&text) {
            return;
        }
        self.odd_defaults.push(OddDefault {
            slot: name.slot,
            call: format!("{}({}, …)", parameter_type.name, name.text),
            default: text,
            shape: parameter_type.shape(),
            line: self.line,
        });
    }

    fn warn(&mut self, message: String) {
        let line = self.line;
        self.warnings.push(TemplateWarning { message, line });
    }

    fn found(&mut self, name: &Name) -> &mut Found {
        let next = self.found.len();
        let index = *self.by_slot.entry(name.slot).or_insert(next);
        if index == next {
            self.check_name(name);
            self.found.push(Found::new(&name.text));
        }
        &mut self.found[index]
    }

    /// Reads a call that declares or asks about the parameter in its first
    /// argument, and returns that argument.
    fn read_call(&mut self, call: &Call) -> Option<*const Expr> {
        let Callee::Function(function, _) = &call.callee else {
            return None;
        };
        let Some(Argument::Positional(first @ Expr::Name(name))) = call.arguments.first() else {
            return None;
        };
        if self.bound.contains(&name.slot) {
            return None;
        }
        let default_at = if matches!(function, Function::Array) {
            2
        } else {
            1
        };
        let parameter_type = match function {
            Function::Defined => {
                self.found(name).guarded = true;
                return Some(first);
            }
            Function::Typed(parameter_type) => {
                self.check_default(parameter_type, name, argument(call, 1, "default"));
                parameter_type.name.to_owned()
            }
            Function::Array => {
                let item_type = argument(call, 1, "_type")
                    .and_then(constant)
                    .map_or("String".to_owned(), |value| value.text());
                match ParameterType::lookup(&item_type) {
                    None => self.warn(format!(
                        "the second argument of Array({name}, …) is no type, so its items are taken as text: write Array({name}, 'String', …)",
                        name = name.text
                    )),
                    Some(found) if !self.arrays.iter().any(|(slot, _)| *slot == name.slot) => {
                        self.arrays.push((name.slot, found));
                    }
                    Some(_) => {}
                }
                format!("Array({})", ParameterType::of_items(&item_type).name)
            }
            Function::Json => "JSON".to_owned(),
            Function::Column => "Column".to_owned(),
            Function::Columns => "Columns".to_owned(),
            Function::Symbol => "Symbol".to_owned(),
            Function::Table => "Table".to_owned(),
            Function::SplitToArray => "String".to_owned(),
            _ => return None,
        };
        let default = argument(call, default_at, "default")
            .filter(|default| !matches!(default, Expr::Constant(Value::None)));
        let optional = argument(call, default_at + 1, "defined")
            .and_then(constant)
            .is_some_and(|value| !value.is_true());
        let text = |name: &str| {
            keyword(call, name)
                .and_then(constant)
                .map(|value| value.text())
        };
        let json = |name: &str| keyword(call, name).and_then(literal);
        let lenient = matches!(function, Function::Json | Function::SplitToArray)
            || matches!(function, Function::Typed(found) if matches!(found.name, "Boolean" | "bool"));
        let found = self.found(name);
        found.used = true;
        found.guarded |= optional || lenient;
        found.has_default |= default.is_some();
        if !found.typed {
            found.typed = true;
            found.declaration.parameter_type = parameter_type;
        }
        let declaration = &mut found.declaration;
        declaration.default = declaration
            .default
            .take()
            .or_else(|| default.and_then(literal));
        declaration.description = declaration
            .description
            .take()
            .or_else(|| text("description"));
        declaration.allowed = declaration.allowed.take().or_else(|| json("enum"));
        declaration.example = declaration.example.take().or_else(|| json("example"));
        declaration.format = declaration.format.take().or_else(|| text("format"));
        found.required = found.required.or_else(|| {
            keyword(call, "required")
                .and_then(constant)
                .map(|value| value.is_true())
        });
        Some(first)
    }

    fn finish(mut self) -> Survey {
        for odd in std::mem::take(&mut self.odd_defaults) {
            let Some(found) = self.by_slot.get(&odd.slot).map(|at| &self.found[*at]) else {
                continue;
            };
            self.warnings
                .push(odd.warning(&found.declaration.name, found.guarded));
        }
        // The same default may stand in several tags.
        let mut told = BTreeSet::new();
        self.warnings
            .retain(|warning| told.insert(warning.message.clone()));
        let needed: Vec<&str> = self
            .found
            .iter()
            .filter(|found| found.used && !found.has_default)
            .map(|found| found.declaration.name.as_str())
            .collect();
        let missing_message = match needed.split_last() {
            None => "Required parameter is not defined".to_owned(),
            Some((last, rest)) => {
                let names = if rest.is_empty() {
                    (*last).to_owned()
                } else {
                    format!("{} and {last}", rest.join(", "))
                };
                format!(
                    "Required parameter is not defined. Check the parameters {names}. Please provide a value or set a default value in the pipe code."
                )
            }
        };
        let parameters = self
            .found
            .into_iter()
            .map(|found| ParameterDeclaration {
                required: found
                    .required
                    .unwrap_or(found.used && !found.has_default && !found.guarded),
                ..found.declaration
            })
            .collect();
        Survey {
            parameters,
            arrays: self.arrays,
            missing_message,
            warnings: self.warnings,
        }
    }
}

fn argument<'e>(call: &'e Call, position: usize, name: &str) -> Option<&'e Expr> {
    match call.arguments.get(position) {
        Some(Argument::Positional(expr)) => Some(expr),
        _ => keyword(call, name),
    }
}

fn keyword<'e>(call: &'e Call, name: &str) -> Option<&'e Expr> {
    call.arguments.iter().find_map(|argument| match argument {
        Argument::Keyword(found, expr) if **found == *name => Some(expr),
        _ => None,
    })
}

fn constant(expr: &Expr) -> Option<&Value> {
    match expr {
        Expr::Constant(value) => Some(value),
        _ => None,
    }
}

/// A literal of any form as JSON.
fn literal(expr: &Expr) -> Option<Json> {
    match expr {
        Expr::Constant(value) => Some(value.to_json()),
        Expr::List(items) | Expr::Tuple(items) => items.iter().map(literal).collect(),
        Expr::Unary(super::expression::UnaryOperator::Negative, operand) => match literal(operand)?
        {
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Some((-whole).into()),
                None => number.as_f64().map(|number| (-number).into()),
            },
            _ => None,
        },
        _ => None,
    }
}
