//! Packages: bases that others are made after.

use std::sync::Arc;

use airtable::{Error, id::Kind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::world::{Base, Table, World, new_id};

/// A package as the meta API tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Package {
    /// `pkg…`.
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// The base that others are made after.
    source_application_id: String,
    latest_release_id: Option<String>,
    #[serde(default)]
    install_count: u32,
    created_by_user_id: String,
    created_time: Timestamp,
    last_updated_by_user_id: String,
    last_updated_time: Timestamp,
}

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Installation {
    name: String,
    package_release_id: String,
    workspace_id: String,
}

/// Makes a base with the tables of the package's, without its records.
pub fn install(world: &mut World, id: &str, asked: Installation, now: Timestamp) -> Result<Value, Error> {
    world.account.workspace(&asked.workspace_id).ok_or(Error::ModelNotFound)?;
    let packages = &mut super::account(world)?.packages;
    let package = packages.iter_mut().find(|package| {
        package.id == id && package.latest_release_id.as_ref() == Some(&asked.package_release_id)
    });
    let package = package.ok_or(Error::ModelNotFound)?;
    let source = package.source_application_id.clone();
    package.install_count += 1;
    let tables = copy(world.base(&source).ok_or(Error::ModelNotFound)?)?;
    let base = Base { tables, ..Base::new(asked.name, asked.workspace_id, now) };
    let id = base.id.clone();
    world.bases.push(base);
    Ok(json!({"id": id}))
}

/// The tables of a base under new ids, which are also put wherever one table names another, and in formulas.
fn copy(base: &Base) -> Result<Vec<Arc<Table>>, Error> {
    let schemas: Vec<_> = base.tables.iter().map(|table| &table.schema).collect();
    let mut text = json!(schemas).to_string();
    let fields = || schemas.iter().flat_map(|schema| &schema.fields);
    let choices = fields().filter_map(|field| field.option("choices")?.as_array()).flatten();
    let choices = choices.filter_map(|choice| choice.get("id")?.as_str());
    let views = schemas.iter().flat_map(|schema| &schema.views);
    let all = schemas.iter().map(|schema| (schema.id.as_str(), Kind::Table));
    let all = all.chain(fields().map(|field| (field.id.as_str(), Kind::Field)));
    let all = all.chain(views.map(|view| (view.id.as_str(), Kind::View)));
    for (old, kind) in all.chain(choices.map(|id| (id, Kind::Choice))) {
        text = text.replace(old, &new_id(kind));
    }
    let copied: Vec<airtable::Table> = serde_json::from_str(&text).map_err(|_| Error::InvalidRequest)?;
    Ok(copied.into_iter().map(|schema| Arc::new(Table::new(schema))).collect())
}
