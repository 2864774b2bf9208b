//! The session of a connection: which database and settings the next statement
//! runs under, changed with as few `SET` as possible, because each costs as
//! much as a small query.

use std::collections::BTreeMap;

use crate::sql;

/// Database and settings, each value as the text the protocol carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    database: String,
    settings: BTreeMap<String, String>,
}

impl Session {
    /// What a connection has when it is opened: ClickHouse's defaults.
    pub(super) fn fresh() -> Self {
        Self {
            database: "default".to_owned(),
            settings: BTreeMap::new(),
        }
    }

    pub(super) fn new(database: &str, settings: BTreeMap<String, String>) -> Self {
        Self {
            database: database.to_owned(),
            settings,
        }
    }

    /// The same with what a request says otherwise.
    pub(super) fn with(&self, database: Option<&str>, settings: &BTreeMap<String, String>) -> Self {
        let mut session = self.clone();
        if let Some(database) = database {
            database.clone_into(&mut session.database);
        }
        session.settings.extend(settings.clone());
        session
    }

    /// The statements that turn this session into `next`; none when nothing
    /// differs.
    pub(super) fn changes(&self, next: &Self) -> Vec<String> {
        let mut statements = Vec::new();
        if self.database != next.database {
            statements.push(format!("USE {}", sql::identifier(&next.database)));
        }
        let gone = self.settings.keys();
        let gone = gone.filter(|name| !next.settings.contains_key(*name));
        let gone = gone.map(|name| format!("{} = DEFAULT", sql::identifier(name)));
        let new = next.settings.iter();
        let new = new.filter(|(name, value)| self.settings.get(*name) != Some(value));
        let new = new.map(|(name, value)| {
            // The engine reads the text as the setting's own type.
            format!("{} = {}", sql::identifier(name), sql::literal(value))
        });
        let assignments: Vec<String> = gone.chain(new).collect();
        if !assignments.is_empty() {
            statements.push(format!("SET {}", assignments.join(", ")));
        }
        statements
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_set_and_what_is_gone_returns_to_its_default() {
        let settings = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let first = Session::new(
            "a",
            settings(&[("max_threads", "2"), ("max_memory_usage", "7")]),
        );
        let second = Session::new(
            "b",
            settings(&[("max_memory_usage", "7"), ("log_comment", "it's")]),
        );
        assert_eq!(
            first.changes(&second),
            [
                "USE `b`",
                r"SET `max_threads` = DEFAULT, `log_comment` = 'it\'s'"
            ]
        );
        assert_eq!(second.changes(&second), Vec::<String>::new());
        let third = second.with(Some("c"), &settings(&[("max_threads", "1")]));
        assert_eq!(
            second.changes(&third),
            ["USE `c`", "SET `max_threads` = '1'"]
        );
    }
}
