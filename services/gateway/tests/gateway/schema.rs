//! The schema is known once: what one asks for serves all, and no longer once the gateway itself changed it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{
    limited::{DEALS, airtable, asked, call, gateway, outcome},
    setup::{BASE, answer, until},
    upstream::{Reply, Upstream},
};

#[tokio::test]
async fn a_schema_changed_through_the_gateway_counts_with_the_next_request() {
    let renamed = AtomicBool::default();
    let upstream = Upstream::new(move |seen| {
        renamed.fetch_or(seen.method == "PATCH", Ordering::SeqCst);
        match airtable(seen) {
            Reply::Json(200, mut body) if body.get("tables").is_some() && renamed.load(Ordering::SeqCst) => {
                body["tables"][0]["name"] = "Trades".into();
                Reply::Json(200, body)
            }
            reply => reply,
        }
    })
    .await;
    let gateway = gateway(&upstream.url, tempfile::tempdir().unwrap(), &[]).await;
    assert_eq!(outcome(call(&gateway, "shop", Method::GET, "Deals")).await.0, 200);
    let rename = Client::new().patch(format!("{}/v0/meta/bases/{BASE}/tables/{DEALS}", gateway.url));
    assert_eq!(outcome(rename.bearer_auth("all").json(&json!({"name": "Trades"}))).await.0, 200);
    let refused = outcome(call(&gateway, "shop", Method::GET, "Deals")).await;
    assert_eq!(refused, (403, json!("INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND")));
    assert_eq!(outcome(call(&gateway, "other", Method::GET, "Trades")).await.0, 200);
}

#[tokio::test]
async fn what_a_probe_saw_serves_clients_that_need_the_schema() {
    let upstream = Upstream::new(airtable).await;
    let gateway = gateway(&upstream.url, tempfile::tempdir().unwrap(), &[]).await;
    gateway.watch();
    until("a probe was answered", || gateway.metrics().contains(r#"outcome="ok"} 1"#)).await;
    assert_eq!(outcome(call(&gateway, "shop", Method::GET, "Deals")).await, (200, Value::Null));
    assert_eq!(asked(&upstream, "/v0/meta/"), 1);
}

#[tokio::test]
async fn what_a_limited_client_asked_for_tells_reads_which_tables_belong_together() {
    let upstream = Upstream::new(airtable).await;
    let kept = ["--cache-ttl-seconds=600"];
    let gateway = gateway(&upstream.url, tempfile::tempdir().unwrap(), &kept).await;
    let lists = async |write_to: &str| {
        for client in ["shop", "all"] {
            assert_eq!(outcome(call(&gateway, client, Method::GET, DEALS)).await.0, 200);
        }
        let before = upstream.seen().len();
        let write = call(&gateway, "all", Method::POST, write_to).json(&json!({"fields": {}}));
        assert_eq!(outcome(write).await.0, 200);
        assert_eq!(outcome(call(&gateway, "all", Method::GET, DEALS)).await.0, 200);
        upstream.seen().len() - before - 1
    };
    assert_eq!(lists("Salaries").await, 0, "no link joins the two");
    assert_eq!(lists("Deals").await, 1);
}

#[tokio::test]
async fn many_who_need_the_schema_at_once_ask_once() {
    let upstream = Upstream::new(airtable).await;
    let gateway = gateway(&upstream.url, tempfile::tempdir().unwrap(), &[]).await;
    let asking = (0..20).map(|_| outcome(call(&gateway, "shop", Method::GET, "Deals")));
    let outcomes = futures::future::join_all(asking).await;
    assert!(outcomes.iter().all(|outcome| outcome.0 == 200), "{outcomes:?}");
    assert_eq!(asked(&upstream, "/v0/meta/"), 1);
}

#[tokio::test]
async fn the_schema_is_asked_for_with_the_gateways_urgency_since_others_may_need_it_as_well() {
    let upstream = Upstream::new(airtable).await;
    let slow = ["--requests-per-second=1"];
    let gateway = gateway(&upstream.url, tempfile::tempdir().unwrap(), &slow).await;
    let list = |number| outcome(call(&gateway, "all", Method::GET, &format!("Deals?number={number}")));
    let many = futures::future::join_all((0..4).map(list));
    let patient = async {
        until("one is answered, and the others wait", || upstream.seen().len() == 1).await;
        outcome(call(&gateway, "shop", Method::GET, "Deals").header("Priority", "u=7")).await
    };
    assert_eq!(tokio::join!(many, patient).1.0, 200);
    let order: Vec<String> = upstream.seen().iter().map(|seen| seen.target.clone()).collect();
    assert!(order[1].starts_with("/v0/meta/"), "{order:?}");
}

#[tokio::test]
async fn while_airtable_can_not_be_asked_the_tables_known_last_count() {
    let quota = json!({"errors": [{"error": "PUBLIC_API_BILLING_LIMIT_EXCEEDED", "message": "…"}]});
    let no_table = (403, json!("INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"));
    for (status, body, expected) in [
        (429, quota, no_table.clone()),
        (501, json!({}), no_table),
        (403, json!({}), (503, json!("GATEWAY_SCHEMA_UNAVAILABLE"))),
    ] {
        let is_over = Arc::new(AtomicBool::default());
        let over = is_over.clone();
        let upstream = Upstream::new(move |seen| {
            if over.load(Ordering::SeqCst) { Reply::Json(status, body.clone()) } else { airtable(seen) }
        })
        .await;
        let kept = ["--cache-ttl-seconds=600"];
        let gateway = gateway(&upstream.url, tempfile::tempdir().unwrap(), &kept).await;
        let list = || call(&gateway, "shop", Method::GET, "Deals");
        assert_eq!(outcome(list()).await.0, 200);
        is_over.store(true, Ordering::SeqCst);
        // A name that nobody knows asks for newer tables two seconds after the last time.
        let met = loop {
            let met = outcome(call(&gateway, "shop", Method::GET, "Nonsense")).await;
            if asked(&upstream, "/v0/meta/") == 2 {
                break met;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        assert_eq!(met, expected, "{status}");
        assert_eq!(outcome(list()).await, (200, Value::Null), "{status}: what is kept is given");
    }
}

#[tokio::test]
async fn a_used_up_quota_is_told_as_airtable_tells_it_where_no_tables_are_known() {
    let quota = json!({"errors": [{"error": "PUBLIC_API_BILLING_LIMIT_EXCEEDED", "message": "…"}]});
    let upstream = Upstream::new(move |_| Reply::Json(429, quota.clone())).await;
    let gateway = gateway(&upstream.url, tempfile::tempdir().unwrap(), &[]).await;
    let (status, body) = answer(call(&gateway, "shop", Method::GET, "Deals")).await;
    assert_eq!(
        (status.as_u16(), &body["errors"][0]["error"]),
        (429, &json!("PUBLIC_API_BILLING_LIMIT_EXCEEDED"))
    );
}
