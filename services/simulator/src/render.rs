//! Records as answers.

use airtable::{Cells, Field, FieldType, Record, cell, formula, list::Form, time};
use serde_json::Value;

use crate::{
    computed::Scope,
    world::{Row, Table},
};

/// The record as the API answers it: fields in the order of the table, empty ones left out.
///
/// `only` names the ids of the fields to answer; all where absent.
pub fn record(scope: Scope<'_>, table: &Table, row: &Row, form: &Form, only: Option<&[String]>) -> Record {
    let wanted = |field: &&Field| only.is_none_or(|ids| ids.contains(&field.id));
    let mut fields = Cells::new();
    for field in table.schema.fields.iter().filter(wanted) {
        let value = scope.cell(table, row, field);
        if cell::is_empty(&value) && field.field_type != FieldType::Formula || value.is_null() {
            continue;
        }
        let key = if form.by_field_id { &field.id } else { &field.name };
        fields.insert(key.clone(), if form.as_text { text(scope, table, row, field, &value) } else { value });
    }
    Record { id: row.id.clone(), created_time: time::write(row.created), fields }
}

/// The cell as people read it; links by the primary values of their records.
fn text(scope: Scope<'_>, table: &Table, row: &Row, field: &Field, value: &Value) -> Value {
    use formula::Row as _;
    let place = table.schema.fields.iter().position(|known| known.id == field.id).unwrap_or(usize::MAX);
    let shown = match scope.row(table, row).cell(place) {
        Ok(formula::Value::Moment(_)) => value.as_str().unwrap_or_default().to_owned(),
        Ok(_) if field.field_type == FieldType::Checkbox => "checked".to_owned(),
        Ok(shown) => shown.text(),
        Err(fault) => fault.to_string(),
    };
    Value::String(shown)
}
