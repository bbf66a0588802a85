//! Attachments that come with the request, in base64.

use airtable::{Error, Field, FieldType, id::Kind, time};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    cell,
    files::{Files, Kept},
};
use crate::{
    directory::Directory,
    records::Input,
    transaction::{self, Change},
    world::{Base, World, new_id},
};

/// Largest file, in bytes: 5 MB.
const LARGEST: usize = 5 << 20;
/// Largest body of an upload, in bytes: such a file in base64 with line breaks, and its name.
pub const BODY_BYTES: usize = 7 << 20;

/// Keeps the file in a request, as far as there is room, and adds it to a cell.
///
/// Answers all that the cell holds then, by field id, and what changed.
pub fn perform(
    world: &mut World,
    files: &mut Files,
    base: &str,
    record: &str,
    field: &str,
    input: &Input<'_>,
) -> Result<(Value, Vec<Change>), Error> {
    let upload = Upload::read(input)?;
    if !files.make_room(upload.kept.size, &world.bases) {
        return Err(Error::TooLarge);
    }
    let World { user, account, bases, .. } = world;
    let base = bases.iter_mut().find(|known| known.id == base).ok_or(Error::ModelNotFound)?;
    let done = upload.attach(base, Directory { user, account }, record, field, input)?;
    files.add(&upload.id, upload.kept);
    Ok(done)
}

/// A file that came, with its name.
struct Upload {
    id: String,
    filename: String,
    kept: Kept,
}

impl Upload {
    /// From the body of a request.
    fn read(input: &Input<'_>) -> Result<Self, Error> {
        let body = input.object()?;
        let text = |name: &'static str| match body.get(name) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text.as_str()),
            Some(_) => Err(Error::InvalidRequest),
            None => Err(Error::MissingFields(name)),
        };
        let (media_type, filename, file) = (text("contentType")?, text("filename")?, text("file")?);
        let digits: Vec<u8> = file.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let bytes = STANDARD.decode(digits).map_err(|_| {
            Error::InvalidRequestBecause("file must be the bytes of a file in base64".to_owned())
        })?;
        if bytes.len() > LARGEST {
            return Err(Error::TooLarge);
        }
        let kept = Kept::new(media_type.to_owned(), bytes.into());
        Ok(Self { id: new_id(Kind::Attachment), filename: filename.to_owned(), kept })
    }

    fn attach(
        &self,
        base: &mut Base,
        directory: Directory<'_>,
        record: &str,
        field: &str,
        input: &Input<'_>,
    ) -> Result<(Value, Vec<Change>), Error> {
        let table = base.table_of(record).ok_or(Error::ModelIdNotFound("Record"))?;
        let field = holder(table.schema.field(field), field)?.id.clone();
        let table = table.schema.id.clone();
        transaction::run(base, directory, input.now, input.deadline, |transaction| {
            let row = transaction.table(&table)?.row(record).ok_or(Error::ModelIdNotFound("Record"))?;
            let created = time::write(row.created);
            let mut held = cell::items(row.cells.get(&field)).to_vec();
            held.push(json!({"id": self.id, "filename": self.filename, "type": self.kept.media_type}));
            let held = Value::Array(held);
            transaction.set(&table, record, &field, held.clone());
            Ok(json!({"id": record, "createdTime": created, "fields": {field: held}}))
        })
    }
}

fn holder<'a>(field: Option<&'a Field>, name: &str) -> Result<&'a Field, Error> {
    let field = field.ok_or_else(|| Error::UnknownFieldName(name.to_owned()))?;
    if field.field_type == FieldType::MultipleAttachments {
        Ok(field)
    } else {
        Err(Error::CannotAccept(field.name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{Fixture, attachments::files::MOST_BYTES, deadline::Deadline};

    #[test]
    fn what_does_not_fit_is_refused_until_a_cell_has_let_go() {
        let mut world = Fixture::sample().unwrap().into_world().unwrap();
        let mut files = Files::default();
        let body = br#"{"contentType": "text/plain", "filename": "a.txt", "file": "YQ=="}"#;
        let deadline = Deadline::of_request();
        let input = Input { query: "", body, now: Timestamp::UNIX_EPOCH, deadline };
        let mut upload = |files: &mut Files| {
            perform(&mut world, files, "appCRM00000000001", "recCRM00000000301", "Document", &input)
        };
        let answer = upload(&mut files).unwrap().0;
        let held = answer["fields"].as_object().unwrap().values().next().unwrap()[0]["id"].as_str().unwrap();
        files.add(held, Kept::new("text/plain".to_owned(), vec![0; MOST_BYTES].into()));
        assert_eq!(upload(&mut files).unwrap_err(), Error::TooLarge, "the file in the cell stays");
        files.add("attGone0000000000", Kept::new("text/plain".to_owned(), vec![0; MOST_BYTES].into()));
        files.add(held, Kept::new("text/plain".to_owned(), "a".into()));
        upload(&mut files).unwrap();
    }
}
