//! Changes of a base that take effect together or not at all, with the payloads that tell webhooks of them.
//!
//! Works in place and remembers what was there before: that undoes a refused request, and tells what an accepted one changed.

use std::collections::{BTreeMap, HashMap};

use airtable::{Cells, Choice, Error, cell};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    computed::Scope,
    deadline::Deadline,
    directory::Directory,
    webhooks,
    world::{Base, Row, Table, User},
};

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    Create,
    Update,
    Delete,
}

/// A record that came, changed or went.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The id of the table.
    pub table: String,
    pub operation: Operation,
    /// The id of the record.
    pub record: String,
    /// By field name: what was created, what is new (null where cleared), or what was deleted.
    pub fields: Cells,
    /// Its number and how it was before, where it was there.
    pub before: Option<(u64, Row)>,
}

/// A transaction that runs.
pub struct Transaction<'a> {
    base: &'a mut Base,
    /// Who writes.
    pub user: &'a User,
    /// When it happens, the same for all of it.
    pub now: Timestamp,
    /// Until when it may compute.
    pub deadline: Deadline,
    touched: Vec<(String, String)>,
    before: HashMap<(String, String), Option<(u64, Row)>>,
    /// The number that the next record had at first, by table.
    numbers: HashMap<String, u64>,
    schemas: Vec<airtable::Table>,
}

/// Runs `work` on `base`; what it did stays when it succeeds and webhooks could be told, and is undone when it fails.
pub fn run<T>(
    base: &mut Base,
    directory: Directory<'_>,
    now: Timestamp,
    deadline: Deadline,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Error>,
) -> Result<(T, Vec<Change>), Error> {
    let (touched, before, numbers, schemas) = (vec![], HashMap::new(), HashMap::new(), vec![]);
    let user = directory.user;
    let mut transaction = Transaction { base, user, now, deadline, touched, before, numbers, schemas };
    let done = work(&mut transaction).and_then(|result| {
        let changes = transaction.changes();
        webhooks::note_records(transaction.base, &changes, directory, now, deadline)?;
        Ok((result, changes))
    });
    if done.is_err() {
        transaction.undo();
    }
    done
}

/// A base as it was before these changes of its records.
pub fn before(base: &Base, changes: &[Change]) -> Base {
    let mut before = base.clone();
    for change in changes {
        put_back(&mut before, &change.table, &change.record, change.before.clone());
    }
    before
}

fn put_back(base: &mut Base, table: &str, record: &str, before: Option<(u64, Row)>) {
    let Some(table) = base.table_mut(table) else { return };
    table.remove(record);
    if let Some((number, row)) = before {
        table.put(number, row);
    }
}

impl Transaction<'_> {
    /// What computing may look at by now.
    pub fn scope(&self) -> Scope<'_> {
        Scope { user: self.user, base: self.base, now: self.now, deadline: self.deadline }
    }

    /// The base as it is by now.
    pub fn base(&self) -> &Base {
        self.base
    }

    /// A table by its id as it is by now.
    pub fn table(&self, id: &str) -> Result<&Table, Error> {
        self.base.table(id).ok_or(Error::ModelNotFound)
    }

    /// Adds an empty record.
    pub fn insert(&mut self, table: &str, id: &str) {
        self.touch(table, id);
        // Airtable tells when a record was created to the second.
        let created = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        let row = Row { id: id.to_owned(), created, modified: BTreeMap::default(), cells: Cells::new() };
        if let Some(held) = self.base.table_mut(table) {
            self.numbers.entry(table.to_owned()).or_insert(held.next_number());
            held.push(row);
        }
    }

    /// Sets a cell, or clears it where the value is empty. Nothing happens when it holds that value already.
    pub fn set(&mut self, table: &str, record: &str, field: &str, value: Value) {
        let value = Some(value).filter(|value| !cell::is_empty(value));
        let current = self.base.table(table).and_then(|table| table.row(record));
        if current.is_none_or(|row| row.cells.get(field) == value.as_ref()) {
            return;
        }
        self.touch(table, record);
        let now = self.now;
        let Some(row) = self.base.table_mut(table).and_then(|table| table.row_mut(record)) else { return };
        match value {
            Some(value) => drop(row.cells.insert(field.to_owned(), value)),
            None => drop(row.cells.shift_remove(field)),
        }
        row.modified.insert(field.to_owned(), now);
    }

    /// Removes a record.
    pub fn remove(&mut self, table: &str, record: &str) {
        self.touch(table, record);
        if let Some(table) = self.base.table_mut(table) {
            table.remove(record);
        }
    }

    /// Adds a choice to a select field.
    pub fn add_choice(&mut self, table: &str, field: &str, choice: &Choice) {
        let Some(table) = self.base.table_mut(table) else { return };
        self.schemas.push(table.schema.clone());
        if let Some(field) = table.schema.fields.iter_mut().find(|known| known.id == field) {
            field.add_choice(choice);
        }
    }

    fn touch(&mut self, table: &str, record: &str) {
        let key = (table.to_owned(), record.to_owned());
        if self.before.contains_key(&key) {
            return;
        }
        let held = self.base.table(table);
        let before = held.and_then(|held| Some((held.number(record)?, held.row(record)?.clone())));
        self.before.insert(key.clone(), before);
        self.touched.push(key);
    }

    fn undo(self) {
        for ((table, record), before) in self.before {
            put_back(self.base, &table, &record, before);
        }
        for (table, number) in self.numbers {
            if let Some(table) = self.base.table_mut(&table) {
                table.count_from(number);
            }
        }
        for schema in self.schemas.into_iter().rev() {
            if let Some(table) = self.base.table_mut(&schema.id) {
                table.schema = schema;
            }
        }
    }

    fn changes(&self) -> Vec<Change> {
        self.touched.iter().filter_map(|key| self.change(key)).collect()
    }

    fn change(&self, key: &(String, String)) -> Option<Change> {
        let before = self.before.get(key)?.clone();
        let (table, record) = key.clone();
        let held = self.base.table(&table)?;
        let (operation, cells) = match (&before, held.row(&record)) {
            (None, Some(row)) => (Operation::Create, row.cells.clone()),
            (Some((_, before)), None) => (Operation::Delete, before.cells.clone()),
            (Some((_, before)), Some(row)) => (Operation::Update, difference(&before.cells, &row.cells)),
            (None, None) => return None,
        };
        if operation == Operation::Update && cells.is_empty() {
            return None;
        }
        let name = |id: String| held.schema.field(&id).map_or(id.clone(), |field| field.name.clone());
        let fields = cells.into_iter().map(|(id, value)| (name(id), value)).collect();
        Some(Change { table, operation, record, fields, before })
    }
}

/// What is new in `after`, with null for what is gone.
fn difference(before: &Cells, after: &Cells) -> Cells {
    let gone = before.keys().filter(|id| !after.contains_key(*id)).map(|id| (id.clone(), Value::Null));
    let new = after.iter().filter(|(id, value)| before.get(*id) != Some(*value));
    new.map(|(id, value)| (id.clone(), value.clone())).chain(gone).collect()
}
