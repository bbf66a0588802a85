//! Keys whose outcome nothing tells: what is in doubt is named, and a person may say what was done.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    setup::{BASE, KEY, Running, answer, until},
    upstream::{Reply, Seen, Table, Upstream, now, scripted},
};

const OTHER: &str = "rec00000000000099";

fn is_create(seen: &Seen) -> bool {
    seen.method == "POST" && seen.target.ends_with("/Deals")
}

fn record(id: &str, name: &str) -> Value {
    json!({"id": id, "createdTime": now(), "fields": {"Name": name}})
}

/// A table with a record `A` of somebody else; the first write is cut after it took effect.
async fn doubtful(more: &[&str]) -> (Table, Upstream, Running) {
    let table = Table::default();
    table.put(&record(OTHER, "A"));
    let (copy, mut writes) = (table.clone(), 0);
    let upstream = Upstream::new(move |seen| {
        let is_write = seen.method != "GET" && !seen.target.ends_with("/listRecords");
        writes += usize::from(is_write);
        let reply = copy.apply(seen);
        if is_write && writes == 1 { Reply::Cut } else { reply }
    })
    .await;
    let gateway = Running::new(&upstream.url, more).await;
    (table, upstream, gateway)
}

fn create(gateway: &Running, key: &str) -> RequestBuilder {
    gateway.deals(Method::POST, "", Some(key)).json(&json!({"fields": {"Name": "A"}}))
}

fn ledger(gateway: &Running, method: Method, key: &str) -> RequestBuilder {
    gateway.request(method, &format!("/api/airtable/ledger/{key}"))
}

async fn say(gateway: &Running, key: &str, verdict: Value) -> (u16, Value) {
    let (status, body) = answer(ledger(gateway, Method::PUT, key).json(&verdict)).await;
    (status.as_u16(), body)
}

fn kind(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["error"]["type"].as_str().unwrap_or_default())
}

