//! The functions of formulas: a table for each family; adding one is adding a row.

mod array;
mod calendar;
mod date;
mod logic;
mod number;
mod record;
mod text;
mod units;
mod words;
mod workday;

use regex::Regex;

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

/// What a function makes of the values of its arguments.
pub type ValuesBody = for<'v> fn(&[Value<'v>]) -> Outcome<'v>;
/// The same, with the second argument as the pattern it stands for.
pub type PatternBody = for<'v> fn(&Regex, &[Value<'v>]) -> Outcome<'v>;
/// What a function makes of the record.
pub type RowBody = for<'r> fn(&'r dyn Row) -> Outcome<'r>;
/// What a function makes of its arguments unevaluated.
pub type ExpressionsBody = for<'e> fn(&'e [Expression], &'e dyn Row) -> Outcome<'e>;

/// What a function looks at.
pub enum Body {
    /// The values of its arguments; one error makes the whole an error.
    Values(ValuesBody),
    /// The values of its arguments, of which the second is a pattern.
    Pattern(PatternBody),
    /// The record.
    Row(RowBody),
    /// Its arguments unevaluated, for those that choose or forgive.
    Expressions(ExpressionsBody),
}

/// A function as its reference names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// In capitals; formulas may write it in any case.
    pub name: &'static str,
    /// Fewest arguments.
    pub least: usize,
    /// Most arguments; `usize::MAX` where it takes as many as one likes.
    pub most: usize,
}

/// As many arguments as one likes.
const ANY: usize = usize::MAX;

const FAMILIES: [&[Function]; 9] = [
    text::FUNCTIONS,
    logic::FUNCTIONS,
    number::FUNCTIONS,
    date::FUNCTIONS,
    calendar::FUNCTIONS,
    workday::FUNCTIONS,
    words::FUNCTIONS,
    array::FUNCTIONS,
    record::FUNCTIONS,
];

/// All functions that formulas may call.
pub fn signatures() -> impl Iterator<Item = Signature> {
    FAMILIES.into_iter().flatten().map(|function| Signature {
        name: function.name,
        least: function.arguments.0,
        most: function.arguments.1,
    })
}

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

/// Names are unique.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A function of values.
const fn of_values(name: &'static str, least: usize, most: usize, body: ValuesBody) -> Function {
    Function { name, arguments: (least, most), body: Body::Values(body) }
}

/// A function of values of which the second is a pattern.
const fn of_pattern(name: &'static str, count: usize, body: PatternBody) -> Function {
    Function { name, arguments: (count, count), body: Body::Pattern(body) }
}

/// A function of the record alone.
const fn of_row(name: &'static str, body: RowBody) -> Function {
    Function { name, arguments: (0, 0), body: Body::Row(body) }
}

/// A function that evaluates its arguments itself.
const fn of_expressions(name: &'static str, least: usize, most: usize, body: ExpressionsBody) -> Function {
    Function { name, arguments: (least, most), body: Body::Expressions(body) }
}

/// The argument at `place`, blank where it was left out.
fn argument<'a, 'v>(values: &'a [Value<'v>], place: usize) -> &'a Value<'v> {
    values.get(place).unwrap_or(&Value::Blank)
}

/// The argument at `place` as a whole number, `absent` where it was left out.
fn whole(values: &[Value<'_>], place: usize, absent: i64) -> Result<i64, Fault> {
    let Some(value) = values.get(place) else { return Ok(absent) };
    Ok(truncated(value.number()?))
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and NaN becomes 0")]
fn truncated(number: f64) -> i64 {
    number.trunc() as i64
}

/// The argument at `place` as a count of characters or places: negative is 0.
fn size(values: &[Value<'_>], place: usize, absent: i64) -> Result<usize, Fault> {
    Ok(usize::try_from(whole(values, place, absent)?.max(0)).unwrap_or(usize::MAX))
}
