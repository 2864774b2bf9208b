//! Tables rebuilt: columns as if the rows that a filter took away had never
//! been there.
//!
//! A filter takes rows, and leaves what they share with others in a block: the
//! dictionary of a LowCardinality, the paths and types of a JSON document.
//! Functions run over all of it, whose errors, types and sizes then tell of
//! rows that were taken away. A column that was cast to its plain type and back
//! holds nothing but the rows that are left. Who reads tables like this is
//! `query`'s to say.

use std::collections::BTreeSet;

use super::ddl::{QUARANTINE_COLUMNS, quarantined_columns};
use datafile::{DataSource, DataType, TypeArgument};
use engine::sql::{identifier, literal};

/// What may be read of a table in place of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CleanTable {
    /// A SELECT's list of all columns, rebuilt where they have to be.
    pub(crate) columns: String,
    /// The columns whose values are what they are, whatever stands beside them.
    pub(crate) plain: BTreeSet<String>,
    /// Whether any column shares a dictionary with other rows.
    pub(crate) has_dictionaries: bool,
    /// Whether any column shares paths or types with other rows.
    pub(crate) has_structures: bool,
}

impl CleanTable {
    /// The table of a data source.
    pub(crate) fn of(data_source: &DataSource) -> Self {
        let mut table = Self::default();
        for column in &data_source.columns {
            for (name, data_type) in flattened(&column.name, &column.data_type) {
                table.add(&name, &data_type);
            }
        }
        table
    }

    /// The table of its quarantine, where all is text.
    pub(crate) fn of_quarantine(data_source: &DataSource) -> Self {
        let own = QUARANTINE_COLUMNS.iter().map(|(name, _)| *name);
        let mut table = Self::default();
        for name in own.chain(quarantined_columns(data_source)) {
            table.add(name, &DataType::plain("String"));
        }
        table
    }

    fn add(&mut self, name: &str, data_type: &DataType) {
        let column = identifier(name);
        if !self.columns.is_empty() {
            self.columns.push_str(", ");
        }
        let plain = plain(data_type);
        if plain == *data_type {
            self.plain.insert(name.to_owned());
            self.columns.push_str(&column);
            return;
        }
        match shares_structure(data_type) {
            true => self.has_structures = true,
            false => self.has_dictionaries = true,
        }
        let (plain, same) = (literal(&plain.to_string()), literal(&data_type.to_string()));
        self.columns.push_str(&format!(
            "CAST(CAST({column}, {plain}), {same}) AS {column}"
        ));
    }
}

/// A Nested is a column for each of its elements.
fn flattened(name: &str, data_type: &DataType) -> Vec<(String, DataType)> {
    if data_type.name != "Nested" {
        return vec![(name.to_owned(), data_type.clone())];
    }
    let element = |argument: &TypeArgument| match argument {
        TypeArgument::Named(element, inner) => Some((
            format!("{name}.{element}"),
            DataType::wrap("Array", inner.clone()),
        )),
        TypeArgument::Type(_) | TypeArgument::Literal(_) => None,
    };
    data_type.arguments.iter().filter_map(element).collect()
}

/// The type with the same values whose columns share nothing between rows.
fn plain(data_type: &DataType) -> DataType {
    match (data_type.name.as_str(), data_type.arguments.as_slice()) {
        ("LowCardinality", [TypeArgument::Type(inner)])
        | ("SimpleAggregateFunction", [_, TypeArgument::Type(inner)]) => plain(inner),
        ("JSON" | "Object", _) => DataType::plain("String"),
        ("Dynamic", _) => DataType {
            name: "Dynamic".to_owned(),
            // All types in one place, each value with its own.
            arguments: vec![TypeArgument::Literal("max_types = 0".to_owned())],
        },
        // States hold values, not columns.
        ("AggregateFunction", _) => data_type.clone(),
        (name, arguments) => DataType {
            name: name.to_owned(),
            arguments: arguments.iter().map(plain_argument).collect(),
        },
    }
}

fn plain_argument(argument: &TypeArgument) -> TypeArgument {
    match argument {
        TypeArgument::Type(inner) => TypeArgument::Type(plain(inner)),
        TypeArgument::Named(name, inner) => TypeArgument::Named(name.clone(), plain(inner)),
        TypeArgument::Literal(text) => TypeArgument::Literal(text.clone()),
    }
}

fn shares_structure(data_type: &DataType) -> bool {
    let shares = |argument: &TypeArgument| match argument {
        TypeArgument::Type(inner) | TypeArgument::Named(_, inner) => shares_structure(inner),
        TypeArgument::Literal(_) => false,
    };
    matches!(data_type.name.as_str(), "JSON" | "Object" | "Dynamic")
        || data_type.arguments.iter().any(shares)
}
