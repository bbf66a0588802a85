//! Connections cut at the worst time: the gateway finds out what happened, and repeats only what did not.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    setup::{Running, answer},
    upstream::{Reply, Seen, Table, Upstream, now, scripted},
};

/// A table whose first write is cut: after it took effect, or before.
async fn cut_once(after_effect: bool, more: &[&str]) -> (Table, Upstream, Running) {
    let table = Table::default();
    let copy = table.clone();
    let mut cut = false;
    let is_write = |seen: &Seen| seen.method != "GET" && !seen.target.ends_with("/listRecords");
    let upstream = Upstream::new(move |seen| {
        if cut || !is_write(seen) {
            return copy.apply(seen);
        }
        cut = true;
        if after_effect {
            copy.apply(seen);
        }
        Reply::Cut
    })
    .await;
    let gateway = Running::new(&upstream.url, more).await;
    (table, upstream, gateway)
}

/// Puts a record into the table without the gateway.
fn put(table: &Table, fields: &Value) -> String {
    let body = json!({"fields": fields});
    let seen = Seen {
        at: std::time::Instant::now(),
        method: "POST".into(),
        target: "/v0/a/Deals".into(),
        head: String::new(),
        body,
    };
    let Reply::Json(_, record) = table.apply(&seen) else { panic!("not created") };
    record["id"].as_str().unwrap().to_owned()
}

fn create(gateway: &Running, key: &str, name: &str) -> RequestBuilder {
    gateway.deals(Method::POST, "", Some(key)).json(&json!({"fields": {"Name": name}}))
}

#[tokio::test]
async fn a_create_cut_after_its_effect_is_found_and_not_repeated() {
    let (table, upstream, gateway) = cut_once(true, &[]).await;
    put(&table, &json!({"Name": "another"}));
    let (status, body) = answer(create(&gateway, "k", "A")).await;
    assert_eq!((status.as_u16(), &body["fields"]), (200, &json!({"Name": "A"})));
    assert_eq!(table.records().len(), 2);
    let searches = upstream.seen().iter().filter(|seen| seen.target.ends_with("/listRecords")).count();
    assert_eq!((upstream.count("POST"), searches), (2, 1));
    assert_eq!(answer(create(&gateway, "k", "A")).await.1, body, "it is remembered");
}

