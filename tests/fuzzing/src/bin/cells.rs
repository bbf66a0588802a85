//! Every value is kept by a field or is refused, and what was kept can be written again and stays.
//!
//! The first byte chooses the type of the field, the second whether there is typecast; the rest is the value, in JSON or else
//! as a text.
#![cfg_attr(fuzzing, no_main)]

use airtable::{
    Choice, Field,
    formula::Value,
    written::{Written, accept},
};
use serde_json::{Value as Json, json};

fuzzing::target!(run);

const TYPES: [&str; 22] = [
    "aiText",
    "barcode",
    "checkbox",
    "currency",
    "date",
    "dateTime",
    "duration",
    "email",
    "formula",
    "hologram",
    "multilineText",
    "multipleAttachments",
    "multipleCollaborators",
    "multipleRecordLinks",
    "multipleSelects",
    "number",
    "percent",
    "rating",
    "richText",
    "singleCollaborator",
    "singleLineText",
    "singleSelect",
];

fn run(data: &[u8]) {
    let [kind, typecast, rest @ ..] = data else { return };
    let Some(kind) = TYPES.get(usize::from(*kind) % TYPES.len()) else { return };
    let value = serde_json::from_slice(rest).unwrap_or_else(|_| json!(String::from_utf8_lossy(rest)));
    let Some(mut field) = field(kind) else { return };
    let Some(kept) = written(&mut field, &value, typecast % 2 == 1) else { return };
    // As formulas see it, it has some text; what it is does not matter here.
    let _text = Value::of_cell(&field.field_type, &kept).text();
    if !by_name_alone(&kept) {
        assert_eq!(written(&mut field, &kept, false).as_ref(), Some(&kept), "does not stay");
    }
}

/// What is kept; the choices that it needs are added. Links are asked of whoever holds the records.
fn written(field: &mut Field, value: &Json, typecast: bool) -> Option<Json> {
    match accept(field, value, typecast).ok()? {
        Written::Cell(cell) => Some(cell),
        Written::Chosen { cell, new } => {
            assert!(typecast || new.is_empty(), "new choices without typecast");
            for name in new {
                field.add_choice(&Choice { id: String::new(), name, color: None });
            }
            Some(cell)
        }
        Written::Links(_) => None,
    }
}

/// People whom typecast took by name are found by then.
fn by_name_alone(cell: &Json) -> bool {
    let alone = |person: &Json| {
        person.as_object().is_some_and(|parts| parts.len() == 1 && parts.contains_key("name"))
    };
    alone(cell) || cell.as_array().is_some_and(|people| people.iter().any(alone))
}

fn field(kind: &str) -> Option<Field> {
    let options = json!({
        "max": 5, "durationFormat": "h:mm:ss", "timeZone": "Asia/Tokyo", "dateFormat": {"format": "D/M/YYYY"},
        "choices": [{"id": "sel1", "name": "a"}],
    });
    serde_json::from_value(json!({"id": "fld1", "name": "F", "type": kind, "options": options})).ok()
}
