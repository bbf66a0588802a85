//! Reads are shared and kept, and never hide what this gateway wrote.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::{
    setup::{BASE, Running, until},
    upstream::{Reply, Seen, Upstream},
};

const KEPT: &str = "--cache-ttl-seconds=600";

/// Status, where it came from, and body.
pub async fn read(request: RequestBuilder) -> (u16, String, Value) {
    let response = request.send().await.unwrap();
    let from = response.headers().get("cache-status").map_or("", |value| value.to_str().unwrap());
    let from = from.strip_prefix("pyairtable; ").unwrap_or(from).to_owned();
    (response.status().as_u16(), from, response.json().await.unwrap_or_default())
}

pub fn list(gateway: &Running) -> RequestBuilder {
    gateway.deals(Method::GET, "", None)
}

fn schema() -> Value {
    let link = json!({"id": "fld1", "name": "Deals", "type": "multipleRecordLinks", "options": {"linkedTableId": "tblAAAAAAAAAAAAAA"}});
    let table = |id: &str, name: &str, fields: Value| json!({"id": id, "name": name, "primaryFieldId": "fld1", "fields": fields});
    json!({"tables": [table("tblAAAAAAAAAAAAAA", "Deals", json!([])), table("tblBBBBBBBBBBBBBB", "People", json!([link])),
        table("tblCCCCCCCCCCCCCC", "Audit", json!([]))]})
}

/// Every write adds one, every read answers how many there were when it arrived.
pub fn counter() -> (impl FnMut(&Seen) -> Reply + Send + 'static, Arc<AtomicUsize>) {
    let writes = Arc::new(AtomicUsize::new(0));
    let copy = writes.clone();
    let script = move |seen: &Seen| {
        if seen.target.ends_with("/tables") {
            return Reply::Json(200, schema());
        }
        let is_write = seen.method != "GET" && !seen.target.ends_with("/listRecords");
        let count = copy.fetch_add(usize::from(is_write), Ordering::SeqCst);
        Reply::Json(
            200,
            json!({"id": format!("rec{count:014}"), "createdTime": "", "fields": {}, "count": count}),
        )
    };
    (script, writes)
}

