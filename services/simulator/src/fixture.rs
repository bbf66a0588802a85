//! Fixtures and snapshots: the world as one JSON file, with ids kept as given.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use airtable::{Cells, FieldType, cell, id::Kind, time};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    account::Account,
    audit::Audit,
    comments::Comments,
    computed, dependencies, derived, links,
    sharing::BaseSharing,
    views,
    webhooks::Webhooks,
    world::{Base, Row, Table, User, World},
};

const SAMPLE: &str = include_str!("../fixtures/crm.json");

/// The file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fixture {
    user: User,
    #[serde(default)]
    account: Account,
    bases: Vec<FixtureBase>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FixtureBase {
    id: String,
    name: String,
    permission_level: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    workspace_id: Option<String>,
    tables: Vec<airtable::Table>,
    #[serde(default)]
    sharing: BaseSharing,
    /// By table id.
    #[serde(default)]
    records: BTreeMap<String, Vec<FixtureRecord>>,
    /// By record id.
    #[serde(default, skip_serializing_if = "Comments::is_empty")]
    comments: Comments,
    /// As a snapshot has them.
    #[serde(default, skip_serializing_if = "Webhooks::is_untouched")]
    webhooks: Webhooks,
}

/// A record as it is listed; a snapshot adds what a listing does not tell.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FixtureRecord {
    id: String,
    created_time: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    modified: BTreeMap<String, Timestamp>,
    #[serde(default)]
    fields: Cells,
}

/// Why a fixture cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("fixture {path} cannot be read: {error}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not a fixture.
    #[error("fixture {path} is not valid: {error}")]
    Invalid {
        /// Which file.
        path: String,
        /// Where and why.
        error: serde_json::Error,
    },
    /// The id of a base has not the shape of one, so that no call could name it.
    #[error("fixture: base {0}: its id must be app and 14 letters or digits")]
    MalformedBase(String),
    /// Records are given for a table that is not there.
    #[error("fixture: base {base} has records for table {table}, which is not among its tables")]
    UnknownTable {
        /// The id of the base.
        base: String,
        /// The id given.
        table: String,
    },
    /// A record has a cell of a field that is not there.
    #[error("fixture: record {record} has a cell for field {field}, which table {table} does not have")]
    UnknownField {
        /// The id of the record.
        record: String,
        /// The name or id given.
        field: String,
        /// The id of the table.
        table: String,
    },
    /// A view cannot be shown.
    #[error("fixture: base {base}, table {table}: {reason}")]
    View {
        /// The id of the base.
        base: String,
        /// The id of the table.
        table: String,
        /// Which view, and why.
        reason: String,
    },
    /// Computed fields need each other.
    #[error("fixture: base {base}: {fields}")]
    Circular {
        /// The id of the base.
        base: String,
        /// Which, in their order.
        fields: String,
    },
}

impl Fixture {
    /// The small customer base that the simulator starts with when nothing else is said.
    pub fn sample() -> Result<Self, Error> {
        Self::parse(SAMPLE, "crm.json")
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &name),
            Err(error) => Err(Error::Unreadable { path: name, error }),
        }
    }

    /// Reads a text; `path` is for messages.
    pub fn parse(text: &str, path: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|error| Error::Invalid { path: path.to_owned(), error })
    }

    /// The world that the file describes, links complete on both sides.
    pub fn into_world(self) -> Result<World, Error> {
        let bases = self.bases.into_iter().map(FixtureBase::into_base).collect::<Result<Vec<_>, _>>()?;
        let mut account = self.account;
        account.complete(&bases);
        Ok(World { user: self.user, account, bases, audit: Audit::default() })
    }

    /// The file that describes a world.
    pub fn of_world(world: &World) -> Self {
        Self {
            user: world.user.clone(),
            account: world.account.clone(),
            bases: world.bases.iter().map(FixtureBase::of_base).collect(),
        }
    }
}

impl FixtureBase {
    fn into_base(self) -> Result<Base, Error> {
        if !Kind::Base.names(&self.id) {
            return Err(Error::MalformedBase(self.id));
        }
        let mut base = Base {
            id: self.id.clone(),
            name: self.name,
            permission_level: self.permission_level,
            workspace_id: self.workspace_id,
            tables: self.tables.into_iter().map(|schema| Arc::new(Table::new(schema))).collect(),
            comments: self.comments,
            webhooks: self.webhooks,
            sharing: self.sharing,
        };
        for (id, records) in self.records {
            let unknown = || Error::UnknownTable { base: base.id.clone(), table: id.clone() };
            if base.table(&id).is_none_or(|table| table.schema.id != id) {
                return Err(unknown());
            }
            let Some(table) = base.table_mut(&id) else { continue };
            for record in records {
                record.into_table(table)?;
            }
        }
        for table in &base.tables {
            let unusable =
                |reason| Error::View { base: base.id.clone(), table: table.schema.id.clone(), reason };
            views::check(&table.schema).map_err(unusable)?;
        }
        links::complete(&mut base);
        derived::complete(&mut base);
        let circle = dependencies::circle(&base);
        circle.map_or(Ok(base), |names| {
            Err(Error::Circular { base: self.id, fields: derived::circular(&names) })
        })
    }

    fn of_base(base: &Base) -> Self {
        let records = |table: &Table| table.rows().map(|row| FixtureRecord::of_row(table, row)).collect();
        Self {
            id: base.id.clone(),
            name: base.name.clone(),
            permission_level: base.permission_level.clone(),
            workspace_id: base.workspace_id.clone(),
            tables: base.tables.iter().map(|table| table.schema.clone()).collect(),
            sharing: base.sharing.clone(),
            records: base.tables.iter().map(|table| (table.schema.id.clone(), records(table))).collect(),
            comments: base.comments.clone(),
            webhooks: base.webhooks.clone(),
        }
    }
}

impl FixtureRecord {
    fn into_table(self, table: &mut Table) -> Result<(), Error> {
        let mut cells = Cells::new();
        for (name, value) in self.fields {
            let Some(field) = table.schema.field(&name) else {
                return Err(Error::UnknownField {
                    record: self.id,
                    field: name,
                    table: table.schema.id.clone(),
                });
            };
            if !cell::is_empty(&value) && !computed::is_made_here(field) {
                cells.insert(field.id.clone(), canonical(&field.field_type, value));
            }
        }
        let row = Row { id: self.id, created: self.created_time, modified: self.modified, cells };
        match self.number {
            Some(number) => table.put(number, row),
            None => table.push(row),
        }
        Ok(())
    }

    fn of_row(table: &Table, row: &Row) -> Self {
        Self {
            id: row.id.clone(),
            created_time: row.created,
            number: table.number(&row.id),
            modified: row.modified.clone(),
            fields: row.cells.clone(),
        }
    }
}

/// A moment with milliseconds, as Airtable would list it; all else as given.
fn canonical(field_type: &FieldType, value: Value) -> Value {
    match value {
        Value::String(text) if *field_type == FieldType::DateTime => {
            let at = time::read(&text, &jiff::tz::TimeZone::UTC);
            Value::String(at.map_or(text, time::write))
        }
        value => value,
    }
}
