//! Creating, changing, merging and deleting records, all within one transaction.

use airtable::{Cells, Error, Field, id::Kind};
use serde_json::Value;

use crate::{
    body::{Item, Upsert},
    cells, links,
    transaction::Transaction,
    world::{Row, new_id},
};

/// The ids that an upsert touched, in the order of the request.
pub struct Merged {
    pub all: Vec<String>,
    pub created: Vec<String>,
    pub updated: Vec<String>,
}

/// A write to the records of one table.
pub struct Writer<'a, 'b> {
    pub transaction: &'a mut Transaction<'b>,
    /// The id of the table.
    pub table: &'a str,
    /// Convert texts to what the field holds.
    pub typecast: bool,
    /// Clear the fields that an update does not name.
    pub replace: bool,
}

impl Writer<'_, '_> {
    /// Creates a record and answers its id.
    pub fn create(&mut self, fields: &Cells) -> Result<String, Error> {
        let id = new_id(Kind::Record);
        self.transaction.insert(self.table, &id);
        self.write(&id, fields)?;
        Ok(id)
    }

    /// Changes a record.
    pub fn update(&mut self, id: &str, fields: &Cells) -> Result<(), Error> {
        self.known(id)?;
        if self.replace {
            self.clear_others(id, fields)?;
        }
        self.write(id, fields)
    }

    /// Deletes a record, with the links that lead to it.
    pub fn delete(&mut self, id: &str) -> Result<(), Error> {
        self.known(id)?;
        links::forget(self.transaction, self.table, id);
        self.transaction.remove(self.table, id);
        Ok(())
    }

    /// Updates the records that the merge fields find, creates those they don't.
    ///
    /// What matches is decided before anything is written, so that the records of one request don't see each other.
    pub fn upsert(&mut self, items: &[Item], upsert: &Upsert) -> Result<Merged, Error> {
        let fields =
            upsert.fields.iter().map(|name| self.merge_field(name)).collect::<Result<Vec<_>, _>>()?;
        let mut found = Vec::new();
        for item in items {
            found.push(match &item.id {
                Some(id) => Some(id.clone()),
                None => self.matching(&item.fields, &fields)?,
            });
        }
        let mut merged = Merged { all: vec![], created: vec![], updated: vec![] };
        for (item, found) in items.iter().zip(found) {
            let id = if let Some(id) = found {
                self.update(&id, &item.fields)?;
                merged.updated.push(id.clone());
                id
            } else {
                let id = self.create(&item.fields)?;
                merged.created.push(id.clone());
                id
            };
            merged.all.push(id);
        }
        Ok(merged)
    }

    fn known(&self, id: &str) -> Result<(), Error> {
        let known = self.transaction.table(self.table)?.row(id).is_some();
        if known { Ok(()) } else { Err(Error::ModelIdNotFound("Record")) }
    }

    fn field(&self, name: &str) -> Result<Field, Error> {
        let schema = &self.transaction.table(self.table)?.schema;
        schema.field(name).cloned().ok_or_else(|| Error::UnknownFieldName(name.to_owned()))
    }

    fn write(&mut self, id: &str, fields: &Cells) -> Result<(), Error> {
        for (name, value) in fields {
            let field = self.field(name)?;
            cells::write(self.transaction, self.table, id, &field, value, self.typecast)?;
        }
        Ok(())
    }

    fn clear_others(&mut self, id: &str, fields: &Cells) -> Result<(), Error> {
        let named = |field: &Field| fields.contains_key(&field.id) || fields.contains_key(&field.name);
        let schema = &self.transaction.table(self.table)?.schema;
        let others: Vec<_> = schema
            .fields
            .iter()
            .filter(|field| !field.field_type.is_computed() && !named(field))
            .cloned()
            .collect();
        for field in others {
            cells::write(self.transaction, self.table, id, &field, &Value::Null, self.typecast)?;
        }
        Ok(())
    }

    fn merge_field(&self, name: &str) -> Result<Field, Error> {
        let field = self.field(name)?;
        if field.field_type.may_merge() {
            return Ok(field);
        }
        let kind = field.field_type.as_str();
        Err(Error::InvalidRequestBecause(format!("Cannot merge on field \"{name}\" of type {kind}")))
    }

    /// The record that has the values of `fields` in every merge field. An empty value matches nothing.
    fn matching(&mut self, fields: &Cells, merge: &[Field]) -> Result<Option<String>, Error> {
        let mut wanted = Vec::new();
        for field in merge {
            let given = fields.get(&field.name).or_else(|| fields.get(&field.id)).unwrap_or(&Value::Null);
            let value = cells::accept(self.transaction, self.table, "", field, given, self.typecast)?;
            if value.is_null() {
                return Ok(None);
            }
            wanted.push((&field.id, value));
        }
        let fits = |row: &&Row| {
            wanted.iter().all(|(id, value)| row.cells.get(*id).is_some_and(|cell| same(cell, value)))
        };
        let mut rows = self.transaction.table(self.table)?.rows().filter(fits);
        let first = rows.next().map(|row| row.id.clone());
        if rows.next().is_some() {
            let names: Vec<_> = merge.iter().map(|field| field.name.as_str()).collect();
            return Err(Error::SeveralMatches(names.join(", ")));
        }
        Ok(first)
    }
}

/// Equality of cells: 1 and 1.0 are the same number.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        #[expect(clippy::float_cmp, reason = "keys are equal or not")]
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}
