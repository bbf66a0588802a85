//! What a webhook asks to be told of.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::world::Base;

/// As clients write it and read it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Specification {
    options: Options,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    filters: Filters,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    includes: Option<Includes>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Filters {
    data_types: Vec<DataType>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record_change_scope: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change_types: Option<Vec<ChangeType>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_sources: Option<Vec<Source>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_options: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watch_data_in_field_ids: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watch_schemas_of_field_ids: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Includes {
    #[serde(rename = "includeCellValuesInFieldIds", default, skip_serializing_if = "Option::is_none")]
    cell_values_in_field_ids: Option<FieldIds>,
    #[serde(rename = "includePreviousCellValues", default, skip_serializing_if = "Option::is_none")]
    previous_cell_values: Option<bool>,
    #[serde(rename = "includePreviousFieldDefinitions", default, skip_serializing_if = "Option::is_none")]
    previous_field_definitions: Option<bool>,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataType {
    #[serde(rename = "tableData")]
    Data,
    #[serde(rename = "tableFields")]
    Fields,
    #[serde(rename = "tableMetadata")]
    Metadata,
}

/// How it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeType {
    Add,
    Remove,
    Update,
}

/// Who changed it. Here that is always the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Source {
    Client,
    PublicApi,
    FormSubmission,
    FormPageSubmission,
    Automation,
    System,
    Sync,
    AnonymousUser,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
enum FieldIds {
    All,
    Named(Vec<String>),
}

impl TryFrom<Value> for FieldIds {
    type Error = &'static str;

    fn try_from(given: Value) -> Result<Self, Self::Error> {
        if given == "all" {
            return Ok(Self::All);
        }
        let ids = Vec::deserialize(given).map(Self::Named);
        ids.map_err(|_| "includeCellValuesInFieldIds must be \"all\" or a list of ids of fields")
    }
}

impl From<FieldIds> for Value {
    fn from(ids: FieldIds) -> Self {
        match ids {
            FieldIds::All => Self::from("all"),
            FieldIds::Named(ids) => Self::from(ids),
        }
    }
}

/// Where changes of records are watched, within one table.
pub enum Scope<'a> {
    Table,
    /// The id of the view.
    View(&'a str),
}

impl Specification {
    /// From the `specification` of a request, or what is wrong with it.
    pub fn read(given: &Value, base: &Base) -> Result<Self, String> {
        let read =
            Self::deserialize(given).map_err(|error| format!("specification is not valid: {error}"))?;
        read.check(base)?;
        Ok(read)
    }

    /// Whether all that it names is in the base, and if not, what is not.
    pub fn check(&self, base: &Base) -> Result<(), String> {
        let filters = &self.options.filters;
        if filters.data_types.is_empty() {
            return Err(
                "filters.dataTypes is empty: name at least one of tableData, tableFields and tableMetadata"
                    .to_owned(),
            );
        }
        if let Some(scope) = &filters.record_change_scope {
            let known = base.tables.iter().any(|table| {
                table.schema.id == *scope || table.schema.views.iter().any(|view| view.id == *scope)
            });
            if !known {
                return Err(format!(
                    "filters.recordChangeScope {scope} is the id of no table or view of this base"
                ));
            }
        }
        let named = |name: &'static str, ids: &'_ Option<Vec<String>>| {
            ids.iter().flatten().map(move |id| (name, id.clone())).collect::<Vec<_>>()
        };
        let watched = named("watchDataInFieldIds", &filters.watch_data_in_field_ids);
        let schemas = named("watchSchemasOfFieldIds", &filters.watch_schemas_of_field_ids);
        let is_field =
            |id: &str| base.tables.iter().any(|table| table.schema.fields.iter().any(|field| field.id == id));
        match watched.iter().chain(&schemas).find(|(_, id)| !is_field(id)) {
            Some((name, id)) => {
                Err(format!("filters.{name} names {id}, which is the id of no field of this base"))
            }
            None => Ok(()),
        }
    }

    /// Whether changes of this kind by the API are asked for.
    pub fn asks(&self, data: DataType, change: ChangeType) -> bool {
        let filters = &self.options.filters;
        let of_source = |sources: &Vec<Source>| sources.contains(&Source::PublicApi);
        filters.data_types.contains(&data)
            && filters.change_types.as_ref().is_none_or(|types| types.contains(&change))
            && filters.from_sources.as_ref().is_none_or(of_source)
    }

    /// Where changes of records of this table are watched; `None` where they are not.
    pub fn scope(&self, table: &airtable::Table) -> Option<Scope<'_>> {
        match &self.options.filters.record_change_scope {
            None => Some(Scope::Table),
            Some(id) if *id == table.id => Some(Scope::Table),
            Some(id) => table.views.iter().any(|view| view.id == *id).then_some(Scope::View(id)),
        }
    }

    /// Whether values in the cells of this field are watched.
    pub fn watches_data(&self, field: &str) -> bool {
        names(self.options.filters.watch_data_in_field_ids.as_ref(), field)
    }

    /// Whether values in the cells of every field are watched.
    pub fn watches_all_data(&self) -> bool {
        self.options.filters.watch_data_in_field_ids.as_ref().is_none_or(Vec::is_empty)
    }

    /// Whether the definition of this field is watched.
    pub fn watches_schema(&self, field: &str) -> bool {
        names(self.options.filters.watch_schemas_of_field_ids.as_ref(), field)
    }

    /// Whether the value in this field is told whether or not it changed.
    pub fn includes_value(&self, field: &str) -> bool {
        match self.includes().and_then(|includes| includes.cell_values_in_field_ids.as_ref()) {
            None => false,
            Some(FieldIds::All) => true,
            Some(FieldIds::Named(ids)) => ids.iter().any(|id| id == field),
        }
    }

    pub fn includes_previous_values(&self) -> bool {
        self.includes().and_then(|includes| includes.previous_cell_values).unwrap_or(false)
    }

    pub fn includes_previous_definitions(&self) -> bool {
        self.includes().and_then(|includes| includes.previous_field_definitions).unwrap_or(false)
    }

    fn includes(&self) -> Option<&Includes> {
        self.options.includes.as_ref()
    }
}

/// No list, and an empty one, name everything.
fn names(list: Option<&Vec<String>>, id: &str) -> bool {
    list.is_none_or(|ids| ids.is_empty() || ids.iter().any(|known| known == id))
}
