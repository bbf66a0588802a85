//! One ledger of several processes: claims that run out, stores that forget, and what each is told.
use std::time::Duration;

use jiff::ToSpan as _;
use ledger::{Begin, Claim, Close, Error, LEASE, Ledger, Look};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use valkey::{Valkey, cmd, testing::Server};

use crate::setup::{begin, begin_since, now};

const BASE: &str = "appAAAAAAAAAAAAAA";
/// Short, for tests that wait until one ran out.
const SHORT: Duration = Duration::from_millis(600);

fn store(server: &Server) -> Valkey {
    Valkey::open(server.source()).unwrap()
}

fn open(server: &Server, lease: Duration) -> Ledger {
    Ledger::shared(store(server), BASE, lease, now())
}

fn claim(begin: Begin) -> Claim {
    match begin {
        Begin::Fresh(claim) | Begin::Interrupted(claim, _) => claim,
        other => panic!("expected a claim, got {other:?}"),
    }
}

/// What another process gets who begins `key`, once it gets the claim.
async fn begin_when_free(ledger: &Ledger, key: &str) -> Begin {
    for _ in 0..1000 {
        match begin(ledger, key).await {
            Begin::InFlight => tokio::time::sleep(Duration::from_millis(10)).await,
            other => return other,
        }
    }
    panic!("{key} stays in flight")
}

/// A process that begins `key`, and is killed.
fn killed_after_begin(server: &Server, key: &'static str) {
    let store = store(server);
    let process = std::thread::spawn(move || {
        let runtime = Runtime::new().unwrap();
        let claim = runtime.block_on(async {
            let ledger = Ledger::shared(store, BASE, SHORT, now());
            claim(begin(&ledger, key).await)
        });
        runtime.shutdown_background();
        // Nothing of a process that was killed gives anything up.
        std::mem::forget(claim);
    });
    process.join().unwrap();
}

