//! Whose turn it is, and what every answer says about waiting: over real connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::{
    setup::{BASE, Running, answer, until},
    upstream::{Reply, Upstream, rate_limited},
};

async fn calm() -> Upstream {
    Upstream::new(|_| Reply::Json(200, json!({"records": []}))).await
}

fn deals(url: &str, key: &str, rest: &str) -> reqwest::RequestBuilder {
    Client::new().get(format!("{url}/v0/{BASE}/Deals{rest}")).bearer_auth(key)
}

/// A file of two clients, the second one with such a share, and the option that names it.
fn many_and_few(share: u16) -> (TempDir, String) {
    let folder = tempdir().unwrap();
    for key in ["many", "few"] {
        std::fs::write(folder.path().join(key), format!("key-of-{key}")).unwrap();
    }
    let clients =
        json!({"keys": [{"name": "many", "file": "many"}, {"name": "few", "file": "few", "share": share}]});
    let file = folder.path().join("clients.json");
    std::fs::write(&file, clients.to_string()).unwrap();
    let option = format!("--clients-file={}", file.display());
    (folder, option)
}

#[tokio::test]
async fn the_urgent_goes_before_those_who_came_earlier() {
    let upstream = calm().await;
    let gateway = Running::new(&upstream.url, &["--requests-per-second=1"]).await;
    let asks = ["u=6", "u=3", "u=1"].into_iter().enumerate().map(|(number, priority)| {
        let request = gateway.deals(Method::GET, &format!("?{priority}"), None).header("Priority", priority);
        async move {
            tokio::time::sleep(Duration::from_millis(100) * u32::try_from(number).unwrap()).await;
            answer(request).await.0
        }
    });
    assert!(join_all(asks).await.iter().all(|status| *status == 200));
    let order: Vec<String> = upstream.seen().iter().map(|seen| seen.target.clone()).collect();
    let ends: Vec<&str> = order.iter().filter_map(|target| target.rsplit('?').next()).collect();
    assert_eq!(ends, ["u=1", "u=3", "u=6"]);
    assert_eq!(upstream.seen()[0].header("priority"), None, "it is between client and gateway");
}

#[tokio::test]
async fn a_client_with_many_waiting_does_not_hold_up_another_and_shares_count() {
    // While the first six are under way, all others line up.
    let upstream = Upstream::new(|seen| {
        let is_first = (0..6).any(|number| seen.target.ends_with(&format!("?many={number}")));
        let answer = json!({"records": []});
        if is_first { Reply::Later(Duration::from_secs(2), 200, answer) } else { Reply::Json(200, answer) }
    })
    .await;
    let (_folder, option) = many_and_few(2);
    let gateway = Running::new(&upstream.url, &["--requests-per-second=6", &option]).await;
    // Each another question: the same one would travel once for all.
    let ask = |key: &'static str, number: u32| {
        let request = deals(&gateway.url, &format!("key-of-{key}"), &format!("?{key}={number}"));
        tokio::spawn(async move { answer(request).await.0 })
    };
    let first: Vec<_> = (0..6).map(|number| ask("many", number)).collect();
    until("the first are under way", || upstream.seen().len() == 6).await;
    let then = (6..20).map(|number| ask("many", number)).chain((0..4).map(|number| ask("few", number)));
    for status in join_all(first.into_iter().chain(then)).await {
        assert_eq!(status.unwrap(), 200);
    }
    let next: Vec<String> = upstream.seen()[6..12].iter().map(|seen| seen.target.clone()).collect();
    assert_eq!(next.iter().filter(|target| target.contains("?few=")).count(), 4, "{next:?}");
}

