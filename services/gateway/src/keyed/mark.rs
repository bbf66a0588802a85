//! The mark that a create under a key leaves in each of its records, so that they are known again. Pure.

use std::collections::BTreeMap;

use airtable::{FieldType, Table, id::Kind};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest as _, Sha256};

use crate::{answer::Answer, delivery::upstream::Request};

/// Hexadecimal digits of the digest in a mark: 128 bits.
const DIGITS: usize = 32;

/// The marks of one key in one table: `{digest}-{position}` for each record of its create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Id of the field that holds it.
    pub field: String,
    /// Name of that field when it was written.
    pub name: String,
    digest: String,
}

/// The client writes the field itself.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("fields: the gateway writes a mark of the Idempotency-Key into {0:?}: leave it out")]
pub struct Written(String);

impl From<Written> for Answer {
    fn from(written: Written) -> Self {
        Self::error(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_FIELD_WRITTEN", &written.to_string())
    }
}

impl Mark {
    /// That of `key` in the table named `table` (name or id) of `base`, in the field named `wanted`; none where the table
    /// has no such field that is a single line text. Tables and bases may be copied with their records: their ids are in
    /// the digest.
    pub fn new(tables: &[Table], base: &str, table: &str, wanted: &str, key: &str) -> Option<Self> {
        let table = tables.iter().find(|it| it.id == table || it.name == table)?;
        let field = table.field(wanted).filter(|field| field.field_type == FieldType::SingleLineText)?;
        let mut hash = Sha256::new();
        for part in [base, &table.id, key] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut digest = hash.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        digest.truncate(DIGITS);
        Some(Self { field: field.id.clone(), name: field.name.clone(), digest })
    }

    /// The cell of the record at `position` of the create.
    pub fn cell(&self, position: usize) -> String {
        format!("{}-{position}", self.digest)
    }

    /// Whose record it is that has this cell; none where it is no mark.
    pub fn owns(&self, cell: &str) -> Option<bool> {
        let (digest, position) = cell.split_once('-')?;
        let is_mark = digest.len() == DIGITS
            && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
            && position.parse::<u8>().is_ok();
        is_mark.then(|| digest == self.digest)
    }

    /// `request`, a create, with the mark in each record; none where it can't be read, which Airtable will say. Cells go
    /// on as they are written.
    pub fn put(&self, request: &Request) -> Result<Option<Request>, Written> {
        let Ok(mut body) = serde_json::from_slice::<Object>(&request.body) else { return Ok(None) };
        let put = match (body.remove("records"), body.remove("fields")) {
            (Some(records), _) => self.put_all(&records)?.map(|records| ("records", records)),
            (None, Some(fields)) => self.put_one(&fields, 0)?.map(|fields| ("fields", fields)),
            (None, None) => None,
        };
        let Some((name, value)) = put else { return Ok(None) };
        body.insert(name.to_owned(), value);
        let body = serde_json::to_vec(&body).ok();
        Ok(body.map(|body| Request { body: body.into(), ..request.clone() }))
    }

    fn put_all(&self, records: &RawValue) -> Result<Option<Box<RawValue>>, Written> {
        let Ok(mut records) = serde_json::from_str::<Vec<Object>>(records.get()) else { return Ok(None) };
        for (position, record) in records.iter_mut().enumerate() {
            let Some(fields) = record.get_mut("fields") else { return Ok(None) };
            let Some(marked) = self.put_one(fields, position)? else { return Ok(None) };
            *fields = marked;
        }
        Ok(to_raw_value(&records).ok())
    }

    /// The cell is named as the others are: by id or by name.
    fn put_one(&self, fields: &RawValue, position: usize) -> Result<Option<Box<RawValue>>, Written> {
        let Ok(mut cells) = serde_json::from_str::<Object>(fields.get()) else { return Ok(None) };
        let own = [cells.remove(&self.field), cells.remove(&self.name)];
        if own.iter().flatten().any(|cell| !matches!(cell.get(), "null" | "\"\"")) {
            return Err(Written(self.name.clone()));
        }
        let by_id = cells.keys().any(|name| Kind::Field.names(name));
        let name = if by_id { &self.field } else { &self.name };
        let Ok(cell) = to_raw_value(&self.cell(position)) else { return Ok(None) };
        cells.insert(name.clone(), cell);
        Ok(to_raw_value(&cells).ok())
    }
}

type Object = BTreeMap<String, Box<RawValue>>;

#[cfg(test)]
#[path = "mark_tests.rs"]
mod tests;
