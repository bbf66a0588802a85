//! Dates and moments.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::{Error, Field, time};

/// `YYYY-MM-DD`, of the day that the text names in its own zone.
pub fn date(field: &Field, value: &Value) -> Result<Option<Value>, Error> {
    let Some(text) = value.as_str() else { return Ok(None) };
    // A day is named by its date, whichever offset stands behind the time.
    let day = time::read_date(text, day_first(field)).ok_or_else(|| cannot(field, text))?;
    Ok(Some(Value::String(day.strftime("%Y-%m-%d").to_string())))
}

/// RFC 3339 in UTC with milliseconds. A text without a zone is read in that of the field.
pub fn date_time(field: &Field, value: &Value) -> Result<Option<Value>, Error> {
    let Some(text) = value.as_str() else { return Ok(None) };
    let zone = field.time_zone().and_then(time::zone).unwrap_or(TimeZone::UTC);
    let at: Timestamp = time::read_in(text, &zone, day_first(field)).ok_or_else(|| cannot(field, text))?;
    Ok(Some(Value::String(time::write(at))))
}

/// Whether the dates of the field are written with the day before the month.
fn day_first(field: &Field) -> bool {
    let format = field.option("dateFormat").and_then(|format| format.get("format"));
    format.and_then(Value::as_str).is_some_and(|format| format.starts_with('D'))
}

fn cannot(field: &Field, text: &str) -> Error {
    Error::CannotParse { value: text.to_owned(), field: field.name.clone() }
}
