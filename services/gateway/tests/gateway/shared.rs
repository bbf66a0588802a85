//! Gateways that share a budget through a store.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use valkey::testing::Server;

use crate::{
    setup::{BASE, Running, answer, until},
    simulated::{self, Pair},
    upstream::{Reply, Upstream, rate_limited},
};

fn option(server: &Server) -> String {
    format!("--store-url-file={}", server.url_file().display())
}

async fn gateway(upstream: &str, server: &Server, more: &[&str]) -> Running {
    Running::new(upstream, &[more, &[option(server).as_str(), "--merge=off"]].concat()).await
}

fn kind(answer: &(StatusCode, Value)) -> (u16, &str) {
    (answer.0.as_u16(), answer.1["error"]["type"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn two_gateways_use_what_airtable_allows_and_meet_no_429() {
    let server = Server::start();
    let store = option(&server);
    let options = [store.as_str(), "--requests-per-second=5", "--queue-deadline-seconds=120", "--merge=off"];
    let pair = Pair::new(true, &options).await;
    let base = format!("--base={}", simulated::BASE);
    let second = Running::new(&pair.simulator, &[options.as_slice(), &[base.as_str()]].concat()).await;
    let gateways = [&pair.gateway, &second];
    let clients = (0..8).map(|client| {
        let gateway = gateways[client % 2];
        async move {
            for number in 0..15 {
                let path =
                    format!("/v0/{}/Customers?maxRecords={}", simulated::BASE, client * 15 + number + 1);
                assert_eq!(answer(gateway.request(Method::GET, &path)).await.0, 200);
            }
        }
    });
    join_all(clients).await;
    let requests = pair.admin("requests").await;
    assert_eq!(requests.len(), 120, "each request was sent once");
    assert!(requests.iter().all(|request| request["status"] == 200));
    let at = |request: &Value| request["time"].as_str().unwrap().parse::<Timestamp>().unwrap();
    let arrivals: Vec<Timestamp> = requests.iter().map(at).collect();
    // Nine seconds of the run, those in which the machine had least else to do.
    let span = |stretch: &[Timestamp]| stretch[45].duration_since(stretch[0]).as_secs_f64();
    let share = arrivals.windows(46).map(|stretch| 45.0 / 5.0 / span(stretch)).fold(0.0, f64::max);
    assert!(share >= 0.95, "{share} of the budget was used");
    for gateway in gateways {
        let metrics = gateway.metrics();
        let sent = metrics
            .lines()
            .find_map(|line| line.strip_prefix(r#"airtable_requests_total{method="GET",outcome="ok"} "#));
        let sent: usize = sent.unwrap().parse().unwrap();
        assert!((50..=70).contains(&sent), "each has its half: {sent}");
        assert!(metrics.contains(r#"gateway_store_calls_total{outcome="ok"}"#), "{metrics}");
    }
}

#[tokio::test]
async fn what_one_gateway_is_locked_out_for_the_other_waits_for() {
    let server = Server::start();
    let mut count = 0;
    let upstream = Upstream::new(move |_| {
        count += 1;
        if count == 1 { rate_limited() } else { Reply::Json(200, json!({})) }
    })
    .await;
    let options = ["--lockout-seconds=2"];
    let (one, other) =
        (gateway(&upstream.url, &server, &options).await, gateway(&upstream.url, &server, &options).await);
    let first = tokio::spawn(answer(one.deals(Method::GET, "", None)));
    until("the first was turned away", || one.metrics().contains("gateway_lockouts_total 1")).await;
    let locked = async || {
        let store = valkey::Valkey::open(server.source()).unwrap();
        let mut exists = valkey::cmd("EXISTS");
        exists.arg(format!("pyairtable:{{{BASE}}}:lockout"));
        store.command::<u8>(&exists).await.unwrap() == 1
    };
    let told = async {
        while !locked().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), told).await.unwrap();
    assert_eq!(answer(other.deals(Method::GET, "?maxRecords=1", None)).await.0, 200);
    assert_eq!(first.await.unwrap().0, 200);
    let seen = upstream.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen[1].at - seen[0].at >= Duration::from_millis(1900), "{:?}", seen[1].at - seen[0].at);
    assert!(other.metrics().contains("gateway_lockouts_total 0\n"), "one lock-out is counted once");
}

#[tokio::test]
async fn without_the_store_requests_wait_and_are_then_refused_until_it_is_back() {
    let mut server = Server::start();
    let upstream = Upstream::new(|_| Reply::Json(200, json!({}))).await;
    let gateway = gateway(&upstream.url, &server, &[]).await;
    let ask = |number: u32| gateway.deals(Method::GET, &format!("?maxRecords={number}"), None);
    assert_eq!(answer(ask(1)).await.0, 200);

    server.stop();
    let refused = answer(ask(2).header("Request-Timeout", "1")).await;
    assert_eq!(kind(&refused), (503, "GATEWAY_STORE_UNAVAILABLE"));
    let waiting = tokio::spawn(answer(ask(3)));
    until("it waits", || gateway.metrics().contains("gateway_queue_length 1")).await;
    assert_eq!(upstream.seen().len(), 1, "nothing is sent without a permit");
    server.run();
    assert_eq!(waiting.await.unwrap().0, 200);
}

#[tokio::test]
async fn a_slot_that_was_taken_when_nobody_heard_of_it_any_more_goes_back() {
    let server = Server::start();
    let upstream = Upstream::new(|_| Reply::Json(200, json!({}))).await;
    let options = ["--requests-per-second=1"];
    let (one, other) =
        (gateway(&upstream.url, &server, &options).await, gateway(&upstream.url, &server, &options).await);
    assert_eq!(answer(one.deals(Method::GET, "", None)).await.0, 200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.freeze();
    let ask = one.deals(Method::GET, "?maxRecords=1", None).header("Request-Timeout", "0.5");
    assert_eq!(answer(ask).await.0, 503);
    let timed_out = r#"gateway_store_calls_total{outcome="timedOut"} 1"#;
    until("the store did not answer in time", || one.metrics().contains(timed_out)).await;
    server.thaw();
    assert_eq!(
        answer(other.deals(Method::GET, "?maxRecords=2", None)).await.0,
        200,
        "within the time it has"
    );
}

#[tokio::test]
async fn writes_go_on_in_company_where_permits_are_shared() {
    let server = Server::start();
    let upstream = Upstream::new(|request| {
        let records: Vec<Value> = (0..request.body["records"].as_array().unwrap().len())
            .map(|number| json!({"id": format!("rec{number}"), "createdTime": "2026-11-21T09:00:00Z", "fields": {}}))
            .collect();
        Reply::Json(200, json!({"records": records}))
    })
    .await;
    let store = option(&server);
    let gateway = Running::new(&upstream.url, &[store.as_str(), "--requests-per-second=1"]).await;
    let writes = (0..20).map(|number| {
        let body = json!({"records": [{"fields": {"Number": number}}]});
        answer(gateway.deals(Method::POST, "", None).json(&body))
    });
    let answers = join_all(writes).await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    assert!(upstream.seen().len() <= 3, "{}", upstream.seen().len());
}