#[tokio::test]
async fn a_client_that_fills_the_queue_gives_way_to_another() {
    let mut count = 0;
    let upstream = Upstream::new(move |_| {
        count += 1;
        if count == 1 { rate_limited() } else { Reply::Json(200, json!({"records": []})) }
    })
    .await;
    let (_folder, clients) = many_and_few(1);
    let options = ["--queue-length=3", "--lockout-seconds=4", &clients];
    let gateway = &Running::new(&upstream.url, &options).await;
    let ask = |key: &str, rest: &str| {
        let request = deals(&gateway.url, &format!("key-of-{key}"), rest);
        tokio::spawn(async move {
            let response = request.send().await.unwrap();
            let (status, says_when) = (response.status(), response.headers().contains_key("retry-after"));
            let kind = response.json::<Value>().await.unwrap()["error"]["type"].clone();
            (status.as_u16(), says_when, kind.as_str().unwrap_or_default().to_owned())
        })
    };
    // What was sent before goes first again, and gives way to nobody.
    let mut served = vec![ask("many", "?many=0")];
    until("nobody sends", || gateway.metrics().contains("\ngateway_lockouts_total 1\n")).await;
    let mut many = Vec::new();
    for number in 1..3 {
        many.push(ask("many", &format!("?many={number}")));
        let line = format!("\ngateway_queue_length {}\n", number + 1);
        until("it waits", || gateway.metrics().contains(&line)).await;
    }
    let full = (503, true, "GATEWAY_QUEUE_FULL".to_owned());
    assert_eq!(ask("many", "?many=3").await.unwrap(), full, "it has all there is");
    served.push(ask("few", "?few=0"));
    assert_eq!(many.remove(1).await.unwrap(), full, "its last one gives way");
    assert_eq!(ask("few", "?few=1").await.unwrap(), full, "each has its part");
    for asked in served.into_iter().chain(many) {
        assert_eq!(asked.await.unwrap(), (200, false, String::new()));
    }
    let seen: Vec<String> = upstream.seen().iter().map(|seen| seen.target.clone()).collect();
    let order: Vec<&str> = seen.iter().filter_map(|target| target.rsplit('?').next()).collect();
    assert_eq!(order[..2], ["many=0"; 2]);
    assert_eq!(order.len(), 4, "{order:?}");
}

#[tokio::test]
async fn a_request_waits_no_longer_than_it_says() {
    let upstream = calm().await;
    let gateway = Running::new(&upstream.url, &["--requests-per-second=1"]).await;
    let ask = |timeout| answer(gateway.deals(Method::GET, "", None).header("Request-Timeout", timeout));
    let (status, body) = ask("0.2").await;
    assert_eq!((status.as_u16(), &body["error"]["type"]), (503, &json!("GATEWAY_QUEUE_DEADLINE")));
    let (status, body) = ask("soon").await;
    assert_eq!((status.as_u16(), &body["error"]["type"]), (422, &json!("REQUEST_TIMEOUT_INVALID")));
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn every_answer_tells_how_long_it_took_and_what_is_left() {
    let upstream =
        Upstream::new(|_| Reply::Later(Duration::from_millis(120), 200, json!({"records": []}))).await;
    let gateway = Running::new(&upstream.url, &["--requests-per-second=5"]).await;
    let response = gateway.deals(Method::GET, "", None).send().await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("ratelimit-policy"), "\"base\";q=5;w=1");
    assert!(header("ratelimit").starts_with("\"base\";r=4;t="), "{}", header("ratelimit"));
    let timing = header("server-timing");
    let spent: Vec<f64> =
        timing.split("dur=").skip(1).map(|part| part.split(',').next().unwrap().parse().unwrap()).collect();
    assert!(timing.starts_with("queue;dur=") && timing.contains(", upstream;dur="), "{timing}");
    assert!(spent[0] > 0.0 && spent[1] >= 120.0, "{timing}");
    let stranger = deals(&gateway.url, "no-key", "").send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    assert_eq!(stranger.headers()["server-timing"], "queue;dur=0.0, upstream;dur=0.0");
}

#[tokio::test]
async fn while_airtable_does_not_answer_requests_fail_at_once_until_a_probe_succeeds() {
    let is_up = Arc::new(AtomicBool::new(false));
    let switch = is_up.clone();
    let upstream = Upstream::new(move |_| {
        let status = if switch.load(Ordering::SeqCst) { 200 } else { 503 };
        Reply::Json(status, json!({"records": []}))
    })
    .await;
    let gateway = Running::new(&upstream.url, &[]).await;
    gateway.watch();
    let write = || {
        answer(gateway.deals(Method::POST, "", None).json(&json!({"fields": {}, "typecast": true, "x": 1})))
    };
    let failed = join_all((0..10).map(|_| write())).await;
    let kind = |answer: &(_, Value)| answer.1["error"]["type"].clone();
    assert!(failed.iter().all(|answer| answer.0 == 503 && kind(answer).is_null()), "{failed:?}");
    assert!(gateway.metrics().contains("\ngateway_circuit_open 1\n"), "{}", gateway.metrics());
    let asked = || upstream.seen().iter().filter(|seen| seen.target.contains("/Deals")).count();
    let sent = asked();
    let response = gateway.deals(Method::GET, "", None).send().await.unwrap();
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(response.json::<Value>().await.unwrap()["error"]["type"], "GATEWAY_UPSTREAM_UNAVAILABLE");
    assert_eq!(asked(), sent, "nothing was sent");

    is_up.store(true, Ordering::SeqCst);
    until("a probe succeeds", || gateway.metrics().contains("gateway_circuit_open 0")).await;
    assert_eq!(write().await.0, 200);
}
