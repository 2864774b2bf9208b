//! The functions templates may call: their names here, their work in the
//! modules below.

mod builtins;
mod columns;
mod dates;
mod effects;
mod json;
mod strptime;
mod types;

use std::sync::Arc;

use super::StandIns;
use super::evaluate::Evaluator;
use super::fault::{Fault, Outcome};
use super::value::Value;

pub(super) use builtins::Builtin;
pub(super) use effects::Effects;
pub(super) use types::ParameterType;

/// A function of the language.
#[derive(Debug, Clone, Copy)]
pub(super) enum Function {
    /// `String`, `Int32`, `DateTime` and so on.
    Typed(&'static ParameterType),
    Array,
    Json,
    Defined,
    Column,
    Columns,
    Symbol,
    Table,
    SqlAnd,
    SqlUnescape,
    SplitToArray,
    EnumerateWithLast,
    DayDiff,
    DateDiff(dates::Unit),
    Error,
    CustomError,
    MaxThreads,
    BackendHint,
    CacheTtl,
    Activate,
    Disable,
    Secret,
    /// A function of Python itself.
    Builtin(Builtin),
}

impl Function {
    /// The function called `name`.
    pub(super) fn lookup(name: &str) -> Option<Self> {
        Some(match name {
            "Array" => Self::Array,
            "JSON" => Self::Json,
            "defined" => Self::Defined,
            "column" => Self::Column,
            "columns" => Self::Columns,
            "symbol" => Self::Symbol,
            "table" | "TABLE" => Self::Table,
            "sql_and" => Self::SqlAnd,
            "sql_unescape" => Self::SqlUnescape,
            "split_to_array" => Self::SplitToArray,
            "enumerate_with_last" => Self::EnumerateWithLast,
            "day_diff" => Self::DayDiff,
            "date_diff_in_days" => Self::DateDiff(dates::Unit::Days),
            "date_diff_in_hours" => Self::DateDiff(dates::Unit::Hours),
            "date_diff_in_minutes" => Self::DateDiff(dates::Unit::Minutes),
            "date_diff_in_seconds" => Self::DateDiff(dates::Unit::Seconds),
            "error" => Self::Error,
            "custom_error" => Self::CustomError,
            "max_threads" => Self::MaxThreads,
            "backend_hint" => Self::BackendHint,
            "cache_ttl" => Self::CacheTtl,
            "activate" => Self::Activate,
            "disable" => Self::Disable,
            "tb_secret" | "tb_var" => Self::Secret,
            _ => match ParameterType::lookup(name) {
                Some(parameter_type) => Self::Typed(parameter_type),
                None => Self::Builtin(Builtin::lookup(name)?),
            },
        })
    }

    /// Whether a stand-in among its arguments may be seen in what it returns.
    /// Of one that it asks about, or has a default for, nothing is left.
    pub(super) fn keeps_stand_ins(self, arguments: &Arguments) -> bool {
        let default = match self {
            Self::Defined => return false,
            Self::Typed(parameter_type) => parameter_type.default_in_place(arguments),
            Self::Array => arguments
                .default_in_place(2)
                .filter(|found| found.is_true()),
            Self::Json | Self::Column | Self::Columns => arguments.default_in_place(1),
            _ => None,
        };
        default.is_none() || !matches!(arguments.get(0, "x"), Some(Value::Placeholder))
    }

    /// The type that its first argument must have, item by item for an Array.
    pub(super) fn expected(self, arguments: &Arguments) -> Option<&'static ParameterType> {
        match self {
            Self::Typed(parameter_type) => Some(parameter_type),
            Self::Array => Some(ParameterType::of_items(
                &arguments.text(1, "_type", "String"),
            )),
            _ => None,
        }
    }

    /// Whether `{{ … }}` may call it.
    pub(super) fn is_allowed_in_output(self) -> bool {
        match self {
            Self::Builtin(builtin) => {
                matches!(
                    builtin,
                    Builtin::Len
                        | Builtin::List
                        | Builtin::Min
                        | Builtin::Max
                        | Builtin::Int
                        | Builtin::Float
                )
            }
            _ => true,
        }
    }
}

