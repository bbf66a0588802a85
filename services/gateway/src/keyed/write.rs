//! What a write does, read from its method, path and body: what it takes to find out whether it happened. Pure.

use airtable::{Cells, cell::is_empty, id::Kind};
use bytes::Bytes;
use http::Method;
use serde_json::Value;

use crate::delivery::upstream::Request;

/// A write, by how one finds out about it.
#[derive(Debug, PartialEq)]
pub enum Write {
    /// New records: the same request twice makes twice as many, so they are searched for.
    Create(Create),
    /// Sent twice, it leaves the same state.
    Repeatable(Repeatable),
    /// Of records: sent twice, the second time they are not found.
    Delete(Delete),
    /// Nobody can tell whether it happened.
    Opaque,
}

/// Records to be created in one table.
#[derive(Debug, PartialEq)]
pub struct Create {
    /// `/v0/{base}/{table}`, percent-encoded.
    pub table: String,
    pub records: Vec<Cells>,
    /// Asked for as `{"fields": …}` and answered so, not as `{"records": […]}`.
    pub single: bool,
    /// Airtable converts cells, so that they may read otherwise than they were written.
    pub typecast: bool,
    /// Answered with field ids instead of names.
    pub by_field_id: bool,
}

/// What sets something to a given state.
#[derive(Debug, PartialEq, Eq)]
pub enum Repeatable {
    /// One record by its path: where it is gone, nothing of the update remains.
    Record {
        /// `/v0/{base}/{table}`, percent-encoded.
        table: String,
        id: String,
    },
    /// Records of a table; its answer says which of them are new.
    Upsert,
    /// Several records, or something else: when one of them is not found, the others may have been changed before.
    Several,
}

/// Records to be deleted from one table.
#[derive(Debug, PartialEq, Eq)]
pub struct Delete {
    /// `/v0/{base}/{table}`, percent-encoded.
    pub table: String,
    pub ids: Vec<String>,
    /// One record by its path, answered as an object of its own.
    pub single: bool,
}

impl Write {
    /// What `request` does.
    pub fn of(request: &Request) -> Self {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let segments: Vec<&str> = path.trim_end_matches('/').split('/').skip(2).collect();
        match (&request.method, segments.as_slice()) {
            (&Method::POST, [base, table]) if is_base(base) => create(base, table, &request.body),
            (&Method::DELETE, [base, table]) if is_base(base) => Self::Delete(Delete {
                table: format!("/v0/{base}/{table}"),
                ids: record_ids(query),
                single: false,
            }),
            (&Method::DELETE, [base, table, id]) if is_base(base) && id.starts_with("rec") => {
                let ids = vec![(*id).to_owned()];
                Self::Delete(Delete { table: format!("/v0/{base}/{table}"), ids, single: true })
            }
            (&Method::PATCH | &Method::PUT, [base, table, id]) if is_base(base) && Kind::Record.names(id) => {
                let table = format!("/v0/{base}/{table}");
                Self::Repeatable(Repeatable::Record { table, id: (*id).to_owned() })
            }
            (&Method::PATCH | &Method::PUT, _) => change(&request.body),
            _ => Self::Opaque,
        }
    }
}

/// The records that an upsert may create; none where `request` is something else.
pub fn upserted(request: &Request) -> Option<Create> {
    let path = request.target.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path.trim_end_matches('/').split('/').skip(2).collect();
    let (&Method::PATCH | &Method::PUT, [base, table]) = (&request.method, segments.as_slice()) else {
        return None;
    };
    let Write::Create(create) = create(base, table, &request.body) else { return None };
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    body.get("performUpsert").filter(|_| is_base(base)).map(|_| create)
}

/// The records that `request` updates, none of them new, and how they are answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Update {
    /// `/v0/{base}/{table}`, percent-encoded.
    pub table: String,
    pub ids: Vec<String>,
    /// One record by its path, answered as an object of its own.
    pub single: bool,
    pub by_field_id: bool,
}

impl Update {
    /// None where `request` is something else.
    pub fn of(request: &Request) -> Option<Self> {
        let path = request.target.split('?').next().unwrap_or_default();
        let segments: Vec<&str> = path.trim_end_matches('/').split('/').skip(2).collect();
        let (&Method::PATCH | &Method::PUT, [base, table, of_path @ ..]) =
            (&request.method, segments.as_slice())
        else {
            return None;
        };
        let body: Value = serde_json::from_slice(&request.body).ok()?;
        let id = |record: &Value| record.get("id")?.as_str().map(str::to_owned);
        let ids = match of_path {
            [] => body.get("records")?.as_array()?.iter().map(id).collect::<Option<Vec<String>>>()?,
            [id] => vec![(*id).to_owned()],
            _ => return None,
        };
        (is_base(base) && ids.iter().all(|id| Kind::Record.names(id))).then(|| Self {
            table: format!("/v0/{base}/{table}"),
            ids,
            single: !of_path.is_empty(),
            by_field_id: body.get("returnFieldsByFieldId") == Some(&Value::Bool(true)),
        })
    }
}

fn is_base(segment: &str) -> bool {
    segment.starts_with("app")
}

