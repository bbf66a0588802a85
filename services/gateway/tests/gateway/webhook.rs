//! The gateway's own webhook: what others write past it is seen by the next read after the notification.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use simulator::{Behaviour, Fixture};
use telemetry::metrics::Metrics;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    setup::{Running, answer, until},
    simulated::BASE,
};

const CUSTOMER: &str = "recCRM00000000101";
const HOOKS: &str = "/v0/bases/appCRM00000000001/webhooks";

/// A simulator that others than the gateway use as well.
struct Airtable {
    url: String,
    client: Client,
}

impl Airtable {
    async fn new() -> Self {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let notification_backoff = Some(Duration::from_millis(20));
        let behaviour = Behaviour { private_urls: true, notification_backoff, ..Behaviour::default() };
        let state = simulator::start(Fixture::sample().unwrap(), behaviour, &Metrics::new()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, simulator::router(state)).await });
        Self { url, client: Client::new() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth("pat-of-somebody-else")
    }

    /// Somebody writes past the gateway.
    async fn rename(&self, name: &str) {
        let path = format!("/v0/{BASE}/Customers/{CUSTOMER}");
        let written = self.request(Method::PATCH, &path).json(&json!({"fields": {"Name": name}}));
        assert_eq!(answer(written).await.0, 200);
    }

    async fn hooks(&self) -> Vec<Value> {
        let listed = answer(self.request(Method::GET, HOOKS)).await.1;
        listed["webhooks"].as_array().unwrap().clone()
    }

    async fn payload_reads(&self) -> usize {
        let requests = answer(self.request(Method::GET, "/admin/requests")).await.1;
        let asked = requests["requests"].as_array().unwrap().iter();
        asked.filter(|request| request["path"].as_str().unwrap().ends_with("/payloads")).count()
    }
}

struct Listening {
    gateway: Running,
    keeper: JoinHandle<()>,
}

/// A gateway that keeps answers, and listens or will do so soon.
async fn gateway(airtable: &Airtable, more: &[&str]) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = vec![format!("--base={BASE}"), "--cache-ttl-seconds=600".to_owned()];
    let is_given = |name: &str| more.iter().any(|option| option.starts_with(name));
    if !is_given("--webhook-url") {
        options.push(format!("--webhook-url=http://{}", listener.local_addr().unwrap()));
    }
    if !is_given("--webhook-check-seconds") {
        options.push("--webhook-check-seconds=1".to_owned());
    }
    let options: Vec<&str> = options.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let gateway = Running::at(listener, &airtable.url, tempfile::tempdir().unwrap(), &options);
    let keeper = gateway.listen();
    Listening { gateway, keeper }
}

impl Listening {
    async fn listens(&self) {
        until("it listens", || self.gateway.metrics().contains("\ngateway_webhook_listening 1\n")).await;
    }

    fn notified(&self, outcome: &str) -> usize {
        let name = format!("gateway_webhook_notifications_total{{outcome=\"{outcome}\"}} ");
        let metrics = self.gateway.metrics();
        metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or_default()
    }

    /// The name of the customer by a list, and whether it was kept.
    async fn read(&self) -> (String, bool) {
        let path = format!("/v0/{BASE}/Customers");
        let response = self.gateway.request(Method::GET, &path).send().await.unwrap();
        let is_kept = response.headers()["cache-status"].to_str().unwrap().contains("hit");
        let body: Value = response.json().await.unwrap();
        let mut records = body["records"].as_array().unwrap().iter();
        let found = records.find(|record| record["id"] == CUSTOMER).unwrap();
        (found["fields"]["Name"].as_str().unwrap().to_owned(), is_kept)
    }

    /// Reads until the name is this one, at most ten seconds.
    async fn sees(&self, name: &str) {
        let seen = async { while self.read().await.0 != name {} };
        tokio::time::timeout(Duration::from_secs(10), seen).await.unwrap();
    }
}

#[tokio::test]
async fn what_others_write_is_seen_after_the_notification_and_what_was_before_never_again() {
    let airtable = Airtable::new().await;
    let listening = gateway(&airtable, &["--webhook-check-seconds=600"]).await;
    listening.listens().await;
    for name in ["First", "Second"] {
        while !listening.read().await.1 {}
        airtable.rename(name).await;
        listening.sees(name).await;
        for _ in 0..20 {
            assert_eq!(listening.read().await.0, name);
        }
    }
    assert!(listening.notified("accepted") >= 2);
    let status = answer(listening.gateway.request(Method::GET, "/api/airtable/status")).await.1;
    assert_eq!(status["webhook"], "listening");
}

#[tokio::test]
async fn a_change_of_the_schema_drops_the_tables_as_well() {
    let airtable = Airtable::new().await;
    let listening = gateway(&airtable, &[]).await;
    listening.listens().await;
    let tables = || async {
        let path = format!("/v0/meta/bases/{BASE}/tables");
        answer(listening.gateway.request(Method::GET, &path)).await.1["tables"].as_array().unwrap().len()
    };
    let before = tables().await;
    let table = json!({"name": "New", "fields": [{"name": "Name", "type": "singleLineText"}]});
    let path = format!("/v0/meta/bases/{BASE}/tables");
    assert_eq!(answer(airtable.request(Method::POST, &path).json(&table)).await.0, 200);
    let seen = async { while tables().await == before {} };
    tokio::time::timeout(Duration::from_secs(10), seen).await.unwrap();
}

