//! Values of formulas, and how each is read as text, number or truth.

use jiff::{Timestamp, Zoned, tz::TimeZone};

use crate::{FieldType, time};

/// A value. Truth values are the numbers 1 and 0, as in Airtable.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// The empty cell; equal to `""` and to `0`.
    Blank,
    /// Text.
    Text(String),
    /// A number, possibly not finite.
    Number(f64),
    /// A moment, in the time zone in which it is shown.
    Moment(Zoned),
    /// The values of a cell with several.
    List(Vec<Value>),
}

/// The error value, shown as `#ERROR!`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("#ERROR!")]
pub struct Fault;

impl Value {
    /// 1 or 0.
    pub fn of_truth(truth: bool) -> Self {
        Self::Number(f64::from(u8::from(truth)))
    }

    /// Text; an empty one equals the blank value, but is not it.
    pub fn of_text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A moment in UTC.
    pub fn of_moment(at: Timestamp) -> Self {
        Self::Moment(at.to_zoned(TimeZone::UTC))
    }

    /// The value of a cell as formulas see it. Links need the primary values of other records: not decided here.
    pub fn of_cell(field_type: &FieldType, cell: &serde_json::Value) -> Self {
        match cell {
            serde_json::Value::Null => Self::Blank,
            serde_json::Value::Bool(truth) => Self::of_truth(*truth),
            serde_json::Value::Number(number) => number.as_f64().map_or(Self::Blank, Self::Number),
            serde_json::Value::String(text) if field_type.is_moment() => {
                time::read(text, &TimeZone::UTC).map_or_else(|| Self::of_text(text), Self::of_moment)
            }
            serde_json::Value::String(text) => Self::of_text(text),
            serde_json::Value::Array(items) => {
                Self::List(items.iter().map(|item| Self::of_cell(field_type, item)).collect())
            }
            // A collaborator reads as the name, an attachment as the file name, a barcode as its text.
            serde_json::Value::Object(parts) => ["name", "filename", "text", "label", "email", "id"]
                .iter()
                .find_map(|part| parts.get(*part)?.as_str())
                .map_or(Self::Blank, Self::of_text),
        }
    }

    /// As text: numbers without needless digits, moments in ISO 8601, lists joined by `, `.
    pub fn text(&self) -> String {
        match self {
            Self::Blank => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number_text(*number),
            Self::Moment(moment) => time::write(moment.timestamp()),
            Self::List(items) => items.iter().map(Self::text).collect::<Vec<_>>().join(", "),
        }
    }

    /// As a number: blank is 0, text must be one.
    pub fn number(&self) -> Result<f64, Fault> {
        match self {
            Self::Blank => Ok(0.0),
            Self::Number(number) => Ok(*number),
            Self::Text(_) | Self::List(_) => self.numeric().ok_or(Fault),
            Self::Moment(_) => Err(Fault),
        }
    }

    /// The number that this is or that its text spells; `None` for blank and all else.
    pub fn numeric(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => plain_number(text),
            Self::List(_) => plain_number(&self.text()),
            Self::Blank | Self::Moment(_) => None,
        }
    }

    /// As a moment: text is read as one, without a zone in UTC.
    pub fn moment(&self) -> Result<Zoned, Fault> {
        match self {
            Self::Moment(moment) => Ok(moment.clone()),
            Self::Text(_) | Self::List(_) => {
                let at = time::read(&self.text(), &TimeZone::UTC).ok_or(Fault)?;
                Ok(at.to_zoned(TimeZone::UTC))
            }
            Self::Blank | Self::Number(_) => Err(Fault),
        }
    }

    /// As a truth value: false for blank, `""`, 0, NaN, and a list of nothing but such.
    pub fn truth(&self) -> bool {
        match self {
            Self::Blank => false,
            Self::Text(text) => !text.is_empty(),
            Self::Number(number) => *number != 0.0 && !number.is_nan(),
            Self::Moment(_) => true,
            Self::List(items) => items.iter().any(Self::truth),
        }
    }

    /// Whether it is as good as an empty cell.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Blank => true,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.iter().all(Self::is_blank),
            Self::Number(_) | Self::Moment(_) => false,
        }
    }

    /// The single values in it, lists opened however deep.
    pub fn leaves(&self) -> Vec<&Self> {
        match self {
            Self::List(items) => items.iter().flat_map(Self::leaves).collect(),
            single => vec![single],
        }
    }
}

fn plain_number(text: &str) -> Option<f64> {
    let text = text.trim();
    // `inf`, `nan` and `1e5` are numbers to Rust but texts to Airtable.
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+');
    if text.chars().all(plain) { text.parse().ok() } else { None }
}

fn number_text(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    number.to_string()
}
