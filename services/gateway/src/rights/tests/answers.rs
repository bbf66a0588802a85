//! What of an answer is left.

use http::header;

use super::*;

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
    let partly = json!({"id": RECORD, "fields": {}, "details": {"message": "partialSuccess"}});
    assert_eq!(filtered(&filter, &partly), partly);
    let one = Filter::One(Some(keys()));
    assert_eq!(filtered(&one, &json!({"records": [record("Name")]})), left("Name"));
    let none = one.apply(Answer::json(StatusCode::OK, &json!({"records": []})));
    assert_eq!(none.error_type().as_deref(), Some("INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"));
}

#[test]
fn what_is_left_is_there_byte_for_byte_and_names_are_known_in_whatever_escapes() {
    let filter = Filter::Cells(["Näme".to_owned(), "N".to_owned()].into());
    let answer = |body: &str| {
        let body = body.to_owned().into();
        filter.apply(Answer { body, ..Answer::json(StatusCode::OK, &Value::Null) }).body
    };
    let records = r#"{ "records" : [ {"id":"rec1", "fields": {"N\u00e4me" : [1.50, {"a":1e2}] ,"IBAN": "s", "N": "\u00e4"}}, {"fields":"IBAN"}], "IBAN":1 }"#;
    assert_eq!(
        answer(records),
        r#"{"records":[{"id":"rec1","fields":{"Näme":[1.50, {"a":1e2}],"N":"\u00e4"}},{"fields":{}}]}"#
    );
    let twice = r#"{"id":"rec1","fields":{"IBAN":1},"fields":{"IBAN":2,"N":3},"\u0069d":"rec1"}"#;
    assert_eq!(answer(twice), r#"{"id":"rec1","fields":{},"fields":{"N":3},"id":"rec1"}"#);
    assert_eq!(
        answer(r#"{"records":[],"records":[{"fields":{"IBAN":1}}]}"#),
        r#"{"records":[],"records":[{"fields":{}}]}"#
    );
}

#[test]
fn no_answer_tells_by_its_etag_that_something_hidden_changed() {
    let tagged =
        |body: &Value| Answer::json(StatusCode::OK, body).with(header::ETAG, HeaderValue::from_static("W/x"));
    let bare = Answer { body: bytes::Bytes::new(), ..tagged(&Value::Null) };
    for answer in [tagged(&json!({"tables": []})), bare] {
        assert!(!Filter::Tables(usual()).apply(answer).headers.contains_key(header::ETAG));
    }
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
