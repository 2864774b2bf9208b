//! Methods that change lists, dicts and sets where they stand.

use std::sync::Arc;

use super::no_attribute;
use crate::evaluate::Evaluator;
use crate::fault::{Class, Fault, Outcome};
use crate::functions::Arguments;
use crate::value::{Dict, Key, List, Set, Value};

/// Whether `method` may change its receiver.
pub(crate) fn changes(method: &str) -> bool {
    matches!(
        method,
        "append"
            | "extend"
            | "insert"
            | "remove"
            | "pop"
            | "popitem"
            | "clear"
            | "sort"
            | "reverse"
            | "update"
            | "setdefault"
            | "add"
            | "discard"
    )
}

/// Calls a method that changes `receiver`.
pub(crate) fn change(
    evaluator: &mut Evaluator<'_>,
    receiver: &mut Value,
    method: &str,
    arguments: &Arguments,
) -> Outcome<Value> {
    match receiver {
        Value::Placeholder => Ok(Value::Placeholder),
        Value::List(list) => {
            pay(
                evaluator,
                Arc::strong_count(list) > 1 || method != "append",
                list.len(),
            )?;
            list_method(evaluator, Arc::make_mut(list), method, arguments)
        }
        Value::Dict(dict) => {
            pay(evaluator, Arc::strong_count(dict) > 1, dict.len())?;
            dict_method(evaluator, Arc::make_mut(dict), method, arguments)
        }
        Value::Set(set) => {
            pay(evaluator, true, set.len())?;
            set_method(evaluator, Arc::make_mut(set), method, arguments)
        }
        _ => Err(no_attribute(receiver, method)),
    }
}

/// Pays for copying or shifting `count` items when that has to happen.
fn pay(evaluator: &mut Evaluator<'_>, happens: bool, count: usize) -> Outcome<()> {
    if happens {
        evaluator.budget.steps(count)
    } else {
        Ok(())
    }
}

fn list_method(
    evaluator: &mut Evaluator<'_>,
    list: &mut List,
    method: &str,
    arguments: &Arguments,
) -> Outcome<Value> {
    let first = || arguments.require(0, "object", method);
    match method {
        "append" => list.push(first()?.clone())?,
        "extend" => {
            for item in evaluator.items_of(first()?)? {
                list.push(item)?;
            }
        }
        "insert" => {
            let at = index(first()?, list.len());
            let item = arguments.require(1, "object", method)?.clone();
            list.change(|items| {
                items.insert(at.clamp(0, items.len() as i128) as usize, item);
                Ok(())
            })?;
        }
        "remove" => {
            let wanted = first()?;
            list.change(
                |items| match items.iter().position(|item| item.equals(wanted)) {
                    Some(at) => {
                        items.remove(at);
                        Ok(())
                    }
                    None => Err(Fault::value_error("list.remove(x): x not in list")),
                },
            )?;
        }
        "pop" => {
            let at = arguments
                .positional
                .first()
                .map_or(list.len() as i128 - 1, |at| index(at, list.len()));
            return list.change(|items| match usize::try_from(at) {
                Ok(at) if at < items.len() => Ok(items.remove(at)),
                _ => Err(Fault::new(Class::Index, "pop index out of range")),
            });
        }
        "clear" => list.change(|items| {
            items.clear();
            Ok(())
        })?,
        "reverse" => list.change(|items| {
            items.reverse();
            Ok(())
        })?,
        "sort" => {
            let reverse = arguments.named("reverse").is_some_and(Value::is_true);
            list.change(|items| evaluator.sort(items, arguments.named("key"), reverse))?;
        }
        _ => return Err(no_attribute(&Value::list(Vec::new())?, method)),
    }
    Ok(Value::None)
}

/// A position counted from the end when it is negative.
fn index(value: &Value, length: usize) -> i128 {
    match value.as_int() {
        Some(at) if at < 0 => at.saturating_add(length as i128),
        Some(at) => at,
        None => i128::MAX,
    }
}

fn dict_method(
    evaluator: &mut Evaluator<'_>,
    dict: &mut Dict,
    method: &str,
    arguments: &Arguments,
) -> Outcome<Value> {
    match method {
        "pop" => {
            let key = Key::new(arguments.require(0, "key", method)?.clone())?;
            let removed = dict.change(|items| Ok(items.shift_remove(&key)))?;
            match removed.or_else(|| arguments.get(1, "default").cloned()) {
                Some(value) => Ok(value),
                None => Err(Fault::new(Class::Key, key.0.repr())),
            }
        }
        "popitem" => {
            let (key, value) = dict
                .change(|items| Ok(items.pop()))?
                .ok_or_else(|| Fault::new(Class::Key, "'popitem(): dictionary is empty'"))?;
            Value::tuple(vec![key.0, value])
        }
        "setdefault" => {
            let key = Key::new(arguments.require(0, "key", method)?.clone())?;
            if let Some(found) = dict.get(&key) {
                return Ok(found.clone());
            }
            let default = arguments.get(1, "default").cloned().unwrap_or(Value::None);
            dict.insert(key, default.clone())?;
            Ok(default)
        }
        "update" => {
            if let Some(other) = arguments.positional.first() {
                let Value::Dict(other) = other else {
                    return Err(Fault::type_error(format!(
                        "update() needs a dict, not '{}'",
                        other.type_name()
                    )));
                };
                evaluator.budget.steps(other.len())?;
                for (key, value) in other.iter() {
                    dict.insert(key.clone(), value.clone())?;
                }
            }
            for (name, value) in &arguments.keyword {
                dict.insert(Key::new(Value::Str(name.clone()))?, value.clone())?;
            }
            Ok(Value::None)
        }
        "clear" => {
            dict.change(|items| {
                items.clear();
                Ok(())
            })?;
            Ok(Value::None)
        }
        _ => Err(no_attribute(
            &Value::dict(indexmap::IndexMap::new())?,
            method,
        )),
    }
}

fn set_method(
    evaluator: &mut Evaluator<'_>,
    set: &mut Set,
    method: &str,
    arguments: &Arguments,
) -> Outcome<Value> {
    match method {
        "add" => {
            let key = Key::new(arguments.require(0, "element", method)?.clone())?;
            set.change(|items| {
                items.insert(key);
                Ok(())
            })?;
        }
        "discard" | "remove" => {
            let key = Key::new(arguments.require(0, "element", method)?.clone())?;
            let removed = set.change(|items| Ok(items.shift_remove(&key)))?;
            if !removed && method == "remove" {
                return Err(Fault::new(Class::Key, key.0.repr()));
            }
        }
        "update" => {
            let others = evaluator.items_of(arguments.require(0, "other", method)?)?;
            let keys = others
                .into_iter()
                .map(Key::new)
                .collect::<Outcome<Vec<_>>>()?;
            set.change(|items| {
                items.extend(keys);
                Ok(())
            })?;
        }
        "pop" => {
            return match set.change(|items| Ok(items.pop()))? {
                Some(key) => Ok(key.0),
                None => Err(Fault::new(Class::Key, "'pop from an empty set'")),
            };
        }
        "clear" => set.change(|items| {
            items.clear();
            Ok(())
        })?,
        _ => return Err(no_attribute(&Value::set([])?, method)),
    }
    Ok(Value::None)
}
