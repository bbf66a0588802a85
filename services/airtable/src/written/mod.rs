//! What a value means that is written to a cell: the cell as it is kept, or why the field refuses it.
//!
//! Decided by the field alone. Whether a linked record is there, and what becomes of files, is up to who holds them.

mod choice;
mod link;
mod moment;
mod number;
mod person;

use serde_json::{Value, json};

use crate::{Error, Field, FieldType, cell::is_empty};

pub use link::Link;

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// The cell as it is kept; null clears it.
    Cell(Value),
    /// The same of a select field, which has not got the choices in `new` yet.
    Chosen {
        /// A name or a list of names.
        cell: Value,
        /// Names, in order. Only with typecast.
        new: Vec<String>,
    },
    /// The records to link to.
    Links(Vec<Link>),
}

/// What `value` means when it is written to a cell of `field`. With `typecast` texts and the like are converted where they
/// can be; choices and links that are not there may then be made.
///
/// Empty values (null, `""`, `[]`, `false`) clear every cell that may be written.
pub fn accept(field: &Field, value: &Value, typecast: bool) -> Result<Written, Error> {
    if field.field_type.is_computed() {
        return Err(Error::Computed(field.name.clone()));
    }
    if is_empty(value) {
        return Ok(Written::Cell(Value::Null));
    }
    let cell = match &field.field_type {
        FieldType::SingleSelect => return choice::one(field, value, typecast),
        FieldType::MultipleSelects => return choice::several(field, value, typecast),
        FieldType::MultipleRecordLinks => return link::links(value, typecast).map(Written::Links),
        kind if kind.is_text() => text(value, typecast),
        FieldType::Rating => number::rating(field, value, typecast)?,
        kind if kind.is_number() => number::number(field, value, typecast)?,
        FieldType::Checkbox => checkbox(value, typecast),
        FieldType::Date => moment::date(field, value)?,
        FieldType::DateTime => moment::date_time(field, value)?,
        FieldType::SingleCollaborator => person::one(value, typecast),
        FieldType::MultipleCollaborators => person::several(value, typecast),
        FieldType::Barcode => barcode(value, typecast),
        FieldType::MultipleAttachments => files(value),
        _ => Some(value.clone()),
    };
    let cell = cell.ok_or_else(|| Error::CannotAccept(field.name.clone()))?;
    Ok(Written::Cell(if is_empty(&cell) { Value::Null } else { cell }))
}

/// The items of a text like `a, b`. Quotes keep a comma in an item, `"a, b", c`; within them a quote is doubled.
pub fn comma_separated(text: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let Some(item) = items.last_mut() else { break };
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => item.push('"'),
            '"' if quoted => quoted = false,
            '"' if item.trim().is_empty() => quoted = true,
            ',' if !quoted => items.push(String::new()),
            other => item.push(other),
        }
    }
    items.iter().map(|item| item.trim()).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn text(value: &Value, typecast: bool) -> Option<Value> {
    match value {
        Value::String(_) => Some(value.clone()),
        Value::Number(_) | Value::Bool(_) if typecast => Some(Value::String(value.to_string())),
        _ => None,
    }
}

/// With typecast a few words are a yes, all other texts a no.
fn checkbox(value: &Value, typecast: bool) -> Option<Value> {
    let yes =
        |text: &str| matches!(text.trim().to_lowercase().as_str(), "1" | "true" | "yes" | "checked" | "x");
    match value {
        Value::Bool(_) => Some(value.clone()),
        Value::String(text) if typecast => Some(Value::Bool(yes(text))),
        Value::Number(number) if typecast => Some(Value::Bool(number.as_f64() != Some(0.0))),
        _ => None,
    }
}

/// `{text, type?}`, both texts.
fn barcode(value: &Value, typecast: bool) -> Option<Value> {
    match value {
        Value::String(_) | Value::Number(_) if typecast => Some(json!({"text": text(value, true)?})),
        Value::Object(parts) => {
            let text = parts.get("text").filter(|text| text.is_string())?;
            match parts.get("type") {
                None | Some(Value::Null) => Some(json!({"text": text})),
                Some(kind) => kind.is_string().then(|| json!({"text": text, "type": kind})),
            }
        }
        _ => None,
    }
}

/// Each is one that the cell holds, by its id, or one to be fetched.
fn files(value: &Value) -> Option<Value> {
    let web = |url: &str| url.starts_with("http://") || url.starts_with("https://");
    let text = |file: &Value, part: &str| file.get(part).and_then(Value::as_str).map(str::to_owned);
    let is_file = |file: &Value| text(file, "id").is_some() || text(file, "url").is_some_and(|url| web(&url));
    value.as_array()?.iter().all(is_file).then(|| value.clone())
}

#[cfg(test)]
mod tests;
