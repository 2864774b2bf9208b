//! One check that serde does not make: no JSON object names a member twice.
//!
//! Two parsers that disagree on which of two equal members counts see two
//! different tokens (RFC 8259, section 4; RFC 7515, section 5.2), so such
//! tokens are refused at any depth, unknown claims included.

use std::borrow::Cow;
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
        let mut names = Names::default();
        while let Some(Name(name)) = members.next_key()? {
            let Unique = members.next_value()?;
            if names.contains(&name) {
                return Err(de::Error::custom(format_args!("`{name}` is given twice")));
            }
            names.insert(name);
        }
        Ok(Unique)
    }
}

/// A member's name, borrowed from the text unless it holds escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member's name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

/// The names of one object. Claims have a handful of members, for which
/// comparing beats hashing; a hostile object has thousands.
#[derive(Default)]
struct Names<'de> {
    first: Vec<Cow<'de, str>>,
    further: HashSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    const COMPARED: usize = 16;

    fn contains(&self, name: &str) -> bool {
        self.first.iter().any(|each| each == name) || self.further.contains(name)
    }

    fn insert(&mut self, name: Cow<'de, str>) {
        if self.first.len() < Self::COMPARED {
            self.first.push(name);
        } else {
            self.further.insert(name);
        }
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
    fn duplicates_are_found_among_many_members() {
        let members: Vec<String> = (0..40).map(|index| format!(r#""m{index}":0"#)).collect();
        let object = |last: &str| format!("{{{},{last}}}", members.join(","));
        assert!(refuse_duplicates(object(r#""other":0"#).as_bytes()).is_ok());
        assert!(refuse_duplicates(object(r#""m0":0"#).as_bytes()).is_err());
        assert!(refuse_duplicates(object(r#""m39":0"#).as_bytes()).is_err());
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
