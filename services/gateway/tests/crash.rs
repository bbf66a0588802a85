//! The gateway as a process of its own, killed or stopped at the worst times (`cargo test -p gateway --features failpoints`).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "crash/drain.rs"]
mod drain;
#[path = "crash/every_write.rs"]
mod every_write;
#[path = "crash/replicas.rs"]
mod replicas;
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

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use simulator::{Behaviour, Fixture};
use telemetry::metrics::Metrics;
use upstream::{Table, Upstream};

/// A gateway in another process, which is killed when this is dropped.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// Starts this test program again, as the gateway that `arguments` in its folder describe.
    async fn start(folder: &Path, upstream: &str, failpoints: &str) -> Self {
        Self::start_with(folder, upstream, failpoints, &[]).await
    }

    async fn start_with(folder: &Path, upstream: &str, failpoints: &str, more: &[&str]) -> Self {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let arguments = [&[upstream, &address.to_string()], more].concat().join("\n");
        std::fs::write(folder.join("arguments"), arguments).unwrap();
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
        let write = (Method::POST, "Deals".to_owned(), json!({"fields": {"Name": "A"}}));
        send(self.request(setup::BASE, "uid/step/do", &write)).await
    }

    fn request(&self, base: &str, key: &str, (method, path, body): &Write) -> RequestBuilder {
        let url = format!("http://{}/v0/{base}/{path}", self.address);
        let request = Client::new().request(method.clone(), url).bearer_auth(setup::KEY);
        request.header("Idempotency-Key", key).json(body)
    }
}

/// Method, path after the base, body.
type Write = (Method, String, Value);

