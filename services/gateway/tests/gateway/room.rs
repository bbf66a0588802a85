//! Answers that clients are slow to read fill the room for answers and no more; what is small or was written gets through.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
};

use crate::{
    setup::{BASE, KEY, Running, answer, until},
    upstream::{Reply, Seen, Upstream},
};

/// Of a gateway with the memory that it has by default, and no kept answers.
const ROOM: usize = 40 << 20;
const LARGE: usize = 10_000_000;

fn records(bytes: usize) -> Value {
    json!({"records": [{"id": "rec00000000000001", "createdTime": "", "fields": {"Notes": "x".repeat(bytes)}}]})
}

/// Lists of the size that the view names, one without a length where that is `chunked…`.
fn lists(seen: &Seen) -> Reply {
    let view = seen.target.split("view=").nth(1).unwrap_or_default().split('&').next().unwrap_or_default();
    match (view.strip_prefix("chunked"), seen.method.as_str()) {
        (_, "POST") => Reply::Json(200, json!({"id": "rec00000000000002", "fields": {}})),
        (Some(size), _) => Reply::Chunked(records(size.parse().unwrap_or(LARGE))),
        (None, _) => Reply::Json(200, records(view.parse().unwrap_or(0))),
    }
}

async fn gateway(more: &[&str]) -> (Running, Upstream) {
    let upstream = Upstream::new(lists).await;
    (Running::new(&upstream.url, more).await, upstream)
}

fn taken(gateway: &Running) -> usize {
    let metrics = gateway.metrics();
    let value = metrics.lines().find_map(|line| line.strip_prefix("gateway_answer_bytes "));
    value.and_then(|value| value.parse().ok()).unwrap()
}

/// A client that has asked for a list, and reads its answer when it is told to.
struct Slow(TcpStream);

impl Slow {
    /// Asks for the list number `number` of records of `view`, whose answer fits into no buffer of the kernel.
    async fn new(gateway: &Running, view: &str, number: usize) -> Self {
        let address: SocketAddr = gateway.url.strip_prefix("http://").unwrap().parse().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 << 10).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        let request = format!(
            "GET /v0/{BASE}/Deals?view={view}&maxRecords={number} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        Self(stream)
    }

    /// How many bytes the answer has, and its first line.
    async fn read(mut self) -> (usize, String) {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).await.unwrap();
        let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
        (bytes.len(), String::from_utf8_lossy(line).into_owned())
    }
}

/// The most that is taken until it is asked for.
fn most_taken(gateway: &Arc<Running>) -> JoinHandle<usize> {
    let gateway = gateway.clone();
    tokio::spawn(async move {
        let mut most = 0;
        while Arc::strong_count(&gateway) > 1 {
            most = most.max(taken(&gateway));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        most
    })
}

/// Ten slow clients ask for lists of `view`; all of them get theirs, and what is small or was written goes past.
async fn ten_lists(view: &str) {
    // Fewer permits than there are answers that wait.
    let (gateway, upstream) = gateway(&["--requests-per-second=5"]).await;
    assert_eq!(taken(&gateway), 0);
    let gateway = Arc::new(gateway);
    let most = most_taken(&gateway);
    let mut slow = Vec::new();
    for number in 1..=10 {
        slow.push(Slow::new(&gateway, view, number).await);
    }
    until("three have room, and the others have asked", || {
        let others = 7 * 64 * 1024;
        (3 * LARGE..3 * LARGE + others).contains(&taken(&gateway)) && upstream.seen().len() == 10
    })
    .await;
    let (status, _) = answer(gateway.deals(Method::GET, "?view=20000", None)).await;
    assert_eq!(status, StatusCode::OK, "small reads go past those that wait");
    let write = gateway.deals(Method::POST, "", None).json(&json!({"fields": {}}));
    assert_eq!(answer(write).await.0, StatusCode::OK);
    let answers = join_all(slow.into_iter().map(Slow::read)).await;
    assert!(answers.iter().all(|(bytes, line)| line == "HTTP/1.1 200 OK" && *bytes > LARGE), "{answers:?}");
    until("all room is free again", || taken(&gateway) == 0).await;
    assert_eq!(upstream.seen().len(), 12, "none was asked for twice");
    drop(gateway);
    let most = most.await.unwrap();
    assert!(most > 3 * LARGE && most <= ROOM + 1000, "{most}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_lists_wait_for_each_others_room_and_hold_up_nothing_else() {
    ten_lists(&LARGE.to_string()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_do_lists_that_do_not_say_how_large_they_are() {
    ten_lists("chunked").await;
}

#[tokio::test]
async fn a_list_that_can_never_have_room_is_told_so() {
    let (gateway, _upstream) = gateway(&[]).await;
    for view in ["25000000", "chunked25000000"] {
        let (status, body) = answer(gateway.deals(Method::GET, &format!("?view={view}"), None)).await;
        assert_eq!(
            (status.as_u16(), &body["error"]["type"]),
            (507, &json!("GATEWAY_ANSWER_TOO_LARGE")),
            "{view}"
        );
        assert!(body["error"]["message"].as_str().unwrap().contains("20971520 bytes"), "{body}");
        assert_eq!(taken(&gateway), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_counts_once_also_while_it_is_given_and_after_it_was_dropped() {
    let (gateway, _upstream) = gateway(&["--cache-ttl-seconds=600"]).await;
    let list = || gateway.deals(Method::GET, "?view=9000000&maxRecords=1", None);
    let (status, _) = answer(list()).await;
    assert_eq!(status, StatusCode::OK);
    let kept = taken(&gateway);
    assert!(kept > 9_000_000 && kept < 9_010_000, "{kept}");
    let slow = Slow::new(&gateway, "9000000", 1).await;
    until("it is given from what is kept", || gateway.metrics().contains("outcome=\"hit\"} 1")).await;
    assert_eq!(taken(&gateway), kept);
    let write = gateway.deals(Method::POST, "", None).json(&json!({"fields": {}}));
    assert_eq!(answer(write).await.0, StatusCode::OK);
    assert_eq!(answer(gateway.deals(Method::GET, "?view=1&maxRecords=1", None)).await.0, StatusCode::OK);
    assert_eq!(answer(list()).await.0, StatusCode::OK);
    assert!(taken(&gateway) > 2 * kept - 10_000, "the old one is still being read");
    assert!(slow.read().await.0 > 9_000_000);
    until("the old one is gone", || taken(&gateway) < kept + 10_000).await;
}