fn create(base: &str, table: &str, body: &Bytes) -> Write {
    let Ok(Value::Object(body)) = serde_json::from_slice(body) else { return Write::Opaque };
    let is_set = |name: &str| body.get(name).is_some_and(|value| *value == Value::Bool(true));
    let (records, single) = match (body.get("records"), body.get("fields")) {
        (Some(Value::Array(records)), _) => {
            (records.iter().map(|record| cells(record.get("fields"))).collect(), false)
        }
        (None, fields) => (Some(vec![cells(fields).unwrap_or_default()]), true),
        _ => return Write::Opaque,
    };
    let Some(records) = records else { return Write::Opaque };
    Write::Create(Create {
        table: format!("/v0/{base}/{table}"),
        records,
        single,
        typecast: is_set("typecast"),
        by_field_id: is_set("returnFieldsByFieldId"),
    })
}

fn cells(fields: Option<&Value>) -> Option<Cells> {
    fields?.as_object().cloned()
}

/// An upsert without a value to merge on creates a record each time.
fn change(body: &Bytes) -> Write {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(upsert) = body.get("performUpsert") else {
        return Write::Repeatable(Repeatable::Several);
    };
    let merge_on: Vec<&str> = upsert
        .get("fieldsToMergeOn")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let merges = |record: &Value| {
        let has = |name: &&str| {
            record.pointer("/fields").and_then(|fields| fields.get(name)).is_some_and(|it| !is_empty(it))
        };
        record.get("id").is_some() || (!merge_on.is_empty() && merge_on.iter().all(has))
    };
    match body.get("records").and_then(Value::as_array) {
        Some(records) if records.iter().all(merges) => Write::Repeatable(Repeatable::Upsert),
        _ => Write::Opaque,
    }
}

/// The ids in `records[]=a&records[]=b`, also as `records=a` or `records[0]=a`.
fn record_ids(query: &str) -> Vec<String> {
    let names = |key: &str| key == "records" || key.starts_with("records[");
    form_urlencoded::parse(query.as_bytes())
        .filter(|(key, _)| names(key))
        .map(|(_, id)| id.into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    const TABLE: &str = "/v0/appAAAAAAAAAAAAAA/Deals";

    fn write(method: Method, rest: &str, body: &Value) -> Write {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        Write::of(&Request { method, target: format!("{TABLE}{rest}"), headers: HeaderMap::new(), body })
    }

    #[test]
    fn one_record_or_several_are_created_with_or_without_a_trailing_slash() {
        let Write::Create(one) =
            write(Method::POST, "/", &json!({"fields": {"Name": "A"}, "typecast": true}))
        else {
            panic!("not a create")
        };
        assert_eq!((one.table.as_str(), one.single, one.typecast, one.records.len()), (TABLE, true, true, 1));
        let body =
            json!({"records": [{"fields": {"Name": "A"}}, {"fields": {}}], "returnFieldsByFieldId": true});
        let Write::Create(two) = write(Method::POST, "", &body) else { panic!("not a create") };
        assert_eq!((two.single, two.by_field_id, two.records.len()), (false, true, 2));
    }

    #[test]
    fn updates_are_repeatable_and_upserts_where_each_record_has_what_to_merge_on() {
        let upsert = |record: Value| {
            write(
                Method::PATCH,
                "",
                &json!({"performUpsert": {"fieldsToMergeOn": ["Key"]}, "records": [record]}),
            )
        };
        let record = write(Method::PATCH, "/rec00000000000001", &json!({"fields": {}}));
        let id = "rec00000000000001".to_owned();
        assert_eq!(record, Write::Repeatable(Repeatable::Record { table: TABLE.to_owned(), id }));
        let batch = write(Method::PATCH, "", &json!({"records": [{"id": "rec1", "fields": {}}]}));
        assert_eq!(batch, Write::Repeatable(Repeatable::Several));
        assert_eq!(upsert(json!({"fields": {"Key": 1}})), Write::Repeatable(Repeatable::Upsert));
        assert_eq!(upsert(json!({"id": "rec1", "fields": {}})), Write::Repeatable(Repeatable::Upsert));
        assert_eq!(upsert(json!({"fields": {"Key": null}})), Write::Opaque);
        assert_eq!(upsert(json!({"fields": {"Other": 1}})), Write::Opaque);
    }

    #[test]
    fn an_upsert_may_create_its_records_and_an_update_may_not() {
        let patch = |body: &Value| {
            let target = format!("{TABLE}/?x=1");
            let (method, body) = (Method::PATCH, body.to_string().into());
            upserted(&Request { method, target, headers: HeaderMap::new(), body })
        };
        let records = json!([{"fields": {"Key": 1}}, {"fields": {"Key": 2}}]);
        let create =
            patch(&json!({"performUpsert": {"fieldsToMergeOn": []}, "records": records, "typecast": true}));
        let create = create.unwrap();
        assert_eq!((create.table.as_str(), create.typecast, create.records.len()), (TABLE, true, 2));
        assert_eq!(patch(&json!({"records": records})), None);
    }

    #[test]
    fn deletes_name_their_records_by_path_or_query() {
        let delete = |ids: &[&str], single| {
            let ids = ids.iter().map(|id| (*id).to_owned()).collect();
            Write::Delete(Delete { table: TABLE.to_owned(), ids, single })
        };
        assert_eq!(write(Method::DELETE, "/rec1", &Value::Null), delete(&["rec1"], true));
        let several = write(Method::DELETE, "?records%5B%5D=rec1&records[1]=rec2&typecast=1", &Value::Null);
        assert_eq!(several, delete(&["rec1", "rec2"], false));
    }

    #[test]
    fn nobody_can_tell_about_a_comment() {
        assert_eq!(write(Method::POST, "/rec1/comments", &json!({"text": "hi"})), Write::Opaque);
    }
}
