//! Numbers, and what people write in their place.

use serde_json::{Number, Value};

use crate::{Error, Field, FieldType, number};

/// A number; with typecast also a text of one in the notation of the field: `12 %`, `€1,250.50`, `1:30`.
pub fn number(field: &Field, value: &Value, typecast: bool) -> Result<Option<Value>, Error> {
    let text = match value {
        Value::Number(_) => return Ok(Some(value.clone())),
        Value::String(text) if typecast => text,
        _ => return Ok(None),
    };
    let read = match field.field_type {
        FieldType::Percent if text.contains('%') => number::read(text).map(|percent| percent / 100.0),
        FieldType::Duration if text.contains(':') => duration(text, field.text_option("durationFormat")),
        _ => number::read(text),
    };
    let cannot = || Error::CannotParse { value: text.clone(), field: field.name.clone() };
    Ok(Some(Value::Number(read.and_then(number::json).ok_or_else(cannot)?)))
}

/// A whole number from 1 to what the field allows.
pub fn rating(field: &Field, value: &Value, typecast: bool) -> Result<Option<Value>, Error> {
    let Some(Value::Number(given)) = number(field, value, typecast)? else { return Ok(None) };
    let whole = given.as_f64().and_then(number::json).as_ref().and_then(Number::as_u64);
    Ok(whole.filter(|stars| (1..=field.max_rating()).contains(stars)).map(Value::from))
}

/// Seconds of `h:mm`, `h:mm:ss` or `h:mm:ss.SSS`. Two numbers are hours and minutes in a field that shows no seconds, minutes
/// and seconds in all others.
fn duration(text: &str, format: Option<&str>) -> Option<f64> {
    let text = text.trim();
    let (sign, text) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    let plain = |part: &str| {
        let digits = part.trim();
        let known = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        digits.parse::<f64>().ok().filter(|number| known && number.is_finite())
    };
    let parts = text.split(':').map(plain).collect::<Option<Vec<_>>>()?;
    let seconds = match *parts.as_slice() {
        [hours, minutes] if format.is_none_or(|format| format == "h:mm") => hours * 3_600.0 + minutes * 60.0,
        [minutes, seconds] => minutes * 60.0 + seconds,
        [hours, minutes, seconds] => hours * 3_600.0 + minutes * 60.0 + seconds,
        _ => return None,
    };
    Some(sign * seconds)
}
