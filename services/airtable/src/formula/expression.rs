//! A formula made ready for many records: names are places, constants are reckoned, patterns are built.

use std::time::{Duration, Instant};

use regex::Regex;

use super::{
    Row as _, Unreadable,
    evaluate::{self, NoRow},
    functions::{Body, Function, PatternBody},
    pattern,
    tree::{Operator, Tree},
    value::Value,
};

/// Constants that are larger than this, in bytes, are made anew for each record.
const LARGEST_CONSTANT: usize = 1_000;

/// How long constants are reckoned and patterns built; what is left then is done for each record.
const TIME: Duration = Duration::from_secs(1);

/// A part of a formula.
#[derive(Debug, Clone)]
pub enum Expression {
    /// The same for all records.
    Constant(Value<'static>),
    /// The error value for all records.
    Fault,
    /// The cell of the field at this place.
    Field(usize),
    /// A function and its arguments, of which it takes that many.
    Call(&'static Function, Vec<Expression>),
    /// A function with a pattern that is the same for all records.
    Match(PatternBody, Box<Regex>, Vec<Expression>),
    /// Operators of one precedence, from left to right.
    Chain(Box<Expression>, Vec<(Operator, Expression)>),
    /// Minus before a value.
    Negative(Box<Expression>),
}

/// The expression that `tree` means; `place` finds the place of a field by the name or id that the tree uses.
pub fn compile(tree: &Tree, place: impl Fn(&str) -> Option<usize>) -> Result<Expression, Unreadable> {
    compile_until(tree, place, Instant::now() + TIME)
}

/// The same with the time at which constants are no longer reckoned.
pub fn compile_until(
    tree: &Tree,
    place: impl Fn(&str) -> Option<usize>,
    until: Instant,
) -> Result<Expression, Unreadable> {
    let names = tree.distinct_names().into_iter();
    let unknown: Vec<_> = names.filter(|name| place(name).is_none()).map(str::to_owned).collect();
    if !unknown.is_empty() {
        return Err(Unreadable::UnknownFields(unknown));
    }
    Ok(expression(tree, &place, &NoRow { until }))
}

fn expression(tree: &Tree, place: &impl Fn(&str) -> Option<usize>, no_row: &NoRow) -> Expression {
    let expression = |tree: &Tree| expression(tree, place, no_row);
    let made = match tree {
        Tree::Number(number) => Expression::Constant(Value::Number(*number)),
        Tree::Text(text) => Expression::Constant(Value::of_text(text.clone())),
        Tree::Field(name) => place(&name.name).map_or(Expression::Fault, Expression::Field),
        Tree::Call(function, arguments) => call(function, arguments.iter().map(expression).collect(), no_row),
        Tree::Chain(first, rest) => {
            let rest = rest.iter().map(|(operator, tree)| (*operator, expression(tree)));
            Expression::Chain(Box::new(expression(first)), rest.collect())
        }
        Tree::Negative(inner) => Expression::Negative(Box::new(expression(inner))),
    };
    reckoned(&made, no_row).unwrap_or(made)
}

fn call(function: &'static Function, arguments: Vec<Expression>, no_row: &NoRow) -> Expression {
    match (&function.body, arguments.get(1)) {
        (Body::Pattern(body), Some(Expression::Constant(text))) if no_row.in_time() => {
            match pattern::regex(&text.shown()) {
                Ok(regex) => Expression::Match(*body, Box::new(regex), arguments),
                Err(_) => Expression::Fault,
            }
        }
        _ => Expression::Call(function, arguments),
    }
}

/// The constant that an expression of constants comes to. What is an error is left: it may not be reached.
fn reckoned(made: &Expression, no_row: &NoRow) -> Option<Expression> {
    let constant = |expression: &Expression| matches!(expression, Expression::Constant(_));
    let same_for_all = match made {
        Expression::Call(function, arguments) => {
            matches!(function.body, Body::Values(_)) && arguments.iter().all(constant)
        }
        Expression::Match(_, _, arguments) => arguments.iter().all(constant),
        Expression::Chain(first, rest) => {
            constant(first) && rest.iter().all(|(_, operand)| constant(operand))
        }
        Expression::Negative(inner) => constant(inner),
        _ => false,
    };
    let value = same_for_all.then(|| evaluate::evaluate(made, no_row).ok())??.into_owned();
    (value.weight() <= LARGEST_CONSTANT).then_some(Expression::Constant(value))
}
