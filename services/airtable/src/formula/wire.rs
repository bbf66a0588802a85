//! The result of a formula as a cell, the way the API answers it.

use serde_json::{Number, Value as Json, json};

use super::{Outcome, Value, value::special};

/// Beyond this not every whole number has a place among the binary fractions.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// `null` for blank, `{"error": "#ERROR!"}` for the error value, `{"specialValue": "NaN"}` and the like for numbers that
/// JSON has no notation for, ISO 8601 for moments.
pub fn cell(outcome: Outcome<'_>) -> Json {
    match outcome {
        Ok(Value::Blank) => Json::Null,
        Ok(Value::Text(text)) => Json::String(text.into_owned()),
        Ok(Value::Number(number)) => number_cell(number),
        Ok(moment @ Value::Moment(_)) => Json::String(moment.text()),
        Ok(Value::List(items)) => Json::Array(items.into_iter().map(|item| cell(Ok(item))).collect()),
        Err(fault) => json!({"error": fault.to_string()}),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53, checked before")]
fn number_cell(number: f64) -> Json {
    if number.fract() == 0.0 && number.abs() < WHOLE {
        return Json::from(number as i64);
    }
    Number::from_f64(number).map_or_else(|| json!({"specialValue": special(number)}), Json::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Fault;

    #[test]
    fn results_are_answered_as_cells() {
        let cases = [
            (Ok(Value::Blank), json!(null)),
            (Ok(Value::Number(2.0)), json!(2)),
            (Ok(Value::Number(-0.0)), json!(0)),
            (Ok(Value::Number(2.5)), json!(2.5)),
            (Ok(Value::Number(f64::NAN)), json!({"specialValue": "NaN"})),
            (Ok(Value::Number(f64::NEG_INFINITY)), json!({"specialValue": "-Infinity"})),
            (Ok(Value::List(vec![Value::of_text("a"), Value::Number(1.0)])), json!(["a", 1])),
            (Err(Fault), json!({"error": "#ERROR!"})),
        ];
        for (outcome, expected) in cases {
            assert_eq!(cell(outcome), expected);
        }
    }
}
