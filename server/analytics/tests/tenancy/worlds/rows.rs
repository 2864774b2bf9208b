//! Rows: those of the tenant who asks, which are the same in every world, and
//! those of the others, which are any.
//!
//! The tenant's own values are innocent: its cities are base64, its codes and
//! kinds are numbers, the members of its documents have one type each. What
//! the others have is whatever breaks when somebody else's function meets it.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

/// The tenant who asks.
pub(super) const OWN: &str = "amber";
const OTHERS: [&str; 3] = ["birch", "coral", "ab"];

/// Rows of the tenant in each insert.
const OWN_ROWS: u64 = 6;

/// Others' rows in an insert, at most.
const MOST: usize = 24;

/// The rows of one insert: the tenant's own in their order, the others'
/// anywhere between them.
pub(super) fn insert(part: u64, chance: &mut StdRng) -> String {
    let mut rows: Vec<Value> = (0..OWN_ROWS)
        .map(|row| own(part * OWN_ROWS + row))
        .collect();
    for _ in 0..chance.random_range(0..=MOST) {
        rows.insert(chance.random_range(0..=rows.len()), another(chance));
    }
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    lines.join("\n")
}

fn own(row: u64) -> Value {
    // Every other row is a later version of the one before it.
    let id = 1_000 + row / 2 * 7;
    let nth = usize::try_from(row).unwrap_or_default();
    let cities = ["b3du", "YW1iZXI=", "Ym9hdA==", "b3du"];
    let codes = ["1", "22", "333"];
    json!({
        "org": OWN,
        "id": id,
        "ts": format!("20{}-03-0{} 10:00:0{}", 20 + row % 3, 1 + row % 9, row % 10),
        "city": cities[nth % cities.len()],
        "code": codes[nth % codes.len()],
        "kind": if row.is_multiple_of(3) { Value::Null } else { json!(codes[nth % 2]) },
        "url": format!("/page/{}", row % 4),
        "note": if row.is_multiple_of(4) { Value::Null } else { json!(format!("2020-01-0{}", 1 + row % 9)) },
        "doc": { "page": format!("/page/{}", row % 4), "n": row, "deep": { "x": 0.5 + row as f64 } },
        "attrs": { "a": codes[nth % 3], "b": "7" },
        "tags": [codes[nth % 3], "10"],
        "pair": { "word": codes[nth % 3], "number": row },
        "price": 1.25 * (1 + row) as f64,
        "score": 0.5 * row as f64,
    })
}

fn another(chance: &mut StdRng) -> Value {
    let org = OTHERS.choose(chance).copied().unwrap_or_default();
    let number = chance.random_range(0..2_000_u64);
    let secret = format!("secret-of-{org}-{}", chance.random_range(0..50));
    let word = |chance: &mut StdRng| match chance.random_range(0..4) {
        0 => json!("1"),
        1 => json!("Ym9hdA=="),
        2 => json!(""),
        _ => json!(secret),
    };
    let any = |chance: &mut StdRng| match chance.random_range(0..6) {
        0 => json!(secret),
        1 => json!(number),
        2 => json!([number, 1]),
        3 => json!({ &secret: number }),
        4 => json!(true),
        _ => Value::Null,
    };
    let page = any(chance);
    let n = any(chance);
    json!({
        "org": org,
        "id": if chance.random_bool(0.3) { 1_000 + number % 70 } else { number * 1_000 },
        "ts": format!("20{}-0{}-11 23:59:59", chance.random_range(10..40), chance.random_range(1..9)),
        "city": word(chance),
        "code": word(chance),
        "kind": word(chance),
        "url": if chance.random_bool(0.5) { format!("/page/{}", number % 4) } else { secret.clone() },
        "note": word(chance),
        "doc": { "page": page, "n": n, &secret: number },
        "attrs": { "a": word(chance), &secret: word(chance) },
        "tags": [word(chance), word(chance)],
        "pair": { "word": word(chance), "number": number },
        "price": number,
        "score": if chance.random_bool(0.1) { json!(1e300) } else { json!(number) },
    })
}
