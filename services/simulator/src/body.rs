//! Bodies of writes: one record or up to ten.

use airtable::{Cells, Error, error::Batch, list::truth};
use serde_json::{Map, Value};

use crate::render::Shape;

/// Most records in one write.
pub const BATCH: usize = 10;

/// How a write is meant and answered.
pub struct Manner {
    /// Convert texts to what the field holds.
    pub typecast: bool,
    /// How records are answered.
    pub shape: Shape,
}

/// A record in a batch.
pub struct Item {
    pub id: Option<String>,
    pub fields: Cells,
}

/// What to merge on.
pub struct Upsert {
    pub fields: Vec<String>,
}

impl Manner {
    pub fn of(body: &Map<String, Value>) -> Result<Self, Error> {
        Ok(Self { typecast: body.get("typecast").is_some_and(truth), shape: Shape::of(body)? })
    }
}

/// The cells of a write of one record.
pub fn fields(body: &Map<String, Value>) -> Result<Cells, Error> {
    match body.get("fields") {
        Some(Value::Object(fields)) => Ok(fields.clone()),
        Some(_) => Err(Error::InvalidRequest),
        None => Err(Error::MissingFields("fields")),
    }
}

/// The records of a write of several; one to ten, each with `fields`, and with `id` where `needs_id`.
pub fn items(body: &Map<String, Value>, batch: Batch, needs_id: bool) -> Result<Vec<Item>, Error> {
    let refused = || Error::InvalidRecords(batch);
    let Some(records) = body.get("records") else { return Err(Error::MissingFields("records")) };
    let records = records.as_array().ok_or_else(refused)?;
    if records.is_empty() || records.len() > BATCH {
        return Err(refused());
    }
    let item = |record: &Value| {
        let fields = record.get("fields").and_then(Value::as_object).ok_or_else(refused)?.clone();
        let id = match record.get("id") {
            None | Some(Value::Null) => None,
            Some(id) => Some(id.as_str().ok_or_else(refused)?.to_owned()),
        };
        if needs_id && id.is_none() {
            return Err(refused());
        }
        Ok(Item { id, fields })
    };
    records.iter().map(item).collect()
}

/// What to merge on, where the write is an upsert: one to three fields.
pub fn upsert(body: &Map<String, Value>) -> Result<Option<Upsert>, Error> {
    let Some(given) = body.get("performUpsert").filter(|given| !given.is_null()) else { return Ok(None) };
    let names = given.get("fieldsToMergeOn").and_then(Value::as_array).ok_or(Error::InvalidRequest)?;
    let name = |name: &Value| name.as_str().map(str::to_owned).ok_or(Error::InvalidRequest);
    let fields = names.iter().map(name).collect::<Result<Vec<_>, _>>()?;
    if !(1..=3).contains(&fields.len()) {
        return Err(Error::InvalidRequest);
    }
    Ok(Some(Upsert { fields }))
}
