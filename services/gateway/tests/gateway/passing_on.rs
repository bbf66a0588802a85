//! Airtable's own paths, bodies, statuses and headers come through unchanged; retries are invisible.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{
    setup::{BASE, Running, answer},
    upstream::{Reply, Table, Upstream},
};

#[tokio::test]
async fn path_query_and_body_arrive_as_sent_with_the_gateways_token() {
    let upstream = Upstream::new(|_| Reply::Json(200, json!({"records": []}))).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let path = format!("//v0/{BASE}/Ta%2Fble%20%C3%A9/?fields%5B%5D=a+b&sort[0][field]=x");
    let request =
        gateway.request(Method::GET, &path).header("x-api-version", "0.1.0").header("cookie", "session=1");
    assert_eq!(answer(request).await, (StatusCode::OK, json!({"records": []})));
    let seen = &upstream.seen()[0];
    assert_eq!(seen.target, path[1..]);
    assert_eq!(seen.header("authorization"), Some("Bearer pat-of-the-gateway"));
    assert_eq!(seen.header("x-api-version"), Some("0.1.0"));
    assert_eq!(seen.header("cookie"), None);
}

#[tokio::test]
async fn airtables_errors_are_passed_on_as_they_are() {
    let body = json!({"error": {"type": "UNKNOWN_FIELD_NAME", "message": "Unknown field name: \"X\""}});
    let copy = body.clone();
    let upstream = Upstream::new(move |_| Reply::Json(422, copy.clone())).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let response =
        gateway.deals(Method::POST, "", None).json(&json!({"fields": {"X": 1}})).send().await.unwrap();
    assert_eq!(response.status(), 422);
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    assert_eq!(response.text().await.unwrap(), body.to_string());
    assert_eq!(upstream.count("POST"), 1);
}

#[tokio::test]
async fn a_read_survives_cut_connections_and_5xx() {
    let mut count = 0;
    let upstream = Upstream::new(move |_| {
        count += 1;
        match count {
            1 => Reply::Cut,
            2 => Reply::Json(502, json!({})),
            3 => Reply::With(503, "retry-after", "0", json!({})),
            _ => Reply::Json(200, json!({"records": []})),
        }
    })
    .await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let list = gateway.deals(Method::POST, "/listRecords", None).json(&json!({}));
    assert_eq!(answer(list).await.0, 200);
    assert_eq!(upstream.seen().len(), 4);
    assert!(gateway.metrics().contains(r#"gateway_retries_total{reason="lost"} 1"#), "{}", gateway.metrics());
}

#[tokio::test]
async fn a_write_without_a_key_is_sent_once_whatever_becomes_of_it() {
    let mut count = 0;
    let upstream = Upstream::new(move |_| {
        count += 1;
        if count == 1 { Reply::Cut } else { Reply::Json(502, json!({"error": "BAD_GATEWAY"})) }
    })
    .await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let create = || gateway.deals(Method::POST, "", None).json(&json!({"fields": {}}));
    let (status, body) = answer(create()).await;
    assert_eq!((status.as_u16(), &body["error"]["type"]), (502, &json!("GATEWAY_ANSWER_LOST")));
    assert_eq!(answer(create()).await, (StatusCode::BAD_GATEWAY, json!({"error": "BAD_GATEWAY"})));
    assert_eq!(upstream.count("POST"), 2);
}

#[tokio::test]
async fn a_write_that_can_not_leave_is_answered_503_and_repeated_by_nobody_else() {
    let gateway = Running::new("http://127.0.0.1:9", &[]).await;
    let (status, body) =
        answer(gateway.deals(Method::POST, "", Some("k")).json(&json!({"fields": {}}))).await;
    assert_eq!((status.as_u16(), &body["error"]["type"]), (503, &json!("GATEWAY_UPSTREAM_UNREACHABLE")));
    let state = answer(gateway.request(Method::GET, "/api/airtable/ledger/k")).await.1;
    assert_eq!(state, json!({"state": "unknown"}), "nothing happened, so nothing is kept");
}

#[tokio::test]
async fn the_platform_sees_tables_and_the_state_of_the_queue() {
    let table = Table::default();
    let upstream = Upstream::new(move |seen| table.apply(seen)).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    assert_eq!(answer(gateway.request(Method::GET, "/api/airtable/tables")).await.1, json!({"tables": []}));
    assert_eq!(upstream.seen()[0].target, format!("/v0/meta/bases/{BASE}/tables"));
    let status = answer(gateway.request(Method::GET, "/api/airtable/status")).await.1;
    assert_eq!((&status["queueLength"], &status["lockoutSecondsLeft"]), (&json!(0), &json!(0)));
}
