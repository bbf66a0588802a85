//! Notifications of webhooks: signed, sent again where they failed, and ended where they keep failing.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::{Value, json};
use simulator::Behaviour;

use crate::{
    support::Simulator,
    webhooks::{HOOKS, payloads, update},
};

/// What a receiver of notifications heard, and what it answers.
#[derive(Clone, Default)]
struct Receiver {
    heard: Arc<Mutex<Vec<(String, String)>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Receiver {
    /// A receiver at a URL, which answers as told and then 204.
    async fn answering(statuses: &[u16]) -> (Self, String) {
        let receiver =
            Self { answers: Arc::new(Mutex::new(statuses.iter().copied().collect())), ..Self::default() };
        let hear = async |State(receiver): State<Self>, headers: HeaderMap, body: String| {
            let signature = headers["x-airtable-content-mac"].to_str().unwrap().to_owned();
            receiver.heard.lock().unwrap().push((signature, body));
            let status = receiver.answers.lock().unwrap().pop_front().unwrap_or(204);
            StatusCode::from_u16(status).unwrap()
        };
        let router = Router::new().route("/ping", post(hear)).with_state(receiver.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ping", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        (receiver, url)
    }

    fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

fn notifying() -> Simulator {
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let notification_backoff = Some(Duration::from_micros(1));
    Simulator::behaving(Behaviour { private_urls: true, notification_backoff, ..Behaviour::default() })
}

async fn notified_hook(simulator: &Simulator, url: &str) -> Value {
    let body = json!({"notificationUrl": url, "specification": {"options": {"filters": {"dataTypes": ["tableData"]}}}});
    simulator.post(HOOKS, body).await.ok()
}

/// Waits until the only webhook is as wanted; answers it.
async fn awaited(simulator: &Simulator, wanted: impl Fn(&Value) -> bool) -> Value {
    let wait = async {
        loop {
            let listed = simulator.get("/admin/webhooks").await.ok();
            if wanted(&listed["webhooks"][0]) {
                return listed["webhooks"][0].clone();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap()
}

#[tokio::test]
async fn changes_are_announced_with_a_signature_and_nothing_more() {
    let simulator = notifying();
    let (receiver, url) = Receiver::answering(&[]).await;
    let made = notified_hook(&simulator, &url).await;
    awaited(&simulator, |hook| hook["lastSuccessfulNotificationTime"].is_string()).await;
    let before = receiver.count();
    update(&simulator, json!({"Name": "Ada"})).await;
    awaited(&simulator, |_| receiver.count() > before).await;
    let (signature, body) = receiver.heard.lock().unwrap().last().unwrap().clone();
    let said: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&said["base"]["id"], &said["webhook"]["id"]), (&json!("appCRM00000000001"), &made["id"]));
    assert_eq!(said.as_object().unwrap().len(), 3);
    assert!(signature.starts_with("hmac-sha256=") && signature.len() == 12 + 64, "{signature}");
    let hook = awaited(&simulator, |hook| hook["lastNotificationResult"]["success"] == true).await;
    let result = &hook["lastNotificationResult"];
    assert_eq!((&hook["base"], &result["retryNumber"]), (&json!("appCRM00000000001"), &json!(0)));
}

#[tokio::test]
async fn a_notification_that_failed_is_sent_again_until_it_succeeds() {
    let simulator = notifying();
    let (receiver, url) = Receiver::answering(&[500, 302, 201]).await;
    notified_hook(&simulator, &url).await;
    let hook = awaited(&simulator, |hook| hook["lastNotificationResult"]["success"] == true).await;
    assert_eq!((receiver.count(), &hook["lastNotificationResult"]["retryNumber"]), (4, &json!(3)));
}

#[tokio::test]
async fn after_fourteen_failures_notifications_are_off_until_they_are_turned_on() {
    let simulator = notifying();
    let (receiver, url) = Receiver::answering(&[500; 14]).await;
    let made = notified_hook(&simulator, &url).await;
    let id = made["id"].as_str().unwrap();
    let hook = awaited(&simulator, |hook| hook["areNotificationsEnabled"] == false).await;
    let result = &hook["lastNotificationResult"];
    let (retry, again) = (&result["retryNumber"], &result["willBeRetried"]);
    assert_eq!((receiver.count(), retry, again), (14, &json!(13), &json!(false)));
    assert!(result["error"]["message"].as_str().unwrap().contains("500"), "{result}");
    update(&simulator, json!({"Name": "Ada"})).await;
    assert_eq!(payloads(&simulator, id).await.len(), 1, "payloads go on");
    let enable = format!("{HOOKS}/{id}/enableNotifications");
    assert_eq!(simulator.post(&enable, json!({"enable": true})).await.ok(), Value::Null);
    update(&simulator, json!({"Name": "Eve"})).await;
    awaited(&simulator, |hook| hook["lastNotificationResult"]["success"] == true).await;
    assert_eq!(simulator.post(&enable, json!({})).await.kind(), "INVALID_REQUEST_MISSING_FIELDS");
}

#[tokio::test]
async fn what_is_not_public_is_not_notified_unless_that_is_allowed() {
    let simulator = Simulator::behaving(Behaviour {
        notification_backoff: Some(Duration::from_hours(1)),
        ..Behaviour::default()
    });
    let (receiver, url) = Receiver::answering(&[]).await;
    notified_hook(&simulator, &url).await;
    let hook = awaited(&simulator, |hook| hook["lastNotificationResult"]["success"] == false).await;
    let why = hook["lastNotificationResult"]["error"]["message"].as_str().unwrap();
    assert!(receiver.count() == 0 && why.contains("--private-urls"), "{why}");
}