/// A call's evaluated arguments.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) positional: Vec<Value>,
    pub(super) keyword: Vec<(Arc<str>, Value)>,
}

impl Arguments {
    /// Only positional arguments.
    pub(super) fn of(positional: Vec<Value>) -> Self {
        Self {
            positional,
            keyword: Vec::new(),
        }
    }

    /// The argument at `position`, or the one called `name`.
    pub(super) fn get(&self, position: usize, name: &str) -> Option<&Value> {
        self.positional.get(position).or_else(|| self.named(name))
    }

    /// The keyword argument called `name`.
    pub(super) fn named(&self, name: &str) -> Option<&Value> {
        self.keyword
            .iter()
            .find(|(keyword, _)| **keyword == *name)
            .map(|(_, value)| value)
    }

    /// The default at `position`, unless it is null.
    pub(super) fn default(&self, position: usize) -> Option<&Value> {
        self.get(position, "default")
            .filter(|default| !default.is_none())
    }

    /// The default that stands in for a value while a template is validated. A
    /// name that nobody gave a value, like the `false` of `Boolean(x, false)`,
    /// is no default.
    pub(super) fn default_in_place(&self, position: usize) -> Option<&Value> {
        self.default(position)
            .filter(|default| !matches!(default, Value::Placeholder))
    }

    /// The argument a function cannot do without.
    pub(super) fn require(&self, position: usize, name: &str, function: &str) -> Outcome<&Value> {
        self.get(position, name).ok_or_else(|| {
            Fault::type_error(format!(
                "{function}() missing 1 required positional argument: '{name}'"
            ))
        })
    }

    /// The argument as text, or `default` when it is missing or null.
    pub(super) fn text(&self, position: usize, name: &str, default: &str) -> String {
        match self.get(position, name) {
            None | Some(Value::None) => default.to_owned(),
            Some(value) => value.text(),
        }
    }
}

impl Evaluator<'_> {
    /// `defined(x)`
    fn defined(&self, name: &str, arguments: &Arguments) -> Outcome<Value> {
        Ok(Value::Bool(match arguments.require(0, "x", name)? {
            Value::None => false,
            Value::Placeholder => self.context.stand_ins == StandIns::Defined,
            _ => true,
        }))
    }

    /// Calls `function`, which the template calls `name`.
    pub(super) fn call(
        &mut self,
        function: Function,
        name: &str,
        arguments: Arguments,
    ) -> Outcome<Value> {
        match function {
            Function::Typed(parameter_type) => self.typed(parameter_type, &arguments),
            Function::Array => self.array(&arguments),
            Function::Json => self.json(&arguments),
            Function::Defined => self.defined(name, &arguments),
            Function::Column => self.column(&arguments),
            Function::Columns => self.columns(&arguments),
            Function::Symbol => self.symbol(&arguments),
            Function::Table => self.table(&arguments),
            Function::SqlAnd => self.sql_and(&arguments),
            Function::SqlUnescape => self.sql_unescape(&arguments),
            Function::SplitToArray => self.split_to_array(&arguments),
            Function::EnumerateWithLast => self.enumerate_with_last(&arguments),
            Function::DayDiff => self.day_diff(&arguments),
            Function::DateDiff(unit) => self.date_diff(unit, name, &arguments),
            Function::Error => self.error(&arguments),
            Function::CustomError => self.custom_error(&arguments),
            Function::MaxThreads => self.max_threads(&arguments),
            Function::BackendHint => self.backend_hint(&arguments),
            Function::CacheTtl => self.cache_ttl(&arguments),
            Function::Activate => self.activate(&arguments),
            Function::Disable => self.disable(&arguments),
            Function::Secret => self.secret(&arguments),
            Function::Builtin(builtin) => self.builtin(builtin, name, arguments),
        }
    }
}
