//! Listing records: which, in which order, and page by page.

use std::cmp::Ordering;

use airtable::{
    Error, Field, FieldType, ListParameters,
    formula::{Formula, Row as _},
    id::Kind,
    list::Sort,
};
use serde_json::{Value, json};

use crate::{
    computed::Scope,
    iterators::Iterators,
    render,
    world::{Row, Table},
};

/// The answer to a list call.
pub fn page(
    scope: Scope<'_>,
    table: &Table,
    parameters: &ListParameters,
    iterators: &mut Iterators,
) -> Result<Value, Error> {
    check_view(scope, table, parameters.view.as_deref())?;
    let only = parameters.fields.as_ref().map(|names| field_ids(table, names)).transpose()?;
    let (iterator, ids) = match &parameters.offset {
        Some(offset) => {
            let (iterator, ids) = iterators.resume(offset, &table.schema.id, scope.now)?;
            (Some(iterator), ids.to_vec())
        }
        None => (None, selected(scope, table, parameters)?),
    };
    // Records may have gone since the iteration began.
    let mut there = ids.iter().filter_map(|id| table.row(id));
    let rows: Vec<_> = there.by_ref().take(parameters.page_size).collect();
    let next = there.next().map(|row| row.id.clone());
    let mut records = Vec::new();
    for row in rows {
        let mut record = json!(render::record(scope, table, row, &parameters.form, only.as_deref()));
        let comments = if parameters.comment_count { scope.base.comments.count(&row.id) } else { 0 };
        if let Some(record) = record.as_object_mut().filter(|_| comments > 0) {
            record.insert("commentCount".to_owned(), json!(comments));
        }
        records.push(record);
    }
    let Some(next) = next else { return Ok(json!({"records": records})) };
    let iterator = iterator.unwrap_or_else(|| iterators.begin(&table.schema.id, ids, scope.now));
    Ok(json!({"records": records, "offset": format!("{iterator}/{next}")}))
}

/// The ids of all records that the parameters ask for, in order.
fn selected(scope: Scope<'_>, table: &Table, parameters: &ListParameters) -> Result<Vec<String>, Error> {
    let read = |text: &String| Formula::read(text, |name| table.schema.field_in_formula(name));
    let filter = parameters.filter_by_formula.as_ref().map(read).transpose()?;
    let keeps = |row: &&Row| filter.as_ref().is_none_or(|filter| filter.keeps(&scope.row(table, row)));
    let order = parameters.sort.iter().map(|sort| Order::of(table, sort)).collect::<Result<Vec<_>, _>>()?;
    let rows = table.rows().filter(keeps);
    let mut keyed: Vec<_> = rows
        .map(|row| (order.iter().map(|order| order.key(scope, table, row)).collect::<Vec<_>>(), row))
        .collect();
    keyed.sort_by(|(a, _), (b, _)| compare(&order, a, b));
    let most = parameters.max_records.unwrap_or(usize::MAX);
    Ok(keyed.into_iter().take(most).map(|(_, row)| row.id.clone()).collect())
}

/// Views only name an order and a filter that the schema does not tell; here each shows all records.
fn check_view(scope: Scope<'_>, table: &Table, view: Option<&str>) -> Result<(), Error> {
    let Some(view) = view.filter(|view| table.schema.view(view).is_none()) else { return Ok(()) };
    if !Kind::View.names(view) {
        return Err(Error::ViewNameNotFound(view.to_owned()));
    }
    let elsewhere = scope.base.tables.iter().any(|table| table.schema.view(view).is_some());
    Err(if elsewhere { Error::FailedStateCheck } else { Error::ViewIdNotFound(view.to_owned()) })
}

fn field_ids(table: &Table, names: &[String]) -> Result<Vec<String>, Error> {
    let id = |name: &String| {
        let field = table.schema.field(name).ok_or_else(|| Error::UnknownFieldName(name.clone()))?;
        Ok(field.id.clone())
    };
    names.iter().map(id).collect()
}

/// A field to sort by.
struct Order<'a> {
    field: &'a Field,
    place: usize,
    choices: Vec<String>,
    descending: bool,
}

/// What a record is sorted by; empty cells come first.
#[derive(Debug, PartialEq)]
enum Key {
    Empty,
    Number(f64),
    Text(String),
}

impl<'a> Order<'a> {
    fn of(table: &'a Table, sort: &Sort) -> Result<Self, Error> {
        let field =
            table.schema.field(&sort.field).ok_or_else(|| Error::UnknownFieldName(sort.field.clone()))?;
        let choices = field.choices().into_iter().map(|choice| choice.name).collect();
        let place = table.schema.field_in_formula(&field.id).unwrap_or(usize::MAX);
        Ok(Self { field, place, choices, descending: sort.descending })
    }

    fn key(&self, scope: Scope<'_>, table: &'a Table, row: &'a Row) -> Key {
        let value = scope.cell(table, row, self.field);
        match &value {
            Value::Null | Value::Bool(false) => Key::Empty,
            Value::Bool(true) => Key::Number(1.0),
            Value::Number(number) => Key::Number(number.as_f64().unwrap_or_default()),
            Value::String(name) if self.field.field_type == FieldType::SingleSelect => {
                let place = self.choices.iter().position(|choice| choice == name);
                Key::Number(
                    place.and_then(|place| u32::try_from(place).ok()).map_or(f64::INFINITY, f64::from),
                )
            }
            Value::String(text) => Key::Text(text.to_lowercase()),
            // Links sort by the primary values of their records, users by name, files by file name.
            _ => {
                let seen = scope.row(table, row);
                Key::Text(seen.cell(self.place).map(|shown| shown.text().to_lowercase()).unwrap_or_default())
            }
        }
    }
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

fn compare(orders: &[Order<'_>], a: &[Key], b: &[Key]) -> Ordering {
    let each = orders.iter().zip(a.iter().zip(b)).map(|(order, (a, b))| {
        let ordering = a.order(b);
        if order.descending { ordering.reverse() } else { ordering }
    });
    each.fold(Ordering::Equal, Ordering::then)
}
