//! Records as answers.

use airtable::{
    Cells, Error, Field, FieldType, Record, cell,
    list::{Form, truth},
    time,
};
use serde_json::{Map, Value, json};

use crate::{
    computed::Calculation,
    display::{Reader, joined},
    links, result,
    world::{Row, Table},
};

/// How records are answered.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Keyed by field id in place of name.
    by_field_id: bool,
    /// Every cell as this reader reads it; as JSON where absent.
    reader: Option<Reader>,
    /// Links as objects, in which the settings of a table with date dependencies would show.
    dated_links: bool,
}

impl Shape {
    /// From a query or a body, whichever way it was read.
    pub fn of(given: &Map<String, Value>) -> Result<Self, Error> {
        let form = Form::from_object(given)?;
        let dated_links = given.get("includeDateDependencyMetadata").is_some_and(truth);
        Ok(Self { by_field_id: form.by_field_id, reader: Reader::of(&form)?, dated_links })
    }
}

/// The record as the API answers it: fields in the order of the table, empty ones left out.
///
/// `only` names the ids of the fields to answer; all where absent.
pub fn record<'a>(
    calculation: &Calculation<'a>,
    table: &'a Table,
    row: &'a Row,
    shape: &Shape,
    only: Option<&[String]>,
) -> Record {
    let wanted = |field: &&Field| only.is_none_or(|ids| ids.contains(&field.id));
    let mut fields = Cells::new();
    for field in table.schema.fields.iter().filter(wanted) {
        let value = calculation.cell(table, row, field);
        if cell::is_empty(&value) {
            continue;
        }
        let key = if shape.by_field_id { &field.id } else { &field.name };
        let value = match &shape.reader {
            Some(reader) => Value::String(text(calculation, table, row, field, reader)),
            None if shape.dated_links && field.field_type == FieldType::MultipleRecordLinks => {
                links::ids(Some(&value)).into_iter().map(|id| json!({"id": id})).collect()
            }
            None => value,
        };
        fields.insert(key.clone(), value);
    }
    Record { id: row.id.clone(), created_time: time::write(row.created), fields }
}

/// A cell as people read it: links by the primary fields of their records, lookups by what they look up.
pub fn text<'a>(
    calculation: &Calculation<'a>,
    table: &'a Table,
    row: &'a Row,
    field: &'a Field,
    reader: &Reader,
) -> String {
    match field.field_type {
        FieldType::MultipleRecordLinks => {
            let linked = field.linked_table_id().and_then(|id| calculation.scope.base.table(id));
            let primary = linked.and_then(|linked| Some((linked, linked.schema.primary_field()?)));
            let Some((linked, primary)) = primary else { return String::new() };
            let ids = links::ids(row.cells.get(&field.id));
            let rows = ids.iter().filter_map(|id| linked.row(id));
            joined(rows.map(|row| text(calculation, linked, row, primary, reader)))
        }
        FieldType::MultipleLookupValues => {
            let Some((target, rows, read)) = calculation.followed(table, row, field) else {
                return String::new();
            };
            let texts = rows.into_iter().map(|row| text(calculation, target, row, read, reader));
            texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
        }
        _ => {
            let (kind, options) = result::shown(field);
            reader.text(&kind, options, &calculation.cell(table, row, field))
        }
    }
}
