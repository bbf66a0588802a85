//! What a computed field answers: the type of its result, and moments in the shape that it asks for.

use airtable::{Field, FieldType, time};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// The type of what a computed field answers, with its options; the field's own type where it names none.
pub fn shown(field: &Field) -> (FieldType, Option<&Map<String, Value>>) {
    let Some(result) = field.option("result").and_then(Value::as_object) else {
        return (field.field_type.clone(), field.options.as_ref());
    };
    let kind = result.get("type").and_then(Value::as_str).unwrap_or_default();
    (FieldType::from(kind.to_owned()), result.get("options").and_then(Value::as_object))
}

/// A moment, as a date alone where the result is one; null where there is none.
pub fn moment(field: &Field, at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| written(at, &shown(field).0))
}

fn written(at: Timestamp, kind: &FieldType) -> Value {
    let text = match kind {
        FieldType::Date => at.strftime("%Y-%m-%d").to_string(),
        _ => time::write(at),
    };
    Value::String(text)
}
