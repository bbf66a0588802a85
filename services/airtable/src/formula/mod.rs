//! Airtable's formula language: read once against a table, evaluated for each record.

mod compare;
mod evaluate;
mod expression;
mod functions;
mod lexer;
mod locale;
mod moment;
mod parser;
mod pattern;
mod same;
mod syntax;
mod tree;
mod value;
mod wire;

use jiff::Timestamp;

pub use evaluate::Outcome;
pub use functions::{Signature, signatures};
pub use same::is_same;
pub use syntax::Syntax;
pub use value::{Fault, Moment, Value};
pub use wire::cell;

/// A formula that was understood; its fields are places in the table it was read for.
#[derive(Debug, Clone)]
pub struct Formula {
    root: expression::Expression,
}

/// Why a text is no formula.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It breaks the grammar, calls an unknown function, or one with too few or too many arguments.
    #[error("Invalid formula. Please check your formula text.")]
    Syntax,
    /// It names fields that are not there, in the order of their appearance.
    #[error("Unknown field names: {}", .0.join(", ").to_lowercase())]
    UnknownFields(Vec<String>),
}

impl From<Unreadable> for crate::Error {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Syntax => Self::InvalidFormula,
            Unreadable::UnknownFields(names) => Self::UnknownFieldsInFormula(names),
        }
    }
}

/// The record that a formula looks at.
pub trait Row {
    /// `rec…`.
    fn record_id(&self) -> &str;
    /// When the record was created.
    fn created(&self) -> Timestamp;
    /// When one of these fields was last changed, any field where none is given.
    fn modified(&self, fields: &[usize]) -> Option<Timestamp>;
    /// The value of the field at this place of the table.
    fn cell(&self, field: usize) -> Outcome<'_>;
    /// The present, the same for a whole evaluation.
    fn now(&self) -> Timestamp;
    /// Whether there is time left to evaluate; where there is none, every call of a function is an error.
    fn in_time(&self) -> bool {
        true
    }
}

impl Formula {
    /// Reads `text`; `place` finds the place of a field by the name or id that the text uses.
    pub fn read(text: &str, place: impl Fn(&str) -> Option<usize>) -> Result<Self, Unreadable> {
        Syntax::read(text)?.formula(place)
    }

    /// The value for one record.
    pub fn evaluate(&self, row: &dyn Row) -> Outcome<'static> {
        evaluate::evaluate(&self.root, row).map(Value::into_owned)
    }

    /// Whether a filter keeps the record: not for `0`, `""`, `NaN`, nothing, or an error.
    pub fn keeps(&self, row: &dyn Row) -> bool {
        evaluate::evaluate(&self.root, row).is_ok_and(|value| value.truth())
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
