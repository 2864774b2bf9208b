//! Methods of values: those of strings below, those that read collections and
//! those that change them in their own modules.

mod change;
mod read;

use std::sync::Arc;

use super::evaluate::Evaluator;
use super::fault::{Class, Fault, Outcome};
use super::functions::Arguments;
use super::value::Value;

pub(super) use change::{change, changes};

impl Evaluator<'_> {
    /// Calls a method that leaves its receiver as it is.
    pub(super) fn method(
        &mut self,
        receiver: &Value,
        method: &str,
        arguments: &Arguments,
    ) -> Outcome<Value> {
        self.budget.charge(receiver.weight())?;
        match receiver {
            Value::Placeholder => Ok(Value::Placeholder),
            Value::Str(text) => self.text_method(text, method, arguments),
            Value::Sql(text) => self.text_method(text, method, arguments),
            Value::List(items) | Value::Tuple(items) => {
                self.list_method(receiver, items, method, arguments)
            }
            Value::Dict(dict) => read::dict_method(dict, method, arguments),
            Value::Set(set) => self.set_method(set, method, arguments),
            _ => Err(no_attribute(receiver, method)),
        }
    }

    fn text_method(
        &mut self,
        text: &Arc<str>,
        method: &str,
        arguments: &Arguments,
    ) -> Outcome<Value> {
        let argument = |position: usize| text_argument(arguments, position, method);
        let truth = |found: bool| Ok(Value::Bool(found));
        let not_empty =
            |check: fn(char) -> bool| truth(!text.is_empty() && text.chars().all(check));
        match method {
            "lower" => Ok(Value::str(text.to_lowercase())),
            "upper" => Ok(Value::str(text.to_uppercase())),
            "casefold" => Ok(Value::str(text.to_lowercase())),
            "title" => Ok(Value::str(title(text))),
            "capitalize" => Ok(Value::str(capitalize(text))),
            "swapcase" => Ok(Value::str(swap_case(text))),
            "strip" | "lstrip" | "rstrip" => Ok(Value::str(strip(text, method, arguments)?)),
            "split" | "rsplit" => self.split(text, method == "rsplit", arguments),
            "splitlines" => Value::list(text.lines().map(Value::str).collect()),
            "join" => self.join(text, arguments),
            "replace" => self.replace(text, arguments),
            "startswith" => truth(
                affixes(arguments, method)?
                    .iter()
                    .any(|affix| text.starts_with(affix.as_str())),
            ),
            "endswith" => truth(
                affixes(arguments, method)?
                    .iter()
                    .any(|affix| text.ends_with(affix.as_str())),
            ),
            "find" => Ok(position(text.find(&argument(0)?), text)),
            "rfind" => Ok(position(text.rfind(&argument(0)?), text)),
            "index" | "rindex" => {
                let part = argument(0)?;
                let found = if method == "index" {
                    text.find(&part)
                } else {
                    text.rfind(&part)
                };
                match found {
                    Some(_) => Ok(position(found, text)),
                    None => Err(Fault::value_error("substring not found")),
                }
            }
            "count" => Ok(Value::size(text.matches(argument(0)?.as_str()).count())),
            "removeprefix" => Ok(Value::str(
                text.strip_prefix(argument(0)?.as_str()).unwrap_or(text),
            )),
            "removesuffix" => Ok(Value::str(
                text.strip_suffix(argument(0)?.as_str()).unwrap_or(text),
            )),
            "partition" | "rpartition" => partition(text, &argument(0)?, method == "rpartition"),
            "zfill" | "center" | "ljust" | "rjust" => self.pad(text, method, arguments),
            "isdigit" | "isdecimal" | "isnumeric" => not_empty(char::is_numeric),
            "isalpha" => not_empty(char::is_alphabetic),
            "isalnum" => not_empty(char::is_alphanumeric),
            "isspace" => not_empty(char::is_whitespace),
            "isascii" => truth(text.is_ascii()),
            "isupper" => {
                truth(text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase))
            }
            "islower" => {
                truth(text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase))
            }
            "isidentifier" => truth(
                text.starts_with(|found: char| found.is_alphabetic() || found == '_')
                    && text
                        .chars()
                        .all(|found| found.is_alphanumeric() || found == '_'),
            ),
            _ => Err(no_attribute(&Value::Str(Arc::clone(text)), method)),
        }
    }

    fn split(&mut self, text: &str, from_right: bool, arguments: &Arguments) -> Outcome<Value> {
        let separator = arguments
            .get(0, "sep")
            .filter(|separator| !separator.is_none())
            .map(Value::text);
        let most = arguments
            .get(1, "maxsplit")
            .and_then(Value::as_size)
            .map_or(usize::MAX, |most| most.saturating_add(1));
        let own = |part: &str| Value::str(part);
        let parts: Vec<Value> = match separator {
            None if most == usize::MAX => text.split_whitespace().map(own).collect(),
            None => whitespace_parts(text, most),
            Some(separator) if separator.is_empty() => {
                return Err(Fault::value_error("empty separator"));
            }
            Some(separator) if from_right => {
                let mut parts: Vec<Value> = text.rsplitn(most, &separator).map(own).collect();
                parts.reverse();
                parts
            }
            Some(separator) => text.splitn(most, &separator).map(own).collect(),
        };
        self.budget.steps(parts.len())?;
        Value::list(parts)
    }

    fn join(&mut self, separator: &str, arguments: &Arguments) -> Outcome<Value> {
        let items = self.items_of(arguments.require(0, "iterable", "join")?)?;
        let mut joined = String::new();
        for (index, item) in items.iter().enumerate() {
            let part = match item {
                Value::Str(part) | Value::Sql(part) => part,
                Value::Placeholder => continue,
                other => {
                    return Err(Fault::type_error(format!(
                        "sequence item {index}: expected str instance, {} found",
                        other.type_name()
                    )));
                }
            };
            self.budget.charge(separator.len() + part.len())?;
            if index > 0 {
                joined.push_str(separator);
            }
            joined.push_str(part);
        }
        Ok(Value::str(joined))
    }

    fn replace(&mut self, text: &str, arguments: &Arguments) -> Outcome<Value> {
        let from = text_argument(arguments, 0, "replace")?;
        let to = text_argument(arguments, 1, "replace")?;
        let most = arguments
            .get(2, "count")
            .and_then(Value::as_size)
            .unwrap_or(usize::MAX);
        let hits = text.matches(&from).take(most).count();
        self.budget
            .charge(hits.saturating_mul(to.len()).saturating_add(text.len()))?;
        Ok(Value::str(text.replacen(&from, &to, most)))
    }

    fn pad(&mut self, text: &str, method: &str, arguments: &Arguments) -> Outcome<Value> {
        let width = arguments
            .require(0, "width", method)?
            .as_size()
            .unwrap_or(0);
        let fill = if method == "zfill" {
            "0".to_owned()
        } else {
            arguments.text(1, "fillchar", " ")
        };
        if fill.chars().count() != 1 {
            return Err(Fault::type_error(
                "The fill character must be exactly one character long",
            ));
        }
        let missing = width.saturating_sub(text.chars().count());
        self.budget.charge(missing.saturating_mul(fill.len()))?;
        let run = |count: usize| fill.repeat(count);
        Ok(Value::str(match method {
            "zfill" => {
                let digits = text.trim_start_matches(['+', '-']);
                let sign = &text[..text.len() - digits.len()];
                format!("{sign}{}{digits}", run(missing))
            }
            "ljust" => format!("{text}{}", run(missing)),
            "rjust" => format!("{}{text}", run(missing)),
            _ => format!("{}{text}{}", run(missing / 2), run(missing - missing / 2)),
        }))
    }
}

