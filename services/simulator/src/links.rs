//! Links between records: checked, kept on both sides, and forgotten with the record they lead to.

use airtable::{
    Error, Field, FieldType,
    id::Kind,
    written::{self, Link, Written},
};
use serde_json::Value;

use crate::{
    computed::Calculation,
    transaction::Transaction,
    world::{Base, Row, Table, new_id},
};

/// The ids in a link cell.
pub fn ids(cell: Option<&Value>) -> Vec<String> {
    let items = cell.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The ids of the records that a written value means: checked, found by their primary value, or made.
pub fn resolve(transaction: &mut Transaction<'_>, field: &Field, wanted: Vec<Link>) -> Result<Value, Error> {
    let linked = field.linked_table_id().unwrap_or_default().to_owned();
    let mut ids: Vec<Value> = Vec::new();
    for link in wanted {
        let id = match link {
            Link::Primary(text) => find_or_make(transaction, &linked, &text)?,
            Link::Id(id) => {
                check(transaction.base(), &linked, &id)?;
                id
            }
        };
        if !ids.iter().any(|known| known == id.as_str()) {
            ids.push(Value::String(id));
        }
    }
    Ok(Value::Array(ids))
}

/// Sets a link cell and the cells at the other side.
pub fn set(transaction: &mut Transaction<'_>, table: &str, record: &str, field: &Field, value: Value) {
    let held = transaction.table(table).ok().and_then(|table| table.row(record));
    let before = ids(held.and_then(|row| row.cells.get(&field.id)));
    let after = ids(Some(&value));
    transaction.set(table, record, &field.id, value);
    let Some((linked, inverse)) = other_side(field) else { return };
    for gone in before.iter().filter(|id| !after.contains(id)) {
        change(transaction, linked, gone, inverse, |ids| ids.retain(|id| id != record));
    }
    for new in after.iter().filter(|id| !before.contains(id)) {
        change(transaction, linked, new, inverse, |ids| {
            if !ids.iter().any(|id| id == record) {
                ids.push(record.to_owned());
            }
        });
    }
}

/// Takes a record out of every link cell; called before the record is removed.
pub fn forget(transaction: &mut Transaction<'_>, table: &str, record: &str) {
    for (other, field, rows) in leading_to(transaction.base(), table, record) {
        for row in rows {
            change(transaction, &other, &row, &field, |ids| ids.retain(|id| id != record));
        }
    }
}

/// Adds what a fixture says on one side only.
pub fn complete(base: &mut Base) {
    let mut missing = Vec::new();
    for table in &base.tables {
        for field in
            table.schema.fields.iter().filter(|field| field.field_type == FieldType::MultipleRecordLinks)
        {
            let Some((linked, inverse)) = other_side(field) else { continue };
            for row in table.rows() {
                let targets = ids(row.cells.get(&field.id));
                missing.extend(
                    targets
                        .into_iter()
                        .map(|target| (linked.to_owned(), target, inverse.to_owned(), row.id.clone())),
                );
            }
        }
    }
    for (table, target, field, source) in missing {
        let Some(row) = base.table_mut(&table).and_then(|table| table.row_mut(&target)) else { continue };
        let mut known = ids(row.cells.get(&field));
        if !known.contains(&source) {
            known.push(source);
            row.cells.insert(field, Value::from(known));
        }
    }
}

fn other_side(field: &Field) -> Option<(&str, &str)> {
    Some((field.linked_table_id()?, field.inverse_link_field_id()?))
}

fn change(
    transaction: &mut Transaction<'_>,
    table: &str,
    record: &str,
    field: &str,
    change: impl FnOnce(&mut Vec<String>),
) {
    let Some(row) = transaction.table(table).ok().and_then(|table| table.row(record)) else { return };
    let mut ids = ids(row.cells.get(field));
    change(&mut ids);
    transaction.set(table, record, field, Value::from(ids));
}

/// Tables, fields and rows with a link to a record. Its own cells tell the two-sided ones; others are searched for.
fn leading_to(base: &Base, table: &str, record: &str) -> Vec<(String, String, Vec<String>)> {
    let own = base.table(table).and_then(|table| table.row(record));
    let mut found = Vec::new();
    for other in &base.tables {
        for field in &other.schema.fields {
            if field.field_type != FieldType::MultipleRecordLinks || field.linked_table_id() != Some(table) {
                continue;
            }
            let rows = match field.inverse_link_field_id() {
                Some(inverse) => ids(own.and_then(|row| row.cells.get(inverse))),
                None => holding(other, &field.id, record),
            };
            found.push((other.schema.id.clone(), field.id.clone(), rows));
        }
    }
    found
}

fn holding(table: &Table, field: &str, record: &str) -> Vec<String> {
    let holds = |row: &&Row| ids(row.cells.get(field)).iter().any(|id| id == record);
    table.rows().filter(holds).map(|row| row.id.clone()).collect()
}

fn check(base: &Base, linked: &str, record: &str) -> Result<(), Error> {
    match base.table_of(record) {
        Some(table) if table.schema.id == linked => Ok(()),
        Some(table) => Err(Error::RowOfOtherTable {
            record: record.to_owned(),
            table: table.schema.id.clone(),
            linked: linked.to_owned(),
        }),
        None => Err(Error::RowDoesNotExist(record.to_owned())),
    }
}

fn find_or_make(transaction: &mut Transaction<'_>, linked: &str, text: &str) -> Result<String, Error> {
    let calculation = Calculation::new(transaction.scope());
    let table = transaction.table(linked)?;
    let found = table.rows().find(|row| calculation.primary_text(table, row) == text);
    // Once the time is over every text is empty: the record that is meant may have been passed over.
    transaction.deadline.check()?;
    if let Some(row) = found {
        return Ok(row.id.clone());
    }
    let primary = table.schema.primary_field().ok_or(Error::ModelNotFound)?.clone();
    let Written::Cell(value) = written::accept(&primary, &Value::String(text.to_owned()), true)? else {
        return Err(Error::CannotAccept(primary.name));
    };
    let id = new_id(Kind::Record);
    transaction.insert(linked, &id);
    transaction.set(linked, &id, &primary.id, value);
    Ok(id)
}
