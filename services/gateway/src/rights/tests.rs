//! Rights and a request: what is sent, what has to be proven, how it is refused.

use airtable::Table;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::{
    decide::{Refusal, decide},
    filter::Filter,
    grant::{Scope, TableRights},
};
use crate::{answer::Answer, upstream::Request};

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

#[test]
fn a_table_is_known_by_id_by_name_in_any_case_and_encoded_and_is_sent_by_id() {
    for name in ["Customers", "cUSTOMERS", "tbl00000000000001", "%43ustomers"] {
        let (sent, _) = outcome(&usual(), Method::GET, &format!("/{name}/?view="), &Value::Null).unwrap();
        assert!(sent.starts_with("GET tbl00000000000001?fields"), "{sent}");
    }
    let strange = outcome(&usual(), Method::GET, "/Ta%2Fble%20%C3%A9?pageSize=2", &Value::Null).unwrap().0;
    assert_eq!(strange, "GET tbl00000000000004?pageSize=2");
}

#[test]
fn what_is_hidden_is_answered_as_what_is_not_there() {
    let no_table = (403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND".to_owned());
    for table in ["Salaries", "tbl00000000000003", "salaries", "Nonsense", "%53alaries"] {
        for (method, rest) in [(Method::GET, ""), (Method::POST, ""), (Method::GET, "/rec00000000000001")] {
            assert_eq!(
                refused(&usual(), method, &format!("/{table}{rest}"), &json!({"fields": {}})),
                no_table
            );
        }
    }
    let no_field = (422, "UNKNOWN_FIELD_NAME".to_owned());
    for name in ["IBAN", "fld00000000000013", "Nonsense", "name"] {
        for list in [json!({"fields": [name]}), json!({"sort": [{"field": name}]})] {
            assert_eq!(refused(&usual(), Method::POST, "/Customers/listRecords", &list), no_field, "{name}");
        }
        let create = json!({"fields": {"Name": "A", name: "B"}});
        assert_eq!(refused(&usual(), Method::POST, "/Customers", &create), no_field);
        let upsert = json!({"records": [{"fields": {}}], "performUpsert": {"fieldsToMergeOn": [name]}});
        assert_eq!(refused(&usual(), Method::PATCH, "/Customers", &upsert), no_field);
        assert_eq!(
            refused(&usual(), Method::GET, &format!("/Customers?fields={name}"), &Value::Null),
            no_field
        );
        assert_eq!(
            refused(&usual(), Method::GET, &format!("/Customers?sort[0][field]={name}"), &Value::Null),
            no_field
        );
    }
}

#[test]
fn a_formula_may_use_what_the_client_may_see_as_people_see_it() {
    let list = |formula: &str| json!({"filterByFormula": formula});
    let allowed = |formula| outcome(&usual(), Method::POST, "/Customers/listRecords", &list(formula));
    for formula in
        ["{name}='x'", "AND(Email, {fld00000000000011})", "FIND('IBAN', {Orders})", "RECORD_ID()='x'"]
    {
        assert_eq!(allowed(formula).unwrap().1["filterByFormula"], formula);
    }
    for formula in [
        "{IBAN}='x'",
        "AND(1, iban)",
        "LEN({fld00000000000013})",
        "LAST_MODIFIED_TIME({IBAN})",
        "{Salary}",
        "SLEEP(",
    ] {
        assert_eq!(
            allowed(formula).unwrap_err().to_string().split(':').next(),
            Some("The formula for filtering records is invalid"),
            "{formula}"
        );
    }
    let text = allowed("{IBAN}&{Nonsense}").unwrap_err().to_string();
    assert!(text.ends_with("Unknown field names: iban, nonsense"), "{text}");
    assert!(
        outcome(&usual(), Method::POST, "/Orders/listRecords", &list("{IBAN}")).is_ok(),
        "another table's field"
    );
}

#[test]
fn what_takes_long_to_look_through_is_refused() {
    let list = |body| refused(&usual(), Method::POST, "/Customers/listRecords", &body).0;
    assert_eq!(list(json!({"filterByFormula": "Name&".repeat(6_001) + "Name"})), 422);
    assert_eq!(list(json!({"fields": vec!["Name"; 1_001]})), 422);
    let whole = json!({"filterByFormula": "Name&".repeat(6_001) + "Name"});
    assert!(outcome(&usual(), Method::POST, "/Ta%2Fble%20%C3%A9/listRecords", &whole).is_ok());
}

#[test]
fn a_view_counts_only_where_no_field_is_hidden() {
    let orders = outcome(&usual(), Method::GET, "/Orders?view=Grid", &Value::Null).unwrap().0;
    assert_eq!(orders, "GET tbl00000000000002?view=Grid");
    assert_eq!(refused(&usual(), Method::GET, "/Customers?view=Grid", &Value::Null).1, "VIEW_NAME_NOT_FOUND");
    let by_id = refused(&usual(), Method::GET, "/Customers?view=viw00000000000001", &Value::Null);
    assert_eq!(by_id.1, "VIEW_ID_NOT_FOUND");
}

#[test]
fn one_record_is_asked_for_in_its_table_and_only_there() {
    let (sent, body) = outcome(
        &usual(),
        Method::GET,
        &format!("/Orders/{RECORD}?returnFieldsByFieldId=1&sort[0][field]=x"),
        &Value::Null,
    )
    .unwrap();
    assert_eq!(sent, "POST tbl00000000000002/listRecords");
    let expected = json!({"filterByFormula": format!("RECORD_ID()='{RECORD}'"), "pageSize": 1, "returnFieldsByFieldId": true});
    assert_eq!(body, expected);
    let strange = "rec'OR(1)&'000000";
    assert_eq!(
        refused(&usual(), Method::GET, &format!("/Orders/{strange}"), &Value::Null),
        (404, "NOT_FOUND".to_owned())
    );
}

#[test]
fn links_are_shown_by_id_and_not_as_text_where_the_other_side_is_hidden() {
    let tables = tables();
    let grant = Scope { rights: &usual(), tables: &tables }
        .named("Customers")
        .map(|grant| (grant.keys(false), grant.keys(true)));
    let (cells, text) = grant.unwrap();
    assert!(cells.as_ref().unwrap().contains("Salary") && !cells.unwrap().contains("IBAN"));
    assert!(text.as_ref().unwrap().contains("Orders") && !text.unwrap().contains("Salary"));
    let as_text = "/Customers?cellFormat=string&timeZone=utc&userLocale=en&fields=Salary";
    assert_eq!(refused(&usual(), Method::GET, as_text, &Value::Null).1, "UNKNOWN_FIELD_NAME");
}

#[test]
fn a_link_is_written_where_its_other_side_may_be_written() {
    let write = |fields: Value| outcome(&usual(), Method::POST, "/Customers", &json!({"fields": fields}));
    assert!(write(json!({"Orders": [RECORD]})).is_ok());
    let refusal = write(json!({"Salary": [RECORD]})).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "You are not permitted to write cell values in field Salary (fld00000000000015)"
    );
    let reader = rights(json!([{"name": "Customers"}, {"name": "Orders", "readOnly": true}]));
    let write = json!({"fields": {"Orders": []}});
    assert_eq!(refused(&reader, Method::POST, "/Customers", &write), (403, "INVALID_PERMISSIONS".to_owned()));
}

