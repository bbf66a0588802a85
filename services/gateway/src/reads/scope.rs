//! What a read depends on, and what a write changes, by method and path. Pure.

use airtable::id::Kind;
use http::Method;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::delivery::upstream::Request;

/// What a read depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The records of a table, by its name or id.
    Table(String),
    /// The records of any table: a record that is not in the named table is found in its own.
    AnyTable,
    Schema,
    /// Nothing that this gateway writes.
    Elsewhere,
}

/// Whether the answer to a read may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    AsConfigured,
    /// At most a minute: who the token is for.
    Minute,
    /// What changes without anybody telling: comments, collaborators.
    Never,
}

/// What a write changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touch {
    /// No records and no schema: webhooks.
    Nothing,
    /// Records of a table, by its name or id, and those linked to them.
    Table(String),
    /// The same, and the choices of select fields.
    TableAndSchema(String),
    /// Records of no one knows which table.
    AllTables,
    Everything,
}

/// What a read depends on; none for what is not to be shared.
pub fn of_read(method: &Method, path: &str) -> Option<(Scope, Keep)> {
    match (method, segments(path).as_slice()) {
        (&Method::GET, ["meta", "whoami"]) => Some((Scope::Elsewhere, Keep::Minute)),
        (&Method::GET, ["meta", "bases", _, "tables" | "views", ..]) => {
            Some((Scope::Schema, Keep::AsConfigured))
        }
        (&Method::GET, ["meta", ..]) => Some((Scope::Schema, Keep::Never)),
        (&Method::GET, [base, table]) if is_base(base) => {
            Some((Scope::Table(decoded(table)), Keep::AsConfigured))
        }
        (&Method::POST, [base, table, "listRecords"]) if is_base(base) => {
            Some((Scope::Table(decoded(table)), Keep::AsConfigured))
        }
        (&Method::GET, [base, _, _]) if is_base(base) => Some((Scope::AnyTable, Keep::AsConfigured)),
        (&Method::GET, [base, _, _, "comments"]) if is_base(base) => Some((Scope::AnyTable, Keep::Never)),
        _ => None,
    }
}

/// What a write changes.
pub fn of_write(request: &Request) -> Touch {
    let path = request.target.split('?').next().unwrap_or_default();
    match segments(path).as_slice() {
        ["meta", ..] => Touch::Everything,
        ["bases", ..] => Touch::Nothing,
        [base, table] | [base, table, _] | [base, table, _, "comments", ..] if is_base(base) => {
            let table = decoded(table);
            if may_add_choices(&request.body) { Touch::TableAndSchema(table) } else { Touch::Table(table) }
        }
        _ => Touch::AllTables,
    }
}

/// The table of a list or of its `listRecords`: the path of the list, and its name or id; none for other paths.
pub fn list(path: &str) -> Option<(&str, String)> {
    let path = path.trim_end_matches('/');
    match segments(path).as_slice() {
        [base, table] if is_base(base) => Some((path, decoded(table))),
        [base, table, "listRecords"] if is_base(base) => {
            Some((path.strip_suffix("/listRecords")?, decoded(table)))
        }
        _ => None,
    }
}

fn segments(path: &str) -> Vec<&str> {
    path.trim_end_matches('/').split('/').skip(2).collect()
}

fn is_base(segment: &str) -> bool {
    Kind::Base.names(segment) || segment.starts_with("app")
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// With `typecast` a write may add choices to select fields. What can't be read may.
fn may_add_choices(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Manner {
        #[serde(default)]
        typecast: serde_json::Value,
    }
    let is_false =
        |manner: Manner| matches!(manner.typecast, serde_json::Value::Null | serde_json::Value::Bool(false));
    !body.is_empty() && !serde_json::from_slice(body).is_ok_and(is_false)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn write(method: Method, path: &str, body: &'static str) -> Touch {
        of_write(&Request {
            method,
            target: format!("/v0/{path}"),
            headers: HeaderMap::new(),
            body: body.into(),
        })
    }

    #[test]
    fn reads_depend_on_their_table_on_any_or_on_the_schema() {
        let read = |path: &str| of_read(&Method::GET, &format!("/v0/{path}"));
        let table = || Scope::Table("Ta/ble é".to_owned());
        assert_eq!(read("app1/Ta%2Fble%20%C3%A9/"), Some((table(), Keep::AsConfigured)));
        let list = of_read(&Method::POST, "/v0/app1/Ta%2Fble%20%C3%A9/listRecords");
        assert_eq!(list, Some((table(), Keep::AsConfigured)));
        assert_eq!(read("app1/T/rec1"), Some((Scope::AnyTable, Keep::AsConfigured)));
        assert_eq!(read("app1/T/rec1/comments"), Some((Scope::AnyTable, Keep::Never)));
        assert_eq!(read("meta/bases/app1/tables"), Some((Scope::Schema, Keep::AsConfigured)));
        assert_eq!(read("meta/bases/app1"), Some((Scope::Schema, Keep::Never)));
        assert_eq!(read("meta/whoami"), Some((Scope::Elsewhere, Keep::Minute)));
        assert_eq!(read("bases/app1/webhooks/ach1/payloads"), None);
    }

    #[test]
    fn writes_change_their_table_all_of_them_or_everything() {
        let table = || Touch::Table("T".to_owned());
        assert_eq!(write(Method::POST, "app1/T", r#"{"fields":{},"typecast":false}"#), table());
        assert_eq!(write(Method::DELETE, "app1/T?records[]=rec1", ""), table());
        assert_eq!(write(Method::POST, "app1/T/rec1/comments", r#"{"text":"hi"}"#), table());
        let typecast = write(Method::PATCH, "app1/T/rec1", r#"{"fields":{},"typecast":true}"#);
        assert_eq!(typecast, Touch::TableAndSchema("T".to_owned()));
        assert_eq!(write(Method::POST, "app1/rec1/fld1/uploadAttachment", "{}"), Touch::AllTables);
        assert_eq!(write(Method::POST, "meta/bases/app1/tables", "{}"), Touch::Everything);
        assert_eq!(write(Method::POST, "bases/app1/webhooks", "{}"), Touch::Nothing);
    }
}
