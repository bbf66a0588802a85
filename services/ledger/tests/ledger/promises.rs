//! What the ledger promises its users, wherever it is kept: over restarts, and at once.
use std::{sync::Arc, time::Duration};

use jiff::{Timestamp, ToSpan as _};
use ledger::{Begin, Close, Error, Fenced, LEASE, Ledger, Look, Resume};
use serde_json::{Value, json};
use tempfile::TempDir;
use valkey::{Valkey, cmd, testing::Server};

use crate::setup::{begin, fresh, interrupted, now, state};

const BASE: &str = "appAAAAAAAAAAAAAA";

/// Where a ledger is kept.
enum Place {
    File(TempDir),
    Store(Server),
}

impl Place {
    fn all() -> [Self; 2] {
        [Self::File(tempfile::tempdir().unwrap()), Self::Store(Server::start())]
    }

    fn open(&self) -> Ledger {
        match self {
            Self::File(folder) => Ledger::open(Some(&folder.path().join("ledger.redb")), now()).unwrap(),
            Self::Store(server) => Ledger::shared(Valkey::open(server.source()).unwrap(), BASE, LEASE, now()),
        }
    }

    /// Opens one that was born `born`.
    async fn open_born(&self, born: Timestamp) -> Ledger {
        match self {
            Self::File(folder) => Ledger::open(Some(&folder.path().join("ledger.redb")), born).unwrap(),
            Self::Store(server) => {
                let store = Valkey::open(server.source()).unwrap();
                let connection = store.connected().await.unwrap();
                let mut times = cmd("HSET");
                times.arg(format!("pyairtable:{{{BASE}}}:ledger:times"));
                times.arg("run").arg(connection.run_id()).arg("born").arg(born.as_millisecond());
                connection.command::<()>(&times).await.unwrap();
                self.open()
            }
        }
    }
}

