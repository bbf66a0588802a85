//! Cells from before as Airtable takes them again, and those that it will not take: attachments of old. Pure.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{before::Before, operations::airtable::Cells};

/// For how long the address of an attachment is counted on: Airtable's hold for two hours.
const FRESH: SignedDuration = SignedDuration::from_mins(105);

/// Cells to write, and the fields of those that can't be written any more.
#[derive(Debug, Default, PartialEq)]
pub struct Restorable {
    pub cells: Cells,
    pub expired: Vec<String>,
}

/// The cells of a record from before, as they can be written. `undone_at`: when its undo was decided on, so that every
/// attempt writes the same.
pub fn restorable(before: Before, undone_at: Timestamp) -> Restorable {
    let is_fresh = before.read_at.is_some_and(|read| undone_at.duration_since(read) < FRESH);
    let mut restorable = Restorable::default();
    for (field, cell) in before.fields {
        if is_fresh || !has_attachments(&cell) {
            restorable.cells.insert(field, writable(cell));
        } else {
            restorable.expired.push(field);
        }
    }
    restorable
}

/// A cell as Airtable takes it, from a cell as Airtable gives it: attachments by URL, collaborators by id.
fn writable(cell: Value) -> Value {
    match cell {
        Value::Array(items) => items.into_iter().map(writable).collect(),
        Value::Object(ref object) if is_attachment(&cell) => {
            json!({"url": object.get("url"), "filename": object.get("filename")})
        }
        Value::Object(ref object) if object.contains_key("id") && object.contains_key("email") => {
            json!({"id": object.get("id")})
        }
        other => other,
    }
}

fn has_attachments(cell: &Value) -> bool {
    cell.as_array().is_some_and(|items| items.iter().any(is_attachment))
}

fn is_attachment(item: &Value) -> bool {
    item.get("url").is_some() && item.get("filename").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment() -> Value {
        json!([{"id": "att1", "url": "https://x/y", "filename": "y", "size": 3}])
    }

    #[test]
    fn cells_are_written_as_airtable_takes_them() {
        assert_eq!(writable(attachment()), json!([{"url": "https://x/y", "filename": "y"}]));
        let person = json!({"id": "usr1", "email": "a@b.c", "name": "A"});
        assert_eq!(writable(person), json!({"id": "usr1"}));
        assert_eq!(writable(json!(["rec1", "rec2"])), json!(["rec1", "rec2"]));
    }

    #[test]
    fn attachments_are_written_while_their_addresses_hold_and_named_afterwards() {
        let read = Timestamp::UNIX_EPOCH;
        let fields = json!({"Files": attachment(), "Name": "Ada", "Empty": null});
        let before =
            |read_at| Before { record_id: "r".into(), fields: fields.as_object().cloned().unwrap(), read_at };
        let after = |minutes| restorable(before(Some(read)), read + SignedDuration::from_mins(minutes));
        assert_eq!((after(100).cells.len(), after(100).expired.len()), (3, 0));
        assert_eq!(Value::from(after(110).cells), json!({"Name": "Ada", "Empty": null}));
        assert_eq!(after(110).expired, ["Files"]);
        assert_eq!(restorable(before(None), read).expired, ["Files"], "read by an earlier version");
    }
}
