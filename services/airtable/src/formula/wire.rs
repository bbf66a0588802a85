//! The result of a formula as a cell, the way the API answers it.

use serde_json::{Value as Json, json};

use super::{Outcome, Value, value::special};
use crate::{FieldType, cell::is_empty, number, time};

/// The cell of a computed field whose result is of the type `result`: `null` where it is empty, `{"error": "#ERROR!"}` for
/// the error value, `{"specialValue": "NaN"}` and the like for numbers that JSON has no notation for.
///
/// Moments come in ISO 8601, as a date alone where the result is a date; numbers as truth values where it is a checkbox.
/// A list is one where the result holds several values, then without blank items; else it is its text.
pub fn cell(outcome: Outcome<'_>, result: &FieldType) -> Json {
    let cell = match outcome {
        Err(fault) => json!({"error": fault.to_string()}),
        Ok(value) if value.is_blank() => Json::Null,
        Ok(list @ Value::List(_)) if result.holds_several() => {
            let leaves = list.leaves().into_iter().filter(|leaf| !leaf.is_blank());
            leaves.map(|leaf| cell(Ok(leaf.lent()), result)).collect()
        }
        Ok(value @ (Value::Blank | Value::Text(_) | Value::List(_))) => Json::String(value.text()),
        Ok(Value::Number(number)) if *result == FieldType::Checkbox => Json::Bool(number != 0.0),
        Ok(Value::Number(number)) => {
            number::json(number).map_or_else(|| json!({"specialValue": special(number)}), Json::Number)
        }
        Ok(Value::Moment(moment)) if *result == FieldType::Date => {
            Json::String(moment.at.strftime("%Y-%m-%d").to_string())
        }
        Ok(Value::Moment(moment)) => Json::String(time::write(moment.at.timestamp())),
    };
    if is_empty(&cell) { Json::Null } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::Fault;

    #[test]
    fn results_are_answered_as_cells_of_their_type() {
        let moment = || Ok(Value::of_moment("2026-11-21T02:03:04Z".parse().unwrap()));
        let several = || Ok(Value::List(vec![Value::of_text("a"), Value::Blank, Value::Number(1.0)]));
        let cases = [
            (Ok(Value::Blank), "singleLineText", json!(null)),
            (Ok(Value::Number(2.0)), "number", json!(2)),
            (Ok(Value::Number(2.5)), "number", json!(2.5)),
            (Ok(Value::Number(1.0)), "checkbox", json!(true)),
            (Ok(Value::Number(f64::NAN)), "number", json!({"specialValue": "NaN"})),
            (Ok(Value::Number(f64::NEG_INFINITY)), "number", json!({"specialValue": "-Infinity"})),
            (moment(), "dateTime", json!("2026-11-21T02:03:04.000Z")),
            (moment(), "date", json!("2026-11-21")),
            (Ok(Value::of_text("")), "singleLineText", json!(null)),
            (Ok(Value::Number(0.0)), "checkbox", json!(null)),
            (Ok(Value::Number(0.0)), "number", json!(0)),
            (several(), "singleLineText", json!("a, , 1")),
            (several(), "number", json!("a, , 1")),
            (several(), "multipleSelects", json!(["a", 1])),
            (Ok(Value::List(vec![])), "singleLineText", json!(null)),
            (Ok(Value::List(vec![Value::Blank])), "multipleSelects", json!(null)),
            (Err(Fault), "number", json!({"error": "#ERROR!"})),
        ];
        for (outcome, result, expected) in cases {
            assert_eq!(cell(outcome, &FieldType::from(result.to_owned())), expected);
        }
    }
}
