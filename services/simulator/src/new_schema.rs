//! New tables and fields, checked as the meta API checks them.

use std::sync::Arc;

use airtable::{Error, Field, FieldType, Table as Schema, View, id::Kind};
use serde_json::{Map, Value, json};

use crate::{
    field_options,
    world::{Base, Table, new_id},
};

/// Longest description of a table or field, in characters.
const DESCRIPTION: usize = 20_000;

/// Adds a table; answers its id. The first field becomes the primary one, and there is a grid view.
pub fn add_table(base: &mut Base, body: &Map<String, Value>) -> Result<String, Error> {
    if body.keys().any(|key| !matches!(key.as_str(), "name" | "description" | "fields")) {
        return Err(Error::InvalidRequest);
    }
    let name = body.get("name").and_then(Value::as_str).ok_or(Error::InvalidRequest)?;
    let fields = body.get("fields").and_then(Value::as_array).filter(|fields| !fields.is_empty());
    let fields = fields.ok_or(Error::InvalidRequest)?;
    check_table_name(base, name, "")?;
    let schema = Schema {
        id: new_id(Kind::Table),
        name: name.to_owned(),
        description: description(body, None)?,
        primary_field_id: String::new(),
        fields: vec![],
        views: vec![View {
            id: new_id(Kind::View),
            name: "Grid view".to_owned(),
            view_type: "grid".to_owned(),
            rest: Map::new(),
        }],
        rest: Map::new(),
    };
    let id = schema.id.clone();
    base.tables.push(Arc::new(Table::new(schema)));
    for field in fields {
        add_field(base, &id, field.as_object().ok_or(Error::InvalidRequest)?)?;
    }
    let schema = &mut base.table_mut(&id).ok_or(Error::ModelNotFound)?.schema;
    let primary = schema.fields.first().ok_or(Error::InvalidRequest)?;
    if !primary.field_type.may_be_primary() {
        let kind = primary.field_type.as_str();
        return Err(Error::InvalidRequestBecause(format!("A primary field cannot be of type {kind}")));
    }
    schema.primary_field_id.clone_from(&primary.id);
    Ok(id)
}

/// Adds a field to the table with this id; a link field gets its other side in the linked table.
pub fn add_field(base: &mut Base, table: &str, body: &Map<String, Value>) -> Result<Field, Error> {
    let schema = &base.table(table).ok_or(Error::ModelNotFound)?.schema;
    let mut field = read_field(body)?;
    check_field_name(schema, &field.name, "")?;
    field_options::complete(&mut field)
        .map_err(|reason| Error::InvalidFieldOptions { name: field.name.clone(), reason })?;
    if field.field_type == FieldType::MultipleRecordLinks {
        link(base, table, &mut field)?;
    }
    let schema = &mut base.table_mut(table).ok_or(Error::ModelNotFound)?.schema;
    push(schema, field.clone());
    Ok(field)
}

/// Refuses an empty name and one that another table than `own` has, without regard to case.
pub fn check_table_name(base: &Base, name: &str, own: &str) -> Result<(), Error> {
    let same = |table: &Arc<Table>| {
        table.schema.id != own && table.schema.name.to_lowercase() == name.to_lowercase()
    };
    if name.trim().is_empty() {
        return Err(Error::InvalidName("INVALID_TABLE_NAME", "Table name must not be empty".to_owned()));
    }
    if base.tables.iter().any(same) {
        return Err(Error::InvalidName(
            "DUPLICATE_TABLE_NAME",
            format!("A table named \"{name}\" exists already"),
        ));
    }
    Ok(())
}

/// Refuses an empty name and one that another field than `own` has, without regard to case.
pub fn check_field_name(schema: &Schema, name: &str, own: &str) -> Result<(), Error> {
    let same = |field: &Field| field.id != own && field.name.to_lowercase() == name.to_lowercase();
    if name.trim().is_empty() || schema.fields.iter().any(same) {
        let message = format!("Field name \"{name}\" is empty or exists already");
        return Err(Error::InvalidName("DUPLICATE_OR_EMPTY_FIELD_NAME", message));
    }
    Ok(())
}

