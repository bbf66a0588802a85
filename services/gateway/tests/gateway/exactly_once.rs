//! Writes with an `Idempotency-Key`: once, whatever is repeated; closed keys stay closed.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    setup::{Running, answer, until},
    upstream::{Reply, Table, Upstream},
};

async fn table() -> (Table, Upstream, Running) {
    let table = Table::default();
    let copy = table.clone();
    let upstream = Upstream::new(move |seen| copy.apply(seen)).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    (table, upstream, gateway)
}

fn create(gateway: &Running, key: &str, name: &str) -> RequestBuilder {
    gateway.deals(Method::POST, "", Some(key)).json(&json!({"fields": {"Name": name}}))
}

async fn kind(request: RequestBuilder) -> (u16, Value) {
    let (status, body) = answer(request).await;
    (status.as_u16(), body["error"]["type"].clone())
}

#[tokio::test]
async fn a_repeated_write_gets_the_first_answer_again() {
    let (table, upstream, gateway) = table().await;
    let first = create(&gateway, "k", "A").send().await.unwrap();
    assert!(!first.headers().contains_key("idempotency-replayed"));
    let first = first.bytes().await.unwrap();
    let again = create(&gateway, "k", "A").send().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.headers()["content-type"], "application/json; charset=utf-8");
    assert_eq!(again.bytes().await.unwrap(), first);
    assert_eq!((table.records().len(), upstream.count("POST")), (1, 1));
    assert_eq!(upstream.seen()[0].header("idempotency-key"), None);
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let (table, _upstream, gateway) = table().await;
    assert_eq!(create(&gateway, "k", "A").send().await.unwrap().status(), 200);
    assert_eq!(kind(create(&gateway, "k", "B")).await, (422, json!("IDEMPOTENCY_KEY_REUSED")));
    assert_eq!(table.records().len(), 1);
}

#[tokio::test]
async fn a_key_or_a_time_that_is_not_valid_is_named() {
    let (table, _upstream, gateway) = table().await;
    assert_eq!(kind(create(&gateway, &"x".repeat(257), "A")).await, (422, json!("IDEMPOTENCY_KEY_INVALID")));
    assert_eq!(kind(create(&gateway, "a b", "A")).await, (422, json!("IDEMPOTENCY_KEY_INVALID")));
    let since = create(&gateway, "k", "A").header("Idempotency-Since", "yesterday");
    assert_eq!(kind(since).await, (422, json!("IDEMPOTENCY_SINCE_INVALID")));
    assert!(table.records().is_empty());
}

#[tokio::test]
async fn a_second_request_while_the_first_is_in_flight_is_told_to_wait() {
    let upstream =
        Upstream::new(|_| Reply::Later(Duration::from_millis(400), 200, json!({"id": "rec1"}))).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let first = tokio::spawn(answer(create(&gateway, "k", "A")));
    until("the first is on its way", || !upstream.seen().is_empty()).await;
    assert_eq!(kind(create(&gateway, "k", "A")).await, (409, json!("IDEMPOTENCY_KEY_IN_FLIGHT")));
    let close = gateway.request(Method::DELETE, "/api/airtable/ledger/k");
    assert_eq!(kind(close).await, (409, json!("IDEMPOTENCY_KEY_IN_FLIGHT")));
    assert_eq!(first.await.unwrap().0, 200);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_its_write() {
    let upstream =
        Upstream::new(|_| Reply::Later(Duration::from_millis(300), 200, json!({"id": "rec1"}))).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let impatient = create(&gateway, "k", "A").timeout(Duration::from_millis(100)).send().await;
    assert!(impatient.unwrap_err().is_timeout());
    let mut state = Value::Null;
    while state != "done" {
        tokio::time::sleep(Duration::from_millis(10)).await;
        state = answer(gateway.request(Method::GET, "/api/airtable/ledger/k")).await.1["state"].clone();
        assert_ne!(state, "interrupted");
    }
    assert_eq!(upstream.count("POST"), 1);
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let mut count = 0;
    let upstream = Upstream::new(move |_| {
        count += 1;
        Reply::Json(if count == 1 { 422 } else { 200 }, json!({"id": "rec1"}))
    })
    .await;
    let gateway = Running::new(&upstream.url, &[]).await;
    assert_eq!(answer(create(&gateway, "k", "A")).await.0, 422);
    let state = answer(gateway.request(Method::GET, "/api/airtable/ledger/k")).await.1;
    assert_eq!(state, json!({"state": "unknown"}));
    assert_eq!(answer(create(&gateway, "k", "A")).await.0, 200);
}

#[tokio::test]
async fn a_closed_key_is_never_sent_and_tells_what_had_been_done() {
    let (table, upstream, gateway) = table().await;
    let record = answer(create(&gateway, "uid/step/do", "A")).await.1;
    let done = answer(gateway.request(Method::GET, "/api/airtable/ledger/uid%2Fstep%2Fdo")).await.1;
    assert_eq!(done, json!({"state": "done", "response": {"status": 200, "body": record}}));
    for _ in 0..2 {
        let closed = answer(gateway.request(Method::DELETE, "/api/airtable/ledger/uid%2Fstep%2Fdo")).await.1;
        assert_eq!(closed, json!({"state": "closed", "response": {"status": 200, "body": record}}));
    }
    assert_eq!(kind(create(&gateway, "uid/step/do", "A")).await, (409, json!("IDEMPOTENCY_KEY_CLOSED")));

    let never = gateway.request(Method::DELETE, "/api/airtable/ledger/never-used");
    assert_eq!(answer(never).await.1, json!({"state": "closed"}));
    assert_eq!(kind(create(&gateway, "never-used", "B")).await, (409, json!("IDEMPOTENCY_KEY_CLOSED")));
    assert_eq!((table.records().len(), upstream.count("POST")), (1, 1));
}