/// What Python says of a method a value does not have.
pub(super) fn no_attribute(receiver: &Value, method: &str) -> Fault {
    let mut message = format!(
        "'{}' object has no attribute '{method}'",
        receiver.type_name()
    );
    if method == "get" {
        message
            .push_str(". Make sure you're using an object/dictionary where trying to use .get()");
    }
    Fault::new(Class::Attribute, message)
}

fn text_argument(arguments: &Arguments, position: usize, method: &str) -> Outcome<String> {
    match arguments.positional.get(position) {
        Some(Value::Str(text) | Value::Sql(text)) => Ok(text.to_string()),
        Some(other) => Err(Fault::type_error(format!(
            "{method}() argument must be str, not {}",
            other.type_name()
        ))),
        None => Err(Fault::type_error(format!(
            "{method}() takes at least {} argument(s)",
            position + 1
        ))),
    }
}

fn affixes(arguments: &Arguments, method: &str) -> Outcome<Vec<String>> {
    match arguments.positional.first() {
        Some(Value::Tuple(items)) => Ok(items.iter().map(Value::text).collect()),
        _ => Ok(vec![text_argument(arguments, 0, method)?]),
    }
}

/// A byte position as a number of characters, or -1.
fn position(found: Option<usize>, text: &str) -> Value {
    found.map_or(Value::int(-1), |at| Value::size(text[..at].chars().count()))
}

fn strip<'t>(text: &'t str, method: &str, arguments: &Arguments) -> Outcome<&'t str> {
    let set = match arguments.positional.first() {
        None | Some(Value::None) => None,
        Some(_) => Some(text_argument(arguments, 0, method)?),
    };
    let strips = |found: char| {
        set.as_ref()
            .map_or(found.is_whitespace(), |set| set.contains(found))
    };
    Ok(match method {
        "strip" => text.trim_matches(strips),
        "lstrip" => text.trim_start_matches(strips),
        _ => text.trim_end_matches(strips),
    })
}

fn whitespace_parts(text: &str, most: usize) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = match parts.len() + 1 < most {
            true => rest.find(char::is_whitespace).unwrap_or(rest.len()),
            false => rest.trim_end().len(),
        };
        parts.push(Value::str(&rest[..end]));
        rest = rest[end..].trim_start();
    }
    parts
}

fn partition(text: &str, separator: &str, from_right: bool) -> Outcome<Value> {
    if separator.is_empty() {
        return Err(Fault::value_error("empty separator"));
    }
    let split = if from_right {
        text.rsplit_once(separator)
    } else {
        text.split_once(separator)
    };
    let parts = match split {
        Some((head, tail)) => [head, separator, tail],
        None if from_right => ["", "", text],
        None => [text, "", ""],
    };
    Value::tuple(parts.into_iter().map(Value::str).collect())
}

fn capitalize(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + &characters.as_str().to_lowercase()
    })
}

fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside_word = false;
    for character in text.chars() {
        match inside_word {
            true => out.extend(character.to_lowercase()),
            false => out.extend(character.to_uppercase()),
        }
        inside_word = character.is_alphabetic();
    }
    out
}

fn swap_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_uppercase() {
            true => out.extend(character.to_lowercase()),
            false => out.extend(character.to_uppercase()),
        }
    }
    out
}
