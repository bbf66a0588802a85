//! Two gateways with one ledger in a store: a key takes effect once, whoever of them gets it, and whatever becomes of the store.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use valkey::testing::Server;

use crate::{
    setup::{BASE, KEY, Running, Served, answer, config, until},
    upstream::{self, Reply, Seen, Table, Upstream, now},
};

/// Short, for tests that wait until a claim ran out.
const CLAIM: &str = "--claim-seconds=3";
const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

/// Two replicas, their store and their upstream.
struct Replicas {
    first: Running,
    second: Running,
    store: Server,
    upstream: Upstream,
    table: Table,
}

/// Replicas before a table whose writes are answered by `script`, with how many there were before; the rest as it is.
async fn replicas(
    store: Server,
    more: &[&str],
    script: impl FnMut(usize, &Seen, &Table) -> Reply + Send + 'static,
) -> Replicas {
    let (table, upstream) = upstream::scripted(script).await;
    let option = format!("--store-url-file={}", store.url_file().display());
    let options = [more, &[option.as_str()]].concat();
    let first = ready(&upstream.url, &options).await;
    let second = ready(&upstream.url, &options).await;
    Replicas { first, second, store, upstream, table }
}

/// A gateway that has seen its store.
async fn ready(upstream: &str, options: &[&str]) -> Running {
    let gateway = Running::new(upstream, options).await;
    let looked = answer(gateway.request(Method::GET, "/api/airtable/ledger/any")).await.1;
    assert_eq!(looked, json!({"state": "unknown"}));
    gateway
}

impl Replicas {
    fn writes(&self) -> usize {
        let is_write = |seen: &&Seen| seen.method != "GET" && !seen.target.ends_with("/listRecords");
        self.upstream.seen().iter().filter(is_write).count()
    }
}

fn create(gateway: &Running, key: &str) -> RequestBuilder {
    gateway.deals(Method::POST, "", Some(key)).json(&json!({"fields": {"Name": "A"}}))
}

fn since(request: RequestBuilder, since: Timestamp) -> RequestBuilder {
    request.header("Idempotency-Since", since.to_string())
}

async fn kind(request: RequestBuilder) -> (u16, Value) {
    let (status, body) = answer(request).await;
    (status.as_u16(), body["error"]["type"].clone())
}

fn in_flight() -> (u16, Value) {
    (409, json!("IDEMPOTENCY_KEY_IN_FLIGHT"))
}

fn unknown() -> (u16, Value) {
    (503, json!("IDEMPOTENCY_OUTCOME_UNKNOWN"))
}

/// Nothing was sent, for want of the store: the ledger, the budget and the marks of writes are in it.
fn is_unsent(answer: &(u16, Value)) -> bool {
    let kinds = ["IDEMPOTENCY_LEDGER_UNAVAILABLE", "GATEWAY_STORE_UNAVAILABLE"];
    answer.0 == 503 && kinds.iter().any(|kind| answer.1 == *kind)
}

