//! Airtable's own paths, bodies, statuses and headers come through unchanged; retries are invisible.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    setup::{BASE, KEY, Running, answer},
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
async fn the_policy_of_an_upstream_that_has_one_does_not_stand_beside_the_gateways() {
    let upstream =
        Upstream::new(|_| Reply::With(200, "ratelimit-policy", "\"theirs\";q=1;w=1", json!({}))).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let response = gateway.deals(Method::GET, "", None).send().await.unwrap();
    let policies: Vec<_> = response.headers().get_all("ratelimit-policy").iter().collect();
    assert_eq!(policies, ["\"base\";q=50;w=1"]);
}

#[tokio::test]
async fn what_an_upstream_says_about_its_own_host_stays_here() {
    let about = "max-age=1\r\nserver: theirs\r\nvia: 1.1 theirs\r\nalt-svc: h3=\":443\"\r\nset-cookie: a=b\r\n\
                 access-control-allow-origin: https://theirs.example\r\n\
                 vary: Origin, access-control-request-headers\r\nvary: accept-language\r\nx-airtable-own: 1";
    let upstream =
        Upstream::new(move |_| Reply::With(200, "strict-transport-security", about, json!({}))).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let response =
        gateway.deals(Method::GET, "", None).header("origin", "https://page.example").send().await.unwrap();
    let headers = response.headers();
    for name in ["strict-transport-security", "server", "via", "alt-svc", "set-cookie"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert_eq!(headers["x-airtable-own"], "1");
    let all = |name: &str| headers.get_all(name).iter().collect::<Vec<_>>();
    assert_eq!(all("access-control-allow-origin"), ["*"]);
    let vary = all("vary");
    let of = |name: &str| vary.iter().filter(|value| value.to_str().unwrap().contains(name)).count();
    assert_eq!((of("accept-language"), of("access-control-request-headers")), (1, 1), "{vary:?}");
}

#[tokio::test]
async fn a_redirection_is_no_answer_and_leads_no_client_elsewhere() {
    let upstream =
        Upstream::new(|_| Reply::With(302, "location", "http://elsewhere.example/", json!({}))).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let response = gateway.deals(Method::GET, "", None).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers().get("location")), (502, None));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["type"], "GATEWAY_UPSTREAM_REDIRECTS");
    assert_eq!(upstream.seen().len(), 1, "it would redirect again");

    let write = gateway.deals(Method::PATCH, "/rec1", Some("k")).json(&json!({"fields": {}}));
    assert_ne!(answer(write).await.0, 302);
}

#[tokio::test]
async fn a_body_that_is_no_body_is_a_bad_request_and_not_a_large_one() {
    let upstream = Upstream::new(|_| Reply::Json(200, json!({}))).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let mut stream = TcpStream::connect(gateway.url.strip_prefix("http://").unwrap()).await.unwrap();
    let request = format!(
        "POST /v0/{BASE}/Deals HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\
         transfer-encoding: chunked\r\n\r\nno length\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    assert!(response.contains(r#"{"error":{"type":"REQUEST_UNREADABLE","message":"#), "{response}");

    let large = gateway.deals(Method::POST, "", None).body(vec![b' '; (7 << 20) + 1]);
    let (status, body) = answer(large).await;
    assert_eq!((status.as_u16(), &body["error"]["type"]), (413, &json!("REQUEST_TOO_LARGE")));
    assert_eq!(upstream.seen().len(), 0);
}

#[tokio::test]
async fn what_is_counted_is_there_before_it_happened() {
    let gateway = Running::new("http://127.0.0.1:9", &[]).await;
    let metrics = gateway.metrics();
    for line in [
        r#"airtable_requests_total{method="GET",outcome="rateLimited"} 0"#,
        "gateway_circuit_open 0",
        "gateway_token_refused 0",
        "gateway_lockouts_total 0",
        "gateway_merged_writes_total 0",
        "gateway_batch_size_count 0",
        r#"gateway_retries_total{reason="rateLimit"} 0"#,
        r#"gateway_retries_total{reason="notSent"} 0"#,
        r#"gateway_ledger_total{outcome="unknown"} 0"#,
        r#"gateway_keyed_creates_total{strategy="keyField"} 0"#,
        r#"gateway_reads_total{outcome="staleError"} 0"#,
        r#"gateway_attachments_total{outcome="forged"} 0"#,
    ] {
        assert!(metrics.lines().any(|there| there == line), "{line}: {metrics}");
    }
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

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_answered_and_nothing_is_sent() {
    let upstream = Upstream::new(|_| Reply::Json(200, json!({}))).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let mut stream = TcpStream::connect(gateway.url.strip_prefix("http://").unwrap()).await.unwrap();
    let request = format!(
        "POST /v0/{BASE}/Deals HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nidempotency-key: k\r\n\
         request-timeout: 0.5\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    let reading = stream.read_to_string(&mut response);
    tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap().unwrap();
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    assert!(response.contains("connection: close"), "{response}");
    assert!(response.contains(r#"{"error":{"type":"REQUEST_BODY_TIMEOUT","message":"#), "{response}");
    assert_eq!(upstream.seen().len(), 0);
}

#[tokio::test]
async fn a_method_that_a_path_of_the_gateway_does_not_take_is_told_in_airtables_shape() {
    let gateway = Running::new("http://127.0.0.1:9", &[]).await;
    for (method, path, allowed) in [
        (Method::POST, "/attachments/tbl1/rec1/att1/full/x/y", "GET,HEAD"),
        (Method::PATCH, "/api/airtable/status", "GET,HEAD"),
        (Method::POST, "/api/airtable/ledger/k", "GET,HEAD,PUT,DELETE"),
    ] {
        let response = gateway.request(method, path).send().await.unwrap();
        let allow = response.headers()["allow"].to_str().unwrap();
        assert_eq!((response.status().as_u16(), allow), (405, allowed), "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["type"], "METHOD_NOT_ALLOWED", "{path}");
    }
}
