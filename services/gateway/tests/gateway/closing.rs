//! Closing keys that the ledger does not know: never "nothing was done" without proof.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::{
    setup::{BASE, Running, answer},
    upstream::{Reply, Table, Upstream},
};

/// A gateway whose ledger is younger than an hour, and a table with a record `A` that it knows nothing of.
async fn forgetful() -> (Table, Upstream, Running) {
    let table = Table::default();
    let copy = table.clone();
    let upstream = Upstream::new(move |seen| copy.apply(seen)).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    assert_eq!(
        answer(gateway.deals(Method::POST, "", None).json(&json!({"fields": {"Name": "A"}}))).await.0,
        200
    );
    (table, upstream, gateway)
}

fn hour_ago() -> String {
    (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1)).to_string()
}

fn close(gateway: &Running, key: &str) -> RequestBuilder {
    let request = gateway.request(Method::DELETE, &format!("/api/airtable/ledger/{key}"));
    request.header("Idempotency-Since", hour_ago())
}

fn create(name: &str) -> Value {
    json!({"method": "POST", "path": format!("/v0/{BASE}/Deals"), "body": {"fields": {"Name": name}}})
}

#[tokio::test]
async fn a_forgotten_key_is_closed_without_a_claim_that_nothing_was_done() {
    let (_table, upstream, gateway) = forgetful().await;
    for _ in 0..2 {
        let (status, body) = answer(close(&gateway, "k")).await;
        assert_eq!(
            (status.as_u16(), &body["error"]["type"]),
            (409, &json!("IDEMPOTENCY_OUTCOME_UNKNOWABLE"))
        );
    }
    let state = answer(gateway.request(Method::GET, "/api/airtable/ledger/k")).await.1;
    assert_eq!(state, json!({"state": "closed", "outcome": "unknown"}));
    let (status, body) =
        answer(gateway.deals(Method::POST, "", Some("k")).json(&json!({"fields": {"Name": "A"}}))).await;
    assert_eq!((status.as_u16(), &body["error"]["type"]), (409, &json!("IDEMPOTENCY_KEY_CLOSED")));
    assert_eq!(upstream.count("POST"), 1);
}

#[tokio::test]
async fn a_record_like_a_forgotten_create_is_no_proof_since_its_claim_may_be_forgotten_as_well() {
    let (table, _upstream, gateway) = forgetful().await;
    for _ in 0..2 {
        let (status, body) = answer(close(&gateway, "k").json(&create("A"))).await;
        assert_eq!((status.as_u16(), &body["error"]["type"]), (503, &json!("IDEMPOTENCY_OUTCOME_UNKNOWN")));
    }
    let state = answer(gateway.request(Method::GET, "/api/airtable/ledger/k")).await.1;
    assert_eq!((state, table.records().len()), (json!({"state": "interrupted"}), 1));
}

#[tokio::test]
async fn the_record_that_a_close_found_is_not_given_to_another_key() {
    let table = Table::default();
    let copy = table.clone();
    let (mut creates, mut lists) = (0, 0);
    let upstream = Upstream::new(move |seen| {
        creates += usize::from(seen.method == "POST" && seen.target.ends_with("/Deals"));
        lists += usize::from(seen.target.ends_with("/listRecords"));
        match (seen.target.ends_with("/listRecords"), creates, lists) {
            (true, _, 1) => Reply::Json(501, json!({})),
            (false, 1, _) => {
                copy.apply(seen);
                Reply::Cut
            }
            (false, 2, _) => Reply::Cut,
            _ => copy.apply(seen),
        }
    })
    .await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let create =
        |key: &str| gateway.deals(Method::POST, "", Some(key)).json(&json!({"fields": {"Name": "A"}}));
    assert_eq!(answer(create("first")).await.0, 503, "the search failed");
    let closed = answer(gateway.request(Method::DELETE, "/api/airtable/ledger/first")).await.1;
    assert_eq!(closed["response"]["body"], table.records()[0], "{closed}");
    let second = answer(create("second")).await.1;
    assert_ne!(second["id"], table.records()[0]["id"]);
    assert_eq!(table.records().len(), 2, "{second}");
}

#[tokio::test]
async fn a_forgotten_create_that_is_not_there_was_not_done() {
    let (table, _upstream, gateway) = forgetful().await;
    let record = table.records()[0]["id"].as_str().unwrap().to_owned();
    let undo = gateway.deals(Method::DELETE, &format!("/{record}"), None);
    assert_eq!(answer(undo).await.0, 200);
    assert_eq!(
        answer(close(&gateway, "k").json(&create("A"))).await,
        (StatusCode::OK, json!({"state": "closed"}))
    );
    assert!(table.records().is_empty());
}

#[tokio::test]
async fn a_forgotten_delete_is_repeated() {
    let (table, _upstream, gateway) = forgetful().await;
    let record = table.records()[0]["id"].as_str().unwrap().to_owned();
    let delete = json!({"method": "DELETE", "path": format!("/v0/{BASE}/Deals/{record}")});
    let (status, body) = answer(close(&gateway, "k").json(&delete)).await;
    assert_eq!(
        (status, &body["response"]["body"]),
        (StatusCode::OK, &json!({"id": record, "deleted": true}))
    );
    assert!(table.records().is_empty());
}

#[tokio::test]
async fn a_forgotten_write_that_nothing_tells_of_is_unknowable() {
    let (_table, upstream, gateway) = forgetful().await;
    let comment =
        json!({"method": "POST", "path": format!("/v0/{BASE}/Deals/rec1/comments"), "body": {"text": "hi"}});
    let (status, body) = answer(close(&gateway, "k").json(&comment)).await;
    assert_eq!((status.as_u16(), &body["error"]["type"]), (409, &json!("IDEMPOTENCY_OUTCOME_UNKNOWABLE")));
    assert_eq!(upstream.count("POST"), 1, "and it is not sent");
}

#[tokio::test]
async fn a_close_with_something_else_than_a_write_is_refused_and_closes_nothing() {
    let (_table, _upstream, gateway) = forgetful().await;
    let read = json!({"method": "GET", "path": format!("/v0/{BASE}/Deals")});
    let (status, body) = answer(close(&gateway, "k").json(&read)).await;
    assert_eq!((status.as_u16(), &body["error"]["type"]), (422, &json!("IDEMPOTENCY_WRITE_INVALID")));
    let state = answer(gateway.request(Method::GET, "/api/airtable/ledger/k")).await.1;
    assert_eq!(state, json!({"state": "unknown"}));
}
