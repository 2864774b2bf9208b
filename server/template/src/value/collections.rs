//! Lists, sets and dicts: each knows how deep and how heavy it is, so that
//! neither recursion nor a walk over shared parts can run away.

use std::hash::{Hash, Hasher};
use std::ops::Deref;

use indexmap::{IndexMap, IndexSet};

use super::Value;
use crate::fault::{Fault, Outcome};

/// How deep collections may hold collections.
const MAX_DEPTH: u16 = 64;
/// How heavy a value may be, in bytes as if nothing in it were shared.
const MAX_WEIGHT: usize = 16 << 20;

/// The extent of a collection.
#[derive(Debug, Clone, Copy)]
struct Extent {
    depth: u16,
    weight: usize,
}

impl Extent {
    fn of<'a>(items: impl Iterator<Item = &'a Value>) -> Outcome<Self> {
        let mut extent = Self {
            depth: 1,
            weight: 16,
        };
        for item in items {
            extent = extent.with(item)?;
        }
        Ok(extent)
    }

    fn with(self, item: &Value) -> Outcome<Self> {
        let extent = Self {
            depth: self.depth.max(1 + item.depth()),
            weight: self.weight.saturating_add(item.weight()),
        };
        if extent.depth > MAX_DEPTH {
            return Err(Fault::limit(format!(
                "Values are nested deeper than {MAX_DEPTH} levels"
            )));
        }
        if extent.weight > MAX_WEIGHT {
            return Err(Fault::limit("A value has grown too large"));
        }
        Ok(extent)
    }

    fn without(self, weight: usize) -> Self {
        Self {
            weight: self.weight.saturating_sub(weight),
            ..self
        }
    }
}

impl Value {
    fn depth(&self) -> u16 {
        match self {
            Self::List(list) | Self::Tuple(list) => list.extent.depth,
            Self::Dict(dict) => dict.extent.depth,
            Self::Set(set) => set.extent.depth,
            _ => 0,
        }
    }

    /// Roughly the bytes this value takes, shared parts counted each time: the
    /// price of walking over all of it.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Str(text) | Self::Sql(text) => 16 + text.len(),
            Self::List(list) | Self::Tuple(list) => list.extent.weight,
            Self::Dict(dict) => dict.extent.weight,
            Self::Set(set) => set.extent.weight,
            _ => 16,
        }
    }
}

/// The items of a list or a tuple.
#[derive(Debug, Clone)]
pub(crate) struct List {
    items: Vec<Value>,
    extent: Extent,
    /// Made by `Array()`: its items print as literals of their type.
    typed: bool,
}

impl List {
    pub(crate) fn new(items: Vec<Value>) -> Outcome<Self> {
        Ok(Self {
            extent: Extent::of(items.iter())?,
            items,
            typed: false,
        })
    }

    /// The items of an `Array()`.
    pub(crate) fn typed(items: Vec<Value>) -> Outcome<Self> {
        Ok(Self {
            typed: true,
            ..Self::new(items)?
        })
    }

    pub(crate) fn is_typed(&self) -> bool {
        self.typed
    }

    /// Changes the items at will.
    pub(crate) fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Vec<Value>) -> Outcome<T>,
    ) -> Outcome<T> {
        let result = change(&mut self.items)?;
        self.extent = Extent::of(self.items.iter())?;
        self.typed = false;
        Ok(result)
    }

    /// Changes one item where it stands; nothing when there is none.
    pub(crate) fn alter<T>(
        &mut self,
        index: usize,
        change: impl FnOnce(&mut Value) -> Outcome<T>,
    ) -> Outcome<Option<T>> {
        let Some(item) = self.items.get_mut(index) else {
            return Ok(None);
        };
        let before = item.weight();
        let result = change(item)?;
        self.extent = self.extent.without(before).with(item)?;
        self.typed = false;
        Ok(Some(result))
    }

    /// Adds one item at the end.
    pub(crate) fn push(&mut self, item: Value) -> Outcome<()> {
        self.extent = self.extent.with(&item)?;
        self.items.push(item);
        self.typed = false;
        Ok(())
    }
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.items
    }
}