#[tokio::test]
async fn reads_asked_for_at_once_travel_once_however_they_are_said() {
    let upstream =
        Upstream::new(|_| Reply::Later(Duration::from_millis(500), 200, json!({"records": []}))).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let answers = join_all((0..8).map(|number| {
        read(if number % 2 == 0 {
            gateway.deals(Method::GET, "/?pageSize=5&fields[]=a", None)
        } else {
            gateway.deals(Method::POST, "/listRecords", None).json(&json!({"fields": ["a"], "pageSize": 5}))
        })
    }))
    .await;
    assert_eq!(upstream.seen().len(), 1);
    let collapsed = answers.iter().filter(|(_, from, _)| from == "fwd=bypass; collapsed").count();
    assert_eq!((collapsed, answers.iter().filter(|(status, ..)| *status == 200).count()), (7, 8));
    assert!(
        gateway.metrics().contains(r#"gateway_reads_total{outcome="collapsed"} 7"#),
        "{}",
        gateway.metrics()
    );
}

#[tokio::test]
async fn a_read_never_waits_for_one_from_before_a_write_that_was_answered() {
    let upstream = slow_at_first().await;
    let gateway = Running::new(&upstream.url, &[KEPT]).await;
    read_around_a_write(&upstream, &gateway, &gateway).await;
}

/// A counter whose first read is answered late.
pub async fn slow_at_first() -> Upstream {
    let (mut count, _) = counter();
    let mut reads = 0;
    Upstream::new(move |seen| {
        let reply = count(seen);
        reads += usize::from(seen.method == "GET");
        match reply {
            Reply::Json(status, body) if seen.method == "GET" && reads == 1 => {
                Reply::Later(Duration::from_secs(2), status, body)
            }
            reply => reply,
        }
    })
    .await
}

/// The late read is on its way while a write is answered.
pub async fn read_around_a_write(upstream: &Upstream, writer: &Running, reader: &Running) {
    let early = tokio::spawn(read(list(reader)));
    until("the early read is on its way", || upstream.count("GET") == 1).await;
    let create = writer.deals(Method::POST, "", None).json(&json!({"fields": {}}));
    assert_eq!(create.send().await.unwrap().status(), 200);
    assert_eq!(read(list(reader)).await.2["count"], 1);
    assert_eq!(early.await.unwrap().2["count"], 0);
    assert_eq!(read(list(reader)).await.2["count"], 1, "the early answer was not kept");
}

#[tokio::test]
async fn an_answer_is_kept_until_its_table_or_a_linked_one_is_written_to() {
    let (script, _) = counter();
    let upstream = Upstream::new(script).await;
    let gateway = Running::new(&upstream.url, &[KEPT]).await;
    gateway.watch();
    let asked = || upstream.seen().iter().filter(|seen| seen.target.ends_with("/tables")).count();
    until("the tables are known", || asked() == 1 && gateway.metrics().contains(r#"outcome="ok"} 1"#)).await;
    let get = |path: &str| read(gateway.request(Method::GET, &format!("/v0/{BASE}/{path}")));
    let write = |path: &str, body: Value| {
        gateway
            .request(Method::POST, &format!("/v0/{BASE}/{path}"))
            .json(&body)
            .header("Idempotency-Key", fastrand::u64(..).to_string())
            .send()
    };
    let paths = ["tblAAAAAAAAAAAAAA", "People?maxRecords=1", "Audit", "Deals/rec1"];
    for (written, kept) in [
        ("Audit", [true, true, false, false]),
        ("Deals", [false, false, true, false]),
        ("tblBBBBBBBBBBBBBB", [false, false, true, false]),
    ] {
        join_all(paths.map(get)).await;
        assert!(join_all(paths.map(get)).await.iter().all(|(_, from, _)| from.starts_with("hit; ttl=")));
        assert_eq!(write(written, json!({"fields": {}})).await.unwrap().status(), 200);
        let hits: Vec<_> =
            join_all(paths.map(get)).await.into_iter().map(|(_, from, _)| from.starts_with("hit")).collect();
        assert_eq!(hits, kept, "after a write to {written}");
    }
}

#[tokio::test]
async fn a_write_that_was_refused_changes_nothing_and_one_that_was_lost_may_change_all_for_a_while() {
    let mut writes = 0;
    let upstream = Upstream::new(move |seen| {
        writes += usize::from(seen.method == "POST");
        match (seen.method.as_str(), writes) {
            ("POST", 1) => Reply::Json(422, json!({"error": {"type": "UNKNOWN_FIELD_NAME", "message": "…"}})),
            ("POST", _) => Reply::Cut,
            _ => Reply::Json(200, json!({"records": []})),
        }
    })
    .await;
    let gateway = Running::new(&upstream.url, &[KEPT]).await;
    let create = || gateway.deals(Method::POST, "", None).json(&json!({"fields": {}})).send();
    assert_eq!(read(list(&gateway)).await.1, "fwd=miss");
    assert_eq!(create().await.unwrap().status(), 422);
    assert!(read(list(&gateway)).await.1.starts_with("hit"));
    assert_eq!(create().await.unwrap().status(), 502);
    assert_eq!(read(list(&gateway)).await.1, "fwd=miss");
    assert_eq!(read(list(&gateway)).await.1, "fwd=miss", "it may yet take effect");
}

#[tokio::test]
async fn what_a_client_wants_of_caches_is_done() {
    let (script, writes) = counter();
    let upstream = Upstream::new(script).await;
    let gateway = Running::new(&upstream.url, &[KEPT]).await;
    let wanting = |wish: &'static str| read(list(&gateway).header("cache-control", wish));
    assert_eq!(wanting("no-store").await.1, "fwd=bypass");
    assert_eq!(read(list(&gateway)).await.1, "fwd=miss", "the first was not kept");
    // Somebody else writes.
    writes.store(7, Ordering::SeqCst);
    let (_, from, body) = wanting("max-age=600").await;
    assert!(from.starts_with("hit; ttl=") && body["count"] == 0, "{from}: {body}");
    let (_, from, body) = wanting("no-cache").await;
    assert_eq!((from.as_str(), &body["count"]), ("fwd=request", &json!(7)));
    let (_, from, body) = read(list(&gateway)).await;
    assert!(from.starts_with("hit") && body["count"] == 7, "{from}: {body}");
}

#[tokio::test]
async fn what_others_are_said_to_have_changed_is_read_again() {
    let (script, writes) = counter();
    let upstream = Upstream::new(script).await;
    let gateway = Running::new(&upstream.url, &[KEPT]).await;
    read(list(&gateway)).await;
    writes.store(7, Ordering::SeqCst);
    let said = gateway.request(Method::DELETE, "/api/airtable/cache?table=Deals").send().await.unwrap();
    assert_eq!(said.status(), StatusCode::NO_CONTENT);
    assert_eq!(read(list(&gateway)).await.2["count"], 7);
}

#[tokio::test]
async fn closing_a_key_may_write_and_so_keeps_nothing() {
    let (script, writes) = counter();
    let upstream = Upstream::new(script).await;
    let gateway = Running::new(&upstream.url, &[KEPT]).await;
    read(list(&gateway)).await;
    writes.store(7, Ordering::SeqCst);
    assert!(gateway.request(Method::DELETE, "/api/airtable/ledger/k").send().await.is_ok());
    assert_eq!(read(list(&gateway)).await.2["count"], 7);
}

#[tokio::test]
async fn an_old_answer_is_given_while_a_new_one_is_fetched() {
    let (script, writes) = counter();
    let upstream = Upstream::new(script).await;
    let options = ["--cache-ttl-seconds=1", "--cache-stale-while-revalidate-seconds=600"];
    let gateway = Running::new(&upstream.url, &options).await;
    read(list(&gateway)).await;
    writes.store(7, Ordering::SeqCst);
    let (from, body) = loop {
        let (_, from, body) = read(list(&gateway)).await;
        if !from.starts_with("hit; ttl=0") {
            break (from, body);
        }
    };
    assert_eq!((from.as_str(), &body["count"]), ("hit; ttl=-0; detail=revalidating", &json!(0)));
    until("it was fetched again", || upstream.count("GET") == 2).await;
    while read(list(&gateway)).await.2["count"] != 7 {}
}

#[tokio::test]
async fn old_answers_are_better_than_a_used_up_quota_and_than_errors_as_far_as_wanted() {
    let quota = json!({"errors": [{"error": "PUBLIC_API_BILLING_LIMIT_EXCEEDED", "message": "…"}]});
    for (options, status, body, expected) in [
        (vec![], 429, quota.clone(), Some("quota")),
        (vec!["--cache-stale-if-quota-seconds=0"], 429, quota, None),
        (vec!["--cache-stale-if-error-seconds=600"], 501, json!({}), Some("unreachable")),
        (vec![], 501, json!({}), None),
    ] {
        let mut count = 0;
        let upstream = Upstream::new(move |_| {
            count += 1;
            if count == 1 {
                Reply::Json(200, json!({"records": []}))
            } else {
                Reply::Json(status, body.clone())
            }
        })
        .await;
        let gateway =
            Running::new(&upstream.url, &[options.as_slice(), &["--cache-ttl-seconds=1"]].concat()).await;
        read(list(&gateway)).await;
        let (got, from) = loop {
            let (status, from, _) = read(list(&gateway)).await;
            if !from.starts_with("hit") {
                break (status, from);
            }
        };
        match expected {
            Some(trouble) => assert_eq!((got, from), (200, format!("fwd=stale; ttl=-0; detail={trouble}"))),
            None => assert_eq!((got, from.as_str()), (status, "fwd=stale")),
        }
        let newer = read(list(&gateway).header("cache-control", "no-cache")).await;
        assert_eq!(newer.0, status, "who wants no old answer gets none");
    }
}

#[tokio::test]
async fn errors_comments_and_payloads_are_not_kept() {
    let upstream = Upstream::new(|seen| {
        let status = if seen.target.contains("/Gone") { 404 } else { 200 };
        Reply::Json(status, json!({}))
    })
    .await;
    let gateway = Running::new(&upstream.url, &[KEPT]).await;
    let comments = format!("/v0/{BASE}/Deals/rec1/comments");
    let payloads = format!("/v0/bases/{BASE}/webhooks/ach1/payloads");
    for path in [format!("/v0/{BASE}/Gone"), comments, payloads] {
        for _ in 0..2 {
            let (_, from, _) = read(gateway.request(Method::GET, &path)).await;
            assert!(from.starts_with("fwd="), "{path}: {from}");
        }
    }
    assert_eq!(upstream.seen().len(), 6);
}