/// The answer; none when the process died meanwhile.
async fn send(request: RequestBuilder) -> Option<(StatusCode, Value)> {
    let response = request.send().await.ok()?;
    Some((response.status(), response.json().await.ok()?))
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
    let mut arguments = arguments.lines();
    let (upstream, address) = (arguments.next().unwrap(), arguments.next().unwrap());
    let folder = std::env::current_dir().unwrap();
    let mut more: Vec<&str> = arguments.collect();
    if !more.iter().any(|argument| argument.starts_with("--store-url-file")) {
        more.push("--ledger=ledger.redb");
    }
    let mut config = setup::config(upstream, &folder, &more);
    config.host.listen = address.parse().unwrap();
    gateway::run(config, host::shutdown::signalled().unwrap()).await.unwrap();
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
async fn killed_after_the_commit_of_the_outcome_the_key_is_done() {
    let table = Table::default();
    let copy = table.clone();
    let upstream = Upstream::new(move |seen| copy.apply(seen)).await;
    let folder = tempfile::tempdir().unwrap();
    // The commits: birth, intent, outcome with whose record it is.
    let first = Process::start(folder.path(), &upstream.url, "ledger::after-commit=2*off->return").await;
    assert_eq!(first.create().await, None, "the process was to die");
    drop(first);
    assert_eq!(table.records().len(), 1);
    let second = Process::start(folder.path(), &upstream.url, "").await;
    let look = format!("http://{}/api/airtable/ledger/uid%2Fstep%2Fdo", second.address);
    let (_, state) = send(Client::new().get(look).bearer_auth(setup::KEY)).await.unwrap();
    assert_eq!(state["state"], "done", "{state}");
}

#[tokio::test]
async fn a_process_whose_ledger_stopped_ends_with_an_error() {
    let table = Table::default();
    let upstream = Upstream::new(move |seen| table.apply(seen)).await;
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), &upstream.url, "ledger::commit-fails=1*off->panic").await;
    let _unavailable = process.create().await;
    for _ in 0..400 {
        if let Some(status) = process.child.try_wait().unwrap() {
            assert!(status.code().is_some_and(|code| code != 0), "{status}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it goes on without a ledger")
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

const CRM: &str = "appCRM00000000001";

/// A simulator with a customer of long ago, in the process of the test.
struct World {
    url: String,
    old: String,
}

impl World {
    async fn new() -> Self {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let behaviour = Behaviour { limited: false, ..Behaviour::default() };
        let state = simulator::start(Fixture::sample().unwrap(), behaviour, &Metrics::new()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, simulator::router(state)).await });
        let world = Self { url, old: String::new() };
        let list = world.get(&format!("/v0/{CRM}/Customers?pageSize=1")).await;
        Self { old: list["records"][0]["id"].as_str().unwrap().to_owned(), ..world }
    }

    async fn get(&self, path: &str) -> Value {
        let request = Client::new().get(format!("{}{path}", self.url)).bearer_auth("pat-of-a-person");
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The next write with `method` takes effect three seconds after it arrived, whoever waits for it.
    async fn delay(&self, method: &Method) {
        let fault = json!({"faults": [{"match": {"method": method.as_str()}, "kind": {"latencyMs": 3000}}]});
        let put = Client::new().put(format!("{}/admin/faults", self.url)).json(&fault);
        assert!(put.send().await.unwrap().status().is_success());
    }

    /// The effects of kind `operation` so far.
    async fn effects(&self, operation: &str) -> Vec<Value> {
        let effects = self.get("/admin/effects").await;
        let all = effects["effects"].as_array().unwrap().clone();
        all.into_iter().filter(|effect| effect["operation"] == *operation).collect()
    }

    /// Sends `write` through a gateway that is killed while it is on its way, and again through the next one.
    async fn killed_in_flight(&self, write: &Write) -> (Process, Value, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let base = format!("--base={CRM}");
        let more = [base.as_str(), "--settle-seconds=5"];
        let first = Process::start_with(folder.path(), &self.url, "", &more).await;
        self.delay(&write.0).await;
        let waiting = tokio::spawn(send(first.request(CRM, "key", write)));
        while self.get("/admin/faults").await["faults"] != json!([]) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        drop(first);
        assert_eq!(waiting.await.unwrap(), None, "the process was killed");
        let second = Process::start_with(folder.path(), &self.url, "", &more).await;
        let (status, body) = send(second.request(CRM, "key", write)).await.unwrap();
        assert_eq!(status, 200, "{body}");
        (second, body, folder)
    }
}

#[tokio::test]
async fn killed_with_a_create_in_flight_the_record_is_found_when_it_lands() {
    let world = World::new().await;
    let write = (Method::POST, "Customers".to_owned(), json!({"fields": {"Name": "In flight"}}));
    let (_gateway, body, _folder) = world.killed_in_flight(&write).await;
    let created = world.effects("create").await;
    assert_eq!((created.len(), &created[0]["record"]), (1, &body["id"]));
}

#[tokio::test]
async fn killed_with_an_update_in_flight_it_does_not_land_after_its_undo() {
    let world = World::new().await;
    let path = format!("Customers/{}", world.old);
    let name = |name: &str| json!({"fields": {"Name": name}});
    let write = (Method::PATCH, path.clone(), name("Updated"));
    let (gateway, _body, _folder) = world.killed_in_flight(&write).await;
    let undo = gateway.request(CRM, "undo", &(Method::PATCH, path.clone(), name("Before")));
    assert_eq!(send(undo).await.unwrap().0, 200);
    // Longer than the update could be on its way: there is no condition that could be awaited.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(world.get(&format!("/v0/{CRM}/{path}")).await["fields"]["Name"], "Before");
}

#[tokio::test]
async fn killed_with_an_upsert_in_flight_it_creates_once_and_says_so() {
    let world = World::new().await;
    let upsert = json!({"performUpsert": {"fieldsToMergeOn": ["Name"]}, "records": [{"fields": {"Name": "Upserted"}}]});
    let (_gateway, body, _folder) =
        world.killed_in_flight(&(Method::PATCH, "Customers".to_owned(), upsert)).await;
    let created = world.effects("create").await;
    assert_eq!(created.len(), 1);
    assert_eq!(body["createdRecords"], json!([created[0]["record"]]));
}

#[tokio::test]
async fn killed_with_a_delete_in_flight_it_counts_as_done() {
    let world = World::new().await;
    let write = (Method::DELETE, format!("Customers/{}", world.old), Value::Null);
    let (_gateway, body, _folder) = world.killed_in_flight(&write).await;
    assert_eq!(body, json!({"id": world.old, "deleted": true}));
    assert_eq!(world.effects("delete").await.len(), 1);
}

const NAMES: [&str; 3] = ["First of a batch", "Second of a batch", "Third of a batch"];

impl World {
    /// Sends creates that go out together through a gateway that dies meanwhile, at `failpoint` or once they are on their
    /// way, and each again through the next one: the names of what was answered, and of what was created.
    async fn killed_with_a_batch(&self, failpoint: Option<&str>) -> (Vec<Value>, usize) {
        let folder = tempfile::tempdir().unwrap();
        let base = format!("--base={CRM}");
        let failpoints = failpoint.map(|name| format!("{name}=1*return")).unwrap_or_default();
        let more = [base.as_str(), "--settle-seconds=5", "--requests-per-second=1"];
        let first = Process::start_with(folder.path(), &self.url, &failpoints, &more).await;
        if failpoint.is_none() {
            self.delay(&Method::POST).await;
        }
        let creates =
            NAMES.map(|name| (Method::POST, "Customers".to_owned(), json!({"fields": {"Name": name}})));
        let send_all = |process: &Process| {
            let requests = creates
                .iter()
                .zip(NAMES)
                .map(|(write, name)| send(process.request(CRM, &name.replace(' ', "-"), write)));
            futures::future::join_all(requests.collect::<Vec<_>>())
        };
        let waiting = tokio::spawn(send_all(&first));
        if failpoint.is_none() {
            while self.get("/admin/faults").await["faults"] != json!([]) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            drop(first);
        }
        assert!(waiting.await.unwrap().iter().all(Option::is_none), "the process was to die");
        let second =
            Process::start_with(folder.path(), &self.url, "", &[base.as_str(), "--settle-seconds=5"]).await;
        let answers = send_all(&second).await.into_iter().map(Option::unwrap);
        let names =
            answers.map(|(status, body)| if status == 200 { body["fields"]["Name"].clone() } else { body });
        let posts = self.get("/admin/requests").await["requests"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|request| {
                request["method"] == "POST" && request["path"].as_str().unwrap().ends_with("/Customers")
            })
            .count();
        (names.collect(), posts)
    }
}

#[tokio::test]
async fn killed_after_a_batch_took_effect_each_key_finds_its_own_record() {
    let world = World::new().await;
    let (names, posts) = world.killed_with_a_batch(Some("gateway::after-effect")).await;
    assert_eq!((names, posts), (NAMES.map(Value::from).to_vec(), 1));
    assert_eq!(world.effects("create").await.len(), 3);
}

#[tokio::test]
async fn killed_with_a_batch_in_flight_each_key_finds_its_own_record_when_it_lands() {
    let world = World::new().await;
    let (names, posts) = world.killed_with_a_batch(None).await;
    assert_eq!((names, posts), (NAMES.map(Value::from).to_vec(), 1));
    assert_eq!(world.effects("create").await.len(), 3);
}
