//! Cells of attachments: `{url}` adds a file, `{id}` keeps one, what is not listed goes.

use airtable::{Error, Field, FieldType, id::Kind};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::world::{Base, new_id};

/// The files that a cell holds after `value` was written to it.
///
/// Each is kept as `{id, url, filename, type}`; `url` is where it was said to be, and is not there for one that was
/// uploaded. What the file turns out to be is not in the cell.
pub fn accept(field: &Field, value: &Value, current: Option<&Value>) -> Result<Value, Error> {
    let refused = || Error::CannotAccept(field.name.clone());
    let current = items(current);
    let one = |item: &Value| match (item.get("id"), item.get("url").and_then(Value::as_str)) {
        (Some(id), _) => {
            current.iter().find(|known| known.get("id") == Some(id)).cloned().ok_or_else(refused)
        }
        (None, Some(url)) if url.starts_with("http://") || url.starts_with("https://") => {
            let given = item.get("filename").and_then(Value::as_str).filter(|name| !name.is_empty());
            let filename = given.map_or_else(|| file_name(url), str::to_owned);
            let media_type = media_type(&filename);
            Ok(json!({"id": new_id(Kind::Attachment), "url": url, "filename": filename, "type": media_type}))
        }
        _ => Err(refused()),
    };
    value.as_array().ok_or_else(refused)?.iter().map(one).collect()
}

/// The attachments in a cell.
pub fn items(cell: Option<&Value>) -> &[Value] {
    cell.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text of an attachment by name, for example its `id`.
pub fn text<'a>(attachment: &'a Value, name: &str) -> Option<&'a str> {
    attachment.get(name)?.as_str()
}

/// The ids of all attachments in the cells of a base.
pub fn ids(base: &Base) -> impl Iterator<Item = &str> {
    base.tables.iter().flat_map(|table| {
        let holds = |field: &&Field| field.field_type == FieldType::MultipleAttachments;
        let fields: Vec<&Field> = table.schema.fields.iter().filter(holds).collect();
        let rows = (!fields.is_empty()).then(|| table.rows());
        rows.into_iter().flatten().flat_map(move |row| {
            let cells: Vec<&[Value]> = fields.iter().map(|field| items(row.cells.get(&field.id))).collect();
            cells.into_iter().flatten().filter_map(|attachment| text(attachment, "id"))
        })
    })
}

/// What the ending of a file's name says about its type.
pub fn media_type(file_name: &str) -> &'static str {
    let ending = file_name.rsplit('.').next().unwrap_or_default().to_lowercase();
    match ending.as_str() {
        "csv" => "text/csv",
        "gif" => "image/gif",
        "jpeg" | "jpg" => "image/jpeg",
        "json" => "application/json",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "txt" => "text/plain",
        "webp" => "image/webp",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

/// The last part of the path.
fn file_name(url: &str) -> String {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let last = path.split('/').skip(1).last().unwrap_or_default();
    let name = percent_decode_str(last).decode_utf8_lossy().replace(['/', '\\'], "_");
    if name.is_empty() { "file".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_name_has_that_of_its_url() {
        for (url, name) in [
            ("https://example.com/a/one%20two.pdf?x=/1#y", "one two.pdf"),
            ("https://example.com/a%2Fb.png", "a_b.png"),
            ("https://example.com/a/", "file"),
            ("https://example.com", "file"),
            ("https://example.com?x=/1.png", "file"),
        ] {
            assert_eq!(file_name(url), name, "{url}");
        }
        assert_eq!(media_type("A.PNG"), "image/png");
        assert_eq!(media_type("png"), "image/png");
    }
}
