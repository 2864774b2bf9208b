//! Python's own functions, as far as templates have a use for them.

use std::cmp::Ordering;
use std::sync::Arc;

use indexmap::IndexMap;

use super::{Arguments, Evaluator, Function};
use crate::fault::{Fault, Outcome};
use crate::operators;
use crate::value::{Key, Value};

macro_rules! builtins {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A function of Python.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate) enum Builtin { $($variant),+ }

        impl Builtin {
            /// The function called `name`.
            pub(in crate) fn lookup(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

builtins! {
    Abs = "abs", All = "all", Any = "any", Chr = "chr", Dict = "dict", Divmod = "divmod", Enumerate = "enumerate",
    Filter = "filter", Float = "float", FrozenSet = "frozenset", Int = "int", IsInstance = "isinstance", Len = "len",
    List = "list", Map = "map", Max = "max", Min = "min", Ord = "ord", Pow = "pow", Range = "range", Repr = "repr",
    Reversed = "reversed", Round = "round", Set = "set", Sorted = "sorted", Str = "str", Sum = "sum", Tuple = "tuple",
    Zip = "zip",
}

impl Evaluator<'_> {
    /// Calls a function of Python.
    pub(super) fn builtin(
        &mut self,
        builtin: Builtin,
        name: &str,
        arguments: Arguments,
    ) -> Outcome<Value> {
        let placeholder = arguments
            .positional
            .iter()
            .any(|value| matches!(value, Value::Placeholder));
        if placeholder && let Some(value) = of_placeholder(builtin) {
            return Ok(value);
        }
        for value in &arguments.positional {
            self.budget.charge(value.weight())?;
        }
        let first = || arguments.require(0, "object", name);
        match builtin {
            Builtin::Abs => absolute(first()?),
            Builtin::All => Ok(Value::Bool(
                self.items_of(first()?)?.iter().all(Value::is_true),
            )),
            Builtin::Any => Ok(Value::Bool(
                self.items_of(first()?)?.iter().any(Value::is_true),
            )),
            Builtin::Chr => {
                let code = first()?
                    .as_int()
                    .and_then(|code| u32::try_from(code).ok())
                    .and_then(char::from_u32);
                code.map(|found| Value::str(found.to_string()))
                    .ok_or_else(|| Fault::value_error("chr() arg not in range(0x110000)"))
            }
            Builtin::Ord => {
                let text = first()?.text();
                let mut characters = text.chars();
                match (characters.next(), characters.next()) {
                    (Some(found), None) => Ok(Value::int(u32::from(found).into())),
                    _ => Err(Fault::type_error("ord() expected a character")),
                }
            }
            Builtin::Dict => self.dict(&arguments),
            Builtin::Divmod => {
                let second = arguments.require(1, "y", name)?;
                let quotient = operators::floor_divide(first()?, second)?;
                let remainder = operators::modulo(first()?, second)?;
                Value::tuple(vec![quotient, remainder])
            }
            Builtin::Enumerate => {
                let start = arguments
                    .get(1, "start")
                    .and_then(Value::as_int)
                    .unwrap_or(0);
                let items = self.items_of(first()?)?;
                let pairs = (start..)
                    .zip(items)
                    .map(|(index, item)| Value::tuple(vec![Value::int(index), item]));
                Value::list(pairs.collect::<Outcome<_>>()?)
            }
            Builtin::Filter => {
                let items = self.items_of(arguments.require(1, "iterable", name)?)?;
                let mut kept = Vec::new();
                for item in items {
                    let keep = match first()? {
                        Value::None => item.is_true(),
                        function => self.apply(function, vec![item.clone()])?.is_true(),
                    };
                    if keep {
                        kept.push(item);
                    }
                }
                Value::list(kept)
            }
            Builtin::Float => match arguments.positional.first() {
                None => Ok(Value::float(0.0)),
                Some(value) => to_float(value),
            },
            Builtin::Int => match arguments.positional.first() {
                None => Ok(Value::int(0)),
                Some(value) => to_int(value, arguments.get(1, "base")),
            },
            Builtin::IsInstance => Ok(Value::Bool(is_instance(
                first()?,
                arguments.require(1, "class", name)?,
            ))),
            Builtin::Len => operators::length(first()?),
            Builtin::List => Value::list(self.optional_items(&arguments)?),
            Builtin::Tuple => Value::tuple(self.optional_items(&arguments)?),
            Builtin::Set | Builtin::FrozenSet => Value::set(self.optional_items(&arguments)?),
            Builtin::Map => {
                let lists = arguments.positional.get(1..).unwrap_or_default();
                let rows = self.zip(lists)?;
                let mut results = Vec::with_capacity(rows.len());
                for row in rows {
                    results.push(self.apply(first()?, row)?);
                }
                Value::list(results)
            }
            Builtin::Max => self.extreme(&arguments, Ordering::Greater, name),
            Builtin::Min => self.extreme(&arguments, Ordering::Less, name),
            Builtin::Pow => operators::power(first()?, arguments.require(1, "exp", name)?),
            Builtin::Range => self.range(&arguments),
            Builtin::Repr => Ok(Value::str(first()?.repr())),
            Builtin::Reversed => {
                let mut items = self.items_of(first()?)?;
                items.reverse();
                Value::list(items)
            }
            Builtin::Round => round(first()?, arguments.get(1, "ndigits")),
            Builtin::Sorted => {
                let mut items = self.items_of(first()?)?;
                let reverse = arguments.named("reverse").is_some_and(Value::is_true);
                self.sort(&mut items, arguments.named("key"), reverse)?;
                Value::list(items)
            }
            Builtin::Str => Ok(arguments
                .positional
                .first()
                .map_or_else(|| Value::str(""), |value| Value::str(value.text()))),
            Builtin::Sum => {
                let mut total = arguments
                    .get(1, "start")
                    .cloned()
                    .unwrap_or_else(|| Value::int(0));
                if matches!(total, Value::Str(_)) {
                    return Err(Fault::type_error(
                        "sum() can't sum strings [use ''.join(seq) instead]",
                    ));
                }
                for item in self.items_of(first()?)? {
                    total = self.add(&total, &item)?;
                }
                Ok(total)
            }
            Builtin::Zip => {
                let rows = self.zip(&arguments.positional)?;
                Value::list(rows.into_iter().map(Value::tuple).collect::<Outcome<_>>()?)
            }
        }
    }

    fn optional_items(&mut self, arguments: &Arguments) -> Outcome<Vec<Value>> {
        match arguments.positional.first() {
            Some(value) => self.items_of(value),
            None => Ok(Vec::new()),
        }
    }

    fn dict(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let mut entries = IndexMap::new();
        match arguments.positional.first() {
            None => {}
            Some(Value::Dict(dict)) => {
                entries.extend(dict.iter().map(|(key, value)| (key.clone(), value.clone())))
            }
            Some(pairs) => {
                for pair in self.items_of(pairs)? {
                    let mut pair = self.items_of(&pair)?;
                    match (pair.pop(), pair.pop(), pair.is_empty()) {
                        (Some(value), Some(key), true) => entries.insert(Key::new(key)?, value),
                        _ => {
                            return Err(Fault::value_error(
                                "dict() needs pairs of a key and a value",
                            ));
                        }
                    };
                }
            }
        }
        for (name, value) in &arguments.keyword {
            entries.insert(Key::new(Value::Str(name.clone()))?, value.clone());
        }
        Value::dict(entries)
    }

    /// Rows of the n-th items of several iterables, as long as the shortest.
    fn zip(&mut self, iterables: &[Value]) -> Outcome<Vec<Vec<Value>>> {
        let lists = iterables
            .iter()
            .map(|iterable| self.items_of(iterable))
            .collect::<Outcome<Vec<_>>>()?;
        let length = lists.iter().map(Vec::len).min().unwrap_or(0);
        Ok((0..length)
            .map(|index| lists.iter().map(|list| list[index].clone()).collect())
            .collect())
    }

    fn extreme(&mut self, arguments: &Arguments, wanted: Ordering, name: &str) -> Outcome<Value> {
        let items = match arguments.positional.as_slice() {
            [single] => self.items_of(single)?,
            several => several.to_vec(),
        };
        let key = arguments.named("key").filter(|key| !key.is_none());
        let mut best: Option<(Value, Value)> = None;
        for item in items {
            let rank = match key {
                Some(key) => self.apply(key, vec![item.clone()])?,
                None => item.clone(),
            };
            let better = match &best {
                Some((best_rank, _)) => {
                    operators::order(&rank, best_rank, if wanted.is_gt() { ">" } else { "<" })?
                        == wanted
                }
                None => true,
            };
            if better {
                best = Some((rank, item));
            }
        }
        match (best, arguments.named("default")) {
            (Some((_, item)), _) => Ok(item),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => Err(Fault::value_error(format!(
                "{name}() arg is an empty sequence"
            ))),
        }
    }

    fn range(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let bounds = arguments
            .positional
            .iter()
            .map(|value| {
                value.as_int().ok_or_else(|| {
                    Fault::type_error(format!(
                        "'{}' object cannot be interpreted as an integer",
                        value.type_name()
                    ))
                })
            })
            .collect::<Outcome<Vec<_>>>()?;
        let (start, stop, step) = match bounds.as_slice() {
            [stop] => (0, *stop, 1),
            [start, stop] => (*start, *stop, 1),
            [start, stop, step] => (*start, *stop, *step),
            _ => return Err(Fault::type_error("range expected 1 to 3 arguments")),
        };
        if step == 0 {
            return Err(Fault::value_error("range() arg 3 must not be zero"));
        }
        let mut items = Vec::new();
        let mut next = start;
        while if step > 0 { next < stop } else { next > stop } {
            self.budget.step()?;
            items.push(Value::int(next));
            match next.checked_add(step) {
                Some(following) => next = following,
                None => break,
            }
        }
        Value::list(items)
    }

    /// Sorts by the items, or by what `key` makes of them; equal ones stay in
    /// order.
    pub(crate) fn sort(
        &mut self,
        items: &mut Vec<Value>,
        key: Option<&Value>,
        reverse: bool,
    ) -> Outcome<()> {
        let comparisons = items.len() * (items.len().max(2).ilog2() as usize + 1);
        self.budget.steps(comparisons)?;
        let mut ranked = Vec::with_capacity(items.len());
        for item in items.drain(..) {
            let rank = match key.filter(|key| !key.is_none()) {
                Some(key) => self.apply(key, vec![item.clone()])?,
                None => item.clone(),
            };
            ranked.push((rank, item));
        }
        let ranked = operators::sort(ranked, reverse)?;
        items.extend(ranked.into_iter().map(|(_, item)| item));
        Ok(())
    }

    /// Calls a function that is a value.
    pub(crate) fn apply(&mut self, function: &Value, arguments: Vec<Value>) -> Outcome<Value> {
        self.budget.step()?;
        match function {
            Value::Function(function) => self.call(*function, "function", Arguments::of(arguments)),
            Value::Lambda(lambda) => {
                self.call_lambda(&Arc::clone(lambda), Arguments::of(arguments))
            }
            Value::Placeholder => Ok(Value::Placeholder),
            _ => Err(Fault::template(
                "wrong syntax, you might be using a not valid function inside a control block",
            )),
        }
    }
}

/// What a function makes of a parameter that is not there during validation;
/// nothing when it can go on as usual.
fn of_placeholder(builtin: Builtin) -> Option<Value> {
    match builtin {
        Builtin::Int
        | Builtin::Len
        | Builtin::Abs
        | Builtin::Round
        | Builtin::Sum
        | Builtin::Ord
        | Builtin::Pow => Some(Value::int(0)),
        Builtin::Float => Some(Value::float(0.0)),
        Builtin::Max | Builtin::Min | Builtin::Chr | Builtin::Divmod => Some(Value::Placeholder),
        Builtin::Range => Value::list((0..3).map(Value::int).collect()).ok(),
        _ => None,
    }
}

fn absolute(value: &Value) -> Outcome<Value> {
    match (value, value.as_int()) {
        (_, Some(number)) => number
            .checked_abs()
            .map(Value::int)
            .ok_or_else(operators::overflow),
        (Value::Float(float), _) => Ok(Value::float(float.value.abs())),
        _ => Err(Fault::type_error(format!(
            "bad operand type for abs(): '{}'",
            value.type_name()
        ))),
    }
}

fn to_float(value: &Value) -> Outcome<Value> {
    match value {
        Value::Str(text) => super::types::read_float(text)
            .map(Value::float)
            .ok_or_else(|| {
                Fault::value_error(format!(
                    "could not convert string to float: {}",
                    value.repr()
                ))
            }),
        other => other.as_float().map(Value::float).ok_or_else(|| {
            let name = other.type_name();
            Fault::type_error(format!(
                "float() argument must be a string or a real number, not '{name}'"
            ))
        }),
    }
}

fn to_int(value: &Value, base: Option<&Value>) -> Outcome<Value> {
    let base = base
        .and_then(Value::as_int)
        .and_then(|base| u32::try_from(base).ok())
        .unwrap_or(10);
    match value {
        Value::Str(text) if (2..=36).contains(&base) => {
            let digits = text.trim().replace('_', "");
            i128::from_str_radix(&digits, base).map(Value::int).map_err(|_| {
                Fault::value_error(format!("invalid literal for int() with base {base}: {}", value.repr()))
            })
        }
        Value::Float(float) if float.value.is_finite() && float.value.abs() < 1e38 => {
            Ok(Value::int(float.value.trunc() as i128))
        }
        Value::Float(_) => Err(Fault::value_error("cannot convert float to integer")),
        other => other.as_int().map(Value::int).ok_or_else(|| {
            let name = other.type_name();
            Fault::type_error(format!("int() argument must be a string, a bytes-like object or a real number, not '{name}'"))
        }),
    }
}

fn is_instance(value: &Value, class: &Value) -> bool {
    match class {
        Value::Tuple(classes) => classes.iter().any(|class| is_instance(value, class)),
        Value::Function(Function::Builtin(builtin)) => match builtin {
            Builtin::Str => matches!(value, Value::Str(_)),
            Builtin::Int => matches!(value, Value::Int(_) | Value::Bool(_) | Value::Wide { .. }),
            Builtin::Float => matches!(value, Value::Float(_)),
            Builtin::List => matches!(value, Value::List(_)),
            Builtin::Tuple => matches!(value, Value::Tuple(_)),
            Builtin::Dict => matches!(value, Value::Dict(_)),
            Builtin::Set | Builtin::FrozenSet => matches!(value, Value::Set(_)),
            _ => false,
        },
        Value::Function(Function::Typed(found)) => {
            found.name == "bool" && matches!(value, Value::Bool(_))
        }
        _ => false,
    }
}

/// Python rounds halves to even.
fn round(value: &Value, digits: Option<&Value>) -> Outcome<Value> {
    let digits = digits
        .filter(|digits| !digits.is_none())
        .and_then(Value::as_int);
    match (value, value.as_int(), digits) {
        (_, Some(number), None) => Ok(Value::int(number)),
        (_, Some(number), Some(digits)) if digits >= 0 => Ok(Value::int(number)),
        (Value::Float(float), _, None) => {
            to_int(&Value::float(float.value.round_ties_even()), None)
        }
        (Value::Float(float), _, Some(digits)) if (0..=300).contains(&digits) => {
            let rounded = format!("{:.*}", digits as usize, float.value);
            Ok(Value::float(rounded.parse().unwrap_or(float.value)))
        }
        _ => Err(Fault::type_error(format!(
            "type {} doesn't define round() that way",
            value.type_name()
        ))),
    }
}
