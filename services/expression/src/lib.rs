//! `${…}` in the strings of a JSON input: member access of CEL, such as `${steps.create.outputs.recordIds[0]}`.
//!
//! A string that is exactly one expression takes the value's own type; in other text the value is put in as text.
//! `$${` stands for a literal `${`, and `${"text"}` for that text: `US${"$"}${parameters.price}` gives `US$7`.
//! Names of members are left as they are. Errors name places, never values.

mod path;
mod template;

use serde_json::Value;

pub use path::{Path, Segment};
use template::{Part, parts, write};

/// An expression that can't be read, or that leads to nothing usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {}: {expression}: {problem}", if at.is_empty() { "the top" } else { at })]
pub struct Error {
    /// Where in the input: a JSON pointer, empty for the input itself.
    pub at: String,
    /// The expression as written, shortened.
    pub expression: String,
    /// What is wrong, and what is there instead.
    pub problem: String,
}

/// The input with every expression replaced by what it leads to in `scope`.
///
/// # Errors
/// For an expression that can't be read, leads to nothing, or to something that can't be put into text.
pub fn resolve(input: &Value, scope: &Value) -> Result<Value, Error> {
    resolve_at(input, &Scope { values: scope, later: None }, &mut String::new())
}

/// Like [`resolve`], but expressions whose first name is `later` are left for a second [`resolve`] by somebody who
/// knows more. Both together give what one [`resolve`] by somebody who knows all would give: what is put in is written so
/// that the second pass reads it as text, whatever stands beside it.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_all_but(later: &str, input: &Value, scope: &Value) -> Result<Value, Error> {
    resolve_at(input, &Scope { values: scope, later: Some(later) }, &mut String::new())
}

/// What expressions lead into, and which of them are left alone.
struct Scope<'a> {
    values: &'a Value,
    later: Option<&'a str>,
}

impl Scope<'_> {
    fn is_left(&self, path: &Path) -> bool {
        self.later.is_some() && path.names().next() == self.later
    }

    /// The parts as they have to be written for whoever comes next: who resolves again, or who takes it as it is.
    fn text(&self, parts: &[Part<'_>]) -> Value {
        let plain = |part: &Part<'_>| match part {
            Part::Text(text) => text.clone().into_owned(),
            Part::Expression { source, .. } => (*source).to_owned(),
        };
        Value::String(if self.later.is_some() { write(parts) } else { parts.iter().map(plain).collect() })
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(&[Part::Text(text.into())]),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => Value::Object(
                members.iter().map(|(name, member)| (name.clone(), self.value(member))).collect(),
            ),
            other => other.clone(),
        }
    }
}

/// The paths of all expressions in the input, in the order they are written.
///
/// # Errors
/// For an expression that can't be read.
pub fn references(input: &Value) -> Result<Vec<Path>, Error> {
    let mut found = Vec::new();
    collect(input, &mut String::new(), &mut found)?;
    Ok(found)
}

fn resolve_at(input: &Value, scope: &Scope<'_>, at: &mut String) -> Result<Value, Error> {
    match input {
        Value::String(text) => fill(text, scope, at),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| within(at, &index.to_string(), |at| resolve_at(item, scope, at)))
            .collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| Ok((name.clone(), within(at, name, |at| resolve_at(member, scope, at))?)))
            .collect::<Result<serde_json::Map<_, _>, _>>()
            .map(Value::Object),
        other => Ok(other.clone()),
    }
}

fn collect(input: &Value, at: &mut String, found: &mut Vec<Path>) -> Result<(), Error> {
    match input {
        Value::String(text) => {
            for part in parts(text).map_err(|(expression, problem)| error(at, &expression, problem))? {
                if let Part::Expression { path, .. } = part {
                    found.push(path);
                }
            }
            Ok(())
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| within(at, &index.to_string(), |at| collect(item, at, found))),
        Value::Object(members) => {
            members.iter().try_for_each(|(name, member)| within(at, name, |at| collect(member, at, found)))
        }
        _ => Ok(()),
    }
}

fn fill(text: &str, scope: &Scope<'_>, at: &str) -> Result<Value, Error> {
    let parts = parts(text).map_err(|(expression, problem)| error(at, &expression, problem))?;
    let find =
        |path: &Path, source: &str| path.find(scope.values).map_err(|problem| error(at, source, problem));
    if let [Part::Expression { path, source }] = parts.as_slice()
        && !scope.is_left(path)
    {
        return Ok(scope.value(find(path, source)?));
    }
    let filled = parts.into_iter().map(|part| match part {
        Part::Expression { path, source } if !scope.is_left(&path) => match find(&path, source)? {
            Value::String(value) => Ok(Part::Text(value.into())),
            value @ (Value::Number(_) | Value::Bool(_)) => Ok(Part::Text(value.to_string().into())),
            other => {
                let kind = path::kind(other);
                Err(error(at, source, format!("leads to {kind}, which can't be put into text")))
            }
        },
        kept => Ok(kept),
    });
    Ok(scope.text(&filled.collect::<Result<Vec<_>, _>>()?))
}

/// Runs `work` with the JSON pointer one level deeper.
fn within<T>(at: &mut String, name: &str, work: impl FnOnce(&mut String) -> T) -> T {
    let length = at.len();
    at.push('/');
    at.push_str(&name.replace('~', "~0").replace('/', "~1"));
    let result = work(at);
    at.truncate(length);
    result
}

fn error(at: &str, expression: &str, problem: String) -> Error {
    let shortened = expression.chars().take(100).collect();
    Error { at: at.to_owned(), expression: shortened, problem }
}

#[cfg(test)]
mod tests;
