//! What callers see when the disk refuses: an error, and never an answer that is not durable.
#![cfg(feature = "failpoints")]

use jiff::Timestamp;
use ledger::{Begin, Error, Ledger, Look};
use serde_json::{Value, json};

#[tokio::test]
async fn a_failed_commit_is_an_error_and_the_next_one_goes_on() {
    let scenario = fail::FailScenario::setup();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let ledger = Ledger::open(Some(&path), Timestamp::now()).unwrap();
    let claim = match ledger.begin("done", "work", Value::Null, None, Timestamp::now()).await.unwrap() {
        Begin::Fresh(claim) => claim,
        other => panic!("{other:?}"),
    };

    fail::cfg("ledger::commit-fails", "2*return").unwrap();
    let begun = ledger.begin("other", "work", Value::Null, None, Timestamp::now()).await;
    assert!(matches!(begun, Err(Error::Storage { .. })), "{begun:?}");
    let finished = claim.finish(json!(1), Timestamp::now()).await;
    assert!(matches!(finished, Err(Error::Storage { .. })), "{finished:?}");

    assert_eq!(ledger.look("other").await.unwrap(), Look::Unknown);
    assert!(matches!(ledger.look("done").await.unwrap(), Look::Interrupted(_)));

    fail::cfg("ledger::commit-fails", "1*return").unwrap();
    let checked = ledger.check(Timestamp::now()).await;
    assert!(matches!(checked, Err(Error::Storage { .. })), "a check is a write: {checked:?}");
    ledger.check(Timestamp::now()).await.unwrap();
    scenario.teardown();
}

#[tokio::test]
async fn a_writer_that_panicked_is_told_at_once_and_by_every_call() {
    let scenario = fail::FailScenario::setup();
    let ledger = Ledger::open(None, Timestamp::now()).unwrap();
    assert!(futures::poll!(Box::pin(ledger.stopped())).is_pending());
    fail::cfg("ledger::commit-fails", "panic").unwrap();
    let begun = ledger.begin("k", "work", Value::Null, None, Timestamp::now()).await;
    assert!(matches!(begun, Err(Error::Stopped)), "{begun:?}");
    ledger.stopped().await;
    assert_eq!(ledger.look("k").await, Err(Error::Stopped));
    scenario.teardown();
}
