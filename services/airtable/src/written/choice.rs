//! Choices of select fields, by name.

use serde_json::Value;

use super::{Written, comma_separated};
use crate::{Error, Field};

/// A name; with typecast also a number or a truth value as its text.
pub fn one(field: &Field, value: &Value, typecast: bool) -> Result<Written, Error> {
    let known = names(field);
    let name = name(field, value, typecast)?;
    let mut new = Vec::new();
    check(&name, &known, &mut new, typecast)?;
    Ok(if name.is_empty() {
        Written::Cell(Value::Null)
    } else {
        Written::Chosen { cell: Value::String(name), new }
    })
}

/// A list of names; with typecast also a text of them with commas between. Each is chosen once.
pub fn several(field: &Field, value: &Value, typecast: bool) -> Result<Written, Error> {
    let known = names(field);
    let written = match value {
        Value::Array(items) => {
            items.iter().map(|item| name(field, item, typecast)).collect::<Result<_, _>>()?
        }
        Value::String(text) if typecast => comma_separated(text),
        _ => return Err(Error::CannotAccept(field.name.clone())),
    };
    let (mut chosen, mut new) = (Vec::new(), Vec::new());
    for name in written {
        check(&name, &known, &mut new, typecast)?;
        if !name.is_empty() && !chosen.contains(&name) {
            chosen.push(name);
        }
    }
    Ok(if chosen.is_empty() {
        Written::Cell(Value::Null)
    } else {
        Written::Chosen { cell: Value::from(chosen), new }
    })
}

fn names(field: &Field) -> Vec<String> {
    field.choices().into_iter().map(|choice| choice.name).collect()
}

fn name(field: &Field, value: &Value, typecast: bool) -> Result<String, Error> {
    match value {
        Value::String(name) => Ok(name.trim().to_owned()),
        Value::Number(_) | Value::Bool(_) if typecast => Ok(value.to_string()),
        _ => Err(Error::CannotAccept(field.name.clone())),
    }
}

/// Notes a name that is not known, or refuses it.
fn check(name: &str, known: &[String], new: &mut Vec<String>, typecast: bool) -> Result<(), Error> {
    if name.is_empty() || known.iter().chain(&*new).any(|other| other == name) {
        return Ok(());
    }
    if !typecast {
        return Err(Error::UnknownChoice(name.to_owned()));
    }
    new.push(name.to_owned());
    Ok(())
}
