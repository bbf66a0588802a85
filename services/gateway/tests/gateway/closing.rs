//! Closing keys that the ledger does not know: never "nothing was done" without proof.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::{
    setup::{BASE, Running, answer},
    upstream::{Table, Upstream},
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
async fn a_forgotten_create_is_found_when_the_close_says_what_it_was() {
    let (table, _upstream, gateway) = forgetful().await;
    let (status, body) = answer(close(&gateway, "k").json(&create("A"))).await;
    assert_eq!((status, &body["state"]), (StatusCode::OK, &json!("closed")));
    assert_eq!(body["response"]["body"], table.records()[0]);
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
