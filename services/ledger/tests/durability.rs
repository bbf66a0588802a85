//! The ledger as its users see it: over restarts, at once, and with files that are not what they should be.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::{path::PathBuf, sync::Arc};

use jiff::{Timestamp, ToSpan as _};
use ledger::{Begin, Claim, Close, Error, Fenced, Ledger, Look};
use serde_json::{Value, json};

fn now() -> Timestamp {
    Timestamp::now()
}

fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    (folder, path)
}

async fn begin(ledger: &Ledger, key: &str) -> Begin {
    ledger.begin(key, "work", json!({"step": key}), None, now()).await.unwrap()
}

fn state(begin: &Begin) -> (&'static str, Option<Value>) {
    match begin {
        Begin::Fresh(_) => ("fresh", None),
        Begin::Interrupted(..) => ("interrupted", None),
        Begin::Done(outcome) => ("done", Some(outcome.clone())),
        Begin::InFlight => ("in flight", None),
        Begin::Closed(outcome) => ("closed", outcome.clone()),
        Begin::Reused => ("reused", None),
    }
}

fn fresh(begin: Begin) -> Claim {
    match begin {
        Begin::Fresh(claim) => claim,
        other => panic!("expected a fresh claim, got {other:?}"),
    }
}

fn interrupted(begin: Begin) -> Claim {
    match begin {
        Begin::Interrupted(claim, _) => claim,
        other => panic!("expected an interrupted claim, got {other:?}"),
    }
}

#[tokio::test]
async fn outcomes_and_tombstones_outlive_the_process() {
    let (_folder, path) = file();
    let ledger = Ledger::open(Some(&path), now()).unwrap();
    let born = ledger.born();
    fresh(begin(&ledger, "done").await).finish(json!({"id": "rec1"}), now()).await.unwrap();
    assert!(matches!(ledger.close("closed", None, now()).await.unwrap(), Close::Closed(None)));
    fresh(begin(&ledger, "forgotten").await).forget().await.unwrap();
    drop(ledger);

    let ledger = Ledger::open(Some(&path), now() + 1.hour()).unwrap();
    assert_eq!(ledger.born(), born);
    assert_eq!(state(&begin(&ledger, "done").await), ("done", Some(json!({"id": "rec1"}))));
    assert_eq!(state(&begin(&ledger, "closed").await), ("closed", None));
    assert_eq!(ledger.look("forgotten").await.unwrap(), Look::Unknown);
}

