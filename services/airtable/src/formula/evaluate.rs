//! The value of an expression for a record.

use std::cmp::Ordering;

use super::{
    Row, compare,
    expression::{Expression, Operator},
    functions::Body,
    value::{Fault, Value},
};

/// A value or the error value.
pub type Outcome = Result<Value, Fault>;

/// The value of `expression` for `row`.
pub fn evaluate(expression: &Expression, row: &dyn Row) -> Outcome {
    match expression {
        Expression::Literal(value) => Ok(value.clone()),
        Expression::Field(place) => row.cell(*place),
        Expression::Negative(inner) => Ok(Value::Number(-evaluate(inner, row)?.number()?)),
        Expression::Call(function, arguments) => match function.body {
            Body::Values(body) => body(&values(arguments, row)?),
            Body::Row(body) => body(row),
            Body::Expressions(body) => body(arguments, row),
        },
        Expression::Chain(first, rest) => {
            rest.iter().try_fold(evaluate(first, row)?, |left, (operator, right)| {
                apply(*operator, &left, &evaluate(right, row)?)
            })
        }
    }
}

/// The values of all arguments; one error makes the whole an error.
pub fn values(arguments: &[Expression], row: &dyn Row) -> Result<Vec<Value>, Fault> {
    arguments.iter().map(|argument| evaluate(argument, row)).collect()
}

fn apply(operator: Operator, a: &Value, b: &Value) -> Outcome {
    let ordered =
        |accept: fn(Ordering) -> bool| Ok(Value::of_truth(compare::order(a, b).is_some_and(accept)));
    match operator {
        Operator::Equal => Ok(Value::of_truth(compare::equal(a, b))),
        Operator::Unequal => Ok(Value::of_truth(!compare::equal(a, b))),
        Operator::Less => ordered(Ordering::is_lt),
        Operator::LessOrEqual => ordered(Ordering::is_le),
        Operator::Greater => ordered(Ordering::is_gt),
        Operator::GreaterOrEqual => ordered(Ordering::is_ge),
        Operator::Join => Ok(Value::Text(a.text() + &b.text())),
        Operator::Add => Ok(Value::Number(a.number()? + b.number()?)),
        Operator::Subtract => Ok(Value::Number(a.number()? - b.number()?)),
        Operator::Multiply => Ok(Value::Number(a.number()? * b.number()?)),
        Operator::Divide => {
            let divisor = b.number()?;
            if divisor == 0.0 { Err(Fault) } else { Ok(Value::Number(a.number()? / divisor)) }
        }
    }
}
