//! `spec.schema` of an `AirtableBase`: the tables and fields that a base should have, and how the found ones differ.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The tables and fields that a base should have.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct DesiredSchema {
    /// What the operator does about a difference.
    pub policy: SchemaPolicy,
    /// The tables, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub tables: Vec<DesiredTable>,
}

/// What the operator does about a difference between the declared and the found schema.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaPolicy {
    /// Says so in a condition.
    Observe,
    /// Also adds what is missing.
    Create,
    /// Also changes what Airtable's API can change: names, descriptions and formulas. Nothing is ever removed.
    Apply,
}

/// A table that a base should have.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("size(self.fields) == 0 || !(self.fields[0].type in ['button', 'checkbox', 'count', 'multipleAttachments', 'multipleCollaborators', 'multipleLookupValues', 'multipleRecordLinks', 'multipleSelects', 'rating', 'rollup', 'singleCollaborator', 'singleSelect'])").message("the first field of a table is its primary field, which can't be of this type: let a field of type singleLineText, number or date be the first"))]
pub struct DesiredTable {
    /// Id of the table, so that `name` may change; found by its name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 17, max = 17), pattern(r"^tbl[A-Za-z0-9]{14}$"))]
    pub id: Option<String>,
    /// Name of the table.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// Its description; not compared when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20_000))]
    pub description: Option<String>,
    /// Its fields; the first is the primary field.
    #[schemars(length(min = 1, max = 500))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub fields: Vec<DesiredField>,
}

/// A field that a table should have.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.type == 'multipleRecordLinks') == has(self.linkedTable)").message("a field of type multipleRecordLinks needs linkedTable, the name of a table; a field of another type has none"))]
#[x_kube(validation = Rule::new("!has(self.inverseField) || has(self.linkedTable)").message("inverseField names the other side of a link: only a field with linkedTable has one"))]
pub struct DesiredField {
    /// Id of the field, so that `name` may change; found by its name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 17, max = 17), pattern(r"^fld[A-Za-z0-9]{14}$"))]
    pub id: Option<String>,
    /// Name of the field.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// Type of the field in Airtable's words, for example `singleLineText`. Fields that Airtable computes (`formula`,
    /// `rollup`, `count` …) can't be created by its API: create them in Airtable, here they are compared.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("self in ['aiText', 'autoNumber', 'barcode', 'button', 'checkbox', 'count', 'createdBy', 'createdTime', 'currency', 'date', 'dateTime', 'duration', 'email', 'externalSyncSource', 'formula', 'lastModifiedBy', 'lastModifiedTime', 'multilineText', 'multipleAttachments', 'multipleCollaborators', 'multipleLookupValues', 'multipleRecordLinks', 'multipleSelects', 'number', 'percent', 'phoneNumber', 'rating', 'richText', 'rollup', 'singleCollaborator', 'singleLineText', 'singleSelect', 'url']").message("type must be a field type of Airtable: singleLineText, multilineText, richText, email, url, phoneNumber, number, percent, currency, rating, duration, checkbox, date, dateTime, singleSelect, multipleSelects, multipleRecordLinks, multipleAttachments, singleCollaborator, multipleCollaborators, barcode; or one that Airtable computes, for example formula, which must be created in Airtable"))]
    pub r#type: String,
    /// Its description; not compared when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20_000))]
    pub description: Option<String>,
    /// The table that a link field links to, by name or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub linked_table: Option<String>,
    /// Name of the field at the other side of a link, in the linked table; Airtable names it after the table when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub inverse_field: Option<String>,
    /// Options of the type, as Airtable's API takes them. Only those named are compared; those that a new field must
    /// have and that are absent get a usual value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::any_object")]
    pub options: Option<Map<String, Value>>,
}

/// One difference between the declared and the found schema.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// What makes the difference go away: `CreateTable`, `CreateField`, `UpdateTable`, `UpdateField` or `CannotChange`.
    pub action: String,
    /// Name of the table.
    pub table: String,
    /// Name of the field; absent where the table itself differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What differs, for example `description` or `options.precision`.
    pub what: String,
    /// What is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    /// What the base has; absent where it has nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// Why it can't be changed, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
