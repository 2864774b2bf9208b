//! Functions that say something about the query besides its text, stop it, or
//! bind a secret.

use std::sync::Arc;

use super::{Arguments, Evaluator};
use crate::escape;
use crate::fault::{Class, Fault, Outcome};
use crate::value::Value;

/// What a rendering asks for besides its SQL.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) bound: Vec<(String, String)>,
    pub(crate) max_threads: Option<u32>,
    pub(crate) backend_hint: Option<String>,
    pub(crate) cache_ttl: Option<&'static str>,
    pub(crate) activate: Vec<&'static str>,
    pub(crate) disable: Vec<&'static str>,
}

const CACHE_TTLS: &[&str] = &["5s", "1m", "5m", "30m", "1h"];
const ACTIVATABLE: &[&str] = &[
    "analyzer",
    "parallel_replicas",
    "optimize_aggregation_in_order",
];
const DISABLEABLE: &[&str] = &["analyzer"];

impl Evaluator<'_> {
    /// `error(message)`
    pub(super) fn error(&mut self, arguments: &Arguments) -> Outcome<Value> {
        if self.is_validating() {
            return Ok(Value::Sql(Arc::from("")));
        }
        Err(Fault::new(
            Class::Raised,
            arguments.require(0, "message", "error")?.text(),
        ))
    }

    /// `custom_error(object, code=400)`; a code that is no client or server
    /// error counts as 400.
    pub(super) fn custom_error(&mut self, arguments: &Arguments) -> Outcome<Value> {
        if self.is_validating() {
            return Ok(Value::Sql(Arc::from("")));
        }
        let body = arguments.require(0, "message", "custom_error")?;
        let status = arguments
            .get(1, "code")
            .and_then(Value::as_int)
            .and_then(|code| u16::try_from(code).ok())
            .filter(|code| (400..600).contains(code))
            .unwrap_or(400);
        self.budget.charge(body.weight())?;
        Err(Fault::custom(body.to_json(), body.text(), status))
    }

    /// `max_threads(n)`
    pub(super) fn max_threads(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let given = arguments.require(0, "threads", "max_threads")?;
        if matches!(given, Value::Placeholder) {
            return Ok(Value::Sql(Arc::from("")));
        }
        let threads = match given {
            Value::Str(text) => text.parse().ok(),
            other => other
                .as_int()
                .and_then(|threads| u32::try_from(threads).ok()),
        };
        let threads = threads.filter(|threads| *threads > 0).ok_or_else(|| {
            Fault::template(format!(
                "max_threads() needs a number above 0, not '{}'",
                given.text()
            ))
        })?;
        self.effects.max_threads = Some(threads);
        Ok(comment(&format!("max_threads {threads}")))
    }

    /// `backend_hint(hint)`
    pub(super) fn backend_hint(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let given = arguments.require(0, "hint", "backend_hint")?.text();
        // The hint becomes a comment: it keeps only what cannot end one.
        let hint: String = given
            .chars()
            .filter(|found| found.is_ascii_alphanumeric() || matches!(found, '_' | '-' | '.'))
            .take(100)
            .collect();
        self.effects.backend_hint = Some(hint.clone());
        Ok(comment(&format!("backend_hint {hint}")))
    }

    /// `cache_ttl('5s'|'1m'|'5m'|'30m'|'1h')`
    pub(super) fn cache_ttl(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let given = arguments.require(0, "ttl", "cache_ttl")?.text();
        let ttl = CACHE_TTLS.iter().find(|ttl| **ttl == given).ok_or_else(|| {
            Fault::template(
                "Invalid TTL cache expression, valid expressions are ('5s', '1m', '5m', '30m', '1h')",
            )
        })?;
        self.effects.cache_ttl = Some(ttl);
        Ok(comment(&format!("cache_ttl {ttl}")))
    }

    /// `activate(feature)`
    pub(super) fn activate(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let feature = feature(arguments, "activate", ACTIVATABLE)?;
        self.effects.activate.push(feature);
        Ok(comment(&format!("activate {feature}")))
    }

    /// `disable(feature)`
    pub(super) fn disable(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let feature = feature(arguments, "disable", DISABLEABLE)?;
        self.effects.disable.push(feature);
        Ok(comment(&format!("disable {feature}")))
    }

    /// `tb_secret(name, default=None)`: a bound parameter of the query; the
    /// secret never becomes SQL text.
    pub(super) fn secret(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let name = match arguments.require(0, "name", "tb_secret")? {
            Value::Str(name) => name.clone(),
            other => {
                return Err(Fault::template(format!(
                    "tb_secret() needs the name of a secret, not '{}'",
                    other.text()
                )));
            }
        };
        let value = match self.context.secrets.get(&*name) {
            Some(value) => value.clone(),
            None if self.is_validating() => String::new(),
            // A default is text of the template, no secret: it may be seen.
            None => match arguments
                .get(1, "default")
                .filter(|default| !default.is_none())
            {
                Some(default) => return Ok(default.clone()),
                None => {
                    return Err(Fault::template(format!(
                        "Cannot access secret '{name}'. Check the secret exists in the Workspace and the token has the required scope."
                    )));
                }
            },
        };
        let parameter = parameter_name(&name);
        let sql = format!("{{{parameter}: String}}");
        let bound = &mut self.effects.bound;
        if !bound.iter().any(|(used, _)| *used == parameter) {
            bound.push((parameter, value));
        }
        Ok(Value::Sql(Arc::from(sql)))
    }
}

/// The query parameter for a secret: its own name where SQL can say it. Each
/// secret has one name, so that the SQL of several nodes can be joined.
fn parameter_name(secret: &str) -> String {
    if escape::is_plain_identifier(secret) && !secret.starts_with("secret_") {
        return secret.to_owned();
    }
    let digits: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("secret_{digits}")
}

fn feature(
    arguments: &Arguments,
    function: &str,
    known: &'static [&'static str],
) -> Outcome<&'static str> {
    let given = arguments.require(0, "feature", function)?.text();
    known
        .iter()
        .copied()
        .find(|feature| *feature == given)
        .ok_or_else(|| Fault::template(format!("'{given}' is not a valid '{function}' argument")))
}

/// A comment line of its own; the newline ends it before more SQL follows.
fn comment(text: &str) -> Value {
    Value::Sql(Arc::from(format!("-- {text}\n")))
}
