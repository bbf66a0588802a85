//! Views: which records one shows, in which order, and what the meta API tells of it.

use std::sync::Arc;

use airtable::{Error, Table as Schema, View, formula::Formula, id::Kind, list::Sort};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::world::{Base, Table};

/// What a fixture says of a view beside what the meta API tells.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// Which records are shown; all where absent.
    pub filter_by_formula: Option<String>,
    /// In order of weight; as they were created where empty.
    #[serde(default)]
    sort: Vec<By>,
}

#[derive(Debug, Deserialize)]
struct By {
    field: String,
    #[serde(default)]
    direction: Direction,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    #[default]
    Asc,
    Desc,
}

/// The view of this name or id that a list of `table` asks for.
pub fn find<'a>(base: &Base, table: &'a Table, view: &str) -> Result<&'a View, Error> {
    if let Some(found) = table.schema.view(view) {
        return Ok(found);
    }
    if !Kind::View.names(view) {
        return Err(Error::ViewNameNotFound(view.to_owned()));
    }
    let elsewhere = base.tables.iter().any(|table| table.schema.view(view).is_some());
    Err(if elsewhere { Error::FailedStateCheck } else { Error::ViewIdNotFound(view.to_owned()) })
}

/// What the meta API tells of a view; `visibleFieldIds` of grids alone, and where asked for.
pub fn metadata(view: &View, visible_fields: bool) -> Value {
    let mut told = json!({"id": view.id, "name": view.name, "type": view.view_type});
    let also = [("personalForUserId", true), ("visibleFieldIds", visible_fields && view.view_type == "grid")];
    for (name, wanted) in also {
        if let (Some(value), Value::Object(told)) = (view.rest.get(name).filter(|_| wanted), &mut told) {
            told.insert(name.to_owned(), value.clone());
        }
    }
    told
}

/// Removes a view; the last one of a table stays.
pub fn delete(base: &mut Base, id: &str) -> Result<Value, Error> {
    let holds = |table: &&mut Arc<Table>| table.schema.views.iter().any(|view| view.id == id);
    let table = base.tables.iter_mut().find(holds).ok_or(Error::ModelNotFound)?;
    let schema = &mut Arc::make_mut(table).schema;
    if schema.views.len() == 1 {
        return Err(Error::InvalidRequestBecause("The last view of a table cannot be deleted".to_owned()));
    }
    schema.views.retain(|view| view.id != id);
    Ok(json!({"id": id, "deleted": true}))
}

impl Shown {
    pub fn by(view: &View) -> Result<Self, serde_json::Error> {
        Self::deserialize(&view.rest)
    }

    pub fn sort(&self) -> Vec<Sort> {
        let sort = |by: &By| Sort { field: by.field.clone(), descending: by.direction == Direction::Desc };
        self.sort.iter().map(sort).collect()
    }
}

/// What is wrong with the first view of a table that cannot be shown.
pub fn check(schema: &Schema) -> Result<(), String> {
    schema
        .views
        .iter()
        .try_for_each(|view| check_one(schema, view).map_err(|why| format!("view {}: {why}", view.name)))
}

fn check_one(schema: &Schema, view: &View) -> Result<(), String> {
    let shown = Shown::by(view).map_err(|error| error.to_string())?;
    if let Some(text) = &shown.filter_by_formula {
        let read = Formula::read(text, |name| schema.field_in_formula(name));
        read.map_err(|error| format!("filterByFormula: {error}"))?;
    }
    let visible = view.rest.get("visibleFieldIds").and_then(Value::as_array).into_iter().flatten();
    let named = shown.sort.iter().map(|by| by.field.as_str()).chain(visible.filter_map(Value::as_str));
    match named.into_iter().find(|name| schema.field(name).is_none()) {
        Some(unknown) => Err(format!("the table has no field {unknown}")),
        None => Ok(()),
    }
}
