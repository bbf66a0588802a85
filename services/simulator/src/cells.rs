//! Writing one cell: whichever kind of field it is.

use airtable::{
    Choice, Error, Field, FieldType, cell,
    id::Kind,
    written::{self, Written},
};
use serde_json::Value;

use crate::{
    attachments, links,
    transaction::Transaction,
    world::{User, new_id},
};

/// Sets the cell of `field` to what `value` means there.
pub fn write(
    transaction: &mut Transaction<'_>,
    table: &str,
    record: &str,
    field: &Field,
    value: &Value,
    typecast: bool,
) -> Result<(), Error> {
    let accepted = accept(transaction, table, record, field, value, typecast)?;
    if field.field_type == FieldType::MultipleRecordLinks {
        links::set(transaction, table, record, field, accepted);
    } else {
        transaction.set(table, record, &field.id, accepted);
    }
    Ok(())
}

/// The value as it would be kept. With `typecast` that may make choices and linked records.
pub fn accept(
    transaction: &mut Transaction<'_>,
    table: &str,
    record: &str,
    field: &Field,
    value: &Value,
    typecast: bool,
) -> Result<Value, Error> {
    if field.field_type == FieldType::MultipleAttachments && !cell::is_empty(value) {
        let row = transaction.table(table)?.row(record);
        return attachments::cell::accept(field, value, row.and_then(|row| row.cells.get(&field.id)));
    }
    // A choice may have been made by an earlier record of the same request.
    let current = transaction.table(table)?.schema.field(&field.id).unwrap_or(field);
    let names_people =
        matches!(current.field_type, FieldType::SingleCollaborator | FieldType::MultipleCollaborators);
    match written::accept(current, value, typecast)? {
        Written::Cell(cell) if names_people => people(transaction.user, current, cell),
        Written::Cell(cell) => Ok(cell),
        Written::Chosen { cell, new } => {
            for name in new {
                let color = Some("blueLight2".to_owned());
                transaction.add_choice(table, &field.id, &Choice { id: new_id(Kind::Choice), name, color });
            }
            Ok(cell)
        }
        Written::Links(wanted) => links::resolve(transaction, field, wanted),
    }
}

/// A collaborator or a list of them, each once, with all that is known of them.
fn people(user: &User, field: &Field, cell: Value) -> Result<Value, Error> {
    let known =
        |one: &Value| user.meant(one).map(User::cell).ok_or_else(|| Error::CannotAccept(field.name.clone()));
    match cell {
        Value::Null => Ok(Value::Null),
        Value::Array(items) => {
            let mut people = Vec::new();
            for person in items.iter().map(known) {
                let person = person?;
                if !people.contains(&person) {
                    people.push(person);
                }
            }
            Ok(Value::Array(people))
        }
        one => known(&one),
    }
}
