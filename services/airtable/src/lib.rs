//! Airtable's own language: ids, cells, field types, schema, errors, list parameters and formulas. No server, no I/O.
//!
//! Facts come from Airtable's public Web API reference (2026) and from what its live service was seen to answer.

pub mod cell;
pub mod error;
pub mod field_type;
pub mod formula;
pub mod id;
pub mod list;
pub mod number;
mod options;
pub mod query;
pub mod schema;
pub mod time;
pub mod webhook;
pub mod written;

pub use cell::{Cells, Record};
pub use error::Error;
pub use field_type::FieldType;
pub use list::ListParameters;
pub use options::Choice;
pub use schema::{Field, Table, View};
