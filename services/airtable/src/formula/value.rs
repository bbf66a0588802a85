//! Values of formulas, and how each is read as text, number or truth.

use std::borrow::Cow;

use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::locale::Locale;
use crate::{FieldType, time};

/// A value. Truth values are the numbers 1 and 0, as in Airtable. Texts of cells and formulas are lent, not copied.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// The empty cell; equal to `""` and to `0`.
    Blank,
    /// Text.
    Text(Cow<'a, str>),
    /// A number, possibly not finite.
    Number(f64),
    /// A moment.
    Moment(Moment),
    /// The values of a cell with several.
    List(Vec<Value<'a>>),
}

/// A moment, in the time zone and the language in which it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// When, and where.
    pub at: Zoned,
    /// Of the names of months and days.
    pub(super) locale: Locale,
}

/// The error value, shown as `#ERROR!`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("#ERROR!")]
pub struct Fault;

impl<'a> Value<'a> {
    /// 1 or 0.
    pub fn of_truth(truth: bool) -> Self {
        Self::Number(f64::from(u8::from(truth)))
    }

    /// Text; an empty one equals the blank value, but is not it.
    pub fn of_text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// A moment in UTC.
    pub fn of_moment(at: Timestamp) -> Self {
        Self::of_zoned(at.to_zoned(TimeZone::UTC))
    }

    /// A moment in its time zone.
    pub fn of_zoned(at: Zoned) -> Self {
        Self::Moment(Moment { at, locale: Locale::default() })
    }

    /// The value of a cell as formulas see it. Links need the primary values of other records: not decided here.
    pub fn of_cell(field_type: &FieldType, cell: &'a serde_json::Value) -> Self {
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
            // A collaborator reads as the name, an attachment as the file name, a barcode as its text, a made text as
            // what was made; numbers that JSON has no notation for come under a name.
            serde_json::Value::Object(parts) => {
                ["name", "filename", "text", "label", "value", "email", "id", "specialValue"]
                    .iter()
                    .find_map(|part| parts.get(*part)?.as_str())
                    .map_or(Self::Blank, |text| {
                        of_special(text).map_or_else(|| Self::of_text(text), Self::Number)
                    })
            }
        }
    }

    /// The same with texts of its own.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Blank => Value::Blank,
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Number(number) => Value::Number(number),
            Self::Moment(moment) => Value::Moment(moment),
            Self::List(items) => Value::List(items.into_iter().map(Value::into_owned).collect()),
        }
    }

    /// The same with the texts of this one.
    pub fn lent(&self) -> Value<'_> {
        match self {
            Self::Blank => Value::Blank,
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Number(number) => Value::Number(*number),
            Self::Moment(moment) => Value::Moment(moment.clone()),
            Self::List(items) => Value::List(items.iter().map(Value::lent).collect()),
        }
    }

    /// As text: numbers without needless digits, moments in ISO 8601, lists joined by `, `.
    pub fn text(&self) -> String {
        self.shown().into_owned()
    }

    /// As [`Value::text`], lent where it is text.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Blank => Cow::Borrowed(""),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(number_text(*number)),
            Self::Moment(moment) => Cow::Owned(time::write(moment.at.timestamp())),
            Self::List(items) => Cow::Owned(items.iter().map(Self::shown).collect::<Vec<_>>().join(", ")),
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
            Self::List(_) => plain_number(&self.shown()),
            Self::Blank | Self::Moment(_) => None,
        }
    }

    /// As a moment: text is read as one, without a zone in UTC.
    pub fn moment(&self) -> Result<Moment, Fault> {
        match self {
            Self::Moment(moment) => Ok(moment.clone()),
            Self::Text(_) | Self::List(_) => {
                let at = time::read(&self.shown(), &TimeZone::UTC).ok_or(Fault)?;
                Ok(Moment { at: at.to_zoned(TimeZone::UTC), locale: Locale::default() })
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

    /// Bytes that were taken for it, beside itself.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Text(Cow::Owned(text)) => text.len(),
            Self::List(items) => items.iter().map(|item| size_of::<Self>() + item.weight()).sum(),
            _ => 0,
        }
    }
}

fn plain_number(text: &str) -> Option<f64> {
    let text = text.trim();
    // `inf`, `nan` and `1e5` are numbers to Rust but texts to Airtable.
    let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+');
    if text.bytes().all(plain) { text.parse().ok() } else { None }
}

fn number_text(number: f64) -> String {
    if number == 0.0 {
        "0".to_owned()
    } else {
        special(number).map_or_else(|| number.to_string(), str::to_owned)
    }
}

/// The name of a number that JSON has no notation for.
pub(super) fn special(number: f64) -> Option<&'static str> {
    match number {
        number if number.is_nan() => Some("NaN"),
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}

fn of_special(name: &str) -> Option<f64> {
    [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].into_iter().find(|number| special(*number) == Some(name))
}
