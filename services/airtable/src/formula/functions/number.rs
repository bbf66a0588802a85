//! Functions of numbers.

use super::{ANY, Function, argument, of_values, whole};
use crate::formula::{
    evaluate::Outcome,
    value::{Fault, Value},
};

pub const FUNCTIONS: &[Function] = &[
    of_values("ABS", 1, 1, |values| one(values, f64::abs)),
    of_values("AVERAGE", 1, ANY, |values| {
        let numbers = numbers(values);
        if numbers.is_empty() {
            return Err(Fault);
        }
        let count = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        Ok(Value::Number(numbers.iter().sum::<f64>() / f64::from(count)))
    }),
    of_values("CEILING", 1, 2, |values| to_multiple(values, f64::ceil)),
    of_values("FLOOR", 1, 2, |values| to_multiple(values, f64::floor)),
    of_values("COUNT", 1, ANY, |values| {
        Ok(count(leaves(values).filter(|value| matches!(value, Value::Number(_)))))
    }),
    of_values("COUNTA", 1, ANY, |values| Ok(count(leaves(values).filter(|value| !value.is_blank())))),
    of_values("COUNTALL", 1, ANY, |values| Ok(count(leaves(values)))),
    of_values("EVEN", 1, 1, |values| one(values, |number| (number / 2.0).ceil() * 2.0)),
    of_values("ODD", 1, 1, |values| one(values, odd)),
    of_values("EXP", 1, 1, |values| one(values, f64::exp)),
    of_values("INT", 1, 1, |values| one(values, f64::floor)),
    of_values("LOG", 1, 2, |values| {
        let base = values.get(1).map_or(Ok(10.0), Value::number)?;
        one(values, |number| tidy(number.ln() / base.ln()))
    }),
    of_values("MAX", 1, ANY, |values| {
        Ok(Value::Number(numbers(values).into_iter().reduce(f64::max).unwrap_or(0.0)))
    }),
    of_values("MIN", 1, ANY, |values| {
        Ok(Value::Number(numbers(values).into_iter().reduce(f64::min).unwrap_or(0.0)))
    }),
    of_values("MOD", 2, 2, |values| {
        let divisor = argument(values, 1).number()?;
        if divisor == 0.0 {
            return Err(Fault);
        }
        // The sign of the divisor, as in spreadsheets.
        one(values, |number| number - divisor * (number / divisor).floor())
    }),
    of_values("POWER", 2, 2, |values| {
        let exponent = argument(values, 1).number()?;
        one(values, |number| number.powf(exponent))
    }),
    of_values("ROUND", 1, 2, |values| at_precision(values, |scaled| (scaled + 0.5).floor())),
    of_values("ROUNDDOWN", 1, 2, |values| at_precision(values, f64::trunc)),
    of_values("ROUNDUP", 1, 2, |values| at_precision(values, |scaled| scaled.abs().ceil().copysign(scaled))),
    of_values("SQRT", 1, 1, |values| one(values, f64::sqrt)),
    of_values("SUM", 1, ANY, |values| Ok(Value::Number(numbers(values).iter().sum()))),
];

fn one<'v>(values: &[Value<'v>], function: impl Fn(f64) -> f64) -> Outcome<'v> {
    Ok(Value::Number(function(argument(values, 0).number()?)))
}

fn leaves<'a, 'v>(values: &'a [Value<'v>]) -> impl Iterator<Item = &'a Value<'v>> {
    values.iter().flat_map(Value::leaves)
}

fn numbers(values: &[Value<'_>]) -> Vec<f64> {
    leaves(values).filter_map(Value::numeric).collect()
}

fn count<'a, 'v: 'a>(values: impl Iterator<Item = &'a Value<'v>>) -> Value<'v> {
    Value::Number(f64::from(u32::try_from(values.count()).unwrap_or(u32::MAX)))
}

fn to_multiple<'v>(values: &[Value<'v>], round: fn(f64) -> f64) -> Outcome<'v> {
    let step = values.get(1).map_or(Ok(1.0), Value::number)?;
    if step == 0.0 {
        return Err(Fault);
    }
    one(values, |number| tidy(round(tidy(number / step)) * step))
}

fn at_precision<'v>(values: &[Value<'v>], round: fn(f64) -> f64) -> Outcome<'v> {
    let places = i32::try_from(whole(values, 1, 0)?.clamp(-300, 300)).unwrap_or_default();
    let scale = 10_f64.powi(places);
    one(values, |number| {
        let scaled = tidy(number * scale);
        // A number that has no such places is round already.
        if scaled.is_finite() && scaled.fract() != 0.0 { tidy(round(scaled) / scale) } else { number }
    })
}

fn odd(number: f64) -> f64 {
    let away = number.abs().ceil();
    let odd = if away % 2.0 == 0.0 { away + 1.0 } else { away };
    odd.copysign(number)
}

/// Without the last digit or so, which is noise of binary fractions: 11 * 0.1 is 1.1.
fn tidy(number: f64) -> f64 {
    if number.fract() == 0.0 { number } else { format!("{number:.14e}").parse().unwrap_or(number) }
}