/// The description after a body: null takes it away, and a body without one leaves it as it was.
pub fn description(body: &Map<String, Value>, current: Option<&String>) -> Result<Option<String>, Error> {
    match body.get("description") {
        None => Ok(current.cloned()),
        Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= DESCRIPTION => Ok(Some(text.clone())),
        Some(_) => Err(Error::InvalidRequest),
    }
}

fn read_field(body: &Map<String, Value>) -> Result<Field, Error> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let (Some(name), Some(kind)) = (text("name"), text("type")) else { return Err(Error::InvalidRequest) };
    let field_type = FieldType::from(kind.to_owned());
    if field_type.is_computed() {
        return Err(Error::UnsupportedFieldType(kind.to_owned()));
    }
    if matches!(field_type, FieldType::Other(_)) {
        return Err(Error::InvalidRequest);
    }
    Ok(Field {
        id: new_id(Kind::Field),
        name: name.to_owned(),
        field_type,
        description: description(body, None)?,
        options: match body.get("options") {
            None | Some(Value::Null) => None,
            Some(Value::Object(options)) => Some(options.clone()),
            Some(_) => return Err(Error::InvalidRequest),
        },
        rest: Map::new(),
    })
}

/// Makes the other side of a new link field and connects both.
fn link(base: &mut Base, table: &str, field: &mut Field) -> Result<(), Error> {
    let own_name = base.table(table).ok_or(Error::ModelNotFound)?.schema.name.clone();
    let linked = field.linked_table_id().unwrap_or_default().to_owned();
    let Some(target) = base.table_mut(&linked) else {
        let reason = format!("options.linkedTableId {linked} is no table of this base");
        return Err(Error::InvalidFieldOptions { name: field.name.clone(), reason });
    };
    let view = field.text_option("viewIdForRecordSelection").map(str::to_owned);
    if let Some(unknown) = view.as_ref().filter(|id| !target.schema.views.iter().any(|view| view.id == **id))
    {
        let reason = format!("options.viewIdForRecordSelection {unknown} is no view of the linked table");
        return Err(Error::InvalidFieldOptions { name: field.name.clone(), reason });
    }
    let inverse = Field {
        id: new_id(Kind::Field),
        name: free_name(&target.schema, &own_name, &field.name, linked == table),
        field_type: FieldType::MultipleRecordLinks,
        description: None,
        options: link_options(table, &field.id, false),
        rest: Map::new(),
    };
    let single = field.option("prefersSingleRecordLink").and_then(Value::as_bool).unwrap_or(false);
    field.options = link_options(&linked, &inverse.id, single);
    if let (Some(view), Some(options)) = (view, &mut field.options) {
        options.insert("viewIdForRecordSelection".to_owned(), json!(view));
    }
    push(&mut target.schema, inverse);
    Ok(())
}

fn link_options(linked: &str, inverse: &str, single: bool) -> Option<Map<String, Value>> {
    let options = json!({
        "linkedTableId": linked, "isReversed": false, "prefersSingleRecordLink": single, "inverseLinkFieldId": inverse
    });
    options.as_object().cloned()
}

/// The name of the linking table, with a number where a field has it; `coming` is about to be taken in a self-link.
fn free_name(schema: &Schema, wanted: &str, coming: &str, self_link: bool) -> String {
    let taken = |name: &str| {
        let lower = name.to_lowercase();
        (self_link && coming.to_lowercase() == lower)
            || schema.fields.iter().any(|field| field.name.to_lowercase() == lower)
    };
    let numbered = (2..).map(|number| format!("{wanted} {number}"));
    std::iter::once(wanted.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}

/// Adds a field to a schema and to the grid views that list their fields.
fn push(schema: &mut Schema, field: Field) {
    for view in schema.views.iter_mut().filter(|view| view.view_type == "grid") {
        let visible = view.rest.entry("visibleFieldIds").or_insert_with(|| json!([]));
        if let Value::Array(ids) = visible {
            ids.push(json!(field.id));
        }
    }
    schema.fields.push(field);
}
