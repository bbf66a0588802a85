//! When two values are equal, and which is less.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::value::Value;

/// Equality: blank is `""` and 0; numbers and texts that spell numbers compare as numbers; else by text, exactly.
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Blank, other) | (other, Value::Blank) => {
            other.is_blank() || matches!(other, Value::Number(number) if *number == 0.0)
        }
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Moment(a), Value::Moment(b)) => a.timestamp() == b.timestamp(),
        (Value::Moment(_), Value::Text(_)) | (Value::Text(_), Value::Moment(_)) => {
            match (moment(a), moment(b)) {
                (Some(a), Some(b)) => a == b,
                _ => a.text() == b.text(),
            }
        }
        _ => match (a.numeric(), b.numeric()) {
            #[expect(clippy::float_cmp, reason = "equality of a formula is exact")]
            (Some(a), Some(b)) => a == b,
            _ => a.text() == b.text(),
        },
    }
}

/// Order: moments by time, numbers by size, with blank as 0; all else by text. `None` where NaN is involved.
pub fn order(a: &Value, b: &Value) -> Option<Ordering> {
    if matches!(a, Value::Moment(_)) || matches!(b, Value::Moment(_)) {
        return match (moment(a), moment(b)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => Some(a.text().cmp(&b.text())),
        };
    }
    match (sized(a), sized(b)) {
        (Some(a), Some(b)) => a.partial_cmp(&b),
        _ => Some(a.text().cmp(&b.text())),
    }
}

fn sized(value: &Value) -> Option<f64> {
    if matches!(value, Value::Blank) { Some(0.0) } else { value.numeric() }
}

/// Blank counts as the beginning of time.
fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Blank => Some(Timestamp::MIN),
        value => value.moment().ok().map(|moment| moment.timestamp()),
    }
}