#[tokio::test]
async fn a_forged_notification_is_refused_and_nothing_else_happens() {
    let airtable = Airtable::new().await;
    let listening = gateway(&airtable, &[]).await;
    listening.listens().await;
    until("the first one came", || listening.notified("accepted") >= 1).await;
    while !listening.read().await.1 {}
    let reads = airtable.payload_reads().await;
    let url = format!("{}/api/airtable/webhooks/notify", listening.gateway.url);
    let forged = format!("hmac-sha256={}", "0".repeat(64));
    for (mac, body, expected) in [
        (Some(forged.as_str()), "{}".to_owned(), 401),
        (Some("x"), "{}".to_owned(), 401),
        (None, "{}".to_owned(), 401),
        (Some(forged.as_str()), "x".repeat(20_000), 413),
    ] {
        let sent = airtable.client.post(&url).body(body);
        let sent = match mac {
            Some(mac) => sent.header("X-Airtable-Content-MAC", mac),
            None => sent,
        };
        assert_eq!(sent.send().await.unwrap().status(), expected);
    }
    assert_eq!((listening.notified("forged"), airtable.payload_reads().await), (3, reads));
    assert!(listening.read().await.1, "what was kept is kept");
}

#[tokio::test]
async fn after_a_restart_the_webhook_is_found_again_by_its_file_and_else_replaced() {
    let airtable = Airtable::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = format!("--webhook-state={}", folder.path().join("webhook.json").display());
    let first = gateway(&airtable, &[&file]).await;
    first.listens().await;
    let made = airtable.hooks().await;
    first.keeper.abort();
    let same = format!("--webhook-url={}", first.gateway.url);

    let second = gateway(&airtable, &[&file, &same]).await;
    second.listens().await;
    let found = airtable.hooks().await;
    assert_eq!((made.len(), &found[0]["id"]), (1, &made[0]["id"]));
    second.keeper.abort();

    let third = gateway(&airtable, &[]).await;
    third.listens().await;
    third.keeper.abort();
    assert_eq!(airtable.hooks().await.len(), 2, "another URL is another's");
    let same = format!("--webhook-url={}", third.gateway.url);
    let fourth = gateway(&airtable, &[&same]).await;
    fourth.listens().await;
    let hooks = airtable.hooks().await;
    assert_eq!((hooks.len(), &hooks[0]["id"]), (2, &made[0]["id"]), "its predecessor's is gone");
}

#[tokio::test]
async fn a_webhook_that_ended_is_replaced_and_one_that_was_silenced_speaks_again() {
    let airtable = Airtable::new().await;
    let listening = gateway(&airtable, &[]).await;
    listening.listens().await;
    let made = airtable.hooks().await[0]["id"].as_str().unwrap().to_owned();
    let silence = airtable.request(Method::POST, &format!("{HOOKS}/{made}/enableNotifications"));
    assert_eq!(answer(silence.json(&json!({"enable": false}))).await.0, 200);
    airtable.rename("Unheard").await;
    listening.sees("Unheard").await;
    while airtable.hooks().await[0]["areNotificationsEnabled"] != true {}

    let week = airtable.request(Method::PUT, "/admin/clock").json(&json!({"aheadSeconds": 8 * 24 * 3600}));
    assert_eq!(answer(week).await.0, 200);
    while airtable.hooks().await.iter().any(|hook| hook["id"] == *made) {}
    airtable.rename("Later").await;
    listening.sees("Later").await;
    assert_eq!(airtable.hooks().await.len(), 1);
}

#[tokio::test]
async fn notifications_in_bursts_are_few_reads() {
    let airtable = Airtable::new().await;
    let listening = gateway(&airtable, &[]).await;
    listening.listens().await;
    let begun = Instant::now();
    for number in 0..30 {
        airtable.rename(&format!("Name {number}")).await;
    }
    listening.sees("Name 29").await;
    let reads = airtable.payload_reads().await;
    // One at most in two seconds by notifications, and one for each look.
    let most = 2 + begun.elapsed().as_secs() * 2;
    assert!(u64::try_from(reads).unwrap() <= most, "{reads} reads");
}

#[tokio::test]
async fn a_base_with_ten_webhooks_is_served_without_and_nothing_is_kept_longer_than_from_look_to_look() {
    let airtable = Airtable::new().await;
    let specification = json!({"options": {"filters": {"dataTypes": ["tableData"]}}});
    for _ in 0..10 {
        let made = airtable.request(Method::POST, HOOKS).json(&json!({"specification": specification}));
        assert_eq!(answer(made).await.0, 200);
    }
    let listening = gateway(&airtable, &[]).await;
    let standing = || async {
        let status = answer(listening.gateway.request(Method::GET, "/api/airtable/status")).await.1;
        status["webhook"].as_str().unwrap().to_owned()
    };
    let said = async { while !standing().await.contains("10 webhooks") {} };
    tokio::time::timeout(Duration::from_secs(10), said).await.unwrap();
    assert!(listening.gateway.metrics().contains("\ngateway_webhook_listening 0\n"));
    while !listening.read().await.1 {}
    airtable.rename("Unheard").await;
    listening.sees("Unheard").await;
    let first = airtable.hooks().await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(answer(airtable.request(Method::DELETE, &format!("{HOOKS}/{first}"))).await.0, 200);
    listening.listens().await;
}
