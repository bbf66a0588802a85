//! What a formula gives for a record with a typical cell in each field: it tells the type of its results.

use std::time::{Duration, Instant};

use airtable::{
    Field, FieldType, Table as Schema,
    formula::{Formula, Outcome, Row, Value},
};
use jiff::Timestamp;

use crate::result;

/// How long one formula is computed.
const TIME: Duration = Duration::from_secs(1);

/// What a formula of this table gives; `None` where that is an error.
pub fn of_formula(schema: &Schema, formula: &Formula) -> Option<Value<'static>> {
    computed(formula, schema.fields.iter().zip(1..).map(|(field, number)| cell(field, number)).collect())
}

/// What a rollup gives that reads this field; `None` where that is an error.
pub fn of_rollup(read: &Field, formula: &Formula) -> Option<Value<'static>> {
    computed(formula, vec![Value::List(vec![cell(read, 1)])])
}

fn computed(formula: &Formula, cells: Vec<Value<'static>>) -> Option<Value<'static>> {
    formula.evaluate(&Typical { cells, until: Instant::now() + TIME }).ok()
}

/// A cell that any formula can compute with, also with others: each has another number.
fn cell(field: &Field, number: u32) -> Value<'static> {
    let kind = result::shown(field).0;
    let one = match &kind {
        FieldType::Checkbox => Value::of_truth(true),
        kind if kind.is_number() => Value::Number(number.into()),
        kind if kind.is_moment() => Value::of_moment(Timestamp::UNIX_EPOCH),
        _ => Value::of_text(number.to_string()),
    };
    if field.field_type.holds_several() || kind.holds_several() { Value::List(vec![one]) } else { one }
}

/// A record by the places of its fields.
struct Typical {
    cells: Vec<Value<'static>>,
    until: Instant,
}

impl Row for Typical {
    fn record_id(&self) -> &'static str {
        "rec00000000000000"
    }

    fn created(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn modified(&self, _fields: &[usize]) -> Option<Timestamp> {
        Some(Timestamp::UNIX_EPOCH)
    }

    fn cell(&self, field: usize) -> Outcome<'_> {
        Ok(self.cells.get(field).map_or(Value::Blank, Value::lent))
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn in_time(&self) -> bool {
        Instant::now() < self.until
    }
}
