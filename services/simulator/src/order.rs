//! The order of records by the value of a field.

use std::cmp::Ordering;

use airtable::{Error, Field, FieldType, list::Sort};
use serde_json::Value;

use crate::{
    computed::Calculation,
    world::{Row, Table},
};

/// A field to sort by.
pub struct Order<'a> {
    field: &'a Field,
    choices: Vec<String>,
    descending: bool,
}

/// What a record is sorted by; empty cells come first.
#[derive(Debug, PartialEq)]
pub enum Key {
    Empty,
    Number(f64),
    Text(String),
}

impl<'a> Order<'a> {
    pub fn of(table: &'a Table, sort: &Sort) -> Result<Self, Error> {
        let field =
            table.schema.field(&sort.field).ok_or_else(|| Error::UnknownFieldName(sort.field.clone()))?;
        let choices = field.choices().into_iter().map(|choice| choice.name).collect();
        Ok(Self { field, choices, descending: sort.descending })
    }

    pub fn key(&self, calculation: &Calculation<'a>, table: &'a Table, row: &'a Row) -> Key {
        let value = calculation.cell(table, row, self.field);
        match &value {
            Value::Null | Value::Bool(false) => Key::Empty,
            Value::Bool(true) => Key::Number(1.0),
            Value::Number(number) => Key::Number(number.as_f64().unwrap_or_default()),
            Value::String(text) if text.is_empty() => Key::Empty,
            Value::String(name) if self.field.field_type == FieldType::SingleSelect => {
                let place = self.choices.iter().position(|choice| choice == name);
                Key::Number(
                    place.and_then(|place| u32::try_from(place).ok()).map_or(f64::INFINITY, f64::from),
                )
            }
            Value::String(text) => Key::Text(text.to_lowercase()),
            // Links sort by the primary values of their records, users by name, files by file name.
            _ => {
                let seen = calculation.seen(table, row, self.field);
                Key::Text(seen.map(|shown| shown.text().to_lowercase()).unwrap_or_default())
            }
        }
    }
}

/// The order of two records by the keys of each field in turn.
pub fn compare(orders: &[Order<'_>], a: &[Key], b: &[Key]) -> Ordering {
    let each = orders.iter().zip(a.iter().zip(b)).map(|(order, (a, b))| {
        let ordering = a.order(b);
        if order.descending { ordering.reverse() } else { ordering }
    });
    each.fold(Ordering::Equal, Ordering::then)
}

impl Key {
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Empty, Self::Empty) => Ordering::Equal,
            (Self::Empty, _) | (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (_, Self::Empty) | (Self::Text(_), Self::Number(_)) => Ordering::Greater,
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
        }
    }
}
