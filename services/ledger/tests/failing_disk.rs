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
async fn after_a_failed_write_a_check_proves_that_there_is_room_again_however_short_ago_the_last_was() {
    let scenario = fail::FailScenario::setup();
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(Some(&folder.path().join("ledger.redb")), Timestamp::now()).unwrap();
    let now = Timestamp::now();
    ledger.check(now).await.unwrap();
    fail::cfg("ledger::commit-fails", "3*return").unwrap();
    let begun = ledger.begin("k", "work", Value::Null, None, now).await;
    assert!(matches!(begun, Err(Error::Storage { .. })), "{begun:?}");
    for _ in 0..2 {
        let checked = ledger.check(now).await;
        assert!(matches!(checked, Err(Error::Storage { .. })), "{checked:?}");
    }
    ledger.check(now).await.unwrap();
    assert!(matches!(ledger.begin("k", "work", Value::Null, None, now).await, Ok(Begin::Fresh(_))));
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
