//! Two gateways before one store: what one of them writes, the other one knows.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;
use valkey::{Valkey, cmd, testing::Server};

use crate::{
    paging::{self, Limited, Table},
    reads::{counter, list, read, read_around_a_write, slow_at_first},
    setup::{BASE, Running},
    upstream::Upstream,
};

const KEPT: &str = "--cache-ttl-seconds=600";

/// Two gateways, before a store that has been in use for longer than any write takes.
async fn two(upstream: &Upstream, more: &[&str]) -> (Server, [Running; 2]) {
    let server = Server::start();
    let connection = Valkey::open(server.source()).unwrap().connected().await.unwrap();
    let mut settled = cmd("HSET");
    settled
        .arg(format!("pyairtable:{{{BASE}}}:reads"))
        .arg("run")
        .arg(connection.run_id())
        .arg("tick")
        .arg(1);
    connection.command::<()>(&settled).await.unwrap();
    let file = format!("--store-url-file={}", server.url_file().display());
    let more: Vec<&str> = more.iter().copied().chain([file.as_str()]).collect();
    let pair = [Running::new(&upstream.url, &more).await, Running::new(&upstream.url, &more).await];
    (server, pair)
}

async fn create(gateway: &Running, table: &str) {
    let request = gateway.request(Method::POST, &format!("/v0/{BASE}/{table}"));
    assert_eq!(request.json(&json!({"fields": {}})).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_answer_is_kept_until_any_replica_writes_to_its_table_or_a_linked_one() {
    let (script, _) = counter();
    let upstream = Upstream::new(script).await;
    let (_server, [one, other]) = two(&upstream, &[KEPT]).await;
    one.watch();
    other.watch();
    // Until both know the tables, a write to one is taken for one to all.
    let mut writes = 0;
    loop {
        read(list(&other)).await;
        create(&one, "Audit").await;
        writes += 1;
        if read(list(&other)).await.1.starts_with("hit; ttl=") {
            break;
        }
    }
    create(&one, "People").await;
    let (_, from, body) = read(list(&other)).await;
    assert_eq!((from.as_str(), &body["count"]), ("fwd=miss", &json!(writes + 1)));
}

#[tokio::test]
async fn a_read_never_waits_for_one_from_before_a_write_that_another_replica_had_answered() {
    let upstream = slow_at_first().await;
    let (_server, [one, other]) = two(&upstream, &[KEPT]).await;
    read_around_a_write(&upstream, &one, &other).await;
}

#[tokio::test]
async fn what_others_wrote_is_told_to_one_replica_and_known_to_all() {
    let (script, writes) = counter();
    let upstream = Upstream::new(script).await;
    let (_server, [one, other]) = two(&upstream, &[KEPT]).await;
    assert_eq!(read(list(&other)).await.2["count"], 0);
    writes.fetch_add(1, Ordering::SeqCst);
    assert_eq!(read(list(&other)).await.2["count"], 0, "nobody told");
    for query in ["?table=Deals", ""] {
        let told = one.request(Method::DELETE, &format!("/api/airtable/cache{query}")).send().await.unwrap();
        assert_eq!(told.status(), StatusCode::NO_CONTENT);
        assert_eq!(read(list(&other)).await.1, "fwd=miss", "{query}");
        assert!(read(list(&other)).await.1.starts_with("hit; ttl="));
    }
}

#[tokio::test]
async fn whatever_two_replicas_are_asked_at_once_no_read_misses_a_write_that_was_answered() {
    let (script, _) = counter();
    let upstream = Upstream::new(script).await;
    let (_server, pair) = two(&upstream, &[KEPT, "--merge=off", "--requests-per-second=1000"]).await;
    let (answered, hits) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let clients = (0..8).map(|seed| {
        let (answered, hits, pair) = (answered.clone(), hits.clone(), &pair);
        async move {
            let mut random = fastrand::Rng::with_seed(seed);
            for _ in 0..40 {
                let gateway = &pair[random.usize(0..2)];
                if random.u8(0..8) == 0 {
                    create(gateway, "Deals").await;
                    answered.fetch_add(1, Ordering::SeqCst);
                } else {
                    let before = answered.load(Ordering::SeqCst);
                    let (_, from, body) = read(list(gateway)).await;
                    let seen = usize::try_from(body["count"].as_u64().unwrap()).unwrap();
                    assert!(seen >= before, "{before} were answered, {seen} seen ({from})");
                    hits.fetch_add(usize::from(from.starts_with("hit")), Ordering::SeqCst);
                }
            }
        }
    });
    join_all(clients).await;
    assert!(hits.load(Ordering::SeqCst) > 0, "something was kept");
}

#[tokio::test]
async fn a_list_begun_at_one_replica_goes_on_at_the_other_for_one_request_a_page() {
    let table = Table::with(84);
    let copy = table.clone();
    let upstream = Upstream::new(move |seen| copy.list(seen)).await;
    let (_server, pair) = two(&upstream, &[]).await;
    for size in [7, 8] {
        let before = upstream.seen().len();
        let (mut given, mut offset) = paging::page(&pair[0], size, None).await;
        let mut pages = 1;
        while let Some(at) = offset {
            let (ids, next) = paging::page(&pair[pages % 2], size, Some(&at)).await;
            given.extend(ids);
            offset = next;
            pages += 1;
        }
        assert_eq!(given, table.records());
        assert_eq!((pages, upstream.seen().len() - before), (84_usize.div_ceil(size), pages));
    }
}

#[tokio::test]
async fn a_walk_that_one_replica_was_not_given_the_time_for_goes_on_at_the_other() {
    let limited = Limited::new().await;
    let (_server, [one, other]) = two(&limited.upstream, &[]).await;
    let offset = limited.cut_short(&one, &other).await;
    limited.goes_on(&one, &offset, 4 + 1).await;
    limited.goes_on(&other, &offset, 1 + 1).await;
}
