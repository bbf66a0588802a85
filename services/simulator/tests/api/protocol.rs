//! Routes, tokens, bodies, limits and faults, as a client meets them.

use std::time::Duration;

use crate::support::{BASE, Simulator, call};
use axum::{body::Body, http::Method};
use serde_json::json;
use simulator::{Behaviour, Fixture, router, start};
use telemetry::metrics::Metrics;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

fn customers() -> String {
    format!("{BASE}/Customers")
}

#[tokio::test]
async fn slashes_and_encoded_names_are_forgiven() {
    let simulator = Simulator::new();
    let body = json!({"fields": {"Name": "x"}});
    simulator.post(&format!("{}/", customers()), body.clone()).await.ok();
    simulator.post(&format!("/{}", customers()), body.clone()).await.ok();
    simulator.post(&format!("{BASE}/%43ustomers"), body).await.ok();
    let table = json!({"name": "A/b é", "fields": [{"name": "Name", "type": "singleLineText"}]});
    simulator.post("/v0/meta/bases/appCRM00000000001/tables", table).await.ok();
    simulator.get(&format!("{BASE}/A%2Fb%20%C3%A9")).await.ok();
}

#[tokio::test]
async fn an_unknown_route_is_not_found_before_the_token_is_looked_at() {
    let simulator = Simulator::new();
    for path in
        ["/v0", "/v0/", "/elsewhere", "/v0/appCRM00000000001/Customers/recShort", "/v0/short/Customers"]
    {
        assert_eq!(simulator.get(path).await.1, json!({"error": "NOT_FOUND"}), "{path}");
    }
    assert_eq!(simulator.send(Method::GET, "/v0/elsewhere", None, Body::empty()).await.0, 404);
}

#[tokio::test]
async fn unknown_bases_and_tables_are_forbidden() {
    let simulator = Simulator::new();
    for path in [
        "/v0/app00000000000000/T",
        "/v0/appCRM00000000001/Nowhere",
        "/v0/meta/bases/app00000000000000/tables",
    ] {
        assert_eq!(simulator.get(path).await.refused().0, 403, "{path}");
    }
}

#[tokio::test]
async fn a_token_is_needed_and_must_be_one_of_those_configured() {
    let simulator =
        Simulator::behaving(Behaviour { tokens: vec!["patA".into(), "patB".into()], ..Behaviour::default() });
    for (authorization, status) in [
        (None, 401),
        (Some("Bearer "), 401),
        (Some("Basic patA"), 401),
        (Some("Bearer patC"), 401),
        (Some("Bearer patA"), 200),
        (Some("bearer patB"), 200),
    ] {
        let answer = simulator.send(Method::GET, &customers(), authorization, Body::empty()).await;
        assert_eq!(answer.0, status, "{authorization:?}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_json_or_too_large_are_refused() {
    let simulator = Simulator::new();
    for (body, kind) in [
        ("{\"fields\": {\"Credit limit\": NaN}}".to_owned(), "INVALID_REQUEST_BODY"),
        (String::new(), "INVALID_REQUEST_BODY"),
        ("[]".to_owned(), "INVALID_REQUEST_UNKNOWN"),
        ("{}".to_owned(), "INVALID_REQUEST_MISSING_FIELDS"),
        ("x".repeat(7 << 20), "REQUEST_TOO_LARGE"),
    ] {
        let answer = simulator.send(Method::POST, &customers(), Some("Bearer x"), Body::from(body)).await;
        assert_eq!(answer.kind(), kind);
    }
}

#[tokio::test]
async fn the_sixth_request_in_a_second_is_refused_and_all_after_it() {
    let simulator = Simulator::behaving(Behaviour { limited: true, ..Behaviour::default() });
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(simulator.get(&customers()).await.0);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429, 429]);
    let refused = simulator.get(&customers()).await;
    assert_eq!(
        refused.1,
        json!({"errors": [{"error": "RATE_LIMIT_REACHED", "message": "Rate limit exceeded. Please try again later"}]})
    );
    simulator.get("/v0/meta/whoami").await.ok();
    let metrics = simulator.metrics.text().unwrap();
    assert!(metrics.contains("simulator_requests_total{status=\"429\"} 4"), "{metrics}");
}