/// What `request` is answered once nobody else is at its key, and the store is there.
async fn when_free(request: impl Fn() -> RequestBuilder) -> (u16, Value) {
    for _ in 0..300 {
        let (status, body) = answer(request()).await;
        let kind = (status.as_u16(), body["error"]["type"].clone());
        if kind != in_flight() && !is_unsent(&kind) {
            return (kind.0, body);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never gets its turn")
}

#[tokio::test]
async fn a_key_sent_to_both_at_once_takes_effect_once_and_is_answered_the_same_by_both() {
    let replicas = replicas(Server::start(), &[], |_, seen, table| table.apply(seen)).await;
    for round in 0..10 {
        let key = format!("k{round}");
        let both = [&replicas.first, &replicas.second].map(|gateway| answer(create(gateway, &key)));
        for (status, body) in futures::future::join_all(both).await {
            let kind = (status.as_u16(), body["error"]["type"].clone());
            assert!(status == 200 || kind == in_flight(), "{body}");
        }
        assert_eq!(replicas.table.records().len(), round + 1);
        let (first, second) = (create(&replicas.first, &key), create(&replicas.second, &key));
        let (first, second) = (first.send().await.unwrap(), second.send().await.unwrap());
        assert_eq!(first.headers()["idempotency-replayed"], "true");
        assert_eq!(first.bytes().await.unwrap(), second.bytes().await.unwrap());
    }
}

#[tokio::test]
async fn while_one_is_at_a_key_the_other_is_told_to_wait() {
    let replicas = replicas(Server::start(), &[], |_, seen, table| match table.apply(seen) {
        Reply::Json(status, body) => Reply::Later(Duration::from_millis(700), status, body),
        reply => reply,
    })
    .await;
    let first = tokio::spawn(answer(create(&replicas.first, "k")));
    until("it is under way", || replicas.writes() == 1).await;
    assert_eq!(kind(create(&replicas.second, "k")).await, in_flight());
    let ledger = |method| replicas.second.request(method, "/api/airtable/ledger/k");
    assert_eq!(kind(ledger(Method::DELETE)).await, in_flight());
    assert_eq!(answer(ledger(Method::GET)).await.1, json!({"state": "inFlight"}));
    assert_eq!(first.await.unwrap().0, 200);
    assert_eq!(kind(create(&replicas.second, "k")).await.0, 200);
    assert_eq!(replicas.writes(), 1);
}

#[tokio::test]
async fn what_one_could_not_find_out_the_other_does() {
    let lists = Arc::new(std::sync::atomic::AtomicUsize::default());
    let counted = lists.clone();
    let table = Table::default();
    let copy = table.clone();
    let upstream = Upstream::new(move |seen| {
        if !seen.target.ends_with("/listRecords") {
            copy.apply(seen);
            return Reply::Cut;
        }
        match counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Reply::Json(422, json!({"error": "A_MISTAKE"})),
            _ => copy.apply(seen),
        }
    })
    .await;
    let store = Server::start();
    let option = format!("--store-url-file={}", store.url_file().display());
    let first = ready(&upstream.url, &[&option]).await;
    let second = ready(&upstream.url, &[&option]).await;
    assert_eq!(kind(create(&first, "k")).await, unknown());
    let (status, body) = when_free(|| create(&second, "k")).await;
    assert_eq!((status, &body["fields"]), (200, &json!({"Name": "A"})));
    assert_eq!(answer(create(&first, "k")).await.1, body);
    assert_eq!((table.records().len(), lists.load(std::sync::atomic::Ordering::SeqCst)), (1, 2));
}

#[tokio::test]
async fn a_record_that_the_other_has_under_way_is_left_to_it() {
    let replicas = replicas(Server::start(), &[], |count, seen, table| match table.apply(seen) {
        Reply::Json(status, body) if count == 0 => Reply::Later(Duration::from_secs(2), status, body),
        _ if count == 1 => {
            // Lost before its effect.
            table.take_last();
            Reply::Cut
        }
        reply => reply,
    })
    .await;
    let first = tokio::spawn(answer(create(&replicas.first, "first")));
    until("the first took effect", || replicas.table.records().len() == 1).await;
    let (status, second) = answer(create(&replicas.second, "second")).await;
    let first = first.await.unwrap();
    assert_eq!((first.0.as_u16(), status.as_u16()), (200, 200), "{} {second}", first.1);
    assert_ne!(first.1["id"], second["id"]);
    assert_eq!(replicas.table.records().len(), 2);
}

#[tokio::test]
async fn a_key_that_one_closed_is_sent_by_none() {
    let replicas = replicas(Server::start(), &[], |_, seen, table| table.apply(seen)).await;
    let close =
        |gateway: &Running, key| gateway.request(Method::DELETE, &format!("/api/airtable/ledger/{key}"));
    let record = answer(create(&replicas.first, "done")).await.1;
    let closed = answer(close(&replicas.second, "done")).await.1;
    assert_eq!(closed, json!({"state": "closed", "response": {"status": 200, "body": record}}));
    assert_eq!(answer(close(&replicas.second, "new")).await.1, json!({"state": "closed"}));
    for key in ["done", "new"] {
        assert_eq!(kind(create(&replicas.first, key)).await, (409, json!("IDEMPOTENCY_KEY_CLOSED")));
    }
    let id = record["id"].as_str().unwrap().to_owned();
    let delete = |gateway: &Running| gateway.deals(Method::DELETE, &format!("/{id}"), Some("delete"));
    assert_eq!(answer(delete(&replicas.first)).await.0, 200);
    assert_eq!(answer(delete(&replicas.second)).await.1, json!({"id": id, "deleted": true}));
    assert_eq!(replicas.upstream.count("DELETE"), 1);
}

#[tokio::test]
async fn without_the_store_nothing_is_sent_under_a_key_and_with_it_all_goes_on() {
    let mut replicas = replicas(Server::start(), &[], |_, seen, table| table.apply(seen)).await;
    replicas.store.stop();
    let answer = kind(create(&replicas.first, "k").header("Request-Timeout", "2")).await;
    assert!(is_unsent(&answer), "{answer:?}");
    assert_eq!(replicas.writes(), 0);
    replicas.store.run();
    assert_eq!(when_free(|| create(&replicas.first, "k")).await.0, 200);
    assert_eq!(replicas.table.records().len(), 1);
}

#[tokio::test]
async fn with_the_rights_that_the_documents_name_a_gateway_is_ready_and_does_all() {
    let page = include_str!("../../../../docs/reference/gateway-store.md");
    let user = page.lines().find_map(|line| line.strip_prefix("user ")).unwrap();
    let store = Server::with(&[&["--user"], user.split(' ').collect::<Vec<_>>().as_slice()].concat());
    store.set_url(&format!("{}?user=gateway&pass=password", store.url()));
    let (_table, upstream) = upstream::scripted(|_, seen, table| table.apply(seen)).await;
    let folder = tempfile::tempdir().unwrap();
    let option = format!("--store-url-file={}", store.url_file().display());
    let served = Served::new(config(&upstream.url, folder.path(), &[&option, "--cache-ttl-seconds=600"]));
    served.is_ready().await;
    let deals = format!("{}/v0/{BASE}/Deals", served.url);
    let client = reqwest::Client::new();
    let create =
        || client.post(&deals).header("Idempotency-Key", "k").json(&json!({"fields": {"Name": "A"}}));
    for _ in 0..2 {
        assert_eq!(create().bearer_auth(KEY).send().await.unwrap().status(), 200);
    }
    assert_eq!(client.get(&deals).bearer_auth(KEY).send().await.unwrap().status(), 200);
    served.running.abort();
}

#[tokio::test]
async fn a_write_that_waits_for_the_store_when_the_gateway_stops_is_told_that_it_was_not_sent() {
    let store = Server::start();
    let (_table, upstream) = upstream::scripted(|_, seen, table| table.apply(seen)).await;
    let folder = tempfile::tempdir().unwrap();
    let option = format!("--store-url-file={}", store.url_file().display());
    let served = Served::new(config(&upstream.url, folder.path(), &[&option, "--shutdown-grace-seconds=3"]));
    served.is_ready().await;
    store.freeze();
    let create = reqwest::Client::new().post(format!("{}/v0/{BASE}/Deals", served.url));
    let create = create.bearer_auth(KEY).json(&json!({"fields": {"Name": "A"}}));
    let waiting = tokio::spawn(kind(create));
    tokio::time::sleep(Duration::from_millis(200)).await;
    served.stop.send(()).unwrap();
    assert_eq!(waiting.await.unwrap(), (503, json!("GATEWAY_STOPPING")));
    served.running.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_lost_sight_of_the_store_while_it_waited_does_not_send() {
    let one_a_second = [CLAIM, "--requests-per-second=1", "--merge=off"];
    let replicas = replicas(Server::start(), &one_a_second, |_, seen, table| table.apply(seen)).await;
    let named = |gateway: &Running, name: &str| {
        gateway.deals(Method::POST, "", Some(name)).json(&json!({"fields": {"Name": name}}))
    };
    let mut waiting = Vec::new();
    for number in 0..8 {
        waiting.push(tokio::spawn(kind(named(&replicas.first, &number.to_string()))));
    }
    until("one was sent", || replicas.writes() == 1).await;
    replicas.store.freeze();
    let answers = futures::future::join_all(waiting).await;
    let not_sent = answers.iter().filter(|answer| is_unsent(answer.as_ref().unwrap())).count();
    assert_eq!(replicas.writes() + not_sent, 8, "{answers:?}");
    assert!(not_sent >= 3, "a claim of three seconds is certain for two: {answers:?}");
    replicas.store.thaw();
    for number in 0..8 {
        let key = number.to_string();
        let (status, body) = when_free(|| named(&replicas.second, &key)).await;
        assert_eq!((status, &body["fields"]["Name"]), (200, &json!(key)), "{body}");
    }
    let mut created: Vec<String> =
        replicas.table.records().iter().map(|record| record["fields"]["Name"].to_string()).collect();
    created.sort();
    assert_eq!(created, (0..8).map(|number| format!("\"{number}\"")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_leaves_without_those_whose_claims_are_not_certain_any_more() {
    let script = |_: usize, seen: &Seen, table: &Table| match table.apply(seen) {
        Reply::Json(status, body) => Reply::Later(Duration::from_mins(1), status, body),
        reply => reply,
    };
    let replicas = replicas(Server::start(), &[CLAIM, "--requests-per-second=1"], script).await;
    let named = |name: &str| {
        let create = replicas.first.deals(Method::POST, "", Some(name));
        tokio::spawn(kind(create.json(&json!({"fields": {"Name": name}}))))
    };
    let first = named("first");
    until("one was sent", || replicas.writes() == 1).await;
    let others = ["a", "b", "c", "d"].map(named);
    while replicas.first.metrics().lines().all(|line| line != "gateway_queue_length 4") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    replicas.store.freeze();
    assert_eq!(first.await.unwrap(), unknown());
    for other in others {
        let answer = other.await.unwrap();
        assert!(is_unsent(&answer), "{answer:?}");
    }
    assert_eq!(replicas.writes(), 1);
}

#[tokio::test]
async fn a_request_under_way_is_given_up_before_another_replica_can_take_its_key() {
    let replicas = replicas(Server::start(), &[CLAIM], |count, seen, table| match table.apply(seen) {
        Reply::Json(status, body) if count == 0 => Reply::Later(Duration::from_mins(1), status, body),
        reply => reply,
    })
    .await;
    let first = tokio::spawn(kind(create(&replicas.first, "k")));
    until("it took effect", || replicas.table.records().len() == 1).await;
    replicas.store.freeze();
    // Longer than the claim: its end in the store can't be awaited while that stands still.
    tokio::time::sleep(Duration::from_secs(4)).await;
    replicas.store.thaw();
    let (status, body) = when_free(|| create(&replicas.second, "k")).await;
    assert_eq!((status, &body["fields"]), (200, &json!({"Name": "A"})));
    assert!(first.is_finished(), "long before Airtable answers");
    assert_eq!(first.await.unwrap(), unknown());
    assert_eq!(replicas.table.records().len(), 1);
}

#[tokio::test]
async fn a_store_that_restarts_with_all_it_wrote_loses_no_key_under_way() {
    let mut replicas = replicas(Server::with(&DURABLE), &[], |count, seen, table| match table.apply(seen) {
        Reply::Json(status, body) if count == 0 => Reply::Later(Duration::from_secs(3), status, body),
        reply => reply,
    })
    .await;
    let first = tokio::spawn(answer(create(&replicas.first, "k")));
    until("it took effect", || replicas.table.records().len() == 1).await;
    replicas.store.restart();
    let (status, body) = when_free(|| create(&replicas.second, "k")).await;
    let first = first.await.unwrap();
    assert_eq!((first.0.as_u16(), status, &first.1), (200, 200, &body));
    assert_eq!((replicas.table.records().len(), replicas.writes()), (1, 1));
}

#[tokio::test]
async fn a_store_that_forgot_all_makes_no_effect_double() {
    for lands_late in [false, true] {
        let mut replicas = replicas(Server::start(), &[CLAIM], move |count, seen, table| {
            if count > 0 {
                return table.apply(seen);
            }
            let (late, create) = (table.clone(), seen.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(if lands_late { 1500 } else { 0 })).await;
                late.apply(&create);
            });
            Reply::Later(
                Duration::from_secs(2),
                200,
                json!({"id": "rec00000000000001", "createdTime": now(), "fields": {"Name": "A"}}),
            )
        })
        .await;
        let begun = Timestamp::now();
        assert_eq!(
            kind(create(&replicas.first, "before").header("Request-Timeout", "0.000001")).await.0,
            503
        );
        let first = tokio::spawn(kind(since(create(&replicas.first, "k"), begun)));
        until("it is under way", || replicas.writes() == 1).await;
        replicas.store.restart();
        let again = || since(create(&replicas.second, "k"), begun);
        let (status, body) = when_free(again).await;
        assert_eq!((status, &body["error"]["type"]), (503, &json!("IDEMPOTENCY_OUTCOME_UNKNOWN")), "{body}");
        assert_eq!(first.await.unwrap(), unknown(), "its claim is lost with all the rest");
        assert_eq!((replicas.table.records().len(), replicas.writes()), (1, 1));
    }
}