#[test]
fn writes_are_sent_by_id_and_without_what_is_not_understood() {
    let body = json!({"fields": {"Name": "A", "fld00000000000012": 1}, "typecast": true, "returnFieldsByFieldId": false, "odd": 1});
    let (sent, body) = outcome(&usual(), Method::POST, "/Customers/?x=1", &body).unwrap();
    assert_eq!(
        (sent.as_str(), body),
        (
            "POST tbl00000000000001",
            json!({"typecast": true, "fields": {"fld00000000000011": "A", "fld00000000000012": 1}})
        )
    );
    let body = json!({"records": [{"id": RECORD, "fields": {"Name": 1}}, {"fields": {"Name": 2}}], "performUpsert": {"fieldsToMergeOn": ["Name"]}});
    let upsert = outcome(&usual(), Method::PATCH, "/Customers", &body).unwrap().1;
    assert_eq!(upsert["performUpsert"], json!({"fieldsToMergeOn": ["fld00000000000011"]}));
    assert_eq!(
        upsert["records"],
        json!([{"fields": {"fld00000000000011": 1}, "id": RECORD}, {"fields": {"fld00000000000011": 2}}])
    );
    let twice = json!({"fields": {"Name": 1, "fld00000000000011": 2}});
    assert_eq!(refused(&usual(), Method::POST, "/Customers", &twice).0, 422);
}

