//! Functions that decide.

use super::{ANY, Function, of_expressions, of_values};
use crate::formula::{
    Row, compare,
    evaluate::{Outcome, evaluate},
    expression::Expression,
    value::{Fault, Value},
};

pub const FUNCTIONS: &[Function] = &[
    of_values("AND", 1, ANY, |values| Ok(Value::of_truth(values.iter().all(Value::truth)))),
    of_values("OR", 1, ANY, |values| Ok(Value::of_truth(values.iter().any(Value::truth)))),
    of_values("XOR", 1, ANY, |values| {
        Ok(Value::of_truth(values.iter().filter(|value| value.truth()).count() % 2 == 1))
    }),
    of_values("NOT", 1, 1, |values| Ok(Value::of_truth(!values.iter().any(Value::truth)))),
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

/// Patterns and results in pairs; one left over at the end is for everything else.
fn switch(arguments: &[Expression], row: &dyn Row) -> Outcome {
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
