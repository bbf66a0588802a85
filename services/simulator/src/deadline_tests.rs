//! Writes whose time is over, wherever they compute.

use airtable::{Error, written::Link};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Deadline;
use crate::{
    Fixture,
    call::{RecordsCall, WebhooksCall},
    directory::Directory,
    links,
    records::{self, Input},
    transaction, webhooks,
    world::{Base, World},
};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const A: &str = "recSLOW0000000101";
const X: &str = "recSLOW0000000201";

/// Things that are called by a formula, and a use of one.
fn world() -> World {
    let field = |id: u32, name: &str, kind: &str, options: Value| json!({"id": format!("fldSLOW0000000{id}"), "name": name, "type": kind, "options": options});
    let link = |table: &str, inverse: &str| json!({"linkedTableId": table, "inverseLinkFieldId": inverse, "isReversed": false, "prefersSingleRecordLink": false});
    let (things, uses) = ("tblSLOW0000000001", "tblSLOW0000000002");
    let record = |id: &str, fields: Value| json!({"id": id, "createdTime": "2026-01-05T09:00:00.000Z", "fields": fields});
    let fixture = json!({
        "user": {"id": "usrSLOW0000000001", "email": "ops@example.com", "name": "Operations"},
        "bases": [{"id": "appSLOW0000000001", "name": "Slow", "permissionLevel": "create",
            "tables": [
                {"id": things, "name": "Things", "primaryFieldId": "fldSLOW0000000101", "views": [], "fields": [
                    field(101, "Name", "formula", json!({"formula": "UPPER({Code})"})),
                    field(102, "Code", "singleLineText", Value::Null),
                    field(103, "Uses", "multipleRecordLinks", link(uses, "fldSLOW0000000202"))]},
                {"id": uses, "name": "Uses", "primaryFieldId": "fldSLOW0000000201", "views": [], "fields": [
                    field(201, "Name", "singleLineText", Value::Null),
                    field(202, "Things", "multipleRecordLinks", link(things, "fldSLOW0000000103"))]}],
            "records": {things: [record(A, json!({"Code": "a"}))], uses: [record(X, json!({"Name": "x", "Things": [A]}))]}}]});
    Fixture::parse(&fixture.to_string(), "test").unwrap().into_world().unwrap()
}

fn write(
    world: &mut World,
    table: &str,
    call: &RecordsCall,
    body: &Value,
    deadline: Deadline,
) -> Result<Value, Error> {
    let World { user, account, bases, .. } = world;
    let body = body.to_string();
    let input = Input { query: "", body: body.as_bytes(), now: NOW, deadline };
    records::write(&mut bases[0], Directory { user, account }, table, call, &input).map(|(answer, _)| answer)
}

fn hook(base: &mut Base, call: &WebhooksCall, body: &Value) -> Value {
    let body = body.to_string();
    let input = Input { query: "", body: body.as_bytes(), now: NOW, deadline: Deadline::of_request() };
    webhooks::perform(base, call, &input).unwrap()
}

fn is_too_late<T: std::fmt::Debug>(done: Result<T, Error>) -> bool {
    let refused = done.unwrap_err();
    (refused.status(), refused.kind()) == (422, "INVALID_REQUEST_UNKNOWN")
        && refused.to_string().contains("longer than 10 s")
}

#[test]
fn a_record_that_is_meant_by_its_text_is_not_looked_for_after_the_time_of_the_request() {
    let World { user, account, bases, .. } = &mut world();
    let field = bases[0].tables[1].schema.fields[1].clone();
    let mut resolve = |deadline| {
        transaction::run(&mut bases[0], Directory { user, account }, NOW, deadline, |transaction| {
            links::resolve(transaction, &field, vec![Link::Primary("A".to_owned())])
        })
    };
    assert_eq!(resolve(Deadline::of_request()).unwrap().0, json!([A]));
    assert!(is_too_late(resolve(Deadline::over())));
}

#[test]
fn a_write_whose_links_take_too_long_is_refused_and_makes_no_record() {
    let mut world = world();
    let body = json!({"fields": {"Name": "y", "Things": ["A"]}, "typecast": true});
    let create = |world: &mut World, deadline| write(world, "Uses", &RecordsCall::Create, &body, deadline);
    let records =
        |world: &World| world.bases[0].tables.iter().map(|table| table.rows().count()).sum::<usize>();
    assert!(is_too_late(create(&mut world, Deadline::over())));
    assert_eq!(records(&world), 2);
    let made = create(&mut world, Deadline::of_request()).unwrap();
    assert_eq!((&made["fields"]["Things"], records(&world)), (&json!([A]), 3));
}

#[test]
fn a_write_of_which_webhooks_cannot_be_told_in_time_is_refused_and_undone() {
    let mut world = world();
    let options =
        json!({"filters": {"dataTypes": ["tableData"]}, "includes": {"includePreviousCellValues": true}});
    let asked = json!({"specification": {"options": options}});
    let webhook = hook(&mut world.bases[0], &WebhooksCall::Create, &asked)["id"].as_str().unwrap().to_owned();
    let delete = RecordsCall::Delete { record: X.to_owned() };
    let deleted = |world: &mut World, deadline| write(world, "Uses", &delete, &Value::Null, deadline);
    let told = |world: &mut World| {
        let listed = WebhooksCall::ListPayloads { webhook: webhook.clone() };
        hook(&mut world.bases[0], &listed, &Value::Null)["payloads"].as_array().unwrap().clone()
    };
    assert!(is_too_late(deleted(&mut world, Deadline::over())));
    let row = world.bases[0].tables[0].row(A).unwrap();
    assert_eq!(row.cells["fldSLOW0000000103"], json!([X]), "the link to it is there again");
    assert!(world.bases[0].table_of(X).is_some());
    assert_eq!(told(&mut world), [] as [Value; 0]);
    deleted(&mut world, Deadline::of_request()).unwrap();
    let payloads = told(&mut world);
    assert_eq!(payloads.iter().map(|payload| &payload["baseTransactionNumber"]).collect::<Vec<_>>(), [1]);
}