#[test]
fn who_may_not_write_every_cell_neither_replaces_nor_deletes() {
    let forbidden = (403, "INVALID_PERMISSIONS".to_owned());
    let fields = json!({"fields": {}, "records": [{"id": RECORD, "fields": {}}]});
    // The links of orders lead to customers of whom a field is hidden, but not the one at the other side.
    let whole =
        outcome(&usual(), Method::DELETE, &format!("/Orders?records[]={RECORD}"), &Value::Null).unwrap();
    assert_eq!(whole.0, format!("DELETE tbl00000000000002?records%5B%5D={RECORD}"));
    assert!(outcome(&usual(), Method::PUT, "/Orders", &fields).is_ok());
    for (method, rest) in [
        (Method::DELETE, format!("/Customers/{RECORD}")),
        (Method::DELETE, format!("/Customers?records={RECORD}")),
        (Method::PUT, format!("/Customers/{RECORD}")),
        (Method::PUT, "/Customers".to_owned()),
    ] {
        assert_eq!(refused(&usual(), method, &rest, &fields), forbidden, "{rest}");
    }
    let linked = rights(json!([{"name": "Customers"}, {"name": "Orders"}]));
    assert_eq!(
        refused(&linked, Method::DELETE, &format!("/Customers/{RECORD}"), &fields),
        forbidden,
        "a salary links to it"
    );
}

#[test]
fn nothing_is_written_where_only_reading_is_allowed() {
    let fields = json!({"fields": {"Name": "x"}, "records": [{"fields": {}}], "text": "x"});
    for (method, rest) in [
        (Method::POST, ""),
        (Method::PATCH, ""),
        (Method::DELETE, "?records=rec00000000000001"),
        (Method::PATCH, "/rec00000000000001"),
        (Method::POST, "/rec00000000000001/comments"),
    ] {
        let refusal = refused(&usual(), method, &format!("/Ta%2Fble%20%C3%A9{rest}"), &fields);
        assert_eq!(refusal, (403, "INVALID_PERMISSIONS".to_owned()), "{rest}");
    }
}

#[test]
fn the_base_as_a_whole_is_not_for_limited_clients() {
    let tables = tables();
    for (method, path) in [
        (Method::GET, "/v0/meta/bases/appAAAAAAAAAAAAAA"),
        (Method::POST, "/v0/meta/bases/appAAAAAAAAAAAAAA/tables"),
        (Method::PATCH, "/v0/meta/bases/appAAAAAAAAAAAAAA/tables/tbl00000000000002"),
        (Method::GET, "/v0/bases/appAAAAAAAAAAAAAA/webhooks"),
        (Method::GET, "/v0/bases/appAAAAAAAAAAAAAA/webhooks/ach00000000000001/payloads"),
        (Method::POST, "/v0/appAAAAAAAAAAAAAA/Orders/sync/x"),
        (Method::PATCH, "/v0/appAAAAAAAAAAAAAA/Orders/rec00000000000001/comments/com00000000000001"),
        (Method::GET, "/v0/appAAAAAAAAAAAAAA/Customers/rec00000000000001/comments"),
    ] {
        let request = Request { target: path.to_owned(), ..request(method, "", &Value::Null) };
        let refusal = decide(Scope { rights: &usual(), tables: &tables }, BASE, &request).unwrap_err();
        assert_eq!(refusal, Refusal::Airtable(airtable::Error::InvalidPermissions), "{path}");
    }
}