#[tokio::test]
async fn requests_are_remembered_without_their_query() {
    let simulator = Simulator::new();
    simulator.get(&format!("{}?filterByFormula=1", customers())).await.ok();
    simulator.get("/v0/nowhere").await;
    let all = simulator.get("/admin/requests").await.ok();
    assert_eq!(
        (&all["requests"][0]["path"], &all["requests"][0]["status"]),
        (&json!(customers()), &json!(200))
    );
    let later = simulator.get("/admin/requests?since=1").await.ok();
    assert_eq!(later["requests"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&later["requests"][0]["seq"], &later["requests"][0]["type"]),
        (&json!(2), &json!("NOT_FOUND"))
    );
}

#[tokio::test]
async fn faults_answer_in_place_of_the_api_and_are_used_up() {
    let simulator = Simulator::new();
    let fault = json!({"faults": [{"match": {"method": "POST", "pathContains": "Customers"}, "times": 1,
        "kind": {"status": 503, "body": {"error": "down"}}}]});
    simulator.put("/admin/faults", fault).await.ok();
    simulator.get(&customers()).await.ok();
    let answer = simulator.post(&customers(), json!({"fields": {}})).await;
    assert_eq!((answer.0, answer.1), (503, json!({"error": "down"})));
    assert_eq!(simulator.get("/admin/effects").await.ok()["effects"], json!([]));
    simulator.post(&customers(), json!({"fields": {}})).await.ok();
    assert_eq!(simulator.get("/admin/faults").await.ok(), json!({"faults": []}));
    assert_eq!(simulator.put("/admin/faults", json!({"faults": [{"kind": {"bang": 1}}]})).await.0, 422);
}

#[tokio::test]
async fn a_held_request_takes_effect_at_once_and_is_answered_later() {
    let simulator = Simulator::new();
    simulator.put("/admin/faults", json!({"faults": [{"kind": {"holdMs": 60_000}}]})).await.ok();
    let (path, body) = (customers(), json!({"fields": {"Name": "held"}}));
    let held = simulator.post(&path, body);
    let effect = async {
        while simulator.get("/admin/effects").await.ok()["effects"] == json!([]) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = held => panic!("answered already: {answer:?}"),
        done = tokio::time::timeout(Duration::from_secs(10), effect) => done.unwrap(),
    }
}

#[tokio::test]
async fn reset_goes_back_to_the_fixture() {
    let simulator = Simulator::new();
    let before = simulator.get(&customers()).await.ok();
    simulator.delete(&format!("{}/recCRM00000000101", customers())).await.ok();
    simulator.put("/admin/faults", json!({"faults": [{"after": 9, "kind": {"status": 500}}]})).await.ok();
    simulator.call(Method::POST, "/admin/reset", None).await.ok();
    assert_eq!(simulator.get("/admin/effects").await.ok(), json!({"effects": []}));
    assert_eq!(simulator.get("/admin/faults").await.ok(), json!({"faults": []}));
    assert_eq!(simulator.get(&customers()).await.ok(), before);
}

/// Everything that comes back for a create over a connection of its own.
async fn raw_create(address: std::net::SocketAddr) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let body = json!({"fields": {"Name": "cut"}}).to_string();
    let length = body.len();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n",
        customers()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_cut_connection_brings_no_byte_whether_before_or_after_the_effect() {
    let metrics = Metrics::new();
    let state = start(Fixture::sample().unwrap(), Behaviour::default(), &metrics).unwrap();
    // The layers of a real service are around it, since they see the answer first.
    let service = host::Service {
        app: router(state).into(),
        readiness: host::Readiness::default(),
        metrics,
        limits: host::Limits::default(),
        tls: None,
    };
    let whole = axum::Router::new().fallback_service(service.into_app().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, whole).await });
    for (moment, effects) in [("beforeEffect", 0), ("afterEffect", 1)] {
        let fault = json!({"faults": [{"match": {"method": "POST"}, "kind": {"cut": moment}}]});
        call(address, "PUT", "/admin/faults", &fault.to_string()).await;
        let brought = tokio::time::timeout(Duration::from_secs(10), raw_create(address)).await.unwrap();
        assert!(brought.as_ref().is_ok_and(Vec::is_empty) || brought.is_err(), "{moment}: {brought:?}");
        let seen = call(address, "GET", "/admin/effects", "").await;
        assert_eq!(seen["effects"].as_array().unwrap().len(), effects, "{moment}");
    }
    let requests = call(address, "GET", "/admin/requests", "").await;
    assert_eq!(requests["requests"][0]["status"], 0);
    server.abort();
}
