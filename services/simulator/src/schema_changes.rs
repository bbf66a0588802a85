//! Changes of tables and fields that are there already.

use airtable::{Error, Field, FieldType, Table as Schema};
use serde_json::{Map, Value, json};

use crate::{derived, new_schema, world::Base};

/// The parts of `dateDependencySettings` that name fields, and whether each must be there.
const SETTINGS: [(&str, bool); 4] = [
    ("durationFieldId", true),
    ("startDateFieldId", true),
    ("endDateFieldId", true),
    ("predecessorFieldId", false),
];

/// Changes a table and answers its id.
pub fn table(base: &mut Base, table: &str, body: &Map<String, Value>) -> Result<String, Error> {
    only(body, &["name", "description", "dateDependencySettings"])?;
    let id = base.table(table).ok_or(Error::ModelNotFound)?.schema.id.clone();
    let name = name(body)?;
    if let Some(name) = &name {
        new_schema::check_table_name(base, name, &id)?;
    }
    let schema = &mut base.table_mut(&id).ok_or(Error::ModelNotFound)?.schema;
    if let Some(settings) = body.get("dateDependencySettings") {
        check_settings(schema, settings).map_err(Error::InvalidRequestBecause)?;
        schema.rest.insert("dateDependencySettings".to_owned(), settings.clone());
    }
    schema.name = name.unwrap_or_else(|| schema.name.clone());
    schema.description = new_schema::description(body, schema.description.as_ref())?;
    Ok(id)
}

/// Changes a field and answers it. Of its options a formula alone can be changed.
pub fn field(base: &mut Base, table: &str, field: &str, body: &Map<String, Value>) -> Result<Field, Error> {
    only(body, &["name", "description", "options"])?;
    let id = base.table(table).ok_or(Error::ModelNotFound)?.schema.id.clone();
    let schema = &mut base.table_mut(&id).ok_or(Error::ModelNotFound)?.schema;
    let field = schema.field(field).ok_or(Error::ModelNotFound)?.clone();
    let name = name(body)?;
    if let Some(name) = &name {
        new_schema::check_field_name(schema, name, &field.id)?;
    }
    let formula = body.get("options").map(|options| formula(&field, options)).transpose()?;
    formula.map_or(Ok(()), |text| derived::check_formula(schema, text))?;
    let known = schema.fields.iter_mut().find(|known| known.id == field.id).ok_or(Error::ModelNotFound)?;
    if let Some(formula) = formula {
        known.options.get_or_insert_default().insert("formula".to_owned(), json!(formula));
    }
    known.name = name.unwrap_or(field.name);
    known.description = new_schema::description(body, field.description.as_ref())?;
    derived::complete(base);
    derived::check(base)?;
    base.table(&id).and_then(|table| table.schema.field(&field.id)).cloned().ok_or(Error::ModelNotFound)
}

/// Refuses a body that says nothing, or something else than these.
fn only(body: &Map<String, Value>, names: &[&str]) -> Result<(), Error> {
    let fits = !body.is_empty() && body.keys().all(|name| names.contains(&name.as_str()));
    if fits { Ok(()) } else { Err(Error::InvalidRequest) }
}

fn name(body: &Map<String, Value>) -> Result<Option<String>, Error> {
    let text = |name: &Value| name.as_str().map(str::to_owned).ok_or(Error::InvalidRequest);
    body.get("name").map(text).transpose()
}

fn formula<'a>(field: &Field, options: &'a Value) -> Result<&'a str, Error> {
    let options = options.as_object().ok_or(Error::InvalidRequest)?;
    let only = options.keys().all(|name| name == "formula") && field.field_type == FieldType::Formula;
    let formula = options.get("formula").and_then(Value::as_str).filter(|_| only);
    formula.ok_or_else(|| {
        let kind = field.field_type.as_str();
        Error::InvalidRequestBecause(format!(
            "Only options.formula of a formula field can be updated, {} is of type {kind}",
            field.name
        ))
    })
}

fn check_settings(schema: &Schema, settings: &Value) -> Result<(), String> {
    if settings.is_null() {
        return Ok(());
    }
    if !settings.get("isEnabled").is_some_and(Value::is_boolean) {
        return Err("dateDependencySettings.isEnabled must be true or false".to_owned());
    }
    for (part, needed) in SETTINGS {
        let id = settings.get(part).filter(|id| !id.is_null());
        let is_field =
            |id: &Value| id.as_str().is_some_and(|id| schema.fields.iter().any(|field| field.id == id));
        if id.map_or(needed, |id| !is_field(id)) {
            return Err(format!("dateDependencySettings.{part} must be the id of a field of the table"));
        }
    }
    match settings.get("reschedulingMode").and_then(Value::as_str) {
        Some("flexible" | "fixed" | "none") => Ok(()),
        _ => Err("dateDependencySettings.reschedulingMode must be flexible, fixed or none".to_owned()),
    }
}
