//! The value of an expression for a record.

use std::{cmp::Ordering, time::Instant};

use jiff::Timestamp;

use super::{
    Row, compare,
    expression::Expression,
    functions::Body,
    pattern,
    tree::Operator,
    value::{Fault, Value},
};

/// A value or the error value.
pub type Outcome<'a> = Result<Value<'a>, Fault>;

/// Bytes that the arguments of one function may take together, beside what they lend; also what it may make in between.
pub const LARGEST: usize = 1_000_000;

/// Longest text that a formula makes, in bytes; Airtable's own limit of a long text, in characters.
const LONGEST: usize = 100_000;

/// The value of `expression` for `row`.
pub fn evaluate<'a>(expression: &'a Expression, row: &'a dyn Row) -> Outcome<'a> {
    match expression {
        Expression::Constant(value) => Ok(value.lent()),
        Expression::Fault => Err(Fault),
        Expression::Field(place) => row.cell(*place),
        Expression::Negative(inner) => Ok(Value::Number(-evaluate(inner, row)?.number()?)),
        Expression::Call(..) | Expression::Match(..) if !row.in_time() => Err(Fault),
        Expression::Call(function, arguments) => match function.body {
            Body::Values(body) => body(&values(arguments, row)?),
            Body::Row(body) => body(row),
            Body::Expressions(body) => body(arguments, row),
            Body::Pattern(body) => {
                let values = values(arguments, row)?;
                body(&pattern::regex(&values.get(1).ok_or(Fault)?.shown())?, &values)
            }
        },
        Expression::Match(body, regex, arguments) => body(regex, &values(arguments, row)?),
        Expression::Chain(first, rest) => {
            rest.iter().try_fold(evaluate(first, row)?, |left, (operator, right)| {
                apply(*operator, &left, &evaluate(right, row)?)
            })
        }
    }
}

/// The values of all arguments; one error makes the whole an error, and so does too much of them.
pub fn values<'a>(arguments: &'a [Expression], row: &'a dyn Row) -> Result<Vec<Value<'a>>, Fault> {
    let mut room = LARGEST;
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let value = evaluate(argument, row)?;
        room = room.checked_sub(value.weight()).ok_or(Fault)?;
        values.push(value);
    }
    Ok(values)
}

/// An error where a text of so many bytes would be too long; asked before it is made.
pub fn within(length: usize) -> Result<(), Fault> {
    if length > LONGEST { Err(Fault) } else { Ok(()) }
}

fn apply<'v>(operator: Operator, a: &Value<'_>, b: &Value<'_>) -> Outcome<'v> {
    let ordered =
        |accept: fn(Ordering) -> bool| Ok(Value::of_truth(compare::order(a, b).is_some_and(accept)));
    match operator {
        Operator::Equal => Ok(Value::of_truth(compare::equal(a, b))),
        Operator::Unequal => Ok(Value::of_truth(!compare::equal(a, b))),
        Operator::Less => ordered(Ordering::is_lt),
        Operator::LessOrEqual => ordered(Ordering::is_le),
        Operator::Greater => ordered(Ordering::is_gt),
        Operator::GreaterOrEqual => ordered(Ordering::is_ge),
        Operator::Join => {
            let (a, b) = (a.shown(), b.shown());
            within(a.len() + b.len())?;
            Ok(Value::of_text(a.into_owned() + &b))
        }
        Operator::Add => Ok(Value::Number(a.number()? + b.number()?)),
        Operator::Subtract => Ok(Value::Number(a.number()? - b.number()?)),
        Operator::Multiply => Ok(Value::Number(a.number()? * b.number()?)),
        Operator::Divide => {
            let divisor = b.number()?;
            if divisor == 0.0 { Err(Fault) } else { Ok(Value::Number(a.number()? / divisor)) }
        }
    }
}

/// The record of what does not look at one.
pub struct NoRow {
    /// When there is no time left.
    pub until: Instant,
}

impl Row for NoRow {
    fn record_id(&self) -> &'static str {
        ""
    }

    fn created(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn modified(&self, _: &[usize]) -> Option<Timestamp> {
        None
    }

    fn cell(&self, _: usize) -> Outcome<'_> {
        Err(Fault)
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn in_time(&self) -> bool {
        Instant::now() < self.until
    }
}
