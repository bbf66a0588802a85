//! Functions of the record itself.

use super::{ANY, Function, of_expressions, of_row};
use crate::formula::{
    Row,
    evaluate::Outcome,
    expression::Expression,
    value::{Fault, Value},
};

pub const FUNCTIONS: &[Function] = &[
    of_row("RECORD_ID", |row| Ok(Value::of_text(row.record_id()))),
    of_row("CREATED_TIME", |row| Ok(Value::of_moment(row.created()))),
    of_expressions("LAST_MODIFIED_TIME", 0, ANY, last_modified_time),
];

fn last_modified_time<'e>(arguments: &'e [Expression], row: &'e dyn Row) -> Outcome<'e> {
    let field = |argument: &Expression| match argument {
        Expression::Field(place) => Ok(*place),
        _ => Err(Fault),
    };
    let fields = arguments.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    Ok(row.modified(&fields).map_or(Value::Blank, Value::of_moment))
}
