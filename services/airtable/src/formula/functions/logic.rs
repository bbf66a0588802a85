//! Functions that decide.

use super::{ANY, Function, of_expressions, of_values};
use crate::formula::{
    Row, compare,
    evaluate::{Outcome, evaluate},
    expression::Expression,
    value::{Fault, Value},
};

pub const FUNCTIONS: &[Function] = &[
    of_expressions("AND", 1, ANY, |arguments, row| {
        Ok(Value::of_truth(true_ones(arguments, row)? == arguments.len()))
    }),
    of_expressions("OR", 1, ANY, |arguments, row| Ok(Value::of_truth(true_ones(arguments, row)? > 0))),
    of_expressions("XOR", 1, ANY, |arguments, row| Ok(Value::of_truth(true_ones(arguments, row)? % 2 == 1))),
    of_expressions("NOT", 1, 1, |arguments, row| Ok(Value::of_truth(true_ones(arguments, row)? == 0))),
    of_values("TRUE", 0, 0, |_| Ok(Value::of_truth(true))),
    of_values("FALSE", 0, 0, |_| Ok(Value::of_truth(false))),
    of_values("BLANK", 0, 0, |_| Ok(Value::Blank)),
    of_values("ERROR", 0, 1, |_| Err(Fault)),
    of_expressions("ISERROR", 1, 1, |arguments, row| {
        Ok(Value::of_truth(arguments.iter().any(|argument| evaluate(argument, row).is_err())))
    }),
    of_expressions("IF", 2, 3, |arguments, row| match arguments {
        [condition, then, rest @ ..] => {
            if evaluate(condition, row)?.truth() {
                evaluate(then, row)
            } else {
                rest.first().map_or(Ok(Value::Blank), |otherwise| evaluate(otherwise, row))
            }
        }
        _ => Err(Fault),
    }),
    of_expressions("SWITCH", 2, ANY, switch),
];

/// How many of the arguments are true. All are looked at: an error in one makes the whole an error.
fn true_ones(arguments: &[Expression], row: &dyn Row) -> Result<usize, Fault> {
    arguments.iter().try_fold(0, |count, argument| Ok(count + usize::from(evaluate(argument, row)?.truth())))
}

/// Patterns and results in pairs; one left over at the end is for everything else.
fn switch<'e>(arguments: &'e [Expression], row: &'e dyn Row) -> Outcome<'e> {
    let Some((subject, mut rest)) = arguments.split_first() else { return Err(Fault) };
    let subject = evaluate(subject, row)?;
    while let [pattern, result, after @ ..] = rest {
        if compare::equal(&subject, &evaluate(pattern, row)?) {
            return evaluate(result, row);
        }
        rest = after;
    }
    rest.first().map_or(Ok(Value::Blank), |otherwise| evaluate(otherwise, row))
}