async fn told(request: RequestBuilder) -> (u16, Value) {
    let (status, body) = answer(request).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn a_create_in_doubt_names_its_table_and_the_records_in_doubt() {
    let (table, _upstream, gateway) = doubtful(&[]).await;
    let message = told(create(&gateway, "k")).await.1["error"]["message"].as_str().unwrap().to_owned();
    let own = table.records()[1]["id"].as_str().unwrap().to_owned();
    for part in ["\"Deals\"", OTHER, &own, "PUT /api/airtable/ledger/{key}"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    for number in 0..9 {
        table.put(&record(&format!("rec0000000000005{number}"), "A"));
    }
    let message = told(create(&gateway, "k")).await.1["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("and 6 more"), "{message}");
    assert_eq!(message.matches("rec0").count(), 5, "{message}");
}

#[tokio::test]
async fn a_create_that_is_said_to_be_done_is_answered_with_its_record_and_never_sent_again() {
    let (table, upstream, gateway) = doubtful(&[]).await;
    assert_eq!(told(create(&gateway, "k")).await.0, 503);
    let own = table.records()[1].clone();
    let said = say(&gateway, "k", json!({"outcome": "done", "records": [own["id"]]})).await;
    assert_eq!(said, (200, json!({"state": "done", "response": {"status": 200, "body": own}})));
    assert_eq!(told(create(&gateway, "k")).await, (200, own.clone()));
    assert_eq!(upstream.seen().iter().filter(|seen| is_create(seen)).count(), 1);
    let again = say(&gateway, "k", json!({"outcome": "notDone"})).await;
    assert_eq!(kind(&again), (409, "IDEMPOTENCY_KEY_NOT_IN_DOUBT"));
    let closed = told(ledger(&gateway, Method::DELETE, "k")).await.1;
    assert_eq!(closed["response"]["body"], own, "an undo learns of it");
    assert!(gateway.metrics().contains("gateway_ledger_total{outcome=\"settled\"} 1"));
}

#[tokio::test]
async fn the_record_that_somebody_names_is_this_keys_from_then_on() {
    let (table, _upstream, gateway) = doubtful(&[]).await;
    assert_eq!(told(create(&gateway, "k")).await.0, 503);
    let own = table.records()[1]["id"].clone();
    assert_eq!(say(&gateway, "k", json!({"outcome": "done", "records": [own]})).await.0, 200);
    let hour_ago = (jiff::Timestamp::now() - jiff::SignedDuration::from_secs(30)).to_string();
    let other = create(&gateway, "other").header("Idempotency-Since", hour_ago);
    assert_eq!(told(other).await.0, 503, "the other one is still in doubt");
    let said = say(&gateway, "other", json!({"outcome": "done", "records": [own]})).await;
    assert_eq!(kind(&said), (422, "IDEMPOTENCY_VERDICT_INVALID"));
    assert!(said.1["error"]["message"].as_str().unwrap().contains("another key"), "{said:?}");
    assert_eq!(say(&gateway, "other", json!({"outcome": "done", "records": [OTHER]})).await.0, 200);
    assert_eq!(table.records().len(), 2);
}

#[tokio::test]
async fn a_create_that_is_said_not_to_be_done_is_sent_by_the_next_repeat() {
    let (table, upstream, gateway) = doubtful(&[]).await;
    assert_eq!(told(create(&gateway, "k")).await.0, 503);
    table.take_last();
    assert_eq!(say(&gateway, "k", json!({"outcome": "notDone"})).await, (200, json!({"state": "unknown"})));
    let state = told(ledger(&gateway, Method::GET, "k")).await.1;
    assert_eq!((state, table.records().len()), (json!({"state": "unknown"}), 1), "nothing is sent by that");
    let (status, body) = told(create(&gateway, "k")).await;
    assert_eq!((status, &body["fields"]), (200, &json!({"Name": "A"})));
    assert_ne!(body["id"], OTHER);
    assert_eq!(told(create(&gateway, "k")).await.1, body, "once");
    assert_eq!(upstream.seen().iter().filter(|seen| is_create(seen)).count(), 2);
}

#[tokio::test]
async fn what_was_said_outlives_attempts_that_were_not_sent_and_a_ledger_younger_than_the_key() {
    let (table, upstream) = scripted(|_, seen, table| table.apply(seen)).await;
    table.put(&record(OTHER, "A"));
    let gateway = Running::new(&upstream.url, &[]).await;
    let since = (jiff::Timestamp::now() - jiff::SignedDuration::from_mins(5)).to_string();
    let create = || create(&gateway, "k").header("Idempotency-Since", since.clone());
    assert_eq!(told(create()).await.0, 503, "a record like it was there, and claims may be forgotten");
    assert_eq!(say(&gateway, "k", json!({"outcome": "notDone"})).await.0, 200);
    let impatient = told(create().header("Request-Timeout", "0.000001")).await;
    // Where its body came later than its head, the time is over before the ledger hears of it.
    let not_sent = [(503, "GATEWAY_QUEUE_DEADLINE"), (408, "REQUEST_BODY_TIMEOUT")];
    assert!(not_sent.contains(&kind(&impatient)), "{impatient:?}");
    assert_eq!(table.records().len(), 1);
    assert_eq!(told(create()).await.0, 200);
    assert_eq!(table.records().len(), 2);
}

#[tokio::test]
async fn a_verdict_is_refused_where_it_can_not_be_true() {
    let (table, _upstream, gateway) = doubtful(&[]).await;
    let old = "rec00000000000007";
    table.put(&json!({"id": old, "createdTime": "2026-01-01T00:00:00.000Z", "fields": {"Name": "A"}}));
    assert_eq!(
        kind(&say(&gateway, "k", json!({"outcome": "notDone"})).await),
        (409, "IDEMPOTENCY_KEY_NOT_IN_DOUBT")
    );
    assert_eq!(told(create(&gateway, "k")).await.0, 503);
    for (records, why) in [
        (json!([]), "not 1 different"),
        (json!([OTHER, old]), "not 1 different"),
        (json!(["x"]), "not 1 different"),
        (json!(["rec0000000000none"]), "is not in \"Deals\""),
        (json!([old]), "is older than the request"),
    ] {
        let said = say(&gateway, "k", json!({"outcome": "done", "records": records})).await;
        assert_eq!(kind(&said), (422, "IDEMPOTENCY_VERDICT_INVALID"), "{records}");
        let message = said.1["error"]["message"].as_str().unwrap();
        assert!(message.contains(why), "{records}: {message}");
    }
    let state = told(ledger(&gateway, Method::GET, "k")).await.1;
    assert_eq!(state, json!({"state": "interrupted"}));
}

#[tokio::test]
async fn nothing_is_said_of_a_request_that_may_still_be_on_its_way_or_that_somebody_is_at() {
    let (_table, upstream, gateway) = doubtful(&["--settle-seconds=600"]).await;
    assert_eq!(told(create(&gateway, "k")).await.0, 503);
    let said = answer(ledger(&gateway, Method::PUT, "k").json(&json!({"outcome": "notDone"})));
    let (status, body) = said.await;
    assert_eq!((status.as_u16(), &body["error"]["type"]), (409, &json!("IDEMPOTENCY_KEY_IN_FLIGHT")));
    assert!(body["error"]["message"].as_str().unwrap().contains("on its way"), "{body}");
    drop((upstream, gateway));

    let slow = Upstream::new(|seen| {
        let body = if is_create(seen) { record("rec00000000000001", "A") } else { json!({}) };
        Reply::Later(Duration::from_secs(1), 200, body)
    })
    .await;
    let gateway = Running::new(&slow.url, &[]).await;
    let creating = tokio::spawn(answer(create(&gateway, "k")));
    until("it is sent", || slow.count("POST") == 1).await;
    let said = say(&gateway, "k", json!({"outcome": "notDone"})).await;
    assert_eq!(kind(&said), (409, "IDEMPOTENCY_KEY_IN_FLIGHT"));
    assert_eq!(creating.await.unwrap().0, 200);
}

#[tokio::test]
async fn of_updates_and_deletes_of_unknown_outcome_it_is_enough_to_say_that_they_were_done() {
    let refused = || Reply::Json(422, json!({"error": {"type": "INVALID_VALUE_FOR_COLUMN", "message": "m"}}));
    let table = Table::default();
    let (first, second) = ("rec00000000000001", "rec00000000000002");
    for id in [first, second] {
        table.put(&record(id, "A"));
    }
    let (copy, mut writes) = (table.clone(), 0);
    let upstream = Upstream::new(move |seen| {
        if seen.method == "GET" || seen.target.ends_with("/listRecords") {
            return copy.apply(seen);
        }
        writes += 1;
        if writes % 2 == 1 { Reply::Cut } else { refused() }
    })
    .await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let body = json!({"records": [{"id": second, "fields": {}}, {"id": first, "fields": {}}]});
    let several = || gateway.deals(Method::PATCH, "", Some("several")).json(&body);
    let one = || gateway.deals(Method::PATCH, &format!("/{first}"), Some("one")).json(&json!({"fields": {}}));
    let delete = || gateway.deals(Method::DELETE, &format!("/{first}"), Some("delete"));
    let upsert = || {
        let records = json!([{"fields": {"Name": "A"}}, {"fields": {"Name": "B"}}]);
        let body = json!({"performUpsert": {"fieldsToMergeOn": ["Name"]}, "records": records});
        gateway.deals(Method::PATCH, "", Some("upsert")).json(&body)
    };
    for request in [several(), one(), delete(), upsert()] {
        let told = told(request).await;
        assert_eq!(kind(&told), (503, "IDEMPOTENCY_OUTCOME_UNKNOWN"), "{told:?}");
    }
    let read = table.records();
    for (key, more, expected) in [
        ("several", json!({}), json!({"records": [read[1], read[0]]})),
        ("one", json!({}), read[0].clone()),
        ("delete", json!({}), json!({"id": first, "deleted": true})),
        (
            "upsert",
            json!({"records": [first, second], "created": [second]}),
            json!({"records": [read[0], read[1]], "createdRecords": [second], "updatedRecords": [first]}),
        ),
    ] {
        let mut verdict = json!({"outcome": "done"});
        verdict.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, said) = say(&gateway, key, verdict).await;
        assert_eq!((status, &said["response"]["body"]), (200, &expected), "{key}: {said}");
    }
    assert_eq!(told(several()).await.0, 200);
    assert_eq!(told(delete()).await.1, json!({"id": first, "deleted": true}));
    assert_eq!(writes_of(&upstream), 8);
}

fn writes_of(upstream: &Upstream) -> usize {
    let is_write = |seen: &&Seen| seen.method != "GET" && !seen.target.ends_with("/listRecords");
    upstream.seen().iter().filter(is_write).count()
}

#[tokio::test]
async fn a_close_that_could_not_tell_ends_as_somebody_says() {
    for (verdict, expected) in [
        (json!({"outcome": "notDone"}), json!({"state": "closed"})),
        (
            json!({"outcome": "done", "records": [OTHER]}),
            json!({"state": "closed", "response": {"status": 200, "body": Value::Null}}),
        ),
    ] {
        let (table, upstream, gateway) = doubtful(&[]).await;
        let write =
            json!({"method": "POST", "path": format!("/v0/{BASE}/Deals"), "body": {"fields": {"Name": "A"}}});
        let since = (jiff::Timestamp::now() - jiff::SignedDuration::from_mins(5)).to_string();
        let close = || ledger(&gateway, Method::DELETE, "k").header("Idempotency-Since", since.clone());
        let unknown = told(close().json(&write)).await;
        assert_eq!(kind(&unknown), (503, "IDEMPOTENCY_OUTCOME_UNKNOWN"));
        let (status, mut said) = say(&gateway, "k", verdict).await;
        if said["response"]["body"] == table.records()[0] {
            said["response"]["body"] = Value::Null;
        }
        assert_eq!((status, said), (200, expected.clone()));
        let closed = told(close().json(&write)).await;
        assert_eq!((closed.0, &closed.1["state"]), (200, &json!("closed")));
        assert_eq!(
            (kind(&told(create(&gateway, "k")).await), writes_of(&upstream)),
            ((409, "IDEMPOTENCY_KEY_CLOSED"), 0)
        );
    }
}

#[tokio::test]
async fn who_has_not_all_rights_settles_nothing_and_an_admin_settles_the_keys_of_a_limited_client() {
    let folder = tempfile::tempdir().unwrap();
    let clients = json!({"keys": [{"name": "admin", "file": "key"},
        {"name": "shop", "file": "shop", "tables": [{"name": "Deals"}]}]});
    std::fs::write(folder.path().join("clients.json"), clients.to_string()).unwrap();
    std::fs::write(folder.path().join("shop"), "key-of-the-shop").unwrap();
    let file = format!("--clients-file={}", folder.path().join("clients.json").display());
    let (table, upstream) = scripted(|count, seen, table| match (count, table.apply(seen)) {
        (0, _) => Reply::Cut,
        (_, reply) => reply,
    })
    .await;
    let tables = json!({"tables": [{"id": "tbl00000000000001", "name": "Deals", "primaryFieldId": "fld00000000000001",
        "fields": [{"id": "fld00000000000001", "name": "Name", "type": "richText"}]}]});
    table.schema(&tables);
    // Sent and searched for by the id of the field.
    table.put(&json!({"id": OTHER, "createdTime": now(), "fields": {"fld00000000000001": "A"}}));
    let gateway = Running::in_folder(&upstream.url, folder, &[&file]).await;
    let shop = |request: RequestBuilder| request.header("Authorization", "Bearer key-of-the-shop");
    let url = format!("{}/v0/{BASE}/Deals", gateway.url);
    let create = || {
        let request = reqwest::Client::new().post(&url).header("Idempotency-Key", "k");
        shop(request).json(&json!({"fields": {"Name": "A"}}))
    };
    assert_eq!(told(create()).await.0, 503);
    let put = |query: &str| {
        let url = format!("{}/api/airtable/ledger/k{query}", gateway.url);
        reqwest::Client::new().put(url).json(&json!({"outcome": "notDone"}))
    };
    assert_eq!(told(shop(put(""))).await.0, 403);
    let unnamed = told(put("").bearer_auth(KEY)).await;
    assert_eq!(kind(&unnamed), (409, "IDEMPOTENCY_KEY_NOT_IN_DOUBT"), "the admin's own key is another");
    assert_eq!(told(put("?client=shop").bearer_auth(KEY)).await, (200, json!({"state": "unknown"})));
    assert_eq!(told(create()).await.0, 200);
    assert_eq!(table.records().len(), 3);
}