#[test]
fn a_file_goes_into_a_field_by_its_record_alone() {
    let upload = |field: &str| format!("/{RECORD}/{field}/uploadAttachment");
    let tables = tables();
    let allowed = |rights: &[TableRights], field: &str| {
        decide(
            Scope { rights, tables: &tables },
            BASE,
            &request(Method::POST, &upload(field), &json!({"file": "eA=="})),
        )
    };
    let one = allowed(&usual(), "Papers").unwrap();
    assert_eq!(one.request.target, format!("/v0/{BASE}{}", upload("fld00000000000016")));
    assert_eq!(one.proof.unwrap().tables, ["tbl00000000000001"], "the other table may only be read");
    assert_eq!(one.request.body, r#"{"file":"eA=="}"#);
    let both = allowed(&rights(json!([{"name": "Customers"}, {"name": "Ta/ble é"}])), "Papers").unwrap();
    assert_eq!(both.proof.unwrap().tables, ["tbl00000000000001", "tbl00000000000004"]);
    assert!(allowed(&usual(), "Name").is_err());
    assert!(allowed(&rights(json!([{"name": "Orders"}])), "Papers").is_err());
}

#[test]
fn headers_that_may_change_what_a_request_means_stay_here() {
    let mut asked = request(Method::GET, "/Orders", &Value::Null);
    for name in ["x-http-method-override", "range", "if-none-match", "x-request-id"] {
        asked.headers.insert(name, HeaderValue::from_static("DELETE"));
    }
    let tables = tables();
    let sent = decide(Scope { rights: &usual(), tables: &tables }, BASE, &asked).unwrap().request;
    assert_eq!(sent.headers.keys().map(ToString::to_string).collect::<Vec<_>>(), ["x-request-id"]);
}

#[test]
fn a_field_counts_as_hidden_where_a_name_may_mean_a_hidden_one() {
    let rights = rights(json!([{"name": "Orders", "fields": ["Title"]}, {"name": "orders"}]));
    let orders = |body| outcome(&rights, Method::POST, "/Orders/listRecords", &body);
    assert!(orders(json!({"fields": ["Title"]})).is_ok());
    assert!(orders(json!({"fields": ["iban"]})).is_err(), "declared twice, and once without it");
}

fn filtered(filter: &Filter, body: &Value) -> Value {
    filter.apply(Answer::json(StatusCode::OK, body)).value().unwrap()
}

#[test]
fn of_an_answer_only_what_is_known_and_allowed_is_left() {
    let keys = || ["Name".to_owned(), "fld00000000000011".to_owned()].into();
    let record = |name: &str| json!({"id": RECORD, "createdTime": "t", "commentCount": 2, "fields": {name: "a", "IBAN": "s"}, "new": "s"});
    let left =
        |name: &str| json!({"id": RECORD, "createdTime": "t", "commentCount": 2, "fields": {name: "a"}});
    let list = json!({"records": [record("Name"), record("fld00000000000011")], "offset": "o", "new": "s"});
    let filter = Filter::Cells(keys());
    assert_eq!(
        filtered(&filter, &list),
        json!({"records": [left("Name"), left("fld00000000000011")], "offset": "o"})
    );
    assert_eq!(filtered(&filter, &record("Name")), left("Name"));
    let one = Filter::One(Some(keys()));
    assert_eq!(filtered(&one, &json!({"records": [record("Name")]})), left("Name"));
    let none = one.apply(Answer::json(StatusCode::OK, &json!({"records": []})));
    assert_eq!(none.error_type().as_deref(), Some("INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"));
}

#[test]
fn an_answer_that_is_not_understood_is_not_passed_on() {
    let filter = Filter::Cells(["Name".to_owned()].into());
    for body in ["IBAN", "[{\"IBAN\": 1}]", "{\"records\": {\"IBAN\": 1}}", "{\"records\": [\"IBAN\"]}"] {
        let answer = filter.apply(Answer { body: body.into(), ..Answer::json(StatusCode::OK, &Value::Null) });
        assert_eq!(answer.error_type().as_deref(), Some("GATEWAY_ANSWER_UNREADABLE"), "{body}");
    }
    let error = Answer::error(StatusCode::FORBIDDEN, "X", "as it is");
    assert_eq!(filter.apply(error.clone()), error);
}

#[test]
fn the_schema_shows_allowed_tables_and_fields() {
    let body = filtered(&Filter::Tables(usual()), &json!({"tables": tables()}));
    let names: Vec<(&str, usize, usize)> = body["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| {
            (
                table["name"].as_str().unwrap(),
                table["fields"].as_array().unwrap().len(),
                table["views"].as_array().unwrap().len(),
            )
        })
        .collect();
    assert_eq!(names, [("Customers", 5, 0), ("Orders", 3, 1), ("Ta/ble é", 2, 1)]);
    assert!(!body.to_string().contains("IBAN"));
    let views = json!({"views": [{"id": "viw00000000000001"}, {"id": "viw00000000000002"}, {"id": "viw00000000000003"}]});
    let tables = tables();
    let asked =
        Request { target: format!("/v0/meta/bases/{BASE}/views"), ..request(Method::GET, "", &Value::Null) };
    let filter = decide(Scope { rights: &usual(), tables: &tables }, BASE, &asked).unwrap().filter;
    assert_eq!(filtered(&filter, &views), json!({"views": [{"id": "viw00000000000002"}]}));
}
