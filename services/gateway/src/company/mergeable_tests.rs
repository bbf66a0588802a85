//! Which writes may travel together.

use http::HeaderMap;
use serde_json::json;

use super::*;

const TABLE: &str = "/v0/appAAAAAAAAAAAAAA/Deals";
const A: &str = "recAAAAAAAAAAAAAA";

fn single(method: Method, rest: &str, body: &Value, care: Care) -> Option<Single> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let target = format!("{TABLE}{rest}");
    Single::of(&Request { method, target, headers: HeaderMap::new(), body: body.into() }, care)
}

fn is_mergeable(method: Method, rest: &str, body: &Value) -> bool {
    single(method, rest, body, Care::Write).is_some()
}

fn create(fields: &Value, care: Care) -> Option<Single> {
    single(Method::POST, "", &json!({"fields": fields}), care)
}

#[test]
fn writes_of_one_record_in_all_their_shapes_are_mergeable() {
    let record = format!("/{A}");
    for (method, rest, body) in [
        (Method::POST, "", json!({"fields": {"Name": "A"}})),
        (Method::POST, "/", json!({"records": [{"fields": {}}], "typecast": true})),
        (Method::PATCH, &record, json!({"fields": {"Name": "A"}, "returnFieldsByFieldId": true})),
        (Method::PUT, "", json!({"records": [{"id": A, "fields": {}}], "typecast": false})),
        (Method::DELETE, &record, Value::Null),
        (Method::DELETE, &format!("?records%5B%5D={A}"), Value::Null),
    ] {
        assert!(is_mergeable(method.clone(), rest, &body), "{method} {rest} {body}");
    }
}

#[test]
fn whatever_says_more_or_is_something_else_travels_alone() {
    let record = format!("/{A}");
    let two = json!({"records": [{"fields": {}}, {"fields": {}}]});
    let upsert = json!({"records": [{"fields": {"K": 1}}], "performUpsert": {"fieldsToMergeOn": ["K"]}});
    let upload = json!({"fields": {"Files": [{"id": "att1"}, {"url": "https://example.com/a.png"}]}});
    let large = json!({"fields": {"Name": "x".repeat(LARGEST)}});
    for (method, rest, body) in [
        (Method::POST, "", two),
        (Method::POST, "?typecast=true", json!({"fields": {}})),
        (Method::POST, "", json!({"fields": {}, "method": "post"})),
        (Method::POST, "", json!({"fields": {}, "records": [{"fields": {}}]})),
        (Method::POST, "", json!({"records": [{"id": A, "fields": {}}]})),
        (Method::POST, "", json!({"records": [{"fields": {}, "createdTime": "x"}]})),
        (Method::POST, "", json!({"fields": [1]})),
        (Method::POST, "", json!({"fields": {}, "typecast": "yes"})),
        (Method::POST, &format!("{record}/comments"), json!({"text": "hi"})),
        (Method::POST, "", upload),
        (Method::POST, "", large),
        (Method::PATCH, "", upsert),
        (Method::PATCH, "", json!({"fields": {}})),
        (Method::PATCH, "/recShort", json!({"fields": {}})),
        (Method::DELETE, "", Value::Null),
        (Method::DELETE, &format!("?records[]={A}&records[]={A}"), Value::Null),
        (Method::DELETE, &record, json!({})),
        (Method::GET, &record, Value::Null),
    ] {
        assert!(!is_mergeable(method.clone(), rest, &body), "{method} {rest} {body}");
    }
    assert!(single(Method::DELETE, &record, &Value::Null, Care::Repeat).is_none());
}

#[test]
fn only_what_airtable_does_in_one_request_is_of_one_kind() {
    let kind = |method, rest: &str, body: &Value| single(method, rest, body, Care::Write).unwrap().kind();
    let one = kind(Method::POST, "/", &json!({"fields": {}}));
    assert_eq!(one, kind(Method::POST, "", &json!({"records": [{"fields": {}}], "typecast": false})));
    assert_ne!(one, kind(Method::POST, "", &json!({"fields": {}, "typecast": true})));
    assert_ne!(one, kind(Method::POST, "", &json!({"fields": {}, "returnFieldsByFieldId": true})));
    let update = kind(Method::PATCH, &format!("/{A}"), &json!({"fields": {}}));
    assert_ne!(update, kind(Method::PUT, &format!("/{A}"), &json!({"fields": {}})));
}

#[test]
fn one_record_is_not_written_twice_in_one_request() {
    let by_path = single(Method::DELETE, &format!("/{A}"), &Value::Null, Care::Write).unwrap();
    let by_query = single(Method::DELETE, &format!("?records[]={A}"), &Value::Null, Care::Write).unwrap();
    let other = single(Method::DELETE, "/recBBBBBBBBBBBBBB", &Value::Null, Care::Write).unwrap();
    assert!(!by_path.goes_with(&by_query));
    assert!(by_path.goes_with(&other));
}

#[test]
fn a_create_that_is_searched_for_goes_only_with_what_is_not_like_it() {
    let (a, b) = (json!({"Name": "A"}), json!({"Name": "B"}));
    let keyed = create(&a, Care::Keyed).unwrap();
    assert!(keyed.goes_with(&create(&b, Care::Keyed).unwrap()));
    assert!(!keyed.goes_with(&create(&a, Care::Keyed).unwrap()));
    let more = create(&json!({"Name": "A", "Note": "x"}), Care::Write).unwrap();
    assert!(!keyed.goes_with(&more) && !more.goes_with(&keyed));
    let without = || create(&a, Care::Write).unwrap();
    assert!(without().goes_with(&without()), "nobody searches for these");
    assert!(create(&json!({}), Care::Keyed).is_none());
    let typecast = json!({"fields": a, "typecast": true});
    assert!(single(Method::POST, "", &typecast, Care::Keyed).is_none());
}
