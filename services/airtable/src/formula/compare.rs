//! When two values are equal, and which is less.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::value::Value;

/// Equality: blank is `""` and 0; numbers and texts that spell numbers compare as numbers; else by text, exactly.
pub fn equal(a: &Value<'_>, b: &Value<'_>) -> bool {
    match (a, b) {
        (Value::Blank, other) | (other, Value::Blank) => {
            other.is_blank() || matches!(other, Value::Number(number) if *number == 0.0)
        }
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Moment(_), Value::Moment(_) | Value::Text(_)) | (Value::Text(_), Value::Moment(_)) => {
            match (moment(a), moment(b)) {
                (Some(a), Some(b)) => a == b,
                _ => a.shown() == b.shown(),
            }
        }
        _ => match (a.numeric(), b.numeric()) {
            #[expect(clippy::float_cmp, reason = "equality of a formula is exact")]
            (Some(a), Some(b)) => a == b,
            _ => a.shown() == b.shown(),
        },
    }
}

/// Order: moments by time, numbers by size, with blank as 0; all else by text. `None` where NaN is involved.
pub fn order(a: &Value<'_>, b: &Value<'_>) -> Option<Ordering> {
    if matches!(a, Value::Moment(_)) || matches!(b, Value::Moment(_)) {
        return match (moment(a), moment(b)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => Some(a.shown().cmp(&b.shown())),
        };
    }
    match (sized(a), sized(b)) {
        (Some(a), Some(b)) => a.partial_cmp(&b),
        _ => Some(a.shown().cmp(&b.shown())),
    }
}

fn sized(value: &Value<'_>) -> Option<f64> {
    if matches!(value, Value::Blank) { Some(0.0) } else { value.numeric() }
}

/// Blank counts as the beginning of time.
fn moment(value: &Value<'_>) -> Option<Timestamp> {
    match value {
        Value::Blank => Some(Timestamp::MIN),
        value => value.moment().ok().map(|moment| moment.at.timestamp()),
    }
}
