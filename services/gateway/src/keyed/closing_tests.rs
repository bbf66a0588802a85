//! What a close takes for a write, and what it makes of keys that were swept.

use std::time::Duration;

use axum::{Json, Router, routing::post};
use clap::Parser;
use jiff::{Timestamp, ToSpan as _};
use ledger::{Begin, Ledger};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::*;
use crate::{
    answers::{Answers, Bounds},
    delivery::{Delivery, Way, health::Health, token::Token, upstream::Upstream},
    keyed::{find_out::Finder, flights::Flights, note::fingerprint},
    metrics::Metrics,
    queue::{Limits, Queue},
    reads::{Options, Reads, Replicas},
    schema::Schema,
};

const BASE: &str = "appAAAAAAAAAAAAAA";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn read(text: &str) -> Result<Option<Request>, String> {
    let body = Bytes::copy_from_slice(text.as_bytes());
    read_write(&body, BASE).map_err(|error| error.to_string())
}

#[test]
fn a_write_is_read_as_it_was_sent() {
    let text =
        format!(r#"{{"method": "POST", "path": "/v0/{BASE}/Deals", "body": {{"fields":{{"A": 1.50}}}}}}"#);
    let request = read(&text).unwrap().unwrap();
    let sent = Request {
        method: Method::POST,
        target: format!("/v0/{BASE}/Deals"),
        headers: HeaderMap::new(),
        body: r#"{"fields":{"A": 1.50}}"#.into(),
    };
    assert_eq!(fingerprint(&request), fingerprint(&sent));
    assert!(read("").unwrap().is_none());
}

#[test]
fn no_path_of_a_write_is_resolved_to_another_base() {
    for climb in
        [r".\t.", r".\n.", r".\r.", "..", "%2e%2e", ".%2E", r"..\\", r"\u0009..", "x#/..", "x?/../..#", "x y"]
    {
        let path = format!("/v0/{BASE}/{climb}/appBBBBBBBBBBBBBB/Deals/rec1");
        let refusal = read(&format!(r#"{{"method": "DELETE", "path": "{path}"}}"#)).unwrap_err();
        assert!(refusal.contains("path: "), "{climb}: {refusal}");
    }
    let query = format!(r#"{{"method": "DELETE", "path": "//v0/{BASE}/D%C3%A9/?records[]=rec1"}}"#);
    assert_eq!(read(&query).unwrap().unwrap().target, format!("/v0/{BASE}/D%C3%A9/?records[]=rec1"));
}

#[test]
fn what_is_no_write_to_this_base_is_named() {
    for (text, expected) in [
        ("{", "EOF"),
        (r#"{"method": "POST", "path": "/v0/appBBBBBBBBBBBBBB/Deals"}"#, "not a path of the base"),
        (r#"{"method": "GET", "path": "/v0/appAAAAAAAAAAAAAA/Deals"}"#, "a read"),
        (r#"{"method": "POST", "path": "/v0/appAAAAAAAAAAAAAA/Deals", "bodi": {}}"#, "bodi"),
    ] {
        let refusal = read(text).unwrap_err();
        assert!(refusal.contains(expected), "{refusal}");
    }
}

/// An Airtable whose tables hold `records`, by its URL.
async fn airtable(records: Value) -> String {
    let list = move || std::future::ready(Json(json!({"records": records})));
    let router = Router::new().route("/v0/{base}/{table}/listRecords", post(list));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// What a close of a create of `A`, first used two hours ago, answers in a process that started ten hours ago and has
/// swept what is older than an hour, with `records` in the table.
async fn close_of_swept(records: Value) -> Answer {
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "pat").unwrap();
    let now = Timestamp::now();
    let (started, patience) = (now - 10.hours(), Duration::from_secs(5));
    let ledger = Ledger::open(None, started).unwrap();
    let begun = ledger.begin("old", "", Value::Null, None, now - 2.hours()).await.unwrap();
    let Begin::Fresh(claim) = begun else { panic!("{begun:?}") };
    claim.finish(Value::Null, now - 2.hours()).await.unwrap();
    assert_eq!(ledger.sweep(now - 1.hour()).await.unwrap(), 1);

    let metrics = Metrics::register(&telemetry::metrics::Metrics::new()).unwrap();
    let limits =
        Limits { requests_per_second: 50, token_requests_per_second: 50, length: 9, lockout: patience };
    let delivery = Delivery::new(Way {
        upstream: Upstream::new(&airtable(records).await.parse().unwrap()).unwrap(),
        token: Token::new(folder.path().join("token"), metrics.clone()),
        queue: Queue::new(limits, metrics.clone()),
        health: Health::new(BASE, metrics.clone()),
        metrics: metrics.clone(),
        answers: Answers::new(Bounds { all: 1 << 20, kept: 0 }),
        merges: true,
    });
    let options = Line::parse_from(["gateway"]).options;
    let reads =
        Reads::new(&options, None, delivery.clone(), metrics.clone(), Replicas::none(), Duration::ZERO);
    let schema = Schema::new(BASE, delivery.clone(), reads);
    let settle = Duration::from_secs(10);
    let (flights, looks) = (Flights::default(), Semaphore::new(1));
    let finder = Finder { delivery, ledger, schema, flights, key_field: None, looks, started, settle };
    let write = read(&format!(
        r#"{{"method": "POST", "path": "/v0/{BASE}/Deals", "body": {{"fields": {{"Name": "A"}}}}}}"#
    ));
    let key = Key { name: "swept".to_owned(), since: Some(now - 2.hours()) };
    let caller = Caller::gateway(tokio::time::Instant::now() + patience);
    Idempotency::new(finder, metrics).close(key, write.unwrap(), caller).await
}

#[tokio::test]
async fn a_swept_create_is_closed_also_by_a_process_older_than_it() {
    assert_eq!(close_of_swept(json!([])).await.value().unwrap(), json!({"state": "closed"}));
}

#[tokio::test]
async fn a_swept_create_may_have_been_sent_until_the_sweep() {
    let created = Timestamp::now() - 70.minutes();
    let record = json!({"id": "rec1", "createdTime": format!("{created:.3}"), "fields": {"Name": "A"}});
    let answer = close_of_swept(json!([record])).await;
    assert_eq!(answer.error_type().as_deref(), Some("IDEMPOTENCY_OUTCOME_UNKNOWN"));
}
