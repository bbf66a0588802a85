//! Writes of records: sent anew from what was understood, with fields by id, where all of it is allowed. Pure.

use airtable::{Cells, Error, error::Batch, id::Kind, list::truth, query};
use form_urlencoded::Serializer;
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    decide::{Allowed, Proof, Refusal, query_of, rewritten},
    filter::Filter,
    grant::Grant,
};
use crate::delivery::upstream::Request;

/// Most records in one write.
const BATCH: usize = 10;

/// Records to be created.
pub fn create(grant: &Grant, path: &str, request: &Request) -> Result<Allowed, Refusal> {
    let body = object(request)?;
    let mut sent = manner(&body);
    match body.get("records") {
        Some(records) => {
            let cells =
                |record: &Value| Ok(json!({"fields": cells(grant, of_record(record, Batch::Create)?)?}));
            let records = batch(records, Batch::Create)?.iter().map(cells);
            sent.insert("records".to_owned(), records.collect::<Result<Vec<_>, Refusal>>()?.into());
        }
        None => {
            sent.insert("fields".to_owned(), cells(grant, fields(&body)?)?.into());
        }
    }
    Ok(send(grant, request, path.to_owned(), sent, Vec::new()))
}

/// One record to be changed.
pub fn update(
    grant: &Grant,
    path: &str,
    request: &Request,
    record: &str,
    replace: bool,
) -> Result<Allowed, Refusal> {
    may_replace(grant, replace)?;
    let body = object(request)?;
    let mut sent = manner(&body);
    sent.insert("fields".to_owned(), cells(grant, fields(&body)?)?.into());
    Ok(send(grant, request, format!("{path}/{record}"), sent, vec![record.to_owned()]))
}

/// Records to be changed, or merged.
pub fn update_many(grant: &Grant, path: &str, request: &Request, replace: bool) -> Result<Allowed, Refusal> {
    may_replace(grant, replace)?;
    let body = object(request)?;
    let (mut sent, mut ids, mut records) = (manner(&body), Vec::new(), Vec::new());
    for record in batch(body.get("records").ok_or(Error::MissingFields("records"))?, Batch::Update)? {
        let mut one =
            Map::from_iter([("fields".to_owned(), cells(grant, of_record(record, Batch::Update)?)?.into())]);
        if let Some(id) = record.get("id").filter(|id| !id.is_null()) {
            let id = id
                .as_str()
                .filter(|id| Kind::Record.names(id))
                .ok_or(Error::InvalidRecords(Batch::Update))?;
            ids.push(id.to_owned());
            one.insert("id".to_owned(), id.into());
        }
        records.push(Value::Object(one));
    }
    sent.insert("records".to_owned(), records.into());
    if let Some(upsert) = body.get("performUpsert").filter(|upsert| !upsert.is_null()) {
        let names = upsert.get("fieldsToMergeOn").and_then(Value::as_array).ok_or(Error::InvalidRequest)?;
        let id = |name: &Value| {
            let name = name.as_str().ok_or(Error::InvalidRequest)?;
            let field = grant.legible(name).ok_or_else(|| Error::UnknownFieldName(name.to_owned()))?;
            Ok(field.id.clone())
        };
        let merge_on = names.iter().map(id).collect::<Result<Vec<_>, Error>>()?;
        sent.insert("performUpsert".to_owned(), json!({"fieldsToMergeOn": merge_on}));
    }
    Ok(send(grant, request, path.to_owned(), sent, ids))
}

/// Records to be deleted: by its path one, else those that the query names.
pub fn delete(
    grant: &Grant,
    path: &str,
    request: &Request,
    record: Option<&str>,
) -> Result<Allowed, Refusal> {
    if !grant.writes_all() {
        return Err(Refusal::DeletesMore);
    }
    let records = record.map_or_else(|| named(request), |record| Ok(vec![record.to_owned()]))?;
    let target = match record {
        Some(record) => format!("{path}/{record}"),
        None => format!("{path}?{}", Serializer::new(String::new()).extend_pairs(pairs(&records)).finish()),
    };
    let request = rewritten(request, Method::DELETE, target, None);
    Ok(Allowed { request, filter: Filter::Nothing, proof: Proof::of(records, grant) })
}

/// The ids in `records[]=a&records[]=b`.
fn named(request: &Request) -> Result<Vec<String>, Error> {
    let given = query::object(query_of(request)).get("records").and_then(query::texts);
    let fits =
        |ids: &Vec<String>| (1..=BATCH).contains(&ids.len()) && ids.iter().all(|id| Kind::Record.names(id));
    given.filter(fits).ok_or(Error::InvalidRecords(Batch::Delete))
}

fn pairs(ids: &[String]) -> impl Iterator<Item = (&'static str, &String)> {
    ids.iter().map(|id| ("records[]", id))
}

/// Replacing a record clears the cells that are not named.
fn may_replace(grant: &Grant, replace: bool) -> Result<(), Refusal> {
    if replace && !grant.writes_all() { Err(Refusal::ReplacesMore) } else { Ok(()) }
}

fn send(
    grant: &Grant,
    request: &Request,
    target: String,
    body: Map<String, Value>,
    records: Vec<String>,
) -> Allowed {
    let request = rewritten(request, request.method.clone(), target, Some(&Value::Object(body)));
    Allowed { request, filter: Filter::cells(grant.keys(false)), proof: Proof::of(records, grant) }
}

fn object(request: &Request) -> Result<Map<String, Value>, Error> {
    match serde_json::from_slice(&request.body).map_err(|_| Error::InvalidBody)? {
        Value::Object(object) => Ok(object),
        _ => Err(Error::InvalidRequest),
    }
}

/// How a write is meant and answered.
fn manner(body: &Map<String, Value>) -> Map<String, Value> {
    let set =
        ["typecast", "returnFieldsByFieldId"].into_iter().filter(|name| body.get(*name).is_some_and(truth));
    set.map(|name| (name.to_owned(), true.into())).collect()
}

fn fields(body: &Map<String, Value>) -> Result<&Cells, Error> {
    match body.get("fields") {
        Some(Value::Object(fields)) => Ok(fields),
        Some(_) => Err(Error::InvalidRequest),
        None => Err(Error::MissingFields("fields")),
    }
}

fn batch(records: &Value, batch: Batch) -> Result<&Vec<Value>, Error> {
    let fits = |records: &&Vec<Value>| (1..=BATCH).contains(&records.len());
    records.as_array().filter(fits).ok_or(Error::InvalidRecords(batch))
}

fn of_record(record: &Value, batch: Batch) -> Result<&Cells, Error> {
    record.get("fields").and_then(Value::as_object).ok_or(Error::InvalidRecords(batch))
}

/// The cells by field id, where each may be written.
fn cells(grant: &Grant, cells: &Cells) -> Result<Cells, Refusal> {
    let mut sent = Cells::new();
    for (name, value) in cells {
        let field = grant.field(name).ok_or_else(|| Error::UnknownFieldName(name.clone()))?;
        if !grant.writes_cell(field) {
            return Err(Refusal::Cell { name: field.name.clone(), id: field.id.clone() });
        }
        if sent.insert(field.id.clone(), value.clone()).is_some() {
            return Err(Error::InvalidRequest.into());
        }
    }
    Ok(sent)
}
