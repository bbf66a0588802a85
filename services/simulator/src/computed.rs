//! Cells that Airtable computes, each when it is asked for.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use airtable::{
    Field, FieldType,
    formula::{self, Fault, Formula, Outcome, Value as FormulaValue},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    deadline::Deadline,
    links, result,
    seen::{Aggregated, Seen},
    world::{Base, Row, Table, User},
};

/// Formulas that look at formulas any deeper are errors, so that no chain of them exhausts the stack.
const DEPTH: usize = 32;

/// Most results that one request keeps, so that memory stays bounded however much is listed.
const KEPT: usize = 20_000;

/// What computing may look at.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub user: &'a User,
    pub base: &'a Base,
    pub now: Timestamp,
    pub deadline: Deadline,
}

/// The computing that one request needs: each formula is read once, and results are kept for a while.
pub struct Calculation<'a> {
    pub scope: Scope<'a>,
    formulas: RefCell<HashMap<&'a str, Option<Rc<Formula>>>>,
    results: RefCell<HashMap<(&'a str, &'a str), Outcome<'static>>>,
    depth: Cell<usize>,
}

/// Whether the simulator computes cells of this field. Other computed cells stay as the fixture gave them.
pub fn is_made_here(field: &Field) -> bool {
    match field.field_type {
        FieldType::AutoNumber
        | FieldType::Count
        | FieldType::CreatedBy
        | FieldType::CreatedTime
        | FieldType::Formula
        | FieldType::LastModifiedBy
        | FieldType::LastModifiedTime
        | FieldType::MultipleLookupValues => true,
        FieldType::Rollup => field.text_option("formula").is_some(),
        _ => false,
    }
}

impl<'a> Calculation<'a> {
    pub fn new(scope: Scope<'a>) -> Self {
        let (formulas, results) = (RefCell::default(), RefCell::default());
        Self { scope, formulas, results, depth: Cell::new(0) }
    }

    /// The value of a cell, computed or kept; null where it is empty.
    pub fn cell(&self, table: &'a Table, row: &'a Row, field: &'a Field) -> Value {
        let kept = || row.cells.get(&field.id).cloned();
        match field.field_type {
            FieldType::AutoNumber => table.number(&row.id).map_or(Value::Null, Value::from),
            FieldType::CreatedTime => result::moment(field, Some(row.created)),
            FieldType::CreatedBy | FieldType::LastModifiedBy => self.scope.user.cell(),
            FieldType::LastModifiedTime => result::moment(field, last_modified(row, field)),
            FieldType::Count => {
                let link = field.record_link_field_id().and_then(|link| row.cells.get(link));
                json!(links::ids(link).len())
            }
            FieldType::MultipleLookupValues => self.lookup(table, row, field),
            FieldType::Formula => self.result(table, row, field),
            FieldType::Rollup if is_made_here(field) => self.result(table, row, field),
            FieldType::Button => kept().unwrap_or_else(|| json!({"label": field.name, "url": null})),
            FieldType::SingleCollaborator | FieldType::MultipleCollaborators => {
                self.scope.user.complete(kept().unwrap_or_default())
            }
            _ => kept().unwrap_or_default(),
        }
    }

