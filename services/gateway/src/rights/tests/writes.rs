//! What may be written.

use super::*;

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