/// Distinct values in the order they were added.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    items: IndexSet<Key>,
    extent: Extent,
}

impl Set {
    pub(crate) fn new(items: IndexSet<Key>) -> Outcome<Self> {
        Ok(Self {
            extent: Extent::of(items.iter().map(|key| &key.0))?,
            items,
        })
    }

    /// Changes the items at will.
    pub(crate) fn change<T>(
        &mut self,
        change: impl FnOnce(&mut IndexSet<Key>) -> Outcome<T>,
    ) -> Outcome<T> {
        let result = change(&mut self.items)?;
        self.extent = Extent::of(self.items.iter().map(|key| &key.0))?;
        Ok(result)
    }
}

impl Deref for Set {
    type Target = IndexSet<Key>;

    fn deref(&self) -> &IndexSet<Key> {
        &self.items
    }
}

/// Values by key in the order they were added.
#[derive(Debug, Clone)]
pub(crate) struct Dict {
    items: IndexMap<Key, Value>,
    extent: Extent,
}

impl Dict {
    pub(crate) fn new(items: IndexMap<Key, Value>) -> Outcome<Self> {
        let parts = items.iter().flat_map(|(key, value)| [&key.0, value]);
        Ok(Self {
            extent: Extent::of(parts)?,
            items,
        })
    }

    pub(crate) fn insert(&mut self, key: Key, value: Value) -> Outcome<()> {
        let before = self.items.get(&key).map_or(0, Value::weight);
        let mut extent = self.extent.without(before).with(&value)?;
        if before == 0 {
            extent = extent.with(&key.0)?;
        }
        self.extent = extent;
        self.items.insert(key, value);
        Ok(())
    }

    /// Changes the entries at will.
    pub(crate) fn change<T>(
        &mut self,
        change: impl FnOnce(&mut IndexMap<Key, Value>) -> Outcome<T>,
    ) -> Outcome<T> {
        let result = change(&mut self.items)?;
        self.extent = Extent::of(self.items.iter().flat_map(|(key, value)| [&key.0, value]))?;
        Ok(result)
    }

    /// Changes the value of a key where it stands; nothing when there is none.
    pub(crate) fn alter<T>(
        &mut self,
        key: &Key,
        change: impl FnOnce(&mut Value) -> Outcome<T>,
    ) -> Outcome<Option<T>> {
        let Some(value) = self.items.get_mut(key) else {
            return Ok(None);
        };
        let before = value.weight();
        let result = change(value)?;
        self.extent = self.extent.without(before).with(value)?;
        Ok(Some(result))
    }
}

impl Deref for Dict {
    type Target = IndexMap<Key, Value>;

    fn deref(&self) -> &IndexMap<Key, Value> {
        &self.items
    }
}

/// A value that can be a member of a set or a key of a dict.
#[derive(Debug, Clone)]
pub(crate) struct Key(pub(crate) Value);

impl Key {
    pub(crate) fn new(value: Value) -> Outcome<Self> {
        match &value {
            Value::List(_) | Value::Set(_) | Value::Dict(_) => Err(Fault::type_error(format!(
                "unhashable type: '{}'",
                value.type_name()
            ))),
            Value::Tuple(items) => {
                for item in items.iter() {
                    Self::new(item.clone())?;
                }
                Ok(Self(value))
            }
            _ => Ok(Self(value)),
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(&other.0)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Value::Str(text) | Value::Sql(text) => text.hash(state),
            Value::Tuple(items) => {
                for item in items.iter() {
                    Key(item.clone()).hash(state);
                }
            }
            // 1, 1.0 and True are one key, so they hash alike.
            other => match other.as_float() {
                Some(number) => (number + 0.0).to_bits().hash(state),
                None => 0u8.hash(state),
            },
        }
    }
}
