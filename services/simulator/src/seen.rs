//! Records as formulas see them.

use airtable::formula::{Fault, Outcome, Row as FormulaRow, Value as FormulaValue};
use jiff::Timestamp;

use crate::{
    computed::Calculation,
    world::{Row, Table},
};

/// A record: its fields by their place in the table.
pub struct Seen<'c, 'a> {
    pub calculation: &'c Calculation<'a>,
    pub table: &'a Table,
    pub row: &'a Row,
}

/// A record whose rollup sees nothing but `values`.
pub struct Aggregated<'c, 'a> {
    pub seen: Seen<'c, 'a>,
    pub values: Vec<FormulaValue<'a>>,
}

impl FormulaRow for Seen<'_, '_> {
    fn record_id(&self) -> &str {
        &self.row.id
    }

    fn created(&self) -> Timestamp {
        self.row.created
    }

    fn modified(&self, fields: &[usize]) -> Option<Timestamp> {
        let fields = fields.iter().filter_map(|place| self.table.schema.fields.get(*place));
        self.row.last_modified(fields.map(|field| field.id.as_str()))
    }

    fn cell(&self, field: usize) -> Outcome<'_> {
        let field = self.table.schema.fields.get(field).ok_or(Fault)?;
        self.calculation.seen(self.table, self.row, field)
    }

    fn now(&self) -> Timestamp {
        self.calculation.scope.now
    }

    fn in_time(&self) -> bool {
        self.calculation.scope.deadline.is_ahead()
    }
}

impl Aggregated<'_, '_> {
    /// The place of the one name that the formula of a rollup may use.
    pub fn place(name: &str) -> Option<usize> {
        name.eq_ignore_ascii_case("values").then_some(0)
    }
}

impl FormulaRow for Aggregated<'_, '_> {
    fn record_id(&self) -> &str {
        self.seen.record_id()
    }

    fn created(&self) -> Timestamp {
        self.seen.created()
    }

    fn modified(&self, _fields: &[usize]) -> Option<Timestamp> {
        self.seen.modified(&[])
    }

    fn cell(&self, _field: usize) -> Outcome<'_> {
        Ok(FormulaValue::List(self.values.iter().map(FormulaValue::lent).collect()))
    }

    fn now(&self) -> Timestamp {
        self.seen.now()
    }

    fn in_time(&self) -> bool {
        self.seen.in_time()
    }
}
