//! What the simulator holds: a user, bases, their tables, and the records in them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use airtable::{Cells, id::Kind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{account::Account, audit::Audit, comments::Comments, sharing::BaseSharing, webhooks::Webhooks};

/// Everything that Airtable would hold.
#[derive(Debug, Clone)]
pub struct World {
    pub user: User,
    pub account: Account,
    pub bases: Vec<Base>,
    pub audit: Audit,
}

/// Whose token every token is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// `usr…`.
    pub id: String,
    /// Also shown as the name where none is given.
    pub email: String,
    /// As collaborators see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Other people that cells may name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub colleagues: Vec<User>,
}

/// A base. Names and ids as in the meta API. A copy shares what it holds until that is changed.
#[derive(Debug, Clone)]
pub struct Base {
    pub id: String,
    pub name: String,
    pub permission_level: String,
    pub workspace_id: Option<String>,
    pub tables: Vec<Arc<Table>>,
    pub comments: Comments,
    pub webhooks: Webhooks,
    pub sharing: BaseSharing,
}

/// A table: its schema, and its rows in the order of creation.
#[derive(Debug, Clone)]
pub struct Table {
    pub schema: airtable::Table,
    rows: BTreeMap<u64, Arc<Row>>,
    numbers: HashMap<String, u64>,
    next_number: u64,
}

/// A record as it is kept: cells by field id, only those that are not empty and not computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub id: String,
    pub created: Timestamp,
    /// When each field was last changed since.
    pub modified: BTreeMap<String, Timestamp>,
    pub cells: Cells,
}

impl Row {
    /// When one of the cells of these fields was changed last, of any where none is named. A cell that the record came with
    /// is as old as the record.
    pub fn last_modified<'a>(&self, fields: impl IntoIterator<Item = &'a str>) -> Option<Timestamp> {
        let mut fields = fields.into_iter().peekable();
        if fields.peek().is_none() {
            return Some(self.modified.values().max().copied().unwrap_or(self.created));
        }
        let came_with_it = |id: &str| self.cells.contains_key(id).then_some(self.created);
        fields.filter_map(|id| self.modified.get(id).copied().or_else(|| came_with_it(id))).max()
    }
}

/// A new id that nothing has yet.
pub fn new_id(kind: Kind) -> String {
    kind.id(Uuid::new_v4().as_u128())
}

impl World {
    pub fn base(&self, id: &str) -> Option<&Base> {
        self.bases.iter().find(|base| base.id == id)
    }
}

impl User {
    /// The user as the value of a cell.
    pub fn cell(&self) -> Value {
        json!({"id": self.id, "email": self.email, "name": self.name.as_ref().unwrap_or(&self.email)})
    }

    /// The user and the colleagues.
    pub fn people(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.colleagues)
    }

    /// Whom a collaborator in a cell means: by the id, else the e-mail address, else the name that it has.
    pub fn meant(&self, collaborator: &Value) -> Option<&Self> {
        let text = |part: &str| collaborator.get(part).and_then(Value::as_str);
        let is_meant = |person: &&Self| match (text("id"), text("email"), text("name")) {
            (Some(id), ..) => person.id == id,
            (_, Some(email), _) => person.email.eq_ignore_ascii_case(email),
            (_, _, name) => name.is_some() && person.name.as_deref() == name,
        };
        self.people().find(is_meant)
    }

    /// A collaborator cell with what is known of the people in it.
    pub fn complete(&self, cell: Value) -> Value {
        match cell {
            Value::Array(items) => items.into_iter().map(|item| self.complete(item)).collect(),
            one => self.meant(&one).map_or(one, Self::cell),
        }
    }
}

impl Base {
    /// A base without tables.
    pub fn new(name: String, workspace: String, now: Timestamp) -> Self {
        Self {
            id: new_id(Kind::Base),
            name,
            permission_level: "create".to_owned(),
            workspace_id: Some(workspace),
            tables: vec![],
            comments: Comments::default(),
            webhooks: Webhooks::default(),
            sharing: BaseSharing { created_time: now, ..BaseSharing::default() },
        }
    }

    /// A copy that is quickly made: without webhooks, which no record tells of.
    pub fn without_webhooks(&self) -> Self {
        Self {
            id: self.id.clone(),
            name: self.name.clone(),
            permission_level: self.permission_level.clone(),
            workspace_id: self.workspace_id.clone(),
            tables: self.tables.clone(),
            comments: self.comments.clone(),
            webhooks: Webhooks::default(),
            sharing: self.sharing.clone(),
        }
    }

    /// The table with this id or name; without regard to case where nothing fits exactly.
    pub fn table(&self, id_or_name: &str) -> Option<&Table> {
        let tables = || self.tables.iter().map(Arc::as_ref);
        let find = |fits: &dyn Fn(&airtable::Table) -> bool| tables().find(|table| fits(&table.schema));
        let lower = id_or_name.to_lowercase();
        find(&|schema| schema.id == id_or_name)
            .or_else(|| find(&|schema| schema.name == id_or_name))
            .or_else(|| find(&|schema| schema.name.to_lowercase() == lower))
    }

    /// The table with exactly this id, to change it.
    pub fn table_mut(&mut self, id: &str) -> Option<&mut Table> {
        self.tables.iter_mut().find(|table| table.schema.id == id).map(Arc::make_mut)
    }

    /// The table that a record is in.
    pub fn table_of(&self, record: &str) -> Option<&Table> {
        self.tables.iter().map(Arc::as_ref).find(|table| table.row(record).is_some())
    }
}

impl Table {
    pub fn new(schema: airtable::Table) -> Self {
        Self { schema, rows: BTreeMap::new(), numbers: HashMap::new(), next_number: 1 }
    }

    pub fn row(&self, id: &str) -> Option<&Row> {
        self.rows.get(self.numbers.get(id)?).map(Arc::as_ref)
    }

    pub fn row_mut(&mut self, id: &str) -> Option<&mut Row> {
        self.rows.get_mut(self.numbers.get(id)?).map(Arc::make_mut)
    }

    /// The number of a record, as `autoNumber` counts.
    pub fn number(&self, id: &str) -> Option<u64> {
        self.numbers.get(id).copied()
    }

    /// The number that the next record gets.
    pub fn next_number(&self) -> u64 {
        self.next_number
    }

    /// Counts on from here, where no record has this number or a later one.
    pub fn count_from(&mut self, number: u64) {
        self.next_number = number;
    }

    /// In the order of creation.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().map(Arc::as_ref)
    }

    /// Adds a row at the end.
    pub fn push(&mut self, row: Row) {
        self.put(self.next_number, row);
    }

    /// Puts a row at its place; numbers are not used again.
    pub fn put(&mut self, number: u64, row: Row) {
        self.next_number = self.next_number.max(number + 1);
        self.numbers.insert(row.id.clone(), number);
        self.rows.insert(number, Arc::new(row));
    }

    pub fn remove(&mut self, id: &str) -> Option<Row> {
        self.rows.remove(&self.numbers.remove(id)?).map(Arc::unwrap_or_clone)
    }
}
