//! The ledger outlives the process: what one gateway left open, the next one finds out.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::{
    setup::{Running, answer, until},
    upstream::{Reply, Table, Upstream},
};

fn create(gateway: &Running) -> RequestBuilder {
    gateway.deals(Method::POST, "", Some("k")).json(&json!({"fields": {"Name": "A"}}))
}

#[tokio::test]
async fn a_create_of_a_gateway_that_died_waiting_for_the_answer_is_found_by_the_next() {
    let table = Table::default();
    let copy = table.clone();
    let upstream = Upstream::new(move |seen| match copy.apply(seen) {
        Reply::Json(status, body) if seen.target.ends_with("/Deals") => {
            Reply::Later(Duration::from_mins(1), status, body)
        }
        reply => reply,
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger.redb");
    let option = format!("--ledger={}", ledger.display());
    let url = upstream.url.clone();
    let first_option = option.clone();
    // A runtime that is thrown away, with everything in it, stands for a process that is killed.
    let process = std::thread::spawn(move || {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let gateway = runtime.block_on(Running::in_folder(&url, folder, &[&first_option]));
        (runtime, gateway)
    });
    let (runtime, first) = process.join().unwrap();
    let impatient = create(&first).timeout(Duration::from_secs(2));
    let waiting = runtime.spawn(impatient.send());
    until("the create took effect", || !table.records().is_empty()).await;
    runtime.shutdown_background();
    drop(first);
    assert!(waiting.await.is_err());

    let second = loop {
        match ledger::Ledger::open(Some(&ledger), jiff::Timestamp::now()) {
            Ok(opened) => {
                drop(opened);
                break Running::in_folder(&upstream.url, folder, &[&option]).await;
            }
            Err(ledger::Error::InUse { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    };
    let state = answer(second.request(Method::GET, "/api/airtable/ledger/k")).await.1;
    assert_eq!(state, json!({"state": "interrupted"}));
    let (status, body) = answer(create(&second)).await;
    assert_eq!((status.as_u16(), &body["fields"]), (200, &json!({"Name": "A"})));
    assert_eq!(table.records().len(), 1);
}
