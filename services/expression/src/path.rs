//! Paths: a name, then members and indices; read from text and followed through a JSON value.

use std::fmt;

use serde_json::Value;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A member of an object, by name.
    Member(String),
    /// An item of an array, counted from 0.
    Index(usize),
}

/// Where an expression leads, for example `steps.create.outputs.recordIds[0]`. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<Segment>);

impl Path {
    /// The segments; the first one is a member of the scope.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The segments as names, as far as they are names: for `steps["a"].ids[0]` it is `steps`, `a`, `ids`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map_while(|segment| match segment {
            Segment::Member(name) => Some(name.as_str()),
            Segment::Index(_) => None,
        })
    }

    /// What the path leads to in `scope`, or what is there instead.
    pub(crate) fn find<'a>(&self, scope: &'a Value) -> Result<&'a Value, String> {
        self.0.iter().enumerate().try_fold(scope, |value, (depth, segment)| {
            let found = match segment {
                Segment::Member(name) => value.as_object().and_then(|members| members.get(name)),
                Segment::Index(index) => value.as_array().and_then(|items| items.get(*index)),
            };
            found.ok_or_else(|| {
                let here = Path(self.0.iter().take(depth).cloned().collect());
                here.lacks(segment, value)
            })
        })
    }

    fn lacks(&self, segment: &Segment, value: &Value) -> String {
        let here = if self.0.is_empty() { "the scope".to_owned() } else { self.to_string() };
        match (segment, value) {
            (Segment::Member(name), Value::Object(members)) if members.is_empty() => {
                format!("{here} has no member {name:?}; it has none")
            }
            (Segment::Member(name), Value::Object(members)) => {
                let mut known: Vec<&str> = members.keys().map(String::as_str).take(20).collect();
                known.sort_unstable();
                format!("{here} has no member {name:?}; it has {}", known.join(", "))
            }
            (Segment::Index(index), Value::Array(items)) => {
                format!("{here} has no item {index}; it has {} items", items.len())
            }
            (Segment::Member(name), other) => {
                format!("{here} is {}, where an object with the member {name:?} is expected", kind(other))
            }
            (Segment::Index(index), other) => {
                format!("{here} is {}, where an array with an item {index} is expected", kind(other))
            }
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Member(name) if !is_name(name) => write!(f, "[{name:?}]")?,
                Segment::Member(name) if depth == 0 => f.write_str(name)?,
                Segment::Member(name) => write!(f, ".{name}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// What sort of JSON a value is, for messages.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Reads a path at the start of `text`; also what follows it.
pub fn parse(text: &str) -> Result<(Path, &str), String> {
    let (name, mut rest) = name(text.trim_start())
        .ok_or("does not begin with a name, for example parameters, steps or outputs".to_owned())?;
    let mut segments = vec![Segment::Member(name.to_owned())];
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('.') {
            let (name, after) = self::name(after.trim_start()).ok_or_else(|| {
                format!(
                    "has no name after {}.; other names are written [\"like-this\"]",
                    Path(segments.clone())
                )
            })?;
            segments.push(Segment::Member(name.to_owned()));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (segment, after) = bracket(after.trim_start())?;
            rest = after.trim_start().strip_prefix(']').ok_or("has a [ without its ]")?;
            segments.push(segment);
        } else {
            return Ok((Path(segments), rest));
        }
    }
}

/// What stands in brackets: `"name"`, `'name'` or a number.
fn bracket(text: &str) -> Result<(Segment, &str), String> {
    if let Some((name, rest)) = quoted(text)? {
        return Ok((Segment::Member(name), rest));
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let index = digits.parse().map_err(|_| "has something in [ ] that is neither \"a name\" nor a number")?;
    Ok((Segment::Index(index), rest))
}

/// Reads `"text"` or `'text'` at the start of `text`, where there is a quote; also what follows it.
pub fn quoted(text: &str) -> Result<Option<(String, &str)>, String> {
    let Some(quote @ ('"' | '\'')) = text.chars().next() else { return Ok(None) };
    let mut read = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((position, char)) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some((_, char @ ('\\' | '"' | '\''))) => read.push(char),
                Some((_, other)) => {
                    return Err(format!(
                        "has \\{other} in quotes, where only \\\\, \\\" and \\' are possible"
                    ));
                }
                None => break,
            },
            char if char == quote => return Ok(Some((read, text.get(position + 1..).unwrap_or_default()))),
            char => read.push(char),
        }
    }
    Err("has quoted text that does not end".to_owned())
}

fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    is_name(name).then_some((name, rest))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
