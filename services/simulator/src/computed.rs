//! Cells that Airtable computes, and records as formulas see them.

use airtable::{
    Field, FieldType,
    formula::{self, Fault, Formula, Outcome, Row as FormulaRow, Value as FormulaValue},
    time,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    links,
    world::{Base, Row, Table, User},
};

/// Formulas that look at formulas any deeper are errors; it also ends circles.
const DEPTH: usize = 12;

/// What computing may look at.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub user: &'a User,
    pub base: &'a Base,
    pub now: Timestamp,
}

/// Whether the simulator computes cells of this type. Those of other computed types stay as the fixture gave them.
pub fn is_made_here(field_type: &FieldType) -> bool {
    matches!(
        field_type,
        FieldType::AutoNumber
            | FieldType::Count
            | FieldType::CreatedBy
            | FieldType::CreatedTime
            | FieldType::Formula
            | FieldType::LastModifiedBy
            | FieldType::LastModifiedTime
            | FieldType::MultipleLookupValues
    )
}

impl<'a> Scope<'a> {
    /// The value of a cell, computed or kept; null where it is empty.
    pub fn cell(self, table: &'a Table, row: &'a Row, field: &'a Field) -> Value {
        self.cell_at(table, row, field, 0)
    }

    /// A record as formulas see it.
    pub fn row(self, table: &'a Table, row: &'a Row) -> Seen<'a> {
        Seen { scope: self, table, row, depth: 0 }
    }

    /// The text that stands for a record in links.
    pub fn primary_text(self, table: &'a Table, row: &'a Row) -> String {
        let Some(field) = table.schema.primary_field() else { return String::new() };
        self.row(table, row).value(field).map(|value| value.text()).unwrap_or_default()
    }

    fn cell_at(self, table: &'a Table, row: &'a Row, field: &'a Field, depth: usize) -> Value {
        match field.field_type {
            FieldType::AutoNumber => table.number(&row.id).map_or(Value::Null, Value::from),
            FieldType::CreatedTime => Value::String(time::write(row.created)),
            FieldType::CreatedBy | FieldType::LastModifiedBy => self.user.cell(),
            FieldType::LastModifiedTime => {
                last_modified(row, field).map_or(Value::Null, |at| Value::String(time::write(at)))
            }
            FieldType::Count => {
                json!(links::ids(field.record_link_field_id().and_then(|link| row.cells.get(link))).len())
            }
            FieldType::MultipleLookupValues => self.lookup(row, field, table, depth),
            FieldType::Formula => {
                formula::cell(computed(&Seen { scope: self, table, row, depth }, field), &field.result_type())
            }
            _ => row.cells.get(&field.id).cloned().unwrap_or_default(),
        }
    }

    /// The values of a field in all linked records, lists opened.
    fn lookup(self, row: &'a Row, field: &'a Field, table: &'a Table, depth: usize) -> Value {
        let link = field.record_link_field_id().and_then(|id| table.schema.field(id));
        let target = link.and_then(Field::linked_table_id).and_then(|id| self.base.table(id));
        let looked_up = field.field_id_in_linked_table().zip(target);
        let Some((link, (id, target))) = link.zip(looked_up) else { return Value::Null };
        let Some(looked_up) = target.schema.field(id).filter(|_| depth < DEPTH) else { return Value::Null };
        let rows = links::ids(row.cells.get(&link.id)).into_iter().filter_map(|id| target.row(&id));
        let values = rows.map(|row| self.cell_at(target, row, looked_up, depth + 1));
        let flat = values.flat_map(|value| match value {
            Value::Array(items) => items,
            Value::Null => vec![],
            single => vec![single],
        });
        Value::Array(flat.collect())
    }
}

/// A record as formulas see it.
pub struct Seen<'a> {
    scope: Scope<'a>,
    table: &'a Table,
    row: &'a Row,
    depth: usize,
}

impl<'a> Seen<'a> {
    fn value(&self, field: &'a Field) -> Outcome<'a> {
        match field.field_type {
            FieldType::Formula => computed(self, field),
            FieldType::MultipleRecordLinks => Ok(self.linked(field)),
            ref kept if !is_made_here(kept) => {
                let cell = self.row.cells.get(&field.id);
                Ok(cell.map_or(FormulaValue::Blank, |cell| FormulaValue::of_cell(kept, cell)))
            }
            ref made => {
                let cell = self.scope.cell_at(self.table, self.row, field, self.depth);
                Ok(FormulaValue::of_cell(made, &cell).into_owned())
            }
        }
    }

    fn linked(&self, field: &Field) -> FormulaValue<'static> {
        let table = field.linked_table_id().and_then(|id| self.scope.base.table(id));
        let ids = links::ids(self.row.cells.get(&field.id));
        let Some(table) = table.filter(|_| self.depth < DEPTH) else { return FormulaValue::Blank };
        let Some(primary) = table.schema.primary_field() else { return FormulaValue::Blank };
        let rows = ids.iter().filter_map(|id| table.row(id));
        let seen = rows.map(|row| Seen { scope: self.scope, table, row, depth: self.depth + 1 });
        FormulaValue::List(
            seen.filter_map(|seen| seen.value(primary).ok())
                .map(|value| FormulaValue::of_text(value.text()))
                .collect(),
        )
    }
}

impl FormulaRow for Seen<'_> {
    fn record_id(&self) -> &str {
        &self.row.id
    }

    fn created(&self) -> Timestamp {
        self.row.created
    }

    fn modified(&self, fields: &[usize]) -> Option<Timestamp> {
        if fields.is_empty() {
            return Some(self.row.modified.values().max().copied().unwrap_or(self.row.created));
        }
        let ids = fields.iter().filter_map(|place| self.table.schema.fields.get(*place));
        ids.filter_map(|field| self.row.modified.get(&field.id)).max().copied()
    }

    fn cell(&self, field: usize) -> Outcome<'_> {
        self.value(self.table.schema.fields.get(field).ok_or(Fault)?)
    }

    fn now(&self) -> Timestamp {
        self.scope.now
    }
}

fn last_modified(row: &Row, field: &Field) -> Option<Timestamp> {
    let watched = field.option("referencedFieldIds").and_then(Value::as_array).filter(|ids| !ids.is_empty());
    match watched {
        Some(ids) => ids.iter().filter_map(|id| row.modified.get(id.as_str()?)).max().copied(),
        None => Some(row.modified.values().max().copied().unwrap_or(row.created)),
    }
}

fn computed(seen: &Seen<'_>, field: &Field) -> Outcome<'static> {
    if seen.depth >= DEPTH {
        return Err(Fault);
    }
    let text = field.text_option("formula").ok_or(Fault)?;
    let formula = Formula::read(text, |name| seen.table.schema.field_in_formula(name)).map_err(|_| Fault)?;
    formula.evaluate(&Seen { scope: seen.scope, table: seen.table, row: seen.row, depth: seen.depth + 1 })
}
