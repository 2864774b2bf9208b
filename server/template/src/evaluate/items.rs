//! Items and slices of collections: reading them and changing them where they
//! stand.

use std::sync::Arc;

use super::Evaluator;
use crate::expression::Expr;
use crate::fault::{Class, Fault, Outcome};
use crate::value::{Key, Value};

impl Evaluator<'_> {
    /// `container[key]`
    pub(crate) fn item(&mut self, container: &Value, key: &Value) -> Outcome<Value> {
        match container {
            Value::Placeholder => Ok(Value::Placeholder),
            Value::Str(text) => {
                self.budget.charge(text.len())?;
                let length = text.chars().count();
                let found = index(key, length, "string")?.and_then(|at| text.chars().nth(at));
                found.map(|found| Value::str(found.to_string())).ok_or_else(|| {
                    Fault::new(
                        Class::Index,
                        "String index out of range. Check that string parameters have values before accessing specific characters (e.g., param[0]).",
                    )
                })
            }
            Value::List(items) | Value::Tuple(items) => {
                let name = container.type_name();
                let found = index(key, items.len(), name)?.and_then(|at| items.get(at));
                found
                    .cloned()
                    .ok_or_else(|| Fault::new(Class::Index, format!("{name} index out of range")))
            }
            Value::Dict(entries) => {
                let key = Key::new(key.clone())?;
                entries
                    .get(&key)
                    .cloned()
                    .ok_or_else(|| Fault::new(Class::Key, key.0.repr()))
            }
            other => Err(Fault::type_error(format!(
                "'{}' object is not subscriptable",
                other.type_name()
            ))),
        }
    }

    /// `container[key] = value`
    pub(crate) fn set_item(
        &mut self,
        container: &mut Value,
        key: &Value,
        value: Value,
    ) -> Outcome<()> {
        match container {
            Value::Placeholder => Ok(()),
            Value::Dict(entries) => {
                self.budget.steps(if Arc::strong_count(entries) > 1 {
                    entries.len()
                } else {
                    1
                })?;
                Arc::make_mut(entries).insert(Key::new(key.clone())?, value)
            }
            other => self.alter_item(other, key, &mut |_, item| {
                *item = value.clone();
                Ok(())
            }),
        }
    }

    /// Changes `container[key]` where it stands.
    pub(crate) fn alter_item<T>(
        &mut self,
        container: &mut Value,
        key: &Value,
        change: &mut dyn FnMut(&mut Self, &mut Value) -> Outcome<T>,
    ) -> Outcome<T> {
        match container {
            Value::Placeholder => change(self, &mut Value::Placeholder),
            Value::List(items) => {
                self.budget.steps(if Arc::strong_count(items) > 1 {
                    items.len()
                } else {
                    1
                })?;
                let at = index(key, items.len(), "list")?.unwrap_or(usize::MAX);
                let altered = Arc::make_mut(items).alter(at, |item| change(self, item))?;
                altered.ok_or_else(|| Fault::new(Class::Index, "list index out of range"))
            }
            Value::Dict(entries) => {
                self.budget.steps(if Arc::strong_count(entries) > 1 {
                    entries.len()
                } else {
                    1
                })?;
                let key = Key::new(key.clone())?;
                let altered = Arc::make_mut(entries).alter(&key, |item| change(self, item))?;
                altered.ok_or_else(|| Fault::new(Class::Key, key.0.repr()))
            }
            other => Err(Fault::type_error(format!(
                "'{}' object does not support item assignment",
                other.type_name()
            ))),
        }
    }

    pub(super) fn slice(
        &mut self,
        collection: &Value,
        bounds: [&Option<Box<Expr>>; 3],
    ) -> Outcome<Value> {
        let mut numbers = [None; 3];
        for (number, bound) in numbers.iter_mut().zip(bounds) {
            if let Some(bound) = bound {
                *number = match self.evaluate(bound)? {
                    Value::None => None,
                    value => Some(value.as_int().ok_or_else(|| {
                        Fault::type_error(
                            "slice indices must be integers or None or have an __index__ method",
                        )
                    })?),
                };
            }
        }
        self.budget.charge(collection.weight())?;
        match collection {
            Value::Placeholder => Ok(Value::Placeholder),
            Value::Str(text) => {
                let characters: Vec<char> = text.chars().collect();
                let picked: String = positions(numbers, characters.len())?
                    .map(|at| characters[at])
                    .collect();
                Ok(Value::str(picked))
            }
            Value::List(items) => Value::list(
                positions(numbers, items.len())?
                    .map(|at| items[at].clone())
                    .collect(),
            ),
            Value::Tuple(items) => Value::tuple(
                positions(numbers, items.len())?
                    .map(|at| items[at].clone())
                    .collect(),
            ),
            other => Err(Fault::type_error(format!(
                "'{}' object is not subscriptable",
                other.type_name()
            ))),
        }
    }
}

/// The position an index means; nothing when it is out of range.
fn index(key: &Value, length: usize, what: &str) -> Outcome<Option<usize>> {
    let Some(at) = key.as_int() else {
        let name = key.type_name();
        return Err(Fault::type_error(format!(
            "{what} indices must be integers or slices, not {name}"
        )));
    };
    let at = if at < 0 {
        at.saturating_add(length as i128)
    } else {
        at
    };
    Ok(usize::try_from(at).ok().filter(|at| *at < length))
}

/// The positions a slice picks, in order.
fn positions(
    [start, stop, step]: [Option<i128>; 3],
    length: usize,
) -> Outcome<impl Iterator<Item = usize>> {
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(Fault::value_error("slice step cannot be zero"));
    }
    let length = length as i128;
    let (lowest, highest) = if step > 0 {
        (0, length)
    } else {
        (-1, length - 1)
    };
    let clamp = |bound: i128| {
        let bound = if bound < 0 {
            bound.saturating_add(length)
        } else {
            bound
        };
        bound.clamp(lowest, highest)
    };
    let start = start.map_or(if step > 0 { 0 } else { length - 1 }, clamp);
    let stop = stop.map_or(if step > 0 { length } else { -1 }, clamp);
    let next = move |at: &i128| at.checked_add(step);
    Ok(std::iter::successors(Some(start), next)
        .take_while(move |at| if step > 0 { *at < stop } else { *at > stop })
        .filter_map(|at| usize::try_from(at).ok()))
}