    /// A cell as formulas see it: links as the primary values of their records, lookups as lists.
    pub fn seen(&self, table: &'a Table, row: &'a Row, field: &'a Field) -> Outcome<'a> {
        match field.field_type {
            FieldType::Formula => self.outcome(table, row, field),
            FieldType::Rollup if is_made_here(field) => self.outcome(table, row, field),
            FieldType::MultipleRecordLinks => self.one_deeper(|| Ok(self.primary_texts(row, field))),
            FieldType::MultipleLookupValues => self.one_deeper(|| self.values(table, row, field)),
            FieldType::Button | FieldType::SingleCollaborator | FieldType::MultipleCollaborators => {
                Ok(self.made(table, row, field))
            }
            _ if is_made_here(field) => Ok(self.made(table, row, field)),
            _ => {
                let kept = row.cells.get(&field.id);
                Ok(kept.map_or(FormulaValue::Blank, |cell| FormulaValue::of_cell(&field.field_type, cell)))
            }
        }
    }

    fn made(&self, table: &'a Table, row: &'a Row, field: &'a Field) -> FormulaValue<'a> {
        FormulaValue::of_cell(&field.field_type, &self.cell(table, row, field)).into_owned()
    }

    fn result(&self, table: &'a Table, row: &'a Row, field: &'a Field) -> Value {
        formula::cell(self.outcome(table, row, field), &result::shown(field).0)
    }

    /// A record as formulas see it.
    pub fn row<'c>(&'c self, table: &'a Table, row: &'a Row) -> Seen<'c, 'a> {
        Seen { calculation: self, table, row }
    }

    /// The text that stands for a record in links, as formulas see it.
    pub fn primary_text(&self, table: &'a Table, row: &'a Row) -> String {
        let value = table.schema.primary_field().map(|field| self.seen(table, row, field));
        value.and_then(Result::ok).map(|value| value.text()).unwrap_or_default()
    }

    /// The records that a lookup or rollup follows, with the field that it reads in them.
    pub fn followed(
        &self,
        table: &'a Table,
        row: &'a Row,
        field: &Field,
    ) -> Option<(&'a Table, Vec<&'a Row>, &'a Field)> {
        let link = table.schema.field(field.record_link_field_id()?)?;
        let target = self.scope.base.table(link.linked_table_id()?)?;
        let read = target.schema.field(field.field_id_in_linked_table()?)?;
        let rows = links::ids(row.cells.get(&link.id)).into_iter().filter_map(|id| target.row(&id));
        Some((target, rows.collect(), read))
    }

    /// The cells of a field in all linked records, lists opened.
    fn lookup(&self, table: &'a Table, row: &'a Row, field: &'a Field) -> Value {
        let looked_up = self.one_deeper(|| {
            let (target, rows, read) = self.followed(table, row, field).ok_or(Fault)?;
            let cells = rows.into_iter().map(|row| self.cell(target, row, read));
            let flat = cells.flat_map(|value| match value {
                Value::Array(items) => items,
                Value::Null | Value::Bool(false) => vec![],
                single => vec![single],
            });
            Ok(Value::Array(flat.collect()))
        });
        looked_up.unwrap_or_default()
    }

    /// The values of a field in all linked records, as formulas see them.
    fn values(&self, table: &'a Table, row: &'a Row, field: &'a Field) -> Outcome<'a> {
        let (target, rows, read) = self.followed(table, row, field).ok_or(Fault)?;
        let values = rows.into_iter().map(|row| self.seen(target, row, read));
        let filled = values.filter(|value| !matches!(value, Ok(FormulaValue::Blank)));
        Ok(FormulaValue::List(filled.collect::<Result<_, _>>()?))
    }

    fn primary_texts(&self, row: &'a Row, field: &Field) -> FormulaValue<'static> {
        let table = field.linked_table_id().and_then(|id| self.scope.base.table(id));
        let Some(table) = table else { return FormulaValue::Blank };
        let ids = links::ids(row.cells.get(&field.id));
        let rows = ids.iter().filter_map(|id| table.row(id));
        FormulaValue::List(rows.map(|row| FormulaValue::of_text(self.primary_text(table, row))).collect())
    }

    /// The result of a formula or rollup field, computed once for each record.
    fn outcome(&self, table: &'a Table, row: &'a Row, field: &'a Field) -> Outcome<'static> {
        let key = (row.id.as_str(), field.id.as_str());
        if let Some(known) = self.results.borrow().get(&key) {
            return known.clone();
        }
        let outcome = self.one_deeper(|| self.compute(table, row, field));
        let mut results = self.results.borrow_mut();
        if results.len() >= KEPT {
            results.clear();
        }
        results.insert(key, outcome.clone());
        outcome
    }

    fn compute(&self, table: &'a Table, row: &'a Row, field: &'a Field) -> Outcome<'static> {
        let formula = self.formula(table, field).ok_or(Fault)?;
        if field.field_type == FieldType::Rollup {
            let FormulaValue::List(values) = self.values(table, row, field)? else { return Err(Fault) };
            return formula.evaluate(&Aggregated { seen: self.row(table, row), values });
        }
        formula.evaluate(&self.row(table, row))
    }

    fn formula(&self, table: &'a Table, field: &'a Field) -> Option<Rc<Formula>> {
        let mut formulas = self.formulas.borrow_mut();
        let read = || {
            let text = field.text_option("formula")?;
            let read = match field.field_type {
                FieldType::Rollup => Formula::read(text, Aggregated::place),
                _ => Formula::read(text, |name| table.schema.field_in_formula(name)),
            };
            read.ok().map(Rc::new)
        };
        formulas.entry(field.id.as_str()).or_insert_with(read).clone()
    }

    fn one_deeper<T>(&self, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        let depth = self.depth.get();
        if depth >= DEPTH {
            return Err(Fault);
        }
        self.depth.set(depth + 1);
        let done = work();
        self.depth.set(depth);
        done
    }
}

fn last_modified(row: &Row, field: &Field) -> Option<Timestamp> {
    let watched = field.option("referencedFieldIds").and_then(Value::as_array);
    row.last_modified(watched.into_iter().flatten().filter_map(Value::as_str))
}

#[cfg(test)]
mod tests {
    use airtable::ListParameters;

    use super::*;
    use crate::{Fixture, iterators::Iterators, listing, render::Shape};

    #[test]
    fn a_request_whose_time_is_over_is_refused() {
        let world = Fixture::sample().unwrap().into_world().unwrap();
        let base = &world.bases[0];
        let parameters = ListParameters::from_query("filterByFormula=NOW()").unwrap();
        let page = |deadline: Deadline| {
            let shape = Shape::of(&serde_json::Map::new()).unwrap();
            let calculation =
                Calculation::new(Scope { user: &world.user, base, now: Timestamp::UNIX_EPOCH, deadline });
            listing::page(&calculation, &base.tables[0], &parameters, &shape, &Iterators::default())
        };
        assert!(page(Deadline::of_request()).is_ok());
        let refused = page(Deadline::over()).unwrap_err();
        assert_eq!((refused.status(), refused.kind()), (422, "INVALID_REQUEST_UNKNOWN"));
    }
}