/// Once the process before has given its claim up, which it does after the claim was dropped.
async fn given_up(ledger: &Ledger, key: &str) {
    for _ in 0..400 {
        if ledger.look(key).await.unwrap() != Look::InFlight {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{key} stays in flight")
}

#[tokio::test]
async fn outcomes_and_tombstones_outlive_the_process() {
    for place in Place::all() {
        let ledger = place.open();
        fresh(begin(&ledger, "done").await).finish(json!({"id": "rec1"}), now()).await.unwrap();
        assert!(matches!(ledger.close("closed", None, now()).await.unwrap(), Close::Closed(None)));
        fresh(begin(&ledger, "forgotten").await).forget().await.unwrap();
        let horizon = ledger.horizon().await.unwrap();
        drop(ledger);

        let ledger = place.open();
        assert_eq!(ledger.horizon().await.unwrap(), horizon);
        assert_eq!(state(&begin(&ledger, "done").await), ("done", Some(json!({"id": "rec1"}))));
        assert_eq!(state(&begin(&ledger, "closed").await), ("closed", None));
        assert_eq!(ledger.look("forgotten").await.unwrap(), Look::Unknown);
    }
}

#[tokio::test]
async fn a_claim_dropped_unsettled_leaves_its_key_interrupted_with_the_last_note() {
    for place in Place::all() {
        let ledger = place.open();
        let claim = fresh(begin(&ledger, "k").await);
        assert_eq!(state(&begin(&ledger, "k").await), ("in flight", None));
        claim.note(json!("halfway")).await.unwrap();
        drop(claim);
        drop(interrupted(begin(&ledger, "k").await));
        drop(ledger);

        let ledger = place.open();
        given_up(&ledger, "k").await;
        let Begin::Interrupted(claim, intent) = begin(&ledger, "k").await else { panic!("not interrupted") };
        assert_eq!(intent.note, json!("halfway"));
        assert_eq!(ledger.look("k").await.unwrap(), Look::InFlight);
        claim.close(Some(json!("found")), now()).await.unwrap();
        assert_eq!(state(&begin(&ledger, "k").await), ("closed", Some(json!("found"))));
    }
}

async fn not_resumed(ledger: &Ledger) -> Look {
    match ledger.resume("k").await.unwrap() {
        Resume::Not(look) => look,
        taken @ Resume::Interrupted(..) => panic!("{taken:?}"),
    }
}

#[tokio::test]
async fn who_takes_up_an_interrupted_key_keeps_others_from_it() {
    for place in Place::all() {
        let ledger = place.open();
        assert_eq!(not_resumed(&ledger).await, Look::Unknown);
        let claim = fresh(begin(&ledger, "k").await);
        assert_eq!(not_resumed(&ledger).await, Look::InFlight);
        drop(claim);
        given_up(&ledger, "k").await;
        let Resume::Interrupted(claim, intent) = ledger.resume("k").await.unwrap() else {
            panic!("not interrupted")
        };
        assert_eq!(intent.note, json!({"step": "k"}));
        assert_eq!(state(&begin(&ledger, "k").await), ("in flight", None));
        claim.finish(json!("said"), now()).await.unwrap();
        assert_eq!(not_resumed(&ledger).await, Look::Done(json!("said")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_gets_the_claim() {
    for place in Place::all() {
        let ledger = Arc::new(place.open());
        let callers = (0..64).map(|_| {
            let ledger = ledger.clone();
            tokio::spawn(async move { begin(&ledger, "k").await })
        });
        let answers: Vec<Begin> =
            futures::future::join_all(callers).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|answer| state(answer).0 == "fresh").count(), 1);
        assert_eq!(answers.iter().filter(|answer| state(answer).0 == "in flight").count(), 63);
    }
}

#[tokio::test]
async fn what_was_begun_ends_also_when_nobody_waits_for_it() {
    for place in Place::all() {
        let ledger = place.open();
        let claim = fresh(begin(&ledger, "k").await);
        let mut finishing = Box::pin(claim.finish(json!(1), now()));
        let _asked_for = futures::poll!(&mut finishing);
        drop(finishing);
        given_up(&ledger, "k").await;
        assert_eq!(state(&begin(&ledger, "k").await), ("done", Some(json!(1))));

        let mut beginning = Box::pin(begin(&ledger, "other"));
        drop(futures::poll!(&mut beginning));
        drop(beginning);
        while ledger.look("other").await.unwrap() == Look::Unknown {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        given_up(&ledger, "other").await;
        drop(interrupted(begin(&ledger, "other").await));
    }
}

#[tokio::test]
async fn a_key_used_before_the_ledger_was_born_is_interrupted_since_then() {
    for place in Place::all() {
        let ledger = place.open();
        let since = now() - 1.minute();
        let Begin::Interrupted(claim, intent) =
            ledger.begin("k", "work", json!(1), Some(since), now()).await.unwrap()
        else {
            panic!("a ledger that can't know claims to know")
        };
        assert_eq!(intent.at, since);
        claim.forget().await.unwrap();
        assert!(matches!(ledger.close("other", Some(since), now()).await.unwrap(), Close::Interrupted(..)));
        let later = Some(now() + 1.second());
        drop(fresh(ledger.begin("new", "work", Value::Null, later, now()).await.unwrap()));
    }
}

#[tokio::test]
async fn a_key_with_other_work_is_refused() {
    for place in Place::all() {
        let ledger = place.open();
        fresh(begin(&ledger, "k").await).finish(json!(1), now()).await.unwrap();
        let other = ledger.begin("k", "other", Value::Null, None, now()).await.unwrap();
        assert_eq!(state(&other), ("reused", None));
    }
}

#[tokio::test]
async fn an_older_epoch_is_refused_also_after_a_restart() {
    for place in Place::all() {
        let ledger = place.open();
        ledger.fence("k", 3, now()).await.unwrap();
        ledger.fence("k", 3, now()).await.unwrap();
        drop(ledger);
        let ledger = place.open();
        assert_eq!(ledger.fence("k", 2, now()).await, Err(Fenced::Older { seen: 3 }));
        ledger.fence("k", 4, now()).await.unwrap();
        assert_eq!(ledger.fence("k", 3, now()).await, Err(Fenced::Older { seen: 4 }));
        ledger.fence("other", 1, now()).await.unwrap();
    }
}

#[tokio::test]
async fn a_sweep_forgets_what_was_settled_and_knows_that_it_forgot() {
    for place in Place::all() {
        let born = now() - 10.hours();
        let ledger = place.open_born(born).await;
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
        drop(ledger.begin("intent", "work", json!(1), None, long_ago).await.unwrap());
        fresh(begin(&ledger, "young").await).finish(json!(1), now()).await.unwrap();

        assert_eq!(ledger.horizon().await.unwrap().as_second(), born.as_second());
        let limit = now() - 1.hour();
        assert_eq!(ledger.sweep(limit).await.unwrap(), 2500);
        assert_eq!(ledger.horizon().await.unwrap().as_second(), limit.as_second());
        assert_eq!(ledger.look("old/7").await.unwrap(), Look::Unknown);
        assert!(matches!(ledger.look("intent").await.unwrap(), Look::Interrupted(_)));
        assert_eq!(ledger.look("young").await.unwrap(), Look::Done(json!(1)));
        assert_eq!(ledger.size().await.unwrap().keys, 2);
        ledger.fence("old/1", 1, now()).await.unwrap();
        let again = ledger.begin("old/7", "work", Value::Null, Some(long_ago), now()).await.unwrap();
        drop(interrupted(again));
    }
}

#[tokio::test]
async fn an_old_intent_that_is_over_is_forgotten_unless_somebody_is_at_it() {
    for place in Place::all() {
        let ledger = place.open_born(now() - 10.hours()).await;
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
}

#[tokio::test]
async fn names_are_given_with_the_outcome_all_together_or_nothing_is_written() {
    for place in Place::all() {
        let ledger = place.open();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        fresh(begin(&ledger, "first").await).owning(names(&["b"])).finish(json!(1), now()).await.unwrap();
        let second = fresh(begin(&ledger, "second").await).owning(names(&["a", "b"]));
        assert_eq!(second.finish(json!(2), now()).await, Err(Error::Taken { name: "b".to_owned() }));
        assert_eq!(ledger.look("a").await.unwrap(), Look::Unknown);
        let again = interrupted(begin(&ledger, "second").await).owning(names(&["a"]));
        again.close(Some(json!(3)), now()).await.unwrap();
        fresh(begin(&ledger, "third").await).owning(names(&["c"])).forget().await.unwrap();
        drop(ledger);

        let ledger = place.open();
        assert_eq!(ledger.look("a").await.unwrap(), Look::Done(json!("second")));
        assert_eq!(ledger.look("b").await.unwrap(), Look::Done(json!("first")));
        assert_eq!(ledger.look("c").await.unwrap(), Look::Unknown, "what did not happen owns nothing");
    }
}

#[tokio::test]
async fn a_ledger_that_can_be_written_says_so() {
    for place in Place::all() {
        let ledger = place.open();
        for _ in 0..2 {
            ledger.check(now()).await.unwrap();
        }
    }
}
