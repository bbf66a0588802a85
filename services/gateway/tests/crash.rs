//! The gateway as a process of its own, killed at the worst times (`cargo test -p gateway --features failpoints`).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "other tests use the rest")]
#[path = "gateway/setup.rs"]
mod setup;
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "gateway/upstream.rs"]
mod upstream;

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use upstream::{Table, Upstream};

/// A gateway in another process, which is killed when this is dropped.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// Starts this test program again, as the gateway that `arguments` in its folder describe.
    async fn start(folder: &Path, upstream: &str, failpoints: &str) -> Self {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        std::fs::write(folder.join("arguments"), format!("{upstream} {address}")).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_process_under_test", "--ignored"])
            .current_dir(folder)
            .env("FAILPOINTS", failpoints)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let process = Self { child, address };
        for _ in 0..400 {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                return process;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the gateway never listened")
    }

    /// A create under a key; none when the process died meanwhile.
    async fn create(&self) -> Option<(StatusCode, Value)> {
        let url = format!("http://{}/v0/{}/Deals", self.address, setup::BASE);
        let create = Client::new().post(url).bearer_auth(setup::KEY).header("Idempotency-Key", "uid/step/do");
        let response = create.json(&json!({"fields": {"Name": "A"}})).send().await.ok()?;
        Some((response.status(), response.json().await.ok()?))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _dead_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Not a test: what [`Process`] runs.
#[tokio::test]
#[ignore = "started by the other tests"]
async fn the_process_under_test() {
    let _failpoints_of_the_environment = fail::FailScenario::setup();
    let arguments = std::fs::read_to_string("arguments").unwrap();
    let (upstream, address) = arguments.split_once(' ').unwrap();
    let folder = std::env::current_dir().unwrap();
    let mut config = setup::config(upstream, &folder, &["--ledger=ledger.redb"]);
    config.host.listen = address.parse().unwrap();
    gateway::run(config, std::future::pending()).await.unwrap();
}

/// The records left, and how many creates were sent, after a create that died at `failpoint` was repeated.
async fn killed_at(failpoint: &str) -> (usize, usize) {
    let table = Table::default();
    let copy = table.clone();
    let upstream = Upstream::new(move |seen| copy.apply(seen)).await;
    let folder = tempfile::tempdir().unwrap();
    let first = Process::start(folder.path(), &upstream.url, &format!("{failpoint}=1*return")).await;
    assert_eq!(first.create().await, None, "the process was to die");
    drop(first);
    let second = Process::start(folder.path(), &upstream.url, "").await;
    let (status, body) = second.create().await.unwrap();
    assert_eq!((status.as_u16(), &body["fields"]), (200, &json!({"Name": "A"})), "{body}");
    let creates = upstream.seen().iter().filter(|seen| seen.target.ends_with("/Deals")).count();
    (table.records().len(), creates)
}

#[tokio::test]
async fn killed_before_it_sends_the_gateway_sends_once_after_it_found_nothing() {
    assert_eq!(killed_at("gateway::after-intent").await, (1, 1));
}

#[tokio::test]
async fn killed_before_the_outcome_is_durable_it_finds_the_record() {
    assert_eq!(killed_at("gateway::after-effect").await, (1, 1));
}

#[tokio::test]
async fn killed_before_it_answers_it_answers_the_same_again() {
    assert_eq!(killed_at("gateway::before-answer").await, (1, 1));
}

#[tokio::test]
async fn without_the_ledger_a_repeated_create_happens_twice() {
    let table = Table::default();
    let copy = table.clone();
    let upstream = Upstream::new(move |seen| copy.apply(seen)).await;
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &upstream.url, "gateway::without-ledger=return").await;
    for _ in 0..2 {
        assert_eq!(process.create().await.unwrap().0, 200);
    }
    assert_eq!(table.records().len(), 2, "these tests would notice a gateway that has no ledger");
}
