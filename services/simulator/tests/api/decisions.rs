//! What the simulator answers where the live service was seen to answer differently, or was not seen at all.
//!
//! `docs/reference/simulator.md` names each of them.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use simulator::Behaviour;
use tower::ServiceExt as _;

use crate::{
    computed::{SALES, fixture},
    support::{ADA, BASE, BLUE, Simulator, column, own},
};

const UNKNOWN: &str = "rec00000000000000";

fn customers() -> String {
    format!("{BASE}/Customers")
}

#[tokio::test]
async fn an_unknown_record_is_forbidden_to_read_and_not_found_to_write() {
    let simulator = Simulator::new();
    let path = format!("{}/{UNKNOWN}", customers());
    assert_eq!(simulator.get(&path).await.refused().0, 403);
    assert_eq!(simulator.patch(&path, json!({"fields": {}})).await.refused().0, 404);
    assert_eq!(simulator.delete(&path).await.refused().0, 404);
}

#[tokio::test]
async fn formulas_name_fields_by_id() {
    let simulator = Simulator::new();
    let asked =
        json!({"filterByFormula": "{fldCRM00000000101} = \"Ada's Bakery\"", "fields": ["fldCRM00000000101"]});
    let by_id = simulator.post(&format!("{}/listRecords", customers()), asked).await.ok();
    let asked = json!({"filterByFormula": format!("RECORD_ID() = '{ADA}'"), "fields": ["Name"]});
    let expected = simulator.post(&format!("{}/listRecords", customers()), asked).await.ok();
    assert_eq!(by_id, expected);
    assert_eq!(by_id["records"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_body_says_beyond_what_is_known_is_passed_over() {
    let simulator = Simulator::new();
    let body = json!({"fields": {"Name": "x"}, "method": "post", "nonsense": 1});
    simulator.post(&customers(), body).await.ok();
    let body = json!({"maxRecords": 1, "method": "get", "nonsense": 1});
    simulator.post(&format!("{}/listRecords", customers()), body).await.ok();
}

#[tokio::test]
async fn a_table_is_found_by_name_whatever_its_case() {
    let simulator = Simulator::new();
    let expected = simulator.get(&customers()).await.ok();
    assert_eq!(simulator.get(&format!("{BASE}/cUSTOMERS")).await.ok(), expected);
}

#[tokio::test]
async fn an_upsert_with_several_matches_is_refused_whole() {
    let simulator = Simulator::new();
    let same = json!({"records": [{"id": ADA, "fields": {"Notes": "same"}}, {"id": BLUE, "fields": {"Notes": "same"}}]});
    simulator.patch(&customers(), same).await.ok();
    let before = simulator.get(&customers()).await.ok();
    let upsert = json!({"performUpsert": {"fieldsToMergeOn": ["Notes"]},
        "records": [{"fields": {"Notes": "new"}}, {"fields": {"Notes": "same", "Name": "y"}}]});
    assert_eq!(simulator.patch(&customers(), upsert).await.kind(), "INVALID_RECORDS");
    assert_eq!(simulator.get(&customers()).await.ok(), before);
}

#[tokio::test]
async fn who_sent_too_many_is_not_told_how_long_to_wait() {
    let simulator = Simulator::behaving(Behaviour { limited: true, ..Behaviour::default() });
    for turn in 0..6 {
        let request = Request::get(customers()).header("authorization", "Bearer x").body(Body::empty());
        let answer = simulator.router().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(answer.status().as_u16(), if turn < 5 { 200 } else { 429 });
        assert_eq!(answer.headers().get("retry-after"), None);
    }
}

#[tokio::test]
async fn without_view_and_order_records_come_as_they_were_created() {
    let simulator = Simulator::new();
    let before = column(&simulator.get(&customers()).await.ok(), "Name");
    for name in ["Zoe", "Abe"] {
        simulator.post(&customers(), json!({"fields": {"Name": name}})).await.ok();
    }
    simulator.patch(&format!("{}/{ADA}", customers()), json!({"fields": {"Notes": "later"}})).await.ok();
    let expected: Vec<Value> = before.into_iter().chain([json!("Zoe"), json!("Abe")]).collect();
    assert_eq!(column(&simulator.get(&customers()).await.ok(), "Name"), expected);
}

#[tokio::test]
async fn a_field_that_prefers_one_link_takes_several() {
    let simulator = Simulator::new();
    let order = format!("{BASE}/Orders/recCRM00000000201");
    let changed = simulator.patch(&order, json!({"fields": {"Customer": [ADA, BLUE]}})).await.ok();
    assert_eq!(changed["fields"]["Customer"], json!([ADA, BLUE]));
}

#[tokio::test]
async fn a_refused_write_uses_up_no_number() {
    let simulator = own(&fixture());
    let sales = format!("{SALES}/Sales");
    let refused = json!({"records": [{"fields": {}}, {"fields": {"Items": ["recNOTHING0000000"]}}]});
    assert_eq!(simulator.post(&sales, refused).await.kind(), "ROW_DOES_NOT_EXIST");
    let made = simulator.post(&sales, json!({"fields": {}})).await.ok();
    assert_eq!(made["fields"]["Number"], 2);
    simulator.delete(&format!("{sales}/{}", made["id"].as_str().unwrap())).await.ok();
    assert_eq!(simulator.post(&sales, json!({"fields": {}})).await.ok()["fields"]["Number"], 3);
}

#[tokio::test]
async fn a_collaborator_whom_nobody_knows_is_refused() {
    let mut world: Value = serde_json::to_value(simulator::Fixture::sample().unwrap()).unwrap();
    let (me, eve) = ("usrCRM00000000001", "usrCRM00000000002");
    world["user"]["colleagues"] = json!([{"id": eve, "email": "eve@example.com", "name": "Eve"}]);
    let simulator = own(&world);
    let fields = "/v0/meta/bases/appCRM00000000001/tables/Customers/fields";
    for (name, kind) in [("Owner", "singleCollaborator"), ("Team", "multipleCollaborators")] {
        simulator.post(fields, json!({"name": name, "type": kind})).await.ok();
    }
    let path = format!("{}/{ADA}", customers());
    let write = async |field: &str, value: &Value| {
        simulator.patch(&path, json!({"fields": {field: value}, "typecast": true})).await
    };
    for stranger in [
        json!({"email": "nobody@example.com"}),
        json!({"id": "usrXXXXXXXXXXXXXX"}),
        json!({"id": "x", "email": "eve@example.com"}),
        json!("Nobody"),
    ] {
        for (field, value) in [("Owner", stranger.clone()), ("Team", json!([{"id": me}, stranger]))] {
            let message = format!("Field \"{field}\" cannot accept the provided value");
            let expected = (422, "INVALID_VALUE_FOR_COLUMN".to_owned(), message);
            assert_eq!(write(field, &value).await.refused(), expected, "{value}");
        }
    }
    let told = json!({"id": eve, "email": "eve@example.com", "name": "Eve"});
    let known = [
        json!({"id": eve}),
        json!({"email": "Eve@Example.com"}),
        json!("Eve"),
        json!({"id": eve, "email": "other@example.com"}),
    ];
    for value in &known {
        assert_eq!(write("Owner", value).await.ok()["fields"]["Owner"], told, "{value}");
    }
    assert_eq!(write("Team", &json!(known)).await.ok()["fields"]["Team"], json!([told]), "each once");
}

#[tokio::test]
async fn a_body_that_is_not_said_to_be_json_is_refused() {
    let simulator = Simulator::new();
    let status = async |path: &str, kind: Option<&str>, body: &'static str| {
        let request = Request::post(path).header("authorization", "Bearer patTest");
        let request = kind.into_iter().fold(request, |request, kind| request.header("content-type", kind));
        let answer = simulator.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        (status, body["error"]["type"].as_str().map(str::to_owned))
    };
    let refused = (422, Some("INVALID_REQUEST_BODY".to_owned()));
    let upload = format!("{BASE}/recCRM00000000301/Document/uploadAttachment");
    let file = r#"{"contentType": "text/plain", "filename": "a.txt", "file": "YQ=="}"#;
    for (path, body) in [(customers(), r#"{"fields": {}}"#), (upload, file)] {
        for kind in
            [None, Some(""), Some(";"), Some("text/plain"), Some("text/json"), Some("application/jsonp")]
        {
            assert_eq!(status(&path, kind, body).await, refused, "{path} {kind:?}");
        }
        for kind in ["application/json", "Application/JSON ; charset=utf-8"] {
            assert_eq!(status(&path, Some(kind), body).await, (200, None), "{path} {kind}");
        }
    }
}
