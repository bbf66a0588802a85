//! Writing one cell: whichever kind of field it is.

use airtable::{Choice, Error, Field, FieldType, cell, id::Kind};
use serde_json::Value;

use crate::{attachments, links, scalar, transaction::Transaction, world::new_id};

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
    if field.field_type.is_computed() {
        return Err(Error::Computed(field.name.clone()));
    }
    if cell::is_empty(value) {
        return Ok(Value::Null);
    }
    match field.field_type {
        FieldType::MultipleRecordLinks => links::accept(transaction, field, value, typecast),
        FieldType::SingleSelect => choice(transaction, table, field, value, typecast),
        FieldType::MultipleSelects => choices(transaction, table, field, value, typecast),
        FieldType::MultipleAttachments => {
            let row = transaction.table(table)?.row(record);
            attachments::cell::accept(field, value, row.and_then(|row| row.cells.get(&field.id)))
        }
        _ => scalar::accept(field, value, typecast),
    }
}

fn choices(
    transaction: &mut Transaction<'_>,
    table: &str,
    field: &Field,
    value: &Value,
    typecast: bool,
) -> Result<Value, Error> {
    let items = match value {
        Value::Array(items) => items.clone(),
        Value::String(text) if typecast => {
            scalar::comma_separated(text).into_iter().map(Value::String).collect()
        }
        _ => return Err(Error::CannotAccept(field.name.clone())),
    };
    let mut chosen = Vec::new();
    for item in &items {
        let name = choice(transaction, table, field, item, typecast)?;
        if !chosen.contains(&name) {
            chosen.push(name);
        }
    }
    Ok(Value::Array(chosen))
}

fn choice(
    transaction: &mut Transaction<'_>,
    table: &str,
    field: &Field,
    value: &Value,
    typecast: bool,
) -> Result<Value, Error> {
    let name = match value {
        Value::String(name) => name.trim().to_owned(),
        Value::Number(number) if typecast => number.to_string(),
        _ => return Err(Error::CannotAccept(field.name.clone())),
    };
    // A choice may have been made by an earlier record of the same request.
    let current = transaction.table(table)?.schema.field(&field.id).map(Field::choices).unwrap_or_default();
    if current.iter().any(|choice| choice.name == name) {
        return Ok(Value::String(name));
    }
    if !typecast {
        return Err(Error::UnknownChoice(name));
    }
    let color = Some("blueLight2".to_owned());
    transaction.add_choice(table, &field.id, &Choice { id: new_id(Kind::Choice), name: name.clone(), color });
    Ok(Value::String(name))
}
