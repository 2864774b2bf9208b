//! The layers whose values arrive as text: environment variables and flags.
//! Which kind of value a text stands for is the key's to say.

use figment::value::{Dict, Map, Tag, Value};
use figment::{Metadata, Profile, Provider};

use super::reference::{Kind, SETTINGS, Setting};

/// Names of environment variables start with this.
const PREFIX: &str = "ROOKERY_";
/// Variables with the prefix that are not keys of the configuration.
const NOT_KEYS: [&str; 1] = ["ROOKERY_CONFIG"];
/// Variables of the project's test commands, which the tested server inherits.
const TEST_PREFIX: &str = "ROOKERY_TEST_";

/// Keys (`web.listen`) with their values as they were typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given(Vec<(String, String)>);

/// A variable or a value that fits no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("there is no setting for the environment variable {0}; `rookery config` lists them")]
    UnknownVariable(String),
    #[error("{origin} `{key}`: `{value}` is not {expected}")]
    WrongKind {
        origin: &'static str,
        key: String,
        value: String,
        expected: &'static str,
    },
}

impl FromIterator<(String, String)> for Given {
    fn from_iter<Pairs: IntoIterator<Item = (String, String)>>(pairs: Pairs) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Given {
    /// The settings among the process's environment variables.
    ///
    /// # Errors
    /// A variable with our prefix that no setting has: most likely a typing error.
    pub(crate) fn from_environment(
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, SourceError> {
        variables
            .filter(|(name, _)| is_key(name))
            .map(|(name, value)| {
                SETTINGS
                    .iter()
                    .find(|setting| setting.kind != Kind::Table && setting.variable() == name)
                    .map(|setting| (setting.key.to_owned(), value))
                    .ok_or(SourceError::UnknownVariable(name))
            })
            .collect()
    }

    pub(super) fn into_provider(self, origin: &'static str) -> Result<Layer, SourceError> {
        let mut values = Dict::new();
        for (key, text) in self.0 {
            let kind = SETTINGS
                .iter()
                .find(|setting| setting.key == key)
                .map_or(Kind::Text, |setting| setting.kind);
            let value = parse(kind, &text).ok_or_else(|| SourceError::WrongKind {
                origin,
                key: key.clone(),
                value: text,
                expected: kind.description(),
            })?;
            insert(&mut values, &key, value);
        }
        Ok(Layer { origin, values })
    }
}

impl Setting {
    /// The environment variable of this key.
    pub(crate) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key.replace('.', "_").to_uppercase())
    }

    /// The flag of this key, without the two dashes.
    pub(crate) fn flag(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }
}

fn is_key(variable: &str) -> bool {
    variable.starts_with(PREFIX)
        && !variable.starts_with(TEST_PREFIX)
        && !NOT_KEYS.contains(&variable)
}

fn parse(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Text => Some(Value::from(text)),
        Kind::Number => text.parse::<i64>().ok().map(Value::from),
        Kind::Boolean => text.parse::<bool>().ok().map(Value::from),
        Kind::List => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            Some(Value::Array(Tag::Default, items.map(Value::from).collect()))
        }
        Kind::Table => None,
    }
}

fn insert(values: &mut Dict, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            values.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let entry = values
                .entry(section.to_owned())
                .or_insert_with(|| Value::Dict(Tag::Default, Dict::new()));
            if let Value::Dict(_, inner) = entry {
                insert(inner, rest, value);
            }
        }
    }
}

/// One layer, with the name that error messages give it.
pub(super) struct Layer {
    origin: &'static str,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(name: &str, value: &str) -> std::vec::IntoIter<(String, String)> {
        vec![
            (name.to_owned(), value.to_owned()),
            ("PATH".to_owned(), "/bin".to_owned()),
        ]
        .into_iter()
    }

    #[test]
    fn a_variable_finds_its_key_although_both_have_underscores() {
        let given = Given::from_environment(variables("ROOKERY_TOKEN_WORKSPACE_ID", "w")).unwrap();
        assert_eq!(given.0, [("token.workspace_id".to_owned(), "w".to_owned())]);
    }

    #[test]
    fn a_mistyped_variable_is_an_error() {
        let error = Given::from_environment(variables("ROOKERY_TOKEN_WORKSPACE", "w")).unwrap_err();
        assert!(error.to_string().contains("ROOKERY_TOKEN_WORKSPACE"));
    }

    #[test]
    fn a_value_of_another_kind_says_what_is_expected() {
        let given: Given = [("log.json".to_owned(), "maybe".to_owned())]
            .into_iter()
            .collect();
        let Err(error) = given.into_provider("flag") else {
            panic!("`maybe` passed as a boolean")
        };
        assert_eq!(
            error.to_string(),
            "flag `log.json`: `maybe` is not true or false"
        );
    }
}
