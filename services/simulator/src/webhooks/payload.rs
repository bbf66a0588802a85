//! The payloads of webhooks: one for each request, of what it did that a webhook asks for.

use std::collections::BTreeMap;

use airtable::{Field, time};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    cell_value::Told,
    specification::{self, ChangeType, DataType, Specification},
};
use crate::{
    transaction::{Change, Operation},
    world::{Base, Row, Table, User},
};

/// What was changed: `changedTablesById`, `createdTablesById`, `destroyedTableIds`.
pub type Body = Map<String, Value>;

/// What all payloads of one request have in common.
pub struct Head<'a> {
    pub time: Timestamp,
    /// Counts the requests that changed the base.
    pub transaction: u64,
    pub user: &'a User,
    pub base: &'a Base,
}

impl Head<'_> {
    /// A payload with this body.
    pub fn payload(&self, body: Body) -> Value {
        let mut user = self.user.cell();
        if let Some(user) = user.as_object_mut() {
            user.insert("permissionLevel".to_owned(), json!(self.base.permission_level));
        }
        let mut payload = Map::new();
        payload.insert("timestamp".to_owned(), json!(time::write(self.time)));
        payload.insert("baseTransactionNumber".to_owned(), json!(self.transaction));
        payload.insert("payloadFormat".to_owned(), json!("v0"));
        let action = json!({"source": "publicApi", "sourceMetadata": {"user": user}});
        payload.insert("actionMetadata".to_owned(), action);
        payload.extend(body);
        Value::Object(payload)
    }

    /// The payload that tells that the specification does not fit the base any more.
    pub fn error(&self, body: Body) -> Value {
        let failed = [("error".to_owned(), json!(true)), ("code".to_owned(), json!("INVALID_FILTERS"))];
        self.payload(failed.into_iter().chain(body).collect())
    }
}

/// What happened to the records of a table, or of a view.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Records {
    #[serde(skip_serializing_if = "Map::is_empty")]
    created_records_by_id: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    changed_records_by_id: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    destroyed_record_ids: Vec<String>,
}

/// The cells of a base after a request, and where they are asked for before it.
pub struct Cells<'a> {
    pub base: &'a Base,
    pub now: Told<'a>,
    pub before: Option<Told<'a>>,
}

/// What of these changes the specification asks for; `None` where that is nothing.
pub fn of_records(asked: &Specification, cells: &Cells<'_>, changes: &[Change]) -> Option<Body> {
    let mut tables: BTreeMap<&str, Records> = BTreeMap::new();
    for change in changes {
        if let Some(table) = cells.base.table(&change.table) {
            tables.entry(&change.table).or_default().add(asked, cells, table, change);
        }
    }
    let told = tables.iter().filter(|(_, records)| !records.is_empty()).filter_map(|(id, records)| {
        let told = match asked.scope(&cells.base.table(id)?.schema)? {
            specification::Scope::Table => json!(records),
            specification::Scope::View(view) => json!({"changedViewsById": {view: records}}),
        };
        Some(((*id).to_owned(), told))
    });
    let told: Map<String, Value> = told.collect();
    (!told.is_empty()).then(|| Map::from_iter([("changedTablesById".to_owned(), Value::Object(told))]))
}

impl Records {
    fn is_empty(&self) -> bool {
        self.created_records_by_id.is_empty()
            && self.changed_records_by_id.is_empty()
            && self.destroyed_record_ids.is_empty()
    }

    fn add<'a>(&mut self, asked: &Specification, cells: &Cells<'a>, table: &'a Table, change: &Change) {
        let asks = |how| asked.asks(DataType::Data, how);
        let id = change.record.clone();
        match (change.operation, &change.before, table.row(&id)) {
            (Operation::Create, _, Some(row)) if asks(ChangeType::Add) => {
                self.created_records_by_id.extend(created(asked, cells, table, row).map(|told| (id, told)));
            }
            (Operation::Update, Some((_, before)), Some(row)) if asks(ChangeType::Update) => {
                let told = changed(asked, cells, table, before, row);
                self.changed_records_by_id.extend(told.map(|told| (id, told)));
            }
            (Operation::Delete, ..) if asks(ChangeType::Remove) => self.destroyed_record_ids.push(id),
            _ => {}
        }
    }
}

fn created<'a>(asked: &Specification, cells: &Cells<'a>, table: &'a Table, row: &'a Row) -> Option<Value> {
    let is_filled = |field: &Field| row.cells.contains_key(&field.id);
    let watched = |field: &Field| asked.watches_data(&field.id) && is_filled(field);
    let is_watched = asked.watches_all_data() || table.schema.fields.iter().any(watched);
    let told = |field: &&Field| watched(field) || asked.includes_value(&field.id);
    let mut values = values(table, told, |field: &'a Field| cells.now.cell(table, row, field));
    values.retain(|_, value| !value.is_null());
    is_watched.then(|| json!({"createdTime": time::write(row.created), "cellValuesByFieldId": values}))
}

fn changed<'a>(
    asked: &Specification,
    cells: &Cells<'a>,
    table: &'a Table,
    before: &Row,
    row: &'a Row,
) -> Option<Value> {
    let differs = |field: &Field| before.cells.get(&field.id) != row.cells.get(&field.id);
    let told = |field: &&Field| asked.watches_data(&field.id) && differs(field);
    let now = |field: &'a Field| cells.now.cell(table, row, field);
    let current = values(table, told, now);
    if current.is_empty() {
        return None;
    }
    let mut change = Map::from_iter([("current".to_owned(), json!({"cellValuesByFieldId": current}))]);
    if let Some(told_before) = &cells.before
        && let Some((table, row)) = told_before.record(&table.schema.id, &row.id)
    {
        let previous = values(table, told, |field| told_before.cell(table, row, field));
        change.insert("previous".to_owned(), json!({"cellValuesByFieldId": previous}));
    }
    let unchanged = values(table, |field| asked.includes_value(&field.id) && !differs(field), now);
    if !unchanged.is_empty() {
        change.insert("unchanged".to_owned(), json!({"cellValuesByFieldId": unchanged}));
    }
    Some(Value::Object(change))
}

/// The values of some fields of a table by field id.
fn values<'a>(
    table: &'a Table,
    wanted: impl Fn(&&'a Field) -> bool,
    value: impl Fn(&'a Field) -> Value,
) -> Map<String, Value> {
    table.schema.fields.iter().filter(wanted).map(|field| (field.id.clone(), value(field))).collect()
}
