//! The gateway's own token: rotation fails no request, and readiness names what is wrong.

use std::time::Duration;

use gateway::Gateway;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{
    setup::{Running, answer, config, until},
    upstream::{Reply, Seen, Upstream},
};

fn takes(token: &'static str) -> impl FnMut(&Seen) -> Reply + Send {
    move |seen| match seen.header("authorization") {
        Some(authorization) if authorization.ends_with(token) => Reply::Json(200, json!({})),
        _ => Reply::Json(
            401,
            json!({"error": {"type": "AUTHENTICATION_REQUIRED", "message": "Authentication required"}}),
        ),
    }
}

#[tokio::test]
async fn a_request_that_meets_a_rotation_waits_for_the_new_token() {
    let (mut before, mut after) = (takes("pat-of-the-gateway"), takes("pat-new"));
    let mut count = 0;
    let upstream = Upstream::new(move |seen| {
        count += 1;
        if count == 1 { before(seen) } else { after(seen) }
    })
    .await;
    let gateway = Running::new(&upstream.url, &[]).await;
    assert_eq!(answer(gateway.deals(Method::GET, "", None)).await.0, 200);
    let create = tokio::spawn(answer(gateway.deals(Method::POST, "", None).json(&json!({"fields": {}}))));
    until("the create met the refusal", || upstream.seen().len() == 2).await;
    std::fs::write(gateway.folder.path().join("token"), "pat-new").unwrap();
    assert_eq!(create.await.unwrap().0, 200);
    assert_eq!(upstream.count("POST"), 2, "once with each token, and not while it waited");
}

#[tokio::test]
async fn a_token_that_never_worked_is_told_at_once_as_the_gateways_trouble() {
    let upstream = Upstream::new(takes("another")).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let (status, body) = answer(gateway.deals(Method::GET, "", None)).await;
    assert_eq!((status.as_u16(), &body["error"]["type"]), (503, &json!("GATEWAY_TOKEN_REFUSED")));
    assert!(gateway.metrics().contains("\ngateway_token_refused 1\n"));
    assert!(!body.to_string().contains("pat-of"));
}

#[tokio::test]
async fn a_token_file_that_holds_more_than_one_token_is_named_and_nothing_is_sent() {
    let upstream = Upstream::new(|_| Reply::Json(200, json!({}))).await;
    for content in ["patONE\npatTWO\n", "patONE patTWO", "pat\u{1}ONE", "patONE\u{e9}"] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), content).unwrap();
        let gateway = Running::in_folder(&upstream.url, folder, &[]).await;
        let (status, body) = answer(gateway.deals(Method::GET, "", None)).await;
        assert_eq!((status.as_u16(), &body["error"]["type"]), (503, &json!("GATEWAY_TOKEN_MISSING")));
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains("/token: ") && message.contains("one token, one line"), "{message}");
        assert!(!message.contains("pat"), "{message}");
    }
    assert_eq!(upstream.seen().len(), 0);
}

#[tokio::test]
async fn readiness_says_what_is_wrong_with_the_upstream_and_when_it_is_right() {
    let mut count = 0;
    let upstream = Upstream::new(move |_| {
        count += 1;
        Reply::Json(if count == 1 { 403 } else { 200 }, json!({}))
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut config = config(&upstream.url, folder.path(), &[]);
    config.host.listen = address;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(gateway::run(config, async move { drop(stopped.await) }));
    let first = ready(&format!("http://{address}/ready"), |checks| checks != "Starting").await;
    assert!(first.starts_with("BaseNotFound: "), "{first}");
    assert_eq!(ready(&format!("http://{address}/ready"), |reason| reason == "ok").await, "ok");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

/// The verdict on the upstream, once its reason is as wanted.
async fn ready(url: &str, wanted: impl Fn(&str) -> bool) -> String {
    for _ in 0..400 {
        if let Ok(response) = Client::new().get(url).send().await {
            let report: Value = response.json().await.unwrap();
            let verdict = report["checks"]["upstream"].as_str().unwrap().to_owned();
            if wanted(verdict.split(':').next().unwrap()) {
                assert_eq!(report["checks"]["ledger"], "ok");
                return verdict;
            }
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{url} never said what was wanted")
}

#[tokio::test]
async fn without_any_client_the_gateway_refuses_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config("http://127.0.0.1:9", folder.path(), &[]);
    config.client_key_file = None;
    let refusal = Gateway::new(&config, &telemetry::metrics::Metrics::new()).err().unwrap();
    assert!(refusal.to_string().contains("--clients-file"), "{refusal}");
}
