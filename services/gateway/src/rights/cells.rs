//! The records in an answer without the cells that a client may not see. Pure; what is left is there as it was, and at no time
//! there are more than the two texts and the names of one record's cells in memory.

use std::collections::HashSet;

use airtable::Error;
use serde_json::value::RawValue;

use crate::entries::Entries;

/// What holds no cells, beside `fields`.
const OF_RECORD: [&str; 5] = ["id", "createdTime", "commentCount", "deleted", "details"];
const OF_LIST: [&str; 4] = ["offset", "createdRecords", "updatedRecords", "details"];

/// Of a record, or of each in a list, the cells with these keys; none where that is not what `body` holds.
pub fn only(keys: &HashSet<String>, body: &[u8]) -> Option<Vec<u8>> {
    let entries: Entries<'_> = serde_json::from_slice(body).ok()?;
    let mut out = Vec::with_capacity(body.len());
    if entries.have("records") {
        list(&entries, keys, &mut out)?;
    } else {
        record(&entries, keys, &mut out)?;
    }
    Some(out)
}

/// Of a list of at most one record, that record, with the cells that have these keys, or all of them where there are none;
/// an error where the list is empty.
pub fn first(keys: Option<&HashSet<String>>, body: &[u8]) -> Option<Result<Vec<u8>, Error>> {
    let entries: Entries<'_> = serde_json::from_slice(body).ok()?;
    let (_, records) = entries.0.iter().rfind(|(name, _)| name == "records")?;
    let records: Vec<&RawValue> = serde_json::from_str(records.get()).ok()?;
    let Some(found) = records.last() else { return Some(Err(Error::ModelNotFound)) };
    let left = match keys {
        Some(keys) => only(keys, found.get().as_bytes())?,
        None => found.get().as_bytes().to_vec(),
    };
    Some(Ok(left))
}

fn list(entries: &Entries<'_>, keys: &HashSet<String>, out: &mut Vec<u8>) -> Option<()> {
    let mut object = Object::new(out);
    for (name, value) in &entries.0 {
        if name == "records" {
            records(value, keys, object.entry(name)?)?;
        } else if OF_LIST.contains(&&**name) {
            object.entry(name)?.extend_from_slice(value.get().as_bytes());
        }
    }
    object.end();
    Some(())
}

fn records(value: &RawValue, keys: &HashSet<String>, out: &mut Vec<u8>) -> Option<()> {
    let records: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
    out.push(b'[');
    for (number, found) in records.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        record(&serde_json::from_str(found.get()).ok()?, keys, out)?;
    }
    out.push(b']');
    Some(())
}

fn record(entries: &Entries<'_>, keys: &HashSet<String>, out: &mut Vec<u8>) -> Option<()> {
    let mut object = Object::new(out);
    for (name, value) in &entries.0 {
        if name == "fields" {
            cells(value, keys, object.entry(name)?)?;
        } else if OF_RECORD.contains(&&**name) {
            object.entry(name)?.extend_from_slice(value.get().as_bytes());
        }
    }
    object.end();
    Some(())
}

/// No cells where they are no object.
fn cells(value: &RawValue, keys: &HashSet<String>, out: &mut Vec<u8>) -> Option<()> {
    let entries: Entries<'_> = serde_json::from_str(value.get()).unwrap_or_default();
    let mut object = Object::new(out);
    for (name, cell) in entries.0.iter().filter(|(name, _)| keys.contains(&**name)) {
        object.entry(name)?.extend_from_slice(cell.get().as_bytes());
    }
    object.end();
    Some(())
}

/// An object that is being written.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_empty: true }
    }

    /// Where the value of the next entry is to be written.
    fn entry(&mut self, name: &str) -> Option<&mut Vec<u8>> {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.out.push(b',');
        }
        serde_json::to_writer(&mut *self.out, name).ok()?;
        self.out.push(b':');
        Some(self.out)
    }

    fn end(self) {
        self.out.push(b'}');
    }
}
