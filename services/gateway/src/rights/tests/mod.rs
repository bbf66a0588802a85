//! Rights and a request: what is sent, what has to be proven, how it is refused.

mod answers;
mod reads;
mod writes;

use airtable::Table;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::{
    decide::{Refusal, decide},
    filter::Filter,
    grant::{Scope, TableRights},
};
use crate::{answer::Answer, delivery::upstream::Request};

const BASE: &str = "appAAAAAAAAAAAAAA";
const RECORD: &str = "rec00000000000001";

/// `Customers` and `Orders` are linked; `Salaries` links to `Customers`.
fn tables() -> Vec<Table> {
    let field = |number: u8, name: &str, kind: &str, options: Value| json!({"id": format!("fld{number:014}"), "name": name, "type": kind, "options": options});
    let link = |table: u8, inverse: u8| json!({"linkedTableId": format!("tbl{table:014}"), "inverseLinkFieldId": format!("fld{inverse:014}")});
    let text = |number, name| field(number, name, "singleLineText", json!({}));
    let table = |number: u8, name: &str, fields: Vec<Value>| {
        json!({"id": format!("tbl{number:014}"), "name": name, "primaryFieldId": fields[0]["id"],
        "fields": fields, "views": [{"id": format!("viw{number:014}"), "name": "Grid", "type": "grid"}]})
    };
    let tables = json!([
        table(
            1,
            "Customers",
            vec![
                text(11, "Name"),
                text(12, "Email"),
                text(13, "IBAN"),
                field(14, "Orders", "multipleRecordLinks", link(2, 22)),
                field(15, "Salary", "multipleRecordLinks", link(3, 32)),
                field(16, "Papers", "multipleAttachments", json!({})),
            ]
        ),
        table(
            2,
            "Orders",
            vec![
                text(21, "Title"),
                field(22, "Customer", "multipleRecordLinks", link(1, 14)),
                text(23, "iban")
            ]
        ),
        table(3, "Salaries", vec![text(31, "Amount"), field(32, "Of", "multipleRecordLinks", link(1, 15))]),
        table(4, "Ta/ble é", vec![text(41, "Name"), field(42, "Papers", "multipleAttachments", json!({}))]),
    ]);
    serde_json::from_value(tables).unwrap()
}

fn rights(of: Value) -> Vec<TableRights> {
    serde_json::from_value(of).unwrap()
}

/// Customers without IBAN and Salary, orders, and the table with the strange name to read.
fn usual() -> Vec<TableRights> {
    rights(json!([
        {"name": "Customers", "fields": ["Name", "fld00000000000012", "Orders", "Salary", "Papers"]},
        {"name": "tbl00000000000002"},
        {"name": "Ta/ble é", "readOnly": true},
    ]))
}

fn request(method: Method, rest: &str, body: &Value) -> Request {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Request { method, target: format!("/v0/{BASE}{rest}"), headers: HeaderMap::new(), body: body.into() }
}

/// `{method} {target after the base}` with the body that is sent, or the refusal.
fn outcome(
    rights: &[TableRights],
    method: Method,
    rest: &str,
    body: &Value,
) -> Result<(String, Value), Refusal> {
    let tables = tables();
    let allowed = decide(Scope { rights, tables: &tables }, BASE, &request(method, rest, body))?;
    let sent = allowed.request;
    let target = sent.target.strip_prefix(&format!("/v0/{BASE}/")).unwrap_or(&sent.target).to_owned();
    Ok((format!("{} {target}", sent.method), serde_json::from_slice(&sent.body).unwrap_or_default()))
}

/// Status and type of the answer that refuses.
fn refused(rights: &[TableRights], method: Method, rest: &str, body: &Value) -> (u16, String) {
    let asked = format!("{method} {rest} {body}");
    let refusal = outcome(rights, method, rest, body).expect_err(&asked);
    let answer = Answer::from(refusal);
    let kind = answer.error_type().unwrap();
    (answer.status.as_u16(), kind)
}
