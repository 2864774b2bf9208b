//! Changes to JSON that leave it JSON. Bytes changed at random seldom do, and
//! what is not JSON ends at the first check.

use serde_json::{Map, Value, json};

/// Changes one to four places of a document; `None` when `text` is none.
/// `words` are names and texts worth a try.
pub(crate) fn mutate(text: &[u8], words: &[&str], seed: u32) -> Option<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(text).ok()?;
    let mut random = Random(seed);
    for _ in 0..=random.below(4) {
        let places = places(&document);
        let donor = nth(&mut document, &mut random.below(places)).cloned();
        let place = nth(&mut document, &mut random.below(places))?;
        change(place, donor?, words, &mut random);
    }
    serde_json::to_vec(&document).ok()
}

fn change(place: &mut Value, donor: Value, words: &[&str], random: &mut Random) {
    let value = match random.below(2) {
        0 => donor,
        _ => fresh(words, random),
    };
    match (place, random.below(3)) {
        (Value::Object(members), 0) => {
            members.insert(random.of(words).to_owned(), value);
        }
        (Value::Object(members), 1) if !members.is_empty() => {
            let name = members.keys().nth(random.below(members.len())).cloned();
            members.remove(&name.unwrap_or_default());
        }
        (Value::Array(items), 0) => items.insert(random.below(items.len() + 1), value),
        (Value::Array(items), 1) if !items.is_empty() => {
            items.remove(random.below(items.len()));
        }
        (Value::String(text), 0) => {
            let mut characters: Vec<char> = text.chars().collect();
            characters.insert(
                random.below(characters.len() + 1),
                char::from_u32(random.below(0x180) as u32).unwrap_or_default(),
            );
            *text = characters.into_iter().collect();
        }
        (Value::String(text), 1) => {
            text.pop();
        }
        (place, _) => *place = value,
    }
}

fn fresh(words: &[&str], random: &mut Random) -> Value {
    match random.below(10) {
        0 => Value::Null,
        1 => Value::Bool(random.below(2) == 0),
        2 => json!(0),
        3 => json!(-1),
        4 => json!(i64::MAX),
        5 => json!(1.5e300),
        6 => Value::Object(Map::new()),
        7 => Value::Array(Vec::new()),
        _ => json!(random.of(words)),
    }
}

/// The number of values in a document, itself among them.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(places).sum(),
        Value::Object(members) => members.values().map(places).sum(),
        _ => 0,
    }
}

/// The value that many steps ahead, in the order they are written.
fn nth<'v>(value: &'v mut Value, steps: &mut usize) -> Option<&'v mut Value> {
    if *steps == 0 {
        return Some(value);
    }
    *steps -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, steps)),
        Value::Object(members) => members.values_mut().find_map(|member| nth(member, steps)),
        _ => None,
    }
}

/// Numbers that follow from libFuzzer's seed (xorshift).
struct Random(u32);

impl Random {
    /// A number below `limit`, which is not 0.
    fn below(&mut self, limit: usize) -> usize {
        self.0 |= 1;
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 >> 3) as usize % limit
    }

    fn of<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.below(words.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_document_is_another_and_still_json() {
        let document = br#"{"a":[1,{"b":"c"}],"d":null}"#;
        let changed: Vec<Vec<u8>> = (0..1_000)
            .map(|seed| mutate(document, &["word"], seed).unwrap())
            .collect();
        let kept = changed.iter().filter(|text| *text == document).count();
        assert!(kept < 100, "{kept} of 1000 are as they were");
        for text in changed {
            serde_json::from_slice::<Value>(&text).unwrap();
        }
        assert_eq!(mutate(b"no JSON", &["word"], 1), None);
    }
}
