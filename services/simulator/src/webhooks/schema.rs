//! The payloads of webhooks about tables and fields.

use std::sync::Arc;

use airtable::{Field, Table as Schema};
use serde_json::{Map, Value, json};

use super::{
    payload::Body,
    specification::{ChangeType, DataType, Specification},
};
use crate::world::Table;

/// Whether anything about the tables differs.
pub fn differs(before: &[Arc<Table>], after: &[Arc<Table>]) -> bool {
    before.iter().map(|table| &table.schema).ne(after.iter().map(|table| &table.schema))
}

/// What of the differences the specification asks for; `None` where that is nothing.
pub fn of_schema(asked: &Specification, before: &[Arc<Table>], after: &[Arc<Table>]) -> Option<Body> {
    let in_scope = |table: &&Arc<Table>| asked.scope(&table.schema).is_some();
    let is_in =
        |tables: &[Arc<Table>], table: &Table| tables.iter().any(|known| known.schema.id == table.schema.id);
    let added = after.iter().filter(in_scope).filter(|table| !is_in(before, table));
    let created = added.filter_map(|table| Some((table.schema.id.clone(), created(asked, &table.schema)?)));
    let gone = before.iter().filter(in_scope).filter(|table| !is_in(after, table));
    let destroyed =
        gone.filter(|_| asks_for_tables(asked, ChangeType::Remove)).map(|table| json!(table.schema.id));
    let changed = after.iter().filter(in_scope).filter_map(|table| {
        let before = before.iter().find(|known| known.schema.id == table.schema.id)?;
        Some((table.schema.id.clone(), changed(asked, &before.schema, &table.schema)?))
    });
    let parts = [
        ("changedTablesById", Value::Object(changed.collect())),
        ("createdTablesById", Value::Object(created.collect())),
        ("destroyedTableIds", destroyed.collect()),
    ];
    let body = filled(parts);
    (!body.is_empty()).then_some(body)
}

fn asks_for_tables(asked: &Specification, change: ChangeType) -> bool {
    asked.asks(DataType::Metadata, change) || asked.asks(DataType::Fields, change)
}

fn created(asked: &Specification, table: &Schema) -> Option<Value> {
    if !asks_for_tables(asked, ChangeType::Add) {
        return None;
    }
    let mut created = Map::new();
    if asked.asks(DataType::Metadata, ChangeType::Add) {
        let metadata = json!({"name": table.name, "description": table.description});
        created.insert("metadata".to_owned(), metadata);
    }
    if asked.asks(DataType::Fields, ChangeType::Add) {
        let fields = table.fields.iter().map(|field| (field.id.clone(), definition(field)));
        created.insert("fieldsById".to_owned(), Value::Object(fields.collect()));
    }
    if asked.asks(DataType::Data, ChangeType::Add) {
        created.insert("recordsById".to_owned(), json!({}));
    }
    Some(Value::Object(created))
}

fn changed(asked: &Specification, before: &Schema, after: &Schema) -> Option<Value> {
    let asks = |change| asked.asks(DataType::Fields, change);
    let find = |table: &Schema, id: &str| table.fields.iter().find(|field| field.id == id).cloned();
    let added = after.fields.iter().filter(|field| find(before, &field.id).is_none());
    let added = added.filter(|field| asks(ChangeType::Add) && asked.watches_schema(&field.id));
    let gone = before.fields.iter().filter(|field| find(after, &field.id).is_none());
    let gone = gone.filter(|field| asks(ChangeType::Remove) && asked.watches_schema(&field.id));
    let altered =
        after.fields.iter().filter(|field| asks(ChangeType::Update) && asked.watches_schema(&field.id));
    let altered = altered.filter_map(|field| {
        Some((field.id.clone(), altered_field(asked, &find(before, &field.id)?, field)?))
    });
    let parts = [
        ("changedMetadata", metadata(asked, before, after)),
        (
            "createdFieldsById",
            Value::Object(added.map(|field| (field.id.clone(), definition(field))).collect()),
        ),
        ("changedFieldsById", Value::Object(altered.collect())),
        ("destroyedFieldIds", gone.map(|field| json!(field.id)).collect()),
    ];
    let change = filled(parts);
    (!change.is_empty()).then_some(Value::Object(change))
}

fn metadata(asked: &Specification, before: &Schema, after: &Schema) -> Value {
    if !asked.asks(DataType::Metadata, ChangeType::Update) {
        return Value::Null;
    }
    let described = |table: &Schema| [("name", json!(table.name)), ("description", json!(table.description))];
    difference(described(before), described(after), true).unwrap_or_default()
}

fn altered_field(asked: &Specification, before: &Field, after: &Field) -> Option<Value> {
    let described = |field: &Field| [("name", json!(field.name)), ("type", json!(field.field_type))];
    difference(described(before), described(after), asked.includes_previous_definitions())
}

/// `{current, previous}` with what differs; `previous` only where it is asked for.
fn difference<const N: usize>(
    before: [(&str, Value); N],
    after: [(&str, Value); N],
    with_previous: bool,
) -> Option<Value> {
    let (mut current, mut previous) = (Map::new(), Map::new());
    for ((name, was), (_, is)) in before.into_iter().zip(after) {
        if was != is {
            current.insert(name.to_owned(), is);
            previous.insert(name.to_owned(), was);
        }
    }
    if current.is_empty() {
        return None;
    }
    Some(if with_previous {
        json!({"current": current, "previous": previous})
    } else {
        json!({"current": current})
    })
}

fn definition(field: &Field) -> Value {
    json!({"name": field.name, "type": field.field_type})
}

/// Those of these parts that are not empty.
fn filled<const N: usize>(parts: [(&str, Value); N]) -> Map<String, Value> {
    let is_filled = |value: &Value| match value {
        Value::Object(object) => !object.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    parts
        .into_iter()
        .filter(|(_, value)| is_filled(value))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