#[tokio::test]
async fn a_create_cut_before_its_effect_is_sent_again_after_it_settled() {
    let (table, _upstream, gateway) = cut_once(false, &["--settle-seconds=1"]).await;
    let begun = std::time::Instant::now();
    assert_eq!(answer(create(&gateway, "k", "A")).await.0, 200);
    assert!(begun.elapsed().as_secs_f64() >= 1.0, "it could still have been on its way");
    assert_eq!(table.records().len(), 1);
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_is_no_outcome_and_is_not_kept() {
    let (table, upstream) = scripted(|count, seen, table| match count {
        0 => Reply::Html(200, "<html>log in</html>"),
        _ => table.apply(seen),
    })
    .await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let (status, body) = answer(create(&gateway, "k", "A")).await;
    assert_eq!((status.as_u16(), &body), (200, &table.records()[0]));
    assert_eq!(answer(create(&gateway, "k", "A")).await.1, body);
    assert_eq!(table.records().len(), 1);
}

#[tokio::test]
async fn order_numbers_that_differ_in_their_punctuation_are_told_apart_but_not_in_rich_text() {
    for (kind, expected) in [("singleLineText", 200), ("richText", 503)] {
        let (table, mut is_cut) = (Table::default(), false);
        let copy = table.clone();
        let upstream = Upstream::new(move |seen| {
            let formula = seen.body["filterByFormula"].as_str().unwrap_or_default();
            match seen.target.ends_with("/Deals") && !std::mem::replace(&mut is_cut, true) {
                true => Reply::Cut,
                false if formula.contains("LAST_MODIFIED") => Reply::Json(200, json!({"records": []})),
                false => copy.apply(seen),
            }
        })
        .await;
        let fields = json!([{"id": "fld00000000000001", "name": "Name", "type": kind}]);
        let tables = json!({"tables": [{"id": "tbl00000000000001", "name": "Deals",
            "primaryFieldId": "fld00000000000001", "fields": fields}]});
        table.schema(&tables);
        put(&table, &json!({"Name": "R-20"}));
        let gateway = Running::new(&upstream.url, &[]).await;
        let (status, body) = answer(create(&gateway, "k", "R2-0")).await;
        assert_eq!(status.as_u16(), expected, "{kind}: {body}");
    }
}

#[tokio::test]
async fn a_create_that_can_not_be_told_from_another_stays_unknown_and_is_not_repeated() {
    let (table, upstream, gateway) = cut_once(true, &[]).await;
    put(&table, &json!({"Name": "A"}));
    for _ in 0..2 {
        let (status, body) = answer(create(&gateway, "k", "A")).await;
        assert_eq!((status.as_u16(), &body["error"]["type"]), (503, &json!("IDEMPOTENCY_OUTCOME_UNKNOWN")));
    }
    assert_eq!(table.records().len(), 2);
    let state = answer(gateway.request(Method::GET, "/api/airtable/ledger/k")).await.1;
    assert_eq!(state, json!({"state": "interrupted"}));
    let creates = upstream.seen().iter().filter(|seen| seen.target.ends_with("/Deals")).count();
    assert_eq!(creates, 1);
}

#[tokio::test]
async fn a_record_of_another_key_is_not_taken_for_ones_own() {
    let table = Table::default();
    let copy = table.clone();
    let mut writes = 0;
    let upstream = Upstream::new(move |seen| {
        writes += usize::from(seen.target.ends_with("/Deals"));
        if writes == 2 && seen.target.ends_with("/Deals") { Reply::Cut } else { copy.apply(seen) }
    })
    .await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let first = answer(create(&gateway, "first", "A")).await.1;
    let second = answer(create(&gateway, "second", "A")).await.1;
    assert_ne!(first["id"], second["id"]);
    assert_eq!(table.records().len(), 2);
}

#[tokio::test]
async fn an_update_cut_after_its_effect_is_sent_again() {
    let (table, upstream, gateway) = cut_once(true, &[]).await;
    let id = put(&table, &json!({"Name": "old"}));
    let update =
        gateway.deals(Method::PATCH, &format!("/{id}"), Some("k")).json(&json!({"fields": {"Name": "new"}}));
    let (status, body) = answer(update).await;
    assert_eq!((status.as_u16(), &body["fields"]["Name"]), (200, &json!("new")));
    assert_eq!(upstream.count("PATCH"), 2);
}

#[tokio::test]
async fn a_delete_cut_after_its_effect_counts_as_done() {
    let (table, upstream, gateway) = cut_once(true, &[]).await;
    let id = put(&table, &json!({"Name": "old"}));
    // The scripted list answers every record: there is none.
    let (status, body) = answer(gateway.deals(Method::DELETE, &format!("/{id}"), Some("k"))).await;
    assert_eq!((status.as_u16(), body), (200, json!({"id": id, "deleted": true})));
    assert_eq!((table.records().len(), upstream.count("DELETE")), (0, 2));
}

#[tokio::test]
async fn records_an_interrupted_upsert_made_count_as_created() {
    let mut count = 0;
    let upstream = Upstream::new(move |_| {
        count += 1;
        let (old, new) = ("2026-01-01T00:00:00.000Z".to_owned(), now());
        let records = json!([{"id": "rec1", "createdTime": old, "fields": {}}, {"id": "rec2", "createdTime": new, "fields": {}}]);
        let answer = json!({"records": records, "createdRecords": [], "updatedRecords": ["rec1", "rec2"]});
        if count == 1 { Reply::Cut } else { Reply::Json(200, answer) }
    })
    .await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let body = json!({"performUpsert": {"fieldsToMergeOn": ["Key"]}, "records": [{"fields": {"Key": 1}}, {"fields": {"Key": 2}}]});
    let (status, body) = answer(gateway.deals(Method::PATCH, "", Some("k")).json(&body)).await;
    assert_eq!(status, 200);
    assert_eq!((&body["createdRecords"], &body["updatedRecords"]), (&json!(["rec2"]), &json!(["rec1"])));
}

fn since_an_hour(request: RequestBuilder) -> RequestBuilder {
    let hour_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    request.header("Idempotency-Since", hour_ago.to_string())
}

#[tokio::test]
async fn a_ledger_younger_than_the_key_finds_out_before_it_sends() {
    let table = Table::default();
    let copy = table.clone();
    let upstream = Upstream::new(move |seen| copy.apply(seen)).await;
    let gateway = Running::new(&upstream.url, &[]).await;
    assert_eq!(answer(since_an_hour(create(&gateway, "k", "A"))).await.0, 200);
    let targets: Vec<bool> =
        upstream.seen().iter().map(|seen| seen.target.ends_with("/listRecords")).collect();
    assert_eq!((targets, table.records().len()), (vec![true, false], 1), "searched, then created");
}

#[tokio::test]
async fn after_a_ledger_was_lost_what_another_key_created_is_not_taken_for_ones_own() {
    let table = Table::default();
    let copy = table.clone();
    let upstream = Upstream::new(move |seen| copy.apply(seen)).await;
    let lost = Running::new(&upstream.url, &[]).await;
    assert_eq!(answer(create(&lost, "theirs", "A")).await.0, 200);
    drop(lost);
    let gateway = Running::new(&upstream.url, &[]).await;
    let (status, body) = answer(since_an_hour(create(&gateway, "mine", "A"))).await;
    assert_eq!((status.as_u16(), &body["error"]["type"]), (503, &json!("IDEMPOTENCY_OUTCOME_UNKNOWN")));
    let (status, body) = answer(gateway.request(Method::DELETE, "/api/airtable/ledger/mine")).await;
    assert_eq!((status.as_u16(), &body["error"]["type"]), (503, &json!("IDEMPOTENCY_OUTCOME_UNKNOWN")));
    assert_eq!(table.records().len(), 1, "nor created twice");
}

#[tokio::test]
async fn a_lost_create_is_found_among_thousands_of_records() {
    let table = Table::default();
    let copy = table.clone();
    let mut cut = false;
    let upstream = Upstream::new(move |seen| {
        if !seen.target.ends_with("/listRecords") {
            let reply = copy.apply(seen);
            return if std::mem::replace(&mut cut, true) { reply } else { Reply::Cut };
        }
        let records = copy.records();
        let page: usize = seen.body["offset"].as_str().map_or(0, |page| page.parse().unwrap());
        let shown: Vec<&Value> = records.iter().skip(page * 100).take(100).collect();
        let offset = (records.len() > (page + 1) * 100).then(|| (page + 1).to_string());
        Reply::Json(200, json!({"records": shown, "offset": offset}))
    })
    .await;
    for number in 0..1500 {
        put(&table, &json!({"Name": format!("another {number}")}));
    }
    let gateway = Running::new(&upstream.url, &["--queue-deadline-seconds=60"]).await;
    let (status, body) = answer(create(&gateway, "k", "A")).await;
    assert_eq!((status.as_u16(), &body), (200, &table.records()[1500]));
}

#[tokio::test]
async fn few_searches_are_under_way_at_the_same_time() {
    let upstream = Upstream::new(|seen| {
        let is_search = seen.target.ends_with("/listRecords");
        let nothing = Reply::Later(Duration::from_millis(300), 200, json!({"records": []}));
        if is_search { nothing } else { Reply::Cut }
    })
    .await;
    let gateway = Running::new(&upstream.url, &["--settle-seconds=600"]).await;
    let keys: Vec<String> = (0..6).map(|number| number.to_string()).collect();
    futures::future::join_all(keys.iter().map(|key| answer(create(&gateway, key, key)))).await;
    let mut lists = upstream.seen();
    lists.retain(|seen| seen.target.ends_with("/listRecords"));
    assert_eq!(lists.len(), 6);
    for (earlier, later) in lists.iter().zip(lists.iter().skip(2)) {
        assert!(later.at - earlier.at >= Duration::from_millis(290), "{:?}", later.at - earlier.at);
    }
}

#[tokio::test]
async fn closing_an_interrupted_key_finds_out_first() {
    let (table, _upstream, gateway) = cut_once(true, &["--settle-seconds=600"]).await;
    let mut unclear = put(&table, &json!({"Name": "A"}));
    assert_eq!(answer(create(&gateway, "k", "A")).await.0, 503);
    let close = || gateway.request(Method::DELETE, "/api/airtable/ledger/k");
    assert_eq!(answer(close()).await.0, 503);
    // Somebody deletes the record that could not be told apart.
    let body = Value::Null;
    let target = format!("/v0/a/Deals/{unclear}");
    table.apply(&Seen {
        at: std::time::Instant::now(),
        method: "DELETE".into(),
        target,
        head: String::new(),
        body,
    });
    let (status, body) = answer(close()).await;
    unclear = body["response"]["body"]["id"].as_str().unwrap().to_owned();
    assert_eq!((status.as_u16(), &body["state"]), (200, &json!("closed")));
    assert_eq!(table.records()[0]["id"], json!(unclear));
    assert_eq!(answer(create(&gateway, "k", "A")).await.0, 409);
}
