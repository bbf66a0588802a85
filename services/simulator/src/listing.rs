//! Listing records: which, in which order, and page by page.

use airtable::{Error, ListParameters, formula::Formula};
use serde_json::{Value, json};

use crate::{
    computed::Calculation,
    iterators::Iterators,
    order::{self, Order},
    render::{self, Shape},
    views::{self, Shown},
    world::{Row, Table},
};

/// The answer to a list call.
pub fn page<'a>(
    calculation: &Calculation<'a>,
    table: &'a Table,
    parameters: &ListParameters,
    shape: &Shape,
    iterators: &Iterators,
) -> Result<Value, Error> {
    let shown = match &parameters.view {
        Some(view) => Shown::by(views::find(calculation.scope.base, table, view)?).unwrap_or_default(),
        None => Shown::default(),
    };
    let only = parameters.fields.as_ref().map(|names| field_ids(table, names)).transpose()?;
    let (iterator, ids, place) = match &parameters.offset {
        Some(offset) => {
            let (iterator, ids, place) = iterators.resume(offset, &table.schema.id, calculation.scope.now)?;
            (Some(iterator), ids, place)
        }
        None => (None, selected(calculation, table, parameters, &shown)?.into(), 0),
    };
    calculation.scope.deadline.check()?;
    // Records may have gone since the iteration began.
    let mut there = ids.iter().skip(place).filter_map(|id| table.row(id));
    let rows: Vec<_> = there.by_ref().take(parameters.page_size).collect();
    let next = there.next().map(|row| row.id.clone());
    let mut records = Vec::new();
    for row in rows {
        let mut record = json!(render::record(calculation, table, row, shape, only.as_deref()));
        let comments =
            if parameters.comment_count { calculation.scope.base.comments.count(&row.id) } else { 0 };
        if let Some(record) = record.as_object_mut().filter(|_| comments > 0) {
            record.insert("commentCount".to_owned(), json!(comments));
        }
        records.push(record);
    }
    calculation.scope.deadline.check()?;
    let Some(next) = next else { return Ok(json!({"records": records})) };
    let iterator = iterator.unwrap_or_else(|| iterators.begin(&table.schema.id, ids, calculation.scope.now));
    Ok(json!({"records": records, "offset": format!("{iterator}/{next}")}))
}

/// The ids of all records that the parameters ask for, in order.
fn selected<'a>(
    calculation: &Calculation<'a>,
    table: &'a Table,
    parameters: &ListParameters,
    shown: &Shown,
) -> Result<Vec<String>, Error> {
    let read = |text: &String| Formula::read(text, |name| table.schema.field_in_formula(name));
    let filters = [&shown.filter_by_formula, &parameters.filter_by_formula].into_iter().flatten();
    let filters = filters.map(read).collect::<Result<Vec<_>, _>>()?;
    let keeps = |row: &&'a Row| filters.iter().all(|filter| filter.keeps(&calculation.row(table, row)));
    let sort = if parameters.sort.is_empty() { shown.sort() } else { parameters.sort.clone() };
    let order = sort.iter().map(|sort| Order::of(table, sort)).collect::<Result<Vec<_>, _>>()?;
    let rows = table.rows().filter(keeps);
    let most = parameters.max_records.unwrap_or(usize::MAX);
    if order.is_empty() {
        return Ok(rows.take(most).map(|row| row.id.clone()).collect());
    }
    let key = |row: &'a Row| order.iter().map(|order| order.key(calculation, table, row)).collect::<Vec<_>>();
    let mut keyed: Vec<_> = rows.map(|row| (key(row), row)).collect();
    keyed.sort_by(|(a, _), (b, _)| order::compare(&order, a, b));
    Ok(keyed.into_iter().take(most).map(|(_, row)| row.id.clone()).collect())
}

fn field_ids(table: &Table, names: &[String]) -> Result<Vec<String>, Error> {
    let id = |name: &String| {
        let field = table.schema.field(name).ok_or_else(|| Error::UnknownFieldName(name.clone()))?;
        Ok(field.id.clone())
    };
    names.iter().map(id).collect()
}
