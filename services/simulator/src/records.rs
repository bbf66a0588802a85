//! Calls about the records of a table.

use airtable::{Error, ListParameters, error::Batch, query};
use serde_json::{Map, Value, json};

use crate::{
    body::{self, Manner},
    call::RecordsCall,
    computed::{Calculation, Scope},
    deadline::Deadline,
    directory::Directory,
    iterators::Iterators,
    listing,
    render::{self, Shape},
    transaction::{self, Change, Transaction},
    world::Base,
    writes::Writer,
};

/// What a call has beside its path.
pub struct Input<'a> {
    /// The query string, raw.
    pub query: &'a str,
    /// The body, raw; empty where there is none.
    pub body: &'a [u8],
    /// When it is done.
    pub now: jiff::Timestamp,
    /// Until when it may compute.
    pub deadline: Deadline,
}

impl Input<'_> {
    /// The body as a JSON object.
    pub fn object(&self) -> Result<Map<String, Value>, Error> {
        match serde_json::from_slice(self.body).map_err(|_| Error::InvalidBody)? {
            Value::Object(object) => Ok(object),
            _ => Err(Error::InvalidRequest),
        }
    }

    /// The body as a JSON object, empty where there is none.
    pub fn object_if_any(&self) -> Result<Map<String, Value>, Error> {
        if self.body.is_empty() { Ok(Map::new()) } else { self.object() }
    }

    /// What the query asks to be included.
    pub fn include(&self) -> Vec<String> {
        query::object(self.query).get("include").and_then(query::texts).unwrap_or_default()
    }
}

/// Answers a call that changes nothing.
pub fn read(
    scope: Scope<'_>,
    table: &str,
    call: &RecordsCall,
    input: &Input<'_>,
    iterators: &Iterators,
) -> Result<Value, Error> {
    let table = scope.base.table(table).ok_or(Error::ModelNotFound)?;
    let calculation = &Calculation::new(scope);
    match call {
        RecordsCall::ListByPost => {
            let body = input.object()?;
            let mut given = query::object(input.query);
            given.extend(body.clone());
            let parameters = ListParameters::from_body(&body, input.query)?;
            listing::page(calculation, table, &parameters, &Shape::of(&given)?, iterators)
        }
        RecordsCall::Get { record } => {
            // A record of another table of the base is found as well.
            let holder = if table.row(record).is_some() { Some(table) } else { scope.base.table_of(record) };
            let row = holder.and_then(|table| Some((table, table.row(record)?)));
            let (table, row) = row.ok_or(Error::ModelNotFound)?;
            let shape = Shape::of(&query::object(input.query))?;
            let record = render::record(calculation, table, row, &shape, None);
            scope.deadline.check()?;
            Ok(json!(record))
        }
        _ => {
            let (parameters, given) = (ListParameters::from_query(input.query)?, query::object(input.query));
            listing::page(calculation, table, &parameters, &Shape::of(&given)?, iterators)
        }
    }
}

/// Answers a call that changes records, with what it changed.
pub fn write(
    base: &mut Base,
    directory: Directory<'_>,
    table: &str,
    call: &RecordsCall,
    input: &Input<'_>,
) -> Result<(Value, Vec<Change>), Error> {
    let table = base.table(table).ok_or(Error::ModelNotFound)?.schema.id.clone();
    transaction::run(base, directory, input.now, input.deadline, |transaction| match call {
        RecordsCall::Create => create(transaction, &table, &input.object()?),
        RecordsCall::Update { record, replace } => {
            let body = input.object()?;
            let (manner, fields) = (Manner::of(&body)?, body::fields(&body)?);
            writer(transaction, &table, manner.typecast, *replace).update(record, &fields)?;
            answer(transaction, &table, record, &manner)
        }
        RecordsCall::UpdateMany { replace } => update_many(transaction, &table, &input.object()?, *replace),
        RecordsCall::Delete { record } => {
            writer(transaction, &table, false, false).delete(record)?;
            Ok(json!({"id": record, "deleted": true}))
        }
        _ => delete_many(transaction, &table, input.query),
    })
}

fn create(transaction: &mut Transaction<'_>, table: &str, body: &Map<String, Value>) -> Result<Value, Error> {
    let manner = Manner::of(body)?;
    if !body.contains_key("records") {
        let fields = body::fields(body)?;
        let id = writer(transaction, table, manner.typecast, false).create(&fields)?;
        return answer(transaction, table, &id, &manner);
    }
    let items = body::items(body, Batch::Create, false)?;
    let mut writer = writer(transaction, table, manner.typecast, false);
    let ids = items.iter().map(|item| writer.create(&item.fields)).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({"records": answers(transaction, table, &ids, &manner)?}))
}

fn update_many(
    transaction: &mut Transaction<'_>,
    table: &str,
    body: &Map<String, Value>,
    replace: bool,
) -> Result<Value, Error> {
    let (manner, upsert) = (Manner::of(body)?, body::upsert(body)?);
    let items = body::items(body, Batch::Update, upsert.is_none())?;
    let mut writer = writer(transaction, table, manner.typecast, replace);
    if let Some(upsert) = upsert {
        let merged = writer.upsert(&items, &upsert)?;
        let records = answers(transaction, table, &merged.all, &manner)?;
        return Ok(
            json!({"records": records, "createdRecords": merged.created, "updatedRecords": merged.updated}),
        );
    }
    let mut ids = Vec::new();
    for item in items {
        let id = item.id.ok_or(Error::InvalidRecords(Batch::Update))?;
        writer.update(&id, &item.fields)?;
        ids.push(id);
    }
    Ok(json!({"records": answers(transaction, table, &ids, &manner)?}))
}

fn delete_many(transaction: &mut Transaction<'_>, table: &str, query: &str) -> Result<Value, Error> {
    let given = query::object(query).get("records").and_then(query::texts).unwrap_or_default();
    if given.is_empty() || given.len() > body::BATCH {
        return Err(Error::InvalidRecords(Batch::Delete));
    }
    let mut writer = writer(transaction, table, false, false);
    let mut deleted = Vec::new();
    for id in given {
        writer.delete(&id)?;
        deleted.push(json!({"id": id, "deleted": true}));
    }
    Ok(json!({"records": deleted}))
}

fn writer<'a, 'b>(
    transaction: &'a mut Transaction<'b>,
    table: &'a str,
    typecast: bool,
    replace: bool,
) -> Writer<'a, 'b> {
    Writer { transaction, table, typecast, replace }
}

fn answer(transaction: &Transaction<'_>, table: &str, id: &str, manner: &Manner) -> Result<Value, Error> {
    let mut answers = answers(transaction, table, &[id.to_owned()], manner)?;
    answers.pop().ok_or(Error::ModelNotFound)
}

fn answers(
    transaction: &Transaction<'_>,
    table: &str,
    ids: &[String],
    manner: &Manner,
) -> Result<Vec<Value>, Error> {
    let (calculation, table) = (Calculation::new(transaction.scope()), transaction.table(table)?);
    let mut answers = Vec::new();
    for id in ids {
        let row = table.row(id).ok_or(Error::ModelIdNotFound("Record"))?;
        answers.push(json!(render::record(&calculation, table, row, &manner.shape, None)));
    }
    transaction.deadline.check()?;
    Ok(answers)
}
