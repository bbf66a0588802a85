//! Airtable's formula language: read once against a table, evaluated for each record.

mod compare;
mod evaluate;
mod expression;
mod functions;
mod lexer;
mod moment;
mod parser;
mod value;

use jiff::Timestamp;

pub use evaluate::Outcome;
pub use value::{Fault, Value};

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
    fn cell(&self, field: usize) -> Outcome;
    /// The present, the same for a whole evaluation.
    fn now(&self) -> Timestamp;
}

impl Formula {
    /// Reads `text`; `place` finds the place of a field by the name or id that the text uses.
    pub fn read(text: &str, place: impl Fn(&str) -> Option<usize>) -> Result<Self, Unreadable> {
        let tokens = lexer::tokens(text).ok_or(Unreadable::Syntax)?;
        let parsed = parser::parse(tokens, place).ok_or(Unreadable::Syntax)?;
        if parsed.unknown.is_empty() {
            Ok(Self { root: parsed.root })
        } else {
            Err(Unreadable::UnknownFields(parsed.unknown))
        }
    }

    /// The value for one record.
    pub fn evaluate(&self, row: &dyn Row) -> Outcome {
        evaluate::evaluate(&self.root, row)
    }

    /// Whether a filter keeps the record: not for `0`, `""`, `NaN`, nothing, or an error.
    pub fn keeps(&self, row: &dyn Row) -> bool {
        self.evaluate(row).is_ok_and(|value| value.truth())
    }
}

#[cfg(test)]
mod tests;
