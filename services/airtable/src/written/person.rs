//! Users of Airtable in cells.

use serde_json::{Map, Value, json};

use super::comma_separated;
use crate::id::Kind;

/// `{id}` or `{email}`; with typecast also a text: an id, an e-mail address or a name.
pub fn one(value: &Value, typecast: bool) -> Option<Value> {
    match value {
        Value::String(text) if typecast && !text.trim().is_empty() => Some(of_text(text)),
        Value::Object(parts) => of_object(parts),
        _ => None,
    }
}

/// A list of ids or of objects as for one; with typecast also of texts, or a text of them with commas between. Each once.
pub fn several(value: &Value, typecast: bool) -> Option<Value> {
    let items = match value {
        Value::Array(items) => items.clone(),
        Value::String(text) if typecast => comma_separated(text).into_iter().map(Value::String).collect(),
        _ => return None,
    };
    let mut people = Vec::new();
    for item in &items {
        let is_id = item.as_str().is_some_and(|text| Kind::User.names(text));
        let person = one(item, typecast || is_id)?;
        if !people.contains(&person) {
            people.push(person);
        }
    }
    Some(Value::Array(people))
}

fn of_text(text: &str) -> Value {
    let text = text.trim();
    if Kind::User.names(text) {
        json!({"id": text})
    } else if text.contains('@') {
        json!({"email": text})
    } else {
        json!({"name": text})
    }
}

/// Only what tells who it is; at least the id or the e-mail address.
fn of_object(parts: &Map<String, Value>) -> Option<Value> {
    let texts = ["id", "email", "name"].into_iter().filter_map(|name| {
        let text = parts.get(name)?.as_str().filter(|text| !text.is_empty())?;
        Some((name.to_owned(), Value::from(text)))
    });
    let kept: Map<String, Value> = texts.collect();
    (kept.contains_key("id") || kept.contains_key("email")).then_some(Value::Object(kept))
}
