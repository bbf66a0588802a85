//! The declaration of a base as it is, so that a plan of it is empty.

use airtable::{Field, FieldType, Table};
use crds::base_schema::{DesiredField, DesiredTable};
use serde_json::{Map, Value, json};

use crate::options::{Names, with_names};

/// What Airtable works out by itself, and what is said by `linkedTable` and `inverseField`.
const DERIVED: [&str; 8] = [
    "inverseLinkFieldId",
    "isReversed",
    "isValid",
    "linkedTableId",
    "prompt",
    "referencedFieldIds",
    "result",
    "viewIdForRecordSelection",
];

/// The tables as a declaration says them: names instead of ids, nothing derived, the primary field first. Fields of types
/// that can't be declared are left out.
pub fn export(tables: &[Table]) -> Vec<DesiredTable> {
    let names = Names::of(tables);
    let table = |table: &Table| {
        let (primary, others): (Vec<&Field>, Vec<&Field>) =
            table.fields.iter().partition(|field| field.id == table.primary_field_id);
        let fields = primary.into_iter().chain(others).filter(|field| may_be_declared(&field.field_type));
        DesiredTable {
            id: None,
            name: table.name.clone(),
            description: table.description.clone().filter(|text| !text.is_empty()),
            fields: fields.map(|field| of_field(field, &names)).collect(),
        }
    };
    tables.iter().map(table).filter(|table| !table.fields.is_empty()).collect()
}

fn may_be_declared(field_type: &FieldType) -> bool {
    !matches!(field_type, FieldType::Other(_) | FieldType::ManualSort)
}

fn of_field(field: &Field, names: &Names<'_>) -> DesiredField {
    let linked = field.linked_table_id().filter(|_| field.field_type == FieldType::MultipleRecordLinks);
    let inverse = linked.and(field.inverse_link_field_id());
    let options = field.options.iter().flatten().filter(|(name, _)| !DERIVED.contains(&name.as_str()));
    let options: Map<String, Value> = options
        .filter(|(name, value)| **value != json!(false) || name.as_str() != "prefersSingleRecordLink")
        .map(|(name, value)| (name.clone(), of_option(name, value, field, names)))
        .collect();
    DesiredField {
        id: None,
        name: field.name.clone(),
        r#type: field.field_type.as_str().to_owned(),
        description: field.description.clone().filter(|text| !text.is_empty()),
        linked_table: linked.map(|id| names.get(id).unwrap_or(id).to_owned()),
        inverse_field: inverse.and_then(|id| names.get(id)).map(str::to_owned),
        options: Some(options).filter(|options| !options.is_empty()),
    }
}

fn of_option(name: &str, value: &Value, field: &Field, names: &Names<'_>) -> Value {
    match (name, value) {
        ("formula", Value::String(text)) => json!(with_names(text, names)),
        ("choices", _) => field
            .choices()
            .into_iter()
            .map(|choice| json!({"name": choice.name, "color": choice.color}))
            .map(without_null)
            .collect(),
        _ => names.told(value),
    }
}

fn without_null(mut choice: Value) -> Value {
    if let Some(entries) = choice.as_object_mut() {
        entries.retain(|_, value| !value.is_null());
    }
    choice
}
