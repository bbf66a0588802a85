//! The functions of formulas: a table for each family; adding one is adding a row.

mod array;
mod date;
mod logic;
mod number;
mod record;
mod text;
mod workday;

use super::{
    Row,
    evaluate::Outcome,
    expression::Expression,
    value::{Fault, Value},
};

/// A function by its name in capitals, the arguments it takes, and what it does.
pub struct Function {
    pub name: &'static str,
    /// Fewest and most arguments.
    pub arguments: (usize, usize),
    pub body: Body,
}

/// What a function looks at.
pub enum Body {
    /// The values of its arguments; one error makes the whole an error.
    Values(fn(&[Value]) -> Outcome),
    /// The record.
    Row(fn(&dyn Row) -> Outcome),
    /// Its arguments unevaluated, for those that choose or forgive.
    Expressions(fn(&[Expression], &dyn Row) -> Outcome),
}

/// As many arguments as one likes.
const ANY: usize = usize::MAX;

const FAMILIES: [&[Function]; 7] = [
    text::FUNCTIONS,
    logic::FUNCTIONS,
    number::FUNCTIONS,
    date::FUNCTIONS,
    workday::FUNCTIONS,
    array::FUNCTIONS,
    record::FUNCTIONS,
];

/// The function of this name, in any case.
pub fn named(name: &str) -> Option<&'static Function> {
    FAMILIES.into_iter().flatten().find(|function| function.name.eq_ignore_ascii_case(name))
}

impl Function {
    /// Whether it takes that many arguments.
    pub fn takes(&self, count: usize) -> bool {
        (self.arguments.0..=self.arguments.1).contains(&count)
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name)
    }
}

/// A function of values.
const fn of_values(name: &'static str, least: usize, most: usize, body: fn(&[Value]) -> Outcome) -> Function {
    Function { name, arguments: (least, most), body: Body::Values(body) }
}

/// A function of the record alone.
const fn of_row(name: &'static str, body: fn(&dyn Row) -> Outcome) -> Function {
    Function { name, arguments: (0, 0), body: Body::Row(body) }
}

/// A function that evaluates its arguments itself.
const fn of_expressions(
    name: &'static str,
    least: usize,
    most: usize,
    body: fn(&[Expression], &dyn Row) -> Outcome,
) -> Function {
    Function { name, arguments: (least, most), body: Body::Expressions(body) }
}

/// The argument at `place`, blank where it was left out.
fn argument(values: &[Value], place: usize) -> &Value {
    values.get(place).unwrap_or(&Value::Blank)
}

/// The argument at `place` as a whole number, `absent` where it was left out.
fn whole(values: &[Value], place: usize, absent: i64) -> Result<i64, Fault> {
    let Some(value) = values.get(place) else { return Ok(absent) };
    let number = value.number()?.trunc();
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and NaN becomes 0")]
    Ok(number as i64)
}

/// The argument at `place` as a count of characters or places: negative is 0.
fn size(values: &[Value], place: usize, absent: i64) -> Result<usize, Fault> {
    Ok(usize::try_from(whole(values, place, absent)?.max(0)).unwrap_or(usize::MAX))
}
