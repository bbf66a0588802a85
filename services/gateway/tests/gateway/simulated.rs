//! The gateway in front of the simulator, which keeps Airtable's limits and knows what really happened.

use std::time::Duration;

use futures::future::join_all;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use simulator::{Behaviour, Fixture};
use telemetry::metrics::Metrics;

use crate::setup::{Running, answer};

pub const BASE: &str = "appCRM00000000001";
const REQUESTS: usize = 60;
const CLIENTS: usize = 8;

/// A simulator and a gateway for its sample base.
pub struct Pair {
    pub simulator: String,
    pub gateway: Running,
}

impl Pair {
    pub async fn new(limited: bool, more: &[&str]) -> Self {
        let behaviour = Behaviour { limited, ..Behaviour::default() };
        let state = simulator::start(Fixture::sample().unwrap(), behaviour, &Metrics::new()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let simulator = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, simulator::router(state)).await });
        let base = format!("--base={BASE}");
        let gateway = Running::new(&simulator, &[more, &[base.as_str()]].concat()).await;
        Self { simulator, gateway }
    }

    pub fn audit(&self, method: Method, rest: &str, key: &str) -> RequestBuilder {
        self.gateway.request(method, &format!("/v0/{BASE}/Audit{rest}")).header("Idempotency-Key", key)
    }

    pub async fn admin(&self, what: &str) -> Vec<Value> {
        let answer: Value = Client::new()
            .get(format!("{}/admin/{what}", self.simulator))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        answer[what].as_array().unwrap().clone()
    }

    /// The next request with `method` is cut after, or before, it took effect.
    pub async fn cut_next(&self, method: &str, when: &str) {
        let fault = json!({"faults": [{"match": {"method": method}, "kind": {"cut": when}}]});
        let put = Client::new().put(format!("{}/admin/faults", self.simulator)).json(&fault);
        assert!(put.send().await.unwrap().status().is_success());
    }

    /// How often the simulator's records changed so far, by `operation`.
    pub async fn effects(&self, operation: &str) -> usize {
        let effects = self.admin("effects").await;
        effects.iter().filter(|effect| effect["operation"] == *operation).count()
    }
}

pub fn event(text: &str) -> Value {
    json!({"fields": {"Event": text, "Actor": "test", "At": "2026-11-21T09:00:00Z", "Level": "info"}})
}

#[tokio::test]
async fn sixty_requests_of_eight_clients_are_sent_once_and_meet_no_429() {
    let pair =
        Pair::new(true, &["--requests-per-second=5", "--queue-deadline-seconds=120", "--merge=off"]).await;
    let pair = &pair;
    let clients = (0..CLIENTS).map(|client| async move {
        let mut statuses = Vec::new();
        for number in (client..REQUESTS).step_by(CLIENTS) {
            let request = if number % 2 == 0 {
                let path = format!("/v0/{BASE}/Customers?pageSize=1&maxRecords={}", number + 2);
                pair.gateway.request(Method::GET, &path)
            } else {
                pair.audit(Method::POST, "", &format!("{number}")).json(&event(&format!("{number}")))
            };
            statuses.push(answer(request).await.0.as_u16());
        }
        statuses
    });
    let statuses: Vec<u16> = join_all(clients).await.into_iter().flatten().collect();
    assert_eq!(statuses, [200; REQUESTS]);
    let requests = pair.admin("requests").await;
    assert_eq!(requests.len(), REQUESTS, "each request was sent once");
    assert_eq!(requests.iter().filter(|request| request["status"] != 200).count(), 0);
    assert_eq!(pair.effects("create").await, REQUESTS / 2);
}

#[tokio::test]
async fn writes_cut_after_or_before_their_effect_happen_once() {
    let pair = Pair::new(false, &["--settle-seconds=1"]).await;
    for (key, when) in [("after", "afterEffect"), ("before", "beforeEffect")] {
        pair.cut_next("POST", when).await;
        let (status, body) = answer(pair.audit(Method::POST, "", key).json(&event(key))).await;
        assert_eq!((status.as_u16(), &body["fields"]["Event"]), (200, &json!(key)), "{body}");
        let id = body["id"].as_str().unwrap().to_owned();

        pair.cut_next("PATCH", when).await;
        let update = pair.audit(Method::PATCH, &format!("/{id}"), &format!("{key}-update"));
        let (status, body) = answer(update.json(&json!({"fields": {"Details": "changed"}}))).await;
        assert_eq!((status.as_u16(), &body["fields"]["Details"]), (200, &json!("changed")), "{body}");

        pair.cut_next("DELETE", when).await;
        let (status, body) =
            answer(pair.audit(Method::DELETE, &format!("/{id}"), &format!("{key}-delete"))).await;
        assert_eq!((status.as_u16(), body), (200, json!({"id": id, "deleted": true})));
    }
    assert_eq!((pair.effects("create").await, pair.effects("delete").await), (2, 2));
}

#[tokio::test]
async fn an_upsert_cut_after_its_effect_says_what_it_created() {
    let pair = Pair::new(false, &[]).await;
    // Older than the clocks may be apart: not taken for one that the upsert created.
    assert_eq!(answer(pair.audit(Method::POST, "", "old").json(&event("old"))).await.0, 200);
    tokio::time::sleep(Duration::from_millis(3100)).await;
    pair.cut_next("PATCH", "afterEffect").await;
    let body = json!({"performUpsert": {"fieldsToMergeOn": ["Event"]},
        "records": [{"fields": {"Event": "old", "Actor": "x"}}, {"fields": {"Event": "new", "Actor": "x"}}]});
    let (status, body) = answer(pair.audit(Method::PATCH, "", "upsert").json(&body)).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["createdRecords"], json!([body["records"][1]["id"]]));
    assert_eq!(body["updatedRecords"], json!([body["records"][0]["id"]]));
    assert_eq!(pair.effects("create").await, 2);
}

#[tokio::test]
async fn a_batch_cut_after_its_effect_is_found_in_the_order_asked_for() {
    let pair = Pair::new(false, &[]).await;
    pair.cut_next("POST", "afterEffect").await;
    let body = json!({"records": [event("b"), event("a"), event("c")]});
    let (status, body) = answer(pair.audit(Method::POST, "", "batch").json(&body)).await;
    assert_eq!(status, 200, "{body}");
    let events: Vec<_> =
        body["records"].as_array().unwrap().iter().map(|it| it["fields"]["Event"].clone()).collect();
    assert_eq!(events, [json!("b"), json!("a"), json!("c")]);
    assert_eq!(pair.effects("create").await, 3);
}
