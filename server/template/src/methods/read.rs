//! Methods that read lists, tuples, dicts and sets.

use super::no_attribute;
use crate::evaluate::Evaluator;
use crate::fault::{Fault, Outcome};
use crate::functions::Arguments;
use crate::value::{Dict, Key, List, Set, Value};

impl Evaluator<'_> {
    pub(super) fn list_method(
        &mut self,
        receiver: &Value,
        items: &List,
        method: &str,
        arguments: &Arguments,
    ) -> Outcome<Value> {
        let wanted = || arguments.require(0, "value", method);
        match method {
            "index" => {
                let wanted = wanted()?;
                items
                    .iter()
                    .position(|item| item.equals(wanted))
                    .map(Value::size)
                    .ok_or_else(|| Fault::value_error(format!("{} is not in list", wanted.repr())))
            }
            "count" => {
                let wanted = wanted()?;
                Ok(Value::size(
                    items.iter().filter(|item| item.equals(wanted)).count(),
                ))
            }
            "copy" => Ok(receiver.clone()),
            _ => Err(no_attribute(receiver, method)),
        }
    }

    pub(super) fn set_method(
        &mut self,
        set: &Set,
        method: &str,
        arguments: &Arguments,
    ) -> Outcome<Value> {
        let other = match arguments.positional.first() {
            Some(other) => self
                .items_of(other)?
                .into_iter()
                .map(Key::new)
                .collect::<Outcome<indexmap::IndexSet<_>>>()?,
            None => indexmap::IndexSet::new(),
        };
        let own = |key: &Key| key.0.clone();
        match method {
            "union" => Value::set(set.union(&other).map(own)),
            "intersection" => Value::set(set.intersection(&other).map(own)),
            "difference" => Value::set(set.difference(&other).map(own)),
            "symmetric_difference" => Value::set(set.symmetric_difference(&other).map(own)),
            "issubset" => Ok(Value::Bool(set.is_subset(&other))),
            "issuperset" => Ok(Value::Bool(set.is_superset(&other))),
            "isdisjoint" => Ok(Value::Bool(set.is_disjoint(&other))),
            "copy" => Value::set(set.iter().map(own)),
            _ => Err(no_attribute(&Value::set([])?, method)),
        }
    }
}

pub(super) fn dict_method(dict: &Dict, method: &str, arguments: &Arguments) -> Outcome<Value> {
    match method {
        "get" => {
            let key = Key::new(arguments.require(0, "key", method)?.clone())?;
            let default = arguments.get(1, "default").cloned().unwrap_or(Value::None);
            Ok(dict.get(&key).cloned().unwrap_or(default))
        }
        "keys" => Value::list(dict.keys().map(|key| key.0.clone()).collect()),
        "values" => Value::list(dict.values().cloned().collect()),
        "items" => {
            let pairs = dict
                .iter()
                .map(|(key, value)| Value::tuple(vec![key.0.clone(), value.clone()]));
            Value::list(pairs.collect::<Outcome<_>>()?)
        }
        "copy" => Value::dict(
            dict.iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        ),
        _ => Err(no_attribute(
            &Value::dict(indexmap::IndexMap::new())?,
            method,
        )),
    }
}
