//! No client meets the rate limit: requests are spaced, lock-outs waited out, queues bounded.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    setup::{BASE, KEY, Running, answer, until},
    upstream::{Reply, Upstream, rate_limited},
};

#[tokio::test]
async fn no_second_sees_more_arrivals_than_the_limit() {
    let upstream = Upstream::new(|_| Reply::Json(200, json!({}))).await;
    let gateway = Running::new(&upstream.url, &["--requests-per-second=5"]).await;
    let answers =
        join_all((1..17).map(|n| answer(gateway.deals(Method::GET, &format!("?maxRecords={n}"), None))))
            .await;
    assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK));
    assert_eq!(upstream.seen().len(), 16);
    let arrivals: Vec<Instant> = upstream.seen().iter().map(|seen| seen.at).collect();
    for (earlier, later) in arrivals.iter().zip(arrivals.iter().skip(5)) {
        assert!(*later - *earlier >= Duration::from_secs(1), "{:?}", *later - *earlier);
    }
}

#[tokio::test]
async fn a_429_holds_everybody_for_the_lock_out_and_is_seen_by_nobody() {
    let mut count = 0;
    let upstream = Upstream::new(move |_| {
        count += 1;
        if count == 1 { rate_limited() } else { Reply::Json(200, json!({})) }
    })
    .await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let first = tokio::spawn(answer(gateway.deals(Method::POST, "", None).json(&json!({"fields": {}}))));
    until("the first is on its way", || !upstream.seen().is_empty()).await;
    let second = answer(gateway.deals(Method::GET, "", None));
    assert_eq!(second.await.0, 200);
    assert_eq!(first.await.unwrap().0, 200);
    let seen = upstream.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1));
    assert_eq!(seen[1].method, "POST", "who was admitted first goes first again");
    assert!(gateway.metrics().contains("gateway_lockouts_total 1"), "{}", gateway.metrics());
}

#[tokio::test]
async fn the_months_quota_is_passed_on_at_once() {
    let body = json!({"errors": [{"error": "PUBLIC_API_BILLING_LIMIT_EXCEEDED", "message": "…"}]});
    let copy = body.clone();
    let upstream = Upstream::new(move |_| Reply::Json(429, copy.clone())).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let got = answer(gateway.deals(Method::GET, "", None)).await;
    assert_eq!(got, (StatusCode::TOO_MANY_REQUESTS, body));
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_full_queue_and_a_deadline_are_told_in_airtables_shape() {
    let upstream = Upstream::new(|_| rate_limited()).await;
    let options = ["--queue-length=1", "--queue-deadline-seconds=2", "--lockout-seconds=30"];
    let gateway = Running::new(&upstream.url, &options).await;
    let locked = tokio::spawn(answer(gateway.deals(Method::GET, "", None)));
    until("the first waits out a lock-out", || {
        let metrics = gateway.metrics();
        metrics.contains("gateway_lockouts_total 1") && metrics.contains("gateway_queue_length 1")
    })
    .await;
    let refused = gateway.deals(Method::GET, "?maxRecords=1", None).send().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.json::<serde_json::Value>().await.unwrap()["error"]["type"], "GATEWAY_QUEUE_FULL");
    let (status, body) = locked.await.unwrap();
    assert_eq!((status.as_u16(), &body["error"]["type"]), (503, &json!("GATEWAY_QUEUE_DEADLINE")));
}

#[tokio::test]
async fn bodies_of_unknown_length_keep_the_room_that_they_need() {
    let mut count = 0;
    let upstream = Upstream::new(move |_| {
        count += 1;
        Reply::Later(Duration::from_secs(1), 200, json!({"id": format!("rec{count}")}))
    })
    .await;
    let gateway = Running::new(&upstream.url, &["--merge=off"]).await;
    let gateway = &gateway;
    let are_read = &|number| {
        let waiting = gateway.metrics().lines().find_map(|line| {
            line.strip_prefix("gateway_queue_length ").and_then(|length| length.parse::<usize>().ok())
        });
        waiting.unwrap_or_default() + upstream.seen().len() >= number
    };
    let statuses = join_all((0..8).map(|number| async move {
        until("those before are read", || are_read(number)).await;
        chunked(gateway, number).await
    }));
    assert_eq!(statuses.await, ["HTTP/1.1 200 OK"; 8]);
}

/// The first line of the answer to a create whose body does not say how long it is.
async fn chunked(gateway: &Running, number: usize) -> String {
    let mut stream = TcpStream::connect(gateway.url.strip_prefix("http://").unwrap()).await.unwrap();
    let body = r#"{"fields":{}}"#;
    let request = format!(
        "POST /v0/{BASE}/Deals HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {KEY}\r\nidempotency-key: {number}\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}
