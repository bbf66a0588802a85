//! Values written to cells that need no look at other records: text, numbers, dates, users, files.

use airtable::{Error, Field, FieldType, id::Kind, time};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// The value as it is kept, or why the field refuses it. With `typecast` texts are converted where they can be.
pub fn accept(field: &Field, value: &Value, typecast: bool) -> Result<Value, Error> {
    let refused = || Error::CannotAccept(field.name.clone());
    match &field.field_type {
        kind if kind.is_computed() => Err(Error::Computed(field.name.clone())),
        kind if kind.is_text() => match value {
            Value::String(_) => Ok(value.clone()),
            Value::Number(_) | Value::Bool(_) if typecast => Ok(Value::String(value.to_string())),
            _ => Err(refused()),
        },
        FieldType::Rating => {
            let rating = number(field, value, typecast)?;
            let whole = rating.as_u64().filter(|stars| (1..=field.max_rating()).contains(stars));
            whole.map(Value::from).ok_or_else(refused)
        }
        kind if kind.is_number() => number(field, value, typecast),
        FieldType::Checkbox => match value {
            Value::Bool(_) => Ok(value.clone()),
            Value::String(text) if typecast => Ok(Value::Bool(is_yes(text))),
            Value::Number(number) if typecast => Ok(Value::Bool(number.as_f64() != Some(0.0))),
            _ => Err(refused()),
        },
        FieldType::Date | FieldType::DateTime => moment(field, value),
        FieldType::SingleCollaborator => collaborator(value, typecast).ok_or_else(refused),
        FieldType::MultipleCollaborators => {
            let items = value.as_array().ok_or_else(refused)?;
            items.iter().map(|item| collaborator(item, true).ok_or_else(refused)).collect()
        }
        FieldType::Barcode => {
            let text = value.get("text").and_then(Value::as_str).map(|_| value.clone());
            text.or_else(|| Some(json!({"text": value.as_str().filter(|_| typecast)?}))).ok_or_else(refused)
        }
        _ => Ok(value.clone()),
    }
}

/// The items of a text like `a, b`.
pub fn comma_separated(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn number(field: &Field, value: &Value, typecast: bool) -> Result<Value, Error> {
    match value {
        Value::Number(_) => Ok(value.clone()),
        Value::String(text) if typecast => {
            let digits: String =
                text.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | '-')).collect();
            let cannot = || Error::CannotParse { value: text.clone(), field: field.name.clone() };
            let number: serde_json::Number = digits.parse().map_err(|_| cannot())?;
            Ok(Value::Number(number))
        }
        _ => Err(Error::CannotAccept(field.name.clone())),
    }
}

fn moment(field: &Field, value: &Value) -> Result<Value, Error> {
    let text = value.as_str().ok_or_else(|| Error::CannotAccept(field.name.clone()))?;
    let zone = field.time_zone().and_then(time::zone).unwrap_or(TimeZone::UTC);
    let cannot = || Error::CannotParse { value: text.to_owned(), field: field.name.clone() };
    if field.field_type == FieldType::DateTime {
        return Ok(Value::String(time::write(time::read(text, &zone).ok_or_else(cannot)?)));
    }
    let at = time::read(text, &TimeZone::UTC).ok_or_else(cannot)?;
    Ok(Value::String(at.strftime("%Y-%m-%d").to_string()))
}

fn collaborator(value: &Value, from_text: bool) -> Option<Value> {
    match value {
        Value::String(text) if from_text && Kind::User.names(text) => Some(json!({"id": text})),
        Value::String(text) if from_text && !text.is_empty() => Some(json!({"email": text, "name": text})),
        Value::Object(parts) if parts.get("id").or(parts.get("email")).is_some_and(Value::is_string) => {
            Some(value.clone())
        }
        _ => None,
    }
}

fn is_yes(text: &str) -> bool {
    matches!(text.trim().to_lowercase().as_str(), "1" | "true" | "yes" | "checked" | "x")
}