/// Waits until the store can be used again.
async fn is_back(ledger: &Ledger) {
    for _ in 0..1000 {
        if ledger.check(now()).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the store does not come back")
}

/// What 16 callers of four processes get who begin `key` at the same time: fresh, interrupted, in flight.
async fn at_once(ledgers: &[Ledger], key: &str) -> [usize; 3] {
    let callers = (0..16).map(|caller| {
        let (ledger, key) = (ledgers[caller % 4].clone(), key.to_owned());
        tokio::spawn(async move { begin(&ledger, &key).await })
    });
    let answers = futures::future::join_all(callers).await;
    let answers: Vec<Begin> = answers.into_iter().map(Result::unwrap).collect();
    let count = |is: fn(&Begin) -> bool| answers.iter().filter(|answer| is(answer)).count();
    [
        count(|answer| matches!(answer, Begin::Fresh(_))),
        count(|answer| matches!(answer, Begin::Interrupted(..))),
        count(|answer| matches!(answer, Begin::InFlight)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_in_several_processes_one_gets_the_claim() {
    let server = Server::start();
    let ledgers: Vec<Ledger> = (0..4).map(|_| open(&server, LEASE)).collect();
    for round in 0..20 {
        let key = format!("k{round}");
        assert_eq!(at_once(&ledgers, &key).await, [1, 0, 15]);
        for ledger in &ledgers {
            drop(begin_when_free(ledger, &key).await);
        }
        while ledgers[0].look(&key).await.unwrap() == Look::InFlight {}
        assert_eq!(at_once(&ledgers, &key).await, [0, 1, 15], "also of what was left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_goes_to_one_of_several_that_finish_at_the_same_time() {
    let server = Server::start();
    let ledgers: Vec<Ledger> = (0..4).map(|_| open(&server, LEASE)).collect();
    for round in 0..20 {
        let mut finishing = Vec::new();
        for (number, ledger) in ledgers.iter().enumerate() {
            let claim = claim(begin(ledger, &format!("{round}/{number}")).await);
            let names = vec![format!("record {round}"), format!("record {round} of {number}")];
            finishing.push(claim.owning(names).finish(json!(number), now()));
        }
        let finished = futures::future::join_all(finishing.into_iter().map(tokio::spawn)).await;
        let winners: Vec<usize> =
            (0..4).filter(|number| finished[*number].as_ref().unwrap().is_ok()).collect();
        assert_eq!(winners.len(), 1, "{finished:?}");
        for number in 0..4 {
            let own = ledgers[0].look(&format!("record {round} of {number}")).await.unwrap();
            assert_eq!(own != Look::Unknown, winners[0] == number, "all of its names, or none");
        }
    }
}

#[tokio::test]
async fn a_claim_is_held_as_long_as_its_process_lives_and_not_longer() {
    let server = Server::start();
    let (first, second) = (open(&server, SHORT), open(&server, SHORT));
    let held = claim(begin(&first, "held").await);
    killed_after_begin(&server, "left");
    assert_eq!(second.look("left").await.unwrap(), Look::InFlight);
    let Begin::Interrupted(taken, intent) = begin_when_free(&second, "left").await else {
        panic!("the intent is lost")
    };
    assert_eq!(intent.note, json!({"step": "left"}));
    assert!(taken.quiet().unwrap() > intent.at + jiff::SignedDuration::try_from(SHORT).unwrap());
    assert_eq!(first.look("left").await.unwrap(), Look::InFlight);
    tokio::time::sleep(SHORT).await;
    assert!(held.hold().unwrap().is_good());
    assert!(matches!(begin(&second, "held").await, Begin::InFlight));
    held.finish(json!(1), now()).await.unwrap();
    assert!(matches!(begin(&second, "held").await, Begin::Done(_)));
}

#[tokio::test]
async fn a_claim_that_was_given_up_is_free_for_others_before_it_runs_out() {
    let server = Server::start();
    let (first, second) = (open(&server, LEASE), open(&server, LEASE));
    drop(claim(begin(&first, "k").await));
    assert!(matches!(begin_when_free(&second, "k").await, Begin::Interrupted(..)));
}

#[tokio::test]
async fn a_process_that_can_not_renew_its_claim_stops_before_others_get_it() {
    let server = Server::start();
    let (first, second) = (open(&server, SHORT), open(&server, SHORT));
    let lost = claim(begin(&first, "k").await);
    let hold = lost.hold().unwrap();
    assert!(hold.is_good());
    server.freeze();
    hold.ended().await;
    assert!(!hold.is_good());
    tokio::time::sleep(SHORT).await;
    server.thaw();
    is_back(&second).await;
    let Begin::Interrupted(taken, _) = begin_when_free(&second, "k").await else { panic!("not interrupted") };
    assert_eq!(lost.note(json!("late")).await, Err(Error::ClaimLost));
    assert_eq!(lost.finish(json!("late"), now()).await, Err(Error::ClaimLost));
    taken.finish(json!("in time"), now()).await.unwrap();
    assert_eq!(first.look("k").await.unwrap(), Look::Done(json!("in time")));
}

#[tokio::test]
async fn who_watches_a_claim_hears_at_once_that_it_was_given_up_or_settled() {
    let server = Server::start();
    let ledger = open(&server, LEASE);
    let (given_up, settled) = (claim(begin(&ledger, "a").await), claim(begin(&ledger, "b").await));
    let holds = [given_up.hold().unwrap(), settled.hold().unwrap()];
    let [mut first, mut second] = holds.each_ref().map(|hold| Box::pin(hold.ended()));
    assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
    drop(given_up);
    assert!(futures::poll!(&mut first).is_ready() && futures::poll!(&mut second).is_pending());
    settled.forget().await.unwrap();
    assert!(futures::poll!(&mut second).is_ready());
}

#[tokio::test]
async fn a_tombstone_of_one_is_heeded_by_all() {
    let server = Server::start();
    let (first, second) = (open(&server, LEASE), open(&server, LEASE));
    let held = claim(begin(&first, "held").await);
    assert!(matches!(second.close("held", None, now()).await.unwrap(), Close::InFlight));
    held.finish(json!(1), now()).await.unwrap();
    assert!(matches!(second.close("held", None, now()).await.unwrap(), Close::Closed(Some(_))));
    assert!(matches!(second.close("new", None, now()).await.unwrap(), Close::Closed(None)));
    for key in ["held", "new"] {
        assert!(matches!(begin(&first, key).await, Begin::Closed(_)), "{key}");
    }
}

#[tokio::test]
async fn a_store_that_forgot_all_does_not_know_what_was_begun_before() {
    let mut server = Server::start();
    let (first, second) = (open(&server, SHORT), open(&server, SHORT));
    let since = first.horizon().await.unwrap() + 1.millisecond();
    let claim = claim(begin_since(&first, "k", Some(since)).await);
    server.restart();
    is_back(&second).await;
    let Begin::Interrupted(taken, intent) = begin_since(&second, "k", Some(since)).await else {
        panic!("a store that can't know claims to know")
    };
    assert_eq!(intent.at, since);
    let born = second.born();
    assert!(born > since && second.horizon().await.unwrap() == born);
    assert!(taken.quiet().unwrap() >= born + jiff::SignedDuration::try_from(SHORT).unwrap());
    assert_eq!(claim.finish(json!(1), now()).await, Err(Error::ClaimLost));
    let later = Some(second.horizon().await.unwrap() + 1.millisecond());
    assert!(matches!(begin_since(&first, "new", later).await, Begin::Fresh(_)));
}

#[tokio::test]
async fn a_store_that_wrote_all_knows_it_after_a_restart_and_may_have_lost_the_rest() {
    let mut server = Server::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (first, second) = (open(&server, LEASE), open(&server, LEASE));
    let before = first.horizon().await.unwrap();
    claim(begin(&first, "done").await).finish(json!(1), now()).await.unwrap();
    let held = claim(begin(&first, "held").await);
    server.restart();
    is_back(&second).await;
    assert_eq!(second.look("done").await.unwrap(), Look::Done(json!(1)));
    assert_eq!(second.look("held").await.unwrap(), Look::InFlight);
    assert!(second.horizon().await.unwrap() > before);
    assert!(matches!(begin_since(&second, "other", Some(before)).await, Begin::Interrupted(..)));
    is_back(&first).await;
    held.finish(json!(2), now()).await.unwrap();
}

#[tokio::test]
async fn what_others_have_claimed_is_told_without_ones_own() {
    let server = Server::start();
    let (first, second) = (open(&server, LEASE), open(&server, LEASE));
    let _own = claim(begin(&first, "own").await);
    let _theirs = claim(begin(&second, "theirs").await);
    claim(begin(&second, "over").await).finish(Value::Null, now()).await.unwrap();
    drop(claim(begin(&second, "given up").await));
    drop(begin_when_free(&first, "given up").await);
    let named = |key: &str, _: &ledger::Intent| Some(key.to_owned());
    assert_eq!(first.elsewhere(named).await.unwrap(), ["theirs"]);
}

#[tokio::test]
async fn the_ledgers_of_bases_are_apart() {
    let server = Server::start();
    let other = Ledger::shared(store(&server), "appBBBBBBBBBBBBBB", LEASE, now());
    claim(begin(&open(&server, LEASE), "k").await).finish(json!(1), now()).await.unwrap();
    assert_eq!(other.look("k").await.unwrap(), Look::Unknown);
}

#[tokio::test]
async fn a_store_that_throws_keys_away_can_not_keep_a_ledger() {
    let server = Server::start();
    let ledger = open(&server, LEASE);
    let set = async |name: &str, value: &str| {
        store(&server).command::<()>(cmd("CONFIG").arg("SET").arg(name).arg(value)).await.unwrap();
    };
    set("maxmemory", "100mb").await;
    ledger.check(now()).await.unwrap();
    set("maxmemory-policy", "volatile-lru").await;
    let error = ledger.check(now()).await.unwrap_err().to_string();
    assert!(error.contains("volatile-lru") && error.contains("set maxmemory-policy noeviction"), "{error}");
}

#[tokio::test]
async fn a_store_without_memory_left_can_be_swept() {
    let server = Server::start();
    let ledger = open(&server, LEASE);
    let limit = now() - 1.minute();
    claim(begin(&ledger, "old").await).finish(json!(1), limit - 1.hour()).await.unwrap();
    let mut full = cmd("CONFIG");
    full.arg("SET").arg("maxmemory").arg("1");
    store(&server).command::<()>(&full).await.unwrap();
    let error = ledger.begin("new", "work", Value::Null, None, now()).await.unwrap_err();
    assert!(error.to_string().contains("OOM"), "{error}");
    assert_eq!(ledger.sweep(limit).await.unwrap(), 1);
    assert_eq!(ledger.look("old").await.unwrap(), Look::Unknown);
    assert!(ledger.horizon().await.unwrap() >= limit);
}

#[tokio::test]
async fn the_rights_that_the_documents_name_are_enough() {
    let page = include_str!("../../../../docs/reference/gateway-store.md");
    let user = page.lines().find_map(|line| line.strip_prefix("user ")).unwrap();
    let server = Server::with(&[&["--user"], user.split(' ').collect::<Vec<_>>().as_slice()].concat());
    server.set_url(&format!("{}?db=1&user=gateway&pass=password", server.url()));
    let ledger = open(&server, SHORT);
    ledger.check(now()).await.unwrap();
    let held = claim(begin(&ledger, "k").await);
    tokio::time::sleep(SHORT).await;
    assert!(held.hold().unwrap().is_good(), "it was renewed");
    held.note(Value::Null).await.unwrap();
    held.finish(json!(1), now() - 1.hour()).await.unwrap();
    drop(claim(begin(&ledger, "given up").await));
    claim(begin_when_free(&open(&server, SHORT), "given up").await).forget().await.unwrap();
    ledger.fence("k", 1, now() - 1.hour()).await.unwrap();
    assert_eq!(ledger.sweep(now() - 1.minute()).await.unwrap(), 1);
    assert_eq!(ledger.size().await.unwrap().keys, 0);
    assert!(ledger.elsewhere(|_, _| Some(())).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_check_tells_of_each_right_that_is_missing() {
    let server = Server::start();
    let ledger = open(&server, LEASE);
    let rights = ["get", "getrange", "set", "del", "hget", "hmget", "hset", "zadd", "zrem", "pexpire"];
    for right in rights.into_iter().chain(["zrangebyscore", "zremrangebyscore"]) {
        let set = |sign| cmd("ACL").arg(&["SETUSER", "default", &format!("{sign}{right}")]).clone();
        store(&server).command::<()>(&set("-")).await.unwrap();
        let checked = ledger.check(now()).await;
        assert!(matches!(checked, Err(Error::Store { .. })), "{right}: {checked:?}");
        store(&server).command::<()>(&set("+")).await.unwrap();
    }
    is_back(&ledger).await;
}

#[tokio::test]
async fn a_store_that_is_away_is_an_error_and_proves_nothing() {
    let mut server = Server::start();
    let ledger = open(&server, LEASE);
    let claim = claim(begin(&ledger, "k").await);
    server.stop();
    let begun = ledger.begin("other", "work", Value::Null, None, now()).await;
    assert!(matches!(begun, Err(Error::Store { .. })), "{begun:?}");
    assert!(matches!(claim.finish(json!(1), now()).await, Err(Error::Store { .. })));
    assert!(matches!(ledger.check(now()).await, Err(Error::Store { .. })));
}
