//! What declared rights come to in a base as it is: which tables, fields and links a client may read and write. Pure.

use std::collections::HashSet;

use airtable::{Field, FieldType, Table};
use serde::Deserialize;

use crate::schema;

/// Rights on one table, as declared: `{"name", "readOnly"?, "fields"?}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TableRights {
    /// Id or name of the table.
    pub name: String,
    #[serde(default)]
    pub read_only: bool,
    /// Ids or names of the only fields that are allowed; all where absent.
    #[serde(default)]
    pub fields: Option<Vec<String>>,
}

/// Rights, and the tables of the base that they are for.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    pub rights: &'a [TableRights],
    pub tables: &'a [Table],
}

impl<'a> Scope<'a> {
    /// What is granted of the table that a path names by id or name; nothing of a table that is not there.
    pub fn named(self, name_or_id: &str) -> Option<Grant<'a>> {
        self.of(schema::table(self.tables, name_or_id)?)
    }

    /// What is granted of each table that is.
    pub fn grants(self) -> impl Iterator<Item = Grant<'a>> {
        self.tables.iter().filter_map(move |table| self.of(table))
    }

    fn of(self, of: &'a Table) -> Option<Grant<'a>> {
        let is_meant =
            |rights: &&TableRights| schema::table(self.tables, &rights.name).is_some_and(|it| it.id == of.id);
        let rights: Vec<_> = self.rights.iter().filter(is_meant).collect();
        (!rights.is_empty()).then_some(Grant { scope: self, table: of, rights })
    }
}

/// What is granted of a table. Where it was declared twice, by id and by name, both have to allow what is done.
#[derive(Debug, Clone)]
pub struct Grant<'a> {
    scope: Scope<'a>,
    pub table: &'a Table,
    rights: Vec<&'a TableRights>,
}

impl<'a> Grant<'a> {
    /// Whether records may be written at all.
    pub fn writes(&self) -> bool {
        self.rights.iter().all(|rights| !rights.read_only)
    }

    /// Whether no field is hidden.
    pub fn is_whole(&self) -> bool {
        self.rights.iter().all(|rights| rights.fields.is_none())
    }

    /// Whether every cell of a record may be changed, also those at the other side of its links: what it takes to
    /// delete or replace it.
    pub fn writes_all(&self) -> bool {
        self.writes()
            && self.is_whole()
            && self.table.fields.iter().all(|field| !is_link(field) || self.writes_cell(field))
    }

    /// Whether this cell may be written. A link is written at both its sides, and typecast creates records there.
    pub fn writes_cell(&self, field: &Field) -> bool {
        let reaches = || {
            let there = self.linked(field)?;
            let shows = |id: &str| there.table.fields.iter().any(|it| it.id == id && there.shows(it));
            let inverse = field.inverse_link_field_id().is_none_or(shows);
            Some(there.writes() && inverse && shows(&there.table.primary_field_id))
        };
        self.writes() && self.shows(field) && (!is_link(field) || reaches().unwrap_or_default())
    }

    /// The one field that a request names by id or name; none where a hidden one may be meant.
    pub fn field(&self, name: &str) -> Option<&'a Field> {
        self.only(|field| field.id == name || field.name == name)
    }

    /// As [`Grant::field`], where its value counts as people see it: of a link, as the names of the records there.
    pub fn legible(&self, name: &str) -> Option<&'a Field> {
        self.field(name).filter(|field| self.is_legible(field))
    }

    /// As [`Grant::legible`], by the rule of formulas: without regard to case where no name fits exactly.
    pub fn legible_in_formula(&self, name: &str) -> Option<&'a Field> {
        let lower = name.to_lowercase();
        let is_meant = |field: &&Field| field.id == name || field.name.to_lowercase() == lower;
        let is_hidden = |field: &Field| !self.shows(field) || !self.is_legible(field);
        if self.table.fields.iter().filter(is_meant).any(is_hidden) {
            return None;
        }
        self.table.fields.get(self.table.field_in_formula(name)?)
    }

    /// Whether some cell, `as_text` or as JSON, may not be answered: a field that was added meanwhile may not, where all
    /// that may are declared.
    pub fn hides(&self, as_text: bool) -> bool {
        !self.is_whole() || self.visible(as_text).count() < self.table.fields.len()
    }

    /// The fields whose cells may be answered.
    pub fn visible(&self, as_text: bool) -> impl Iterator<Item = &'a Field> {
        self.table
            .fields
            .iter()
            .filter(move |field| self.shows(field) && (!as_text || self.is_legible(field)))
    }

    /// The names and ids by which cells may be answered; none where all may be.
    pub fn keys(&self, as_text: bool) -> Option<HashSet<String>> {
        let names = |field: &Field| [field.id.clone(), field.name.clone()];
        let mut keys: HashSet<String> = self.visible(as_text).flat_map(names).collect();
        if !self.hides(as_text) {
            return None;
        }
        let seen: HashSet<&str> = self.visible(as_text).map(|field| field.id.as_str()).collect();
        for hidden in self.table.fields.iter().filter(|field| !seen.contains(field.id.as_str())) {
            keys.remove(&hidden.id);
            keys.remove(&hidden.name);
        }
        Some(keys)
    }

    fn shows(&self, field: &Field) -> bool {
        let names = |names: &Vec<String>| names.iter().any(|name| *name == field.id || *name == field.name);
        self.rights.iter().all(|rights| rights.fields.as_ref().is_none_or(names))
    }

    fn is_legible(&self, field: &Field) -> bool {
        !is_link(field)
            || self
                .linked(field)
                .is_some_and(|there| there.table.primary_field().is_some_and(|it| there.shows(it)))
    }

    fn linked(&self, field: &Field) -> Option<Self> {
        let id = field.linked_table_id()?;
        self.scope.of(self.scope.tables.iter().find(|table| table.id == id)?)
    }

    fn only(&self, means: impl Fn(&Field) -> bool) -> Option<&'a Field> {
        let mut all = self.table.fields.iter().filter(|field| means(field));
        let first = all.next()?;
        (self.shows(first) && all.all(|other| self.shows(other))).then_some(first)
    }
}

fn is_link(field: &Field) -> bool {
    field.field_type == FieldType::MultipleRecordLinks
}