#[tokio::test]
async fn a_claim_dropped_unsettled_leaves_its_key_interrupted_with_the_last_note() {
    let (_folder, path) = file();
    let ledger = Ledger::open(Some(&path), now()).unwrap();
    let claim = fresh(begin(&ledger, "k").await);
    assert_eq!(state(&begin(&ledger, "k").await), ("in flight", None));
    claim.note(json!("halfway")).await.unwrap();
    drop(claim);
    drop(ledger);

    let ledger = Ledger::open(Some(&path), now()).unwrap();
    let Begin::Interrupted(claim, intent) = begin(&ledger, "k").await else { panic!("not interrupted") };
    assert_eq!(intent.note, json!("halfway"));
    assert_eq!(ledger.look("k").await.unwrap(), Look::InFlight);
    claim.close(Some(json!("found")), now()).await.unwrap();
    assert_eq!(state(&begin(&ledger, "k").await), ("closed", Some(json!("found"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_gets_the_claim() {
    let (_folder, path) = file();
    let ledger = Arc::new(Ledger::open(Some(&path), now()).unwrap());
    let callers = (0..64).map(|_| {
        let ledger = ledger.clone();
        tokio::spawn(async move { begin(&ledger, "k").await })
    });
    let answers: Vec<Begin> =
        futures::future::join_all(callers).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| state(answer).0 == "fresh").count(), 1);
    assert_eq!(answers.iter().filter(|answer| state(answer).0 == "in flight").count(), 63);
}

#[tokio::test]
async fn a_settled_key_is_settled_for_whoever_asks_next_even_if_the_settler_stops_waiting() {
    let ledger = Ledger::open(None, now()).unwrap();
    let claim = fresh(begin(&ledger, "k").await);
    let mut finishing = Box::pin(claim.finish(json!(1), now()));
    let _asked_for = futures::poll!(&mut finishing);
    drop(finishing);
    assert_eq!(state(&begin(&ledger, "k").await), ("done", Some(json!(1))));
}

#[tokio::test]
async fn a_caller_that_stops_waiting_loses_its_claim() {
    let ledger = Ledger::open(None, now()).unwrap();
    let mut beginning = Box::pin(begin(&ledger, "k"));
    drop(futures::poll!(&mut beginning));
    drop(beginning);
    ledger.look("k").await.unwrap();
    drop(interrupted(begin(&ledger, "k").await));
}

#[tokio::test]
async fn a_key_used_before_the_ledger_was_born_is_interrupted_since_then() {
    let ledger = Ledger::open(None, now()).unwrap();
    let since = now() - 1.minute();
    let Begin::Interrupted(claim, intent) =
        ledger.begin("k", "work", json!(1), Some(since), now()).await.unwrap()
    else {
        panic!("a ledger that can't know claims to know")
    };
    assert_eq!(intent.at, since);
    claim.forget().await.unwrap();
    assert!(matches!(ledger.close("other", Some(since), now()).await.unwrap(), Close::Interrupted(..)));
    drop(fresh(ledger.begin("new", "work", Value::Null, Some(now() + 1.second()), now()).await.unwrap()));
}

#[tokio::test]
async fn a_key_with_other_work_is_refused() {
    let ledger = Ledger::open(None, now()).unwrap();
    fresh(begin(&ledger, "k").await).finish(json!(1), now()).await.unwrap();
    let other = ledger.begin("k", "other", Value::Null, None, now()).await.unwrap();
    assert_eq!(state(&other), ("reused", None));
}

#[tokio::test]
async fn an_older_epoch_is_refused_also_after_a_restart() {
    let (_folder, path) = file();
    let ledger = Ledger::open(Some(&path), now()).unwrap();
    ledger.fence("k", 3, now()).await.unwrap();
    ledger.fence("k", 3, now()).await.unwrap();
    drop(ledger);
    let ledger = Ledger::open(Some(&path), now()).unwrap();
    assert_eq!(ledger.fence("k", 2, now()).await, Err(Fenced::Older { seen: 3 }));
    ledger.fence("k", 4, now()).await.unwrap();
    assert_eq!(ledger.fence("k", 3, now()).await, Err(Fenced::Older { seen: 4 }));
    ledger.fence("other", 1, now()).await.unwrap();
}

#[tokio::test]
async fn a_sweep_forgets_what_was_settled_and_knows_that_it_forgot() {
    let ledger = Ledger::open(None, now() - 10.hours()).unwrap();
    let long_ago = now() - 5.hours();
    futures::future::join_all((0..2500).map(|number| {
        let ledger = &ledger;
        async move {
            let claim = fresh(begin(ledger, &format!("old/{number}")).await);
            claim.finish(Value::Null, long_ago).await.unwrap();
        }
    }))
    .await;
    ledger.fence("old/1", 9, long_ago).await.unwrap();
    drop(begin(&ledger, "intent").await);
    fresh(begin(&ledger, "young").await).finish(json!(1), now()).await.unwrap();

    assert_eq!(ledger.horizon().await.unwrap().as_second(), ledger.born().as_second());
    let limit = now() - 1.hour();
    assert_eq!(ledger.sweep(limit).await.unwrap(), 2500);
    assert_eq!(ledger.horizon().await.unwrap().as_second(), limit.as_second());
    assert_eq!(ledger.look("old/7").await.unwrap(), Look::Unknown);
    assert!(matches!(ledger.look("intent").await.unwrap(), Look::Interrupted(_)));
    assert_eq!(ledger.look("young").await.unwrap(), Look::Done(json!(1)));
    ledger.fence("old/1", 1, now()).await.unwrap();
    let again = ledger.begin("old/7", "work", Value::Null, Some(long_ago), now()).await.unwrap();
    drop(interrupted(again));
}

#[tokio::test]
async fn an_old_intent_that_is_over_is_forgotten_unless_somebody_is_at_it() {
    let ledger = Ledger::open(None, now() - 10.hours()).unwrap();
    let long_ago = now() - 5.hours();
    let begin = async |key: &str, at| ledger.begin(key, "work", json!(key), None, at).await.unwrap();
    drop(begin("over", long_ago).await);
    drop(begin("goes on", long_ago).await);
    drop(begin("young", now()).await);
    let held = begin("held", long_ago).await;
    let forgotten = ledger.sweep_all(now() - 1.hour(), |intent| intent.note != json!("goes on")).await;
    assert_eq!(forgotten.unwrap(), 1);
    for (key, expected) in [("over", false), ("goes on", true), ("young", true), ("held", true)] {
        assert_eq!(ledger.look(key).await.unwrap() != Look::Unknown, expected, "{key}");
    }
    drop(held);
    let again = ledger.begin("over", "work", Value::Null, Some(long_ago), now()).await.unwrap();
    drop(interrupted(again));
}

#[tokio::test]
async fn names_are_given_with_the_outcome_all_together_or_nothing_is_written() {
    let (_folder, path) = file();
    let ledger = Ledger::open(Some(&path), now()).unwrap();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    fresh(begin(&ledger, "first").await).owning(names(&["b"])).finish(json!(1), now()).await.unwrap();
    let second = fresh(begin(&ledger, "second").await).owning(names(&["a", "b"]));
    assert_eq!(second.finish(json!(2), now()).await, Err(Error::Taken { name: "b".to_owned() }));
    assert_eq!(ledger.look("a").await.unwrap(), Look::Unknown);
    let again = interrupted(begin(&ledger, "second").await).owning(names(&["a"]));
    again.close(Some(json!(3)), now()).await.unwrap();
    fresh(begin(&ledger, "third").await).owning(names(&["c"])).forget().await.unwrap();
    drop(ledger);

    let ledger = Ledger::open(Some(&path), now()).unwrap();
    assert_eq!(ledger.look("a").await.unwrap(), Look::Done(json!("second")));
    assert_eq!(ledger.look("b").await.unwrap(), Look::Done(json!("first")));
    assert_eq!(ledger.look("c").await.unwrap(), Look::Unknown, "what did not happen owns nothing");
}

#[tokio::test]
async fn the_size_is_told() {
    let (_folder, path) = file();
    let ledger = Ledger::open(Some(&path), now()).unwrap();
    drop(begin(&ledger, "k").await);
    let size = ledger.size().await.unwrap();
    assert_eq!((size.keys, size.bytes), (1, Some(std::fs::metadata(&path).unwrap().len())));
    assert_eq!(Ledger::open(None, now()).unwrap().size().await.unwrap().bytes, None);
}

#[tokio::test]
async fn a_file_in_use_is_refused() {
    let (_folder, path) = file();
    let _first = Ledger::open(Some(&path), now()).unwrap();
    let error = Ledger::open(Some(&path), now()).unwrap_err();
    assert!(matches!(&error, Error::InUse { file } if *file == path.display().to_string()), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_ledger_is_named_and_left_alone() {
    let (_folder, path) = file();
    std::fs::write(&path, vec![b'x'; 20_000]).unwrap();
    let error = Ledger::open(Some(&path), now()).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), vec![b'x'; 20_000]);
}

#[tokio::test]
async fn a_missing_folder_is_said() {
    let error = Ledger::open(Some("/nowhere/ledger.redb".as_ref()), now()).unwrap_err();
    assert!(matches!(&error, Error::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_file_cut_short_is_damaged_and_never_an_empty_ledger() {
    let (_folder, path) = file();
    let ledger = Ledger::open(Some(&path), now()).unwrap();
    fresh(begin(&ledger, "k").await).finish(json!(1), now()).await.unwrap();
    drop(ledger);
    let whole = std::fs::read(&path).unwrap();
    for length in [100, 4096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        match Ledger::open(Some(&path), now()) {
            Err(error) => assert!(matches!(error, Error::Damaged { .. }), "{length}: {error:?}"),
            Ok(ledger) => assert_eq!(ledger.look("k").await.unwrap(), Look::Done(json!(1)), "{length}"),
        }
    }
}
