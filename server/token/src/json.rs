//! One check that serde does not make: no JSON object names a member twice.
//!
//! Two parsers that disagree on which of two equal members counts see two
//! different tokens (RFC 8259, section 4; RFC 7515, section 5.2), so such
//! tokens are refused at any depth, unknown claims included.

use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Checks that `json` is one JSON object in which no object, at any depth, has
/// two members of the same name.
pub(crate) fn refuse_duplicates(json: &[u8]) -> Result<(), serde_json::Error> {
    if json.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(de::Error::custom("expected a JSON object"));
    }
    serde_json::from_slice::<Unique>(json).map(|Unique| ())
}

/// Any JSON value whose objects have unique member names.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
        while let Some(Unique) = items.next_element()? {}
        Ok(Unique)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Unique, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            let Unique = members.next_value()?;
            if let Some(twice) = names.replace(name) {
                return Err(de::Error::custom(format_args!("`{twice}` is given twice")));
            }
        }
        Ok(Unique)
    }
}

#[cfg(test)]
mod tests {
    use super::refuse_duplicates;

    #[test]
    fn duplicates_are_found_at_any_depth() {
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[{"b":null,"c":[],"b":true}]}"#,
            // The same name, once spelled with an escape.
            r#"{"exp":1,"\u0065xp":2}"#,
        ] {
            assert!(refuse_duplicates(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn equal_names_in_different_objects_are_fine() {
        let json = br#" {"a":{"b":1.5},"c":[{"b":-1},{"b":"x"}],"d":null}"#;
        assert!(refuse_duplicates(json).is_ok());
    }

    #[test]
    fn only_objects_are_taken() {
        for json in ["[]", "1", "\"a\"", "", "null", "{} {}"] {
            assert!(refuse_duplicates(json.as_bytes()).is_err(), "{json}");
        }
    }
}
