//! Writes of one record that may travel with others in one request: which they are, and which go together. Pure.

use std::sync::Arc;

use airtable::{Cells, id::Kind};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    delivery::{retry::Care, upstream::Request},
    keyed::{
        cells::{self, Likeness, PlainText},
        write::Create,
    },
};

/// Larger bodies travel alone, in bytes: ten are far below what Airtable takes, and what a thousand that wait hold beside
/// their bodies is small.
const LARGEST: usize = 8 << 10;

/// A write of one record.
#[derive(Debug)]
pub struct Single {
    pub method: Method,
    /// `/v0/{base}/{table}`, percent-encoded.
    pub table: String,
    /// The members of its body beside the records, as JSON with a comma before each.
    pub options: String,
    /// Its item in the `records` of a batch, as JSON; empty for a delete.
    pub item: String,
    /// The record that is written; none for a create.
    pub id: Option<String>,
    /// Asked for as `{"fields": …}` or by path, and answered with the record itself, not with `{"records": […]}`.
    pub is_object: bool,
    /// A create under a key: when its answer is lost, its record is searched for by its cells.
    is_searched_for: bool,
    create: Option<Create>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow)]
    fields: Option<&'a RawValue>,
    #[serde(borrow)]
    records: Option<Vec<Item<'a>>>,
    #[serde(default)]
    typecast: bool,
    #[serde(default)]
    return_fields_by_field_id: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item<'a> {
    id: Option<String>,
    #[serde(borrow)]
    fields: &'a RawValue,
}

impl Single {
    /// `request` as a write of one record; none where it is something else, or says anything that is not known here.
    pub fn of(request: &Request, care: Care) -> Option<Self> {
        if !matches!(care, Care::Write | Care::Keyed) || request.body.len() > LARGEST {
            return None;
        }
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let segments: Vec<&str> = path.trim_end_matches('/').split('/').skip(2).collect();
        match (&request.method, segments.as_slice()) {
            (&Method::DELETE, [base, table, id]) if query.is_empty() => {
                delete(base, table, id, true, request)
            }
            (&Method::DELETE, [base, table]) => delete(base, table, &only_id(query)?, false, request),
            (&Method::POST, [base, table]) if query.is_empty() => cells_of(base, table, None, request, care),
            (&Method::PATCH | &Method::PUT, [base, table]) if query.is_empty() => {
                cells_of(base, table, None, request, care)
            }
            (&Method::PATCH | &Method::PUT, [base, table, id]) if query.is_empty() => {
                cells_of(base, table, Some(id), request, care)
            }
            _ => None,
        }
    }

    /// What all writes of one batch have in common.
    pub fn kind(&self) -> Arc<str> {
        format!("{} {}{}", self.method, self.table, self.options).into()
    }

    /// Whether the two can be told apart in one batch: two writes of one record have an order, and a create that is
    /// searched for must not be taken for one like it.
    pub fn goes_with(&self, other: &Self) -> bool {
        match (&self.create, &other.create) {
            (Some(mine), Some(others)) if self.is_searched_for || other.is_searched_for => {
                !is_like(mine, others) && !is_like(others, mine)
            }
            (Some(_), Some(_)) => true,
            _ => self.id != other.id,
        }
    }
}

fn is_like(create: &Create, other: &Create) -> bool {
    other
        .records
        .iter()
        .any(|cells| cells::closest(create, cells, &PlainText::default()) <= Likeness::Unclear)
}

fn delete(base: &str, table: &str, id: &str, is_object: bool, request: &Request) -> Option<Single> {
    let is_plain = is_base(base) && Kind::Record.names(id) && request.body.is_empty();
    is_plain.then(|| Single {
        method: Method::DELETE,
        table: format!("/v0/{base}/{table}"),
        options: String::new(),
        item: String::new(),
        id: Some(id.to_owned()),
        is_object,
        is_searched_for: false,
        create: None,
    })
}

/// A create or an update; `in_path` is the record that the path names.
fn cells_of(base: &str, table: &str, in_path: Option<&str>, request: &Request, care: Care) -> Option<Single> {
    let body: Body = serde_json::from_slice(&request.body).ok()?;
    let is_create = request.method == Method::POST;
    let (id, fields, is_object) = match (body.fields, body.records.as_deref(), in_path) {
        (Some(fields), None, Some(id)) => (Some(id.to_owned()), fields, true),
        (Some(fields), None, None) if is_create => (None, fields, true),
        (None, Some([item]), None) => (item.id.clone(), item.fields, false),
        _ => return None,
    };
    let cells: Cells = serde_json::from_str(fields.get()).ok()?;
    let names_what_it_should = if is_create { id.is_none() } else { id.as_deref().is_some_and(is_record) };
    let is_searched_for = is_create && care == Care::Keyed;
    // What is like everything is not found among others.
    let can_be_found = !is_searched_for || !(body.typecast || cells.is_empty());
    if !is_base(base) || !names_what_it_should || !can_be_found || cells.values().any(uploads) {
        return None;
    }
    let item = match &id {
        Some(id) => format!(r#"{{"id":"{id}","fields":{fields}}}"#),
        None => format!(r#"{{"fields":{fields}}}"#),
    };
    let table = format!("/v0/{base}/{table}");
    let (typecast, by_field_id) = (body.typecast, body.return_fields_by_field_id);
    let create = is_create.then(|| Create {
        table: table.clone(),
        records: vec![cells],
        single: is_object,
        typecast,
        by_field_id,
    });
    let method = request.method.clone();
    let options = options(typecast, by_field_id);
    Some(Single { method, table, options, item, id, is_object, is_searched_for, create })
}

fn options(typecast: bool, by_field_id: bool) -> String {
    let typecast = if typecast { r#","typecast":true"# } else { "" };
    let by_field_id = if by_field_id { r#","returnFieldsByFieldId":true"# } else { "" };
    [typecast, by_field_id].concat()
}

fn is_base(segment: &str) -> bool {
    segment.starts_with("app")
}

fn is_record(id: &str) -> bool {
    Kind::Record.names(id)
}

/// An attachment that Airtable fetches, and may report about for the whole request.
fn uploads(cell: &Value) -> bool {
    cell.as_array().is_some_and(|items| items.iter().any(|item| item.get("url").is_some()))
}

/// The id of `records[]=a`, where the query has nothing else.
fn only_id(query: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let (name, id) = pairs.next()?;
    let is_list = matches!(name.as_ref(), "records[]" | "records" | "records[0]");
    (is_list && pairs.next().is_none()).then(|| id.into_owned())
}

#[cfg(test)]
#[path = "mergeable_tests.rs"]
mod tests;
