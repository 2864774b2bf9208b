//! Reading JSON: with the browser's own parser there, which costs its module
//! nothing, and with serde_json everywhere else. Also how values travel from
//! the server's page into the browser.

use codee::{Decoder, Encoder};

#[cfg(feature = "hydrate")]
use self::in_browser as backend;
#[cfg(not(feature = "hydrate"))]
use self::on_server as backend;

/// A JSON value. What is missing or of another type than asked for reads as
/// nothing.
#[derive(Clone, Debug)]
pub(crate) struct Json(backend::Value);

impl Json {
    /// Reads a text; `None` when it is no JSON.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        backend::parse(text).map(Self)
    }

    /// A field of an object.
    pub(crate) fn field(&self, name: &str) -> Self {
        Self(backend::field(&self.0, name))
    }

    /// Whether there is no value.
    pub(crate) fn is_null(&self) -> bool {
        backend::is_null(&self.0)
    }

    /// The text.
    pub(crate) fn text(&self) -> Option<String> {
        backend::text(&self.0)
    }

    /// The number; whole numbers are exact up to 2⁵³.
    pub(crate) fn number(&self) -> Option<f64> {
        backend::number(&self.0)
    }

    /// The number, when it is a whole one.
    pub(crate) fn integer(&self) -> Option<i64> {
        self.number()
            .filter(|number| number.fract() == 0.0)
            .map(|number| number as i64)
    }

    /// The truth value.
    pub(crate) fn truth(&self) -> Option<bool> {
        backend::truth(&self.0)
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Option<Vec<Self>> {
        backend::items(&self.0).map(|items| items.into_iter().map(Self).collect())
    }

    /// The fields of an object; none for anything else.
    pub(crate) fn fields(&self) -> Vec<(String, Self)> {
        backend::fields(&self.0)
            .into_iter()
            .map(|(name, value)| (name, Self(value)))
            .collect()
    }
}

/// A value that travels from the server's page into the browser.
pub(crate) trait PageData: Sized {
    /// Writes it; called on the server only.
    #[cfg(feature = "ssr")]
    fn pack(&self) -> serde_json::Result<String>;

    /// Reads it; `None` when it is not that.
    fn unpack(json: &Json) -> Option<Self>;
}

/// The encoding of values that travel.
#[derive(Debug)]
pub(crate) struct Packed;

/// A value could not be packed or unpacked.
#[derive(Debug, thiserror::Error)]
#[error("the value does not travel")]
pub(crate) struct Lost;

impl<T: PageData> Encoder<T> for Packed {
    type Error = Lost;
    type Encoded = String;

    #[cfg(feature = "ssr")]
    fn encode(value: &T) -> Result<String, Lost> {
        value.pack().map_err(|_| Lost)
    }

    #[cfg(not(feature = "ssr"))]
    fn encode(_: &T) -> Result<String, Lost> {
        Err(Lost)
    }
}

impl<T: PageData> Decoder<T> for Packed {
    type Error = Lost;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, Lost> {
        Json::parse(text)
            .and_then(|json| T::unpack(&json))
            .ok_or(Lost)
    }
}

#[cfg(feature = "hydrate")]
mod in_browser {
    use js_sys::{Array, JSON, Object, Reflect};
    use wasm_bindgen::{JsCast, JsValue};

    pub(super) type Value = JsValue;

    pub(super) fn parse(text: &str) -> Option<Value> {
        JSON::parse(text).ok()
    }

    pub(super) fn field(value: &Value, name: &str) -> Value {
        Reflect::get(value, &JsValue::from_str(name)).unwrap_or(JsValue::NULL)
    }

    pub(super) fn is_null(value: &Value) -> bool {
        value.is_null() || value.is_undefined()
    }

    pub(super) fn text(value: &Value) -> Option<String> {
        value.as_string()
    }

    pub(super) fn number(value: &Value) -> Option<f64> {
        value.as_f64()
    }

    pub(super) fn truth(value: &Value) -> Option<bool> {
        value.as_bool()
    }

    pub(super) fn items(value: &Value) -> Option<Vec<Value>> {
        value.dyn_ref::<Array>().map(|list| list.iter().collect())
    }

    pub(super) fn fields(value: &Value) -> Vec<(String, Value)> {
        let Some(object) = value.dyn_ref::<Object>() else {
            return Vec::new();
        };
        let names = Object::keys(object);
        let names = names.iter().filter_map(|name| name.as_string());
        names
            .map(|name| (name.clone(), field(value, &name)))
            .collect()
    }
}

#[cfg(not(feature = "hydrate"))]
mod on_server {
    pub(super) use serde_json::Value;

    pub(super) fn parse(text: &str) -> Option<Value> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn field(value: &Value, name: &str) -> Value {
        value.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn is_null(value: &Value) -> bool {
        value.is_null()
    }

    pub(super) fn text(value: &Value) -> Option<String> {
        value.as_str().map(str::to_owned)
    }

    pub(super) fn number(value: &Value) -> Option<f64> {
        value.as_f64()
    }

    pub(super) fn truth(value: &Value) -> Option<bool> {
        value.as_bool()
    }

    pub(super) fn items(value: &Value) -> Option<Vec<Value>> {
        value.as_array().cloned()
    }

    pub(super) fn fields(value: &Value) -> Vec<(String, Value)> {
        let fields = value.as_object().into_iter().flatten();
        fields
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_of_another_type_reads_as_nothing() {
        let json = Json::parse(r#"{"text":"a","number":1.5,"list":[1,true],"null":null}"#).unwrap();
        assert_eq!(json.field("text").text().as_deref(), Some("a"));
        assert_eq!(json.field("text").number(), None);
        assert_eq!(json.field("number").number(), Some(1.5));
        assert_eq!(json.field("number").integer(), None);
        assert_eq!(json.field("list").items().unwrap()[1].truth(), Some(true));
        assert!(json.field("null").is_null() && json.field("no").field("deeper").is_null());
        assert!(json.field("text").fields().is_empty() && json.field("text").items().is_none());
        assert!(Json::parse("{").is_none());
    }
}
