//! What looks like proof and is none: refusals, other records, clocks.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    setup::{BASE, Running, answer, until},
    upstream::{self, Reply, Seen, Table, Upstream, now},
};

fn create(gateway: &Running, key: &str, name: &str) -> RequestBuilder {
    gateway.deals(Method::POST, "", Some(key)).json(&json!({"fields": {"Name": name}}))
}

fn is_create(seen: &Seen) -> bool {
    seen.method == "POST" && seen.target.ends_with("/Deals")
}

async fn kind(request: RequestBuilder) -> (u16, Value) {
    let (status, body) = answer(request).await;
    (status.as_u16(), body["error"]["type"].clone())
}

fn unknown() -> (u16, Value) {
    (503, json!("IDEMPOTENCY_OUTCOME_UNKNOWN"))
}

/// A table whose writes are answered by `script`, with how many writes there were before; the rest as it is.
async fn scripted(
    more: &[&str],
    script: impl FnMut(usize, &Seen, &Table) -> Reply + Send + 'static,
) -> (Table, Upstream, Running) {
    let (table, upstream) = upstream::scripted(script).await;
    let gateway = Running::new(&upstream.url, more).await;
    (table, upstream, gateway)
}

#[tokio::test]
async fn a_repeat_waits_until_the_first_time_can_not_land_any_more() {
    let (table, upstream, gateway) =
        scripted(
            &["--settle-seconds=2"],
            |count, seen, table| {
                if count == 1 { Reply::Cut } else { table.apply(seen) }
            },
        )
        .await;
    let record = answer(create(&gateway, "create", "A")).await.1["id"].as_str().unwrap().to_owned();
    let update = gateway.deals(Method::PATCH, &format!("/{record}"), Some("update"));
    assert_eq!(answer(update.json(&json!({"fields": {"Name": "B"}}))).await.0, 200);
    let sent: Vec<Instant> =
        upstream.seen().iter().filter(|seen| seen.method == "PATCH").map(|seen| seen.at).collect();
    assert!(sent[1] - sent[0] >= Duration::from_secs(2), "{:?}", sent[1] - sent[0]);
    assert_eq!(table.records()[0]["fields"]["Name"], "B");
}

#[tokio::test]
async fn a_record_that_somebody_changed_before_the_search_is_not_created_twice() {
    let (table, upstream, gateway) = scripted(&[], |_, seen, table| {
        let Reply::Json(_, record) = table.apply(seen) else { return Reply::Cut };
        let target = format!("/v0/{BASE}/Deals/{}", record["id"].as_str().unwrap());
        let body = json!({"fields": {"Name": "changed by hand"}});
        table.apply(&Seen { method: "PATCH".into(), target, body, ..seen.clone() });
        Reply::Cut
    })
    .await;
    for _ in 0..2 {
        assert_eq!(kind(create(&gateway, "k", "A")).await, unknown());
    }
    assert_eq!(
        (table.records().len(), upstream.seen().iter().filter(|seen| is_create(seen)).count()),
        (1, 1)
    );
}

#[tokio::test]
async fn a_record_that_a_create_under_way_may_have_brought_is_left_to_it() {
    let (table, _upstream, gateway) = scripted(&[], |count, seen, table| match (count, table.apply(seen)) {
        (0, Reply::Json(status, body)) => Reply::Later(Duration::from_secs(2), status, body),
        (1, Reply::Json(_, body)) => {
            // Without effect.
            let target = format!("/v0/{BASE}/Deals/{}", body["id"].as_str().unwrap());
            table.apply(&Seen { method: "DELETE".into(), target, ..seen.clone() });
            Reply::Cut
        }
        (_, reply) => reply,
    })
    .await;
    let first = tokio::spawn(answer(create(&gateway, "first", "A")));
    until("the first took effect", || table.records().len() == 1).await;
    let second = answer(create(&gateway, "second", "A")).await.1;
    let first = first.await.unwrap().1;
    assert_ne!((&first["id"], first["id"].is_null()), (&second["id"], true), "{first} {second}");
    assert_eq!(table.records().len(), 2);
}

#[tokio::test]
async fn a_record_from_just_before_the_request_is_nobodys_proof() {
    let (table, _upstream, gateway) = scripted(&[], |_, _, _| Reply::Cut).await;
    let before = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(30);
    table.put(
        &json!({"id": "rec00000000000009", "createdTime": format!("{before:.3}"), "fields": {"Name": "A"}}),
    );
    assert_eq!(kind(create(&gateway, "k", "A")).await, unknown());
    let state = answer(gateway.request(Method::GET, "/api/airtable/ledger/k")).await.1;
    assert_eq!(state, json!({"state": "interrupted"}));
}

#[tokio::test]
async fn a_timeout_of_airtables_own_is_no_refusal() {
    let (table, upstream, gateway) = scripted(&[], |_, seen, table| {
        table.apply(seen);
        Reply::Json(408, json!({"error": "REQUEST_TIMEOUT"}))
    })
    .await;
    let (status, body) = answer(create(&gateway, "k", "A")).await;
    assert_eq!((status.as_u16(), &body), (200, &table.records()[0]), "also the text of createdTime");
    assert_eq!(upstream.seen().iter().filter(|seen| is_create(seen)).count(), 1);
}

#[tokio::test]
async fn not_found_proves_something_of_one_record_only() {
    let not_found = || Reply::Json(404, json!({"error": {"type": "MODEL_ID_NOT_FOUND", "message": "m"}}));
    let (_table, _upstream, gateway) =
        scripted(&[], move |count, _, _| if count % 2 == 0 { Reply::Cut } else { not_found() }).await;
    let one = gateway.deals(Method::PATCH, "/rec00000000000001", Some("one"));
    assert_eq!(kind(one.json(&json!({"fields": {}}))).await, (404, json!("MODEL_ID_NOT_FOUND")));
    let several = gateway.deals(Method::PATCH, "", Some("several"));
    let body = json!({"records": [{"id": "rec00000000000001", "fields": {}}, {"id": "rec00000000000002", "fields": {}}]});
    assert_eq!(kind(several.json(&body)).await, unknown());
}

#[tokio::test]
async fn not_found_proves_nothing_where_the_record_is_there_or_its_table_is_not() {
    let table_not_found = json!({"error": {"type": "TABLE_NOT_FOUND", "message": "m"}});
    let id = "rec00000000000001";
    for list in
        [json!({"records": [{"id": id, "createdTime": now(), "fields": {}}]}), table_not_found.clone()]
    {
        let mut writes = 0;
        let (listed, refused) = (list.clone(), table_not_found.clone());
        let upstream = Upstream::new(move |seen| {
            if seen.target.ends_with("/listRecords") {
                return Reply::Json(if listed["records"].is_null() { 404 } else { 200 }, listed.clone());
            }
            writes += 1;
            if writes == 1 { Reply::Cut } else { Reply::Json(404, refused.clone()) }
        })
        .await;
        let gateway = Running::new(&upstream.url, &[]).await;
        let update = gateway.deals(Method::PATCH, &format!("/{id}"), Some("k"));
        assert_eq!(kind(update.json(&json!({"fields": {}}))).await, unknown(), "{list}");
    }
}

#[tokio::test]
async fn a_batch_delete_is_refused_where_all_are_left_done_where_none_is_and_else_unknown() {
    for (left, expected) in [(2, (404, json!("MODEL_ID_NOT_FOUND"))), (1, unknown()), (0, (200, Value::Null))]
    {
        let (table, _upstream, gateway) =
            scripted(&[], |count, seen, table| if count == 0 { Reply::Cut } else { table.apply(seen) }).await;
        for number in 1..=left {
            table.put(&json!({"id": format!("rec{number}"), "createdTime": now(), "fields": {}}));
        }
        let delete = gateway.deals(Method::DELETE, "?records[]=rec1&records[]=rec2", Some("k"));
        assert_eq!(kind(delete).await, expected, "{left} left");
    }
}

#[tokio::test]
async fn a_record_whose_field_was_renamed_is_not_taken_for_a_different_one() {
    let table = Table::default();
    let copy = table.clone();
    let upstream = Upstream::new(move |seen| {
        let fields = seen.body["fields"].as_array();
        if fields.is_some_and(|fields| fields.contains(&json!("Name"))) {
            let error = json!({"type": "UNKNOWN_FIELD_NAME", "message": "Unknown field name: \"Name\""});
            return Reply::Json(422, json!({"error": error}));
        }
        if seen.body["filterByFormula"].as_str().is_some_and(|formula| formula.contains("LAST_MODIFIED")) {
            return Reply::Json(200, json!({"records": []}));
        }
        if is_create(seen) {
            copy.put(&json!({"id": "rec00000000000001", "createdTime": now(), "fields": {"Title": "A"}}));
            return Reply::Cut;
        }
        copy.apply(seen)
    })
    .await;
    let gateway = Running::new(&upstream.url, &[]).await;
    assert_eq!(kind(create(&gateway, "k", "A")).await, unknown());
    let close = gateway.request(Method::DELETE, "/api/airtable/ledger/k");
    assert_eq!(kind(close).await, unknown(), "not: nothing was done");
    assert_eq!(upstream.seen().iter().filter(|seen| is_create(seen)).count(), 1);
}

#[tokio::test]
async fn a_record_that_an_upsert_under_way_may_have_brought_is_left_to_it() {
    let (table, _upstream, gateway) = scripted(&[], |count, seen, table| {
        if count == 1 {
            return Reply::Cut;
        }
        if seen.method == "POST" {
            return table.apply(seen);
        }
        let record = json!({"id": "rec00000000000009", "createdTime": now(), "fields": {"Name": "A"}});
        table.put(&record);
        let body = json!({"records": [record], "createdRecords": [record["id"]], "updatedRecords": []});
        Reply::Later(Duration::from_secs(2), 200, body)
    })
    .await;
    let upsert =
        json!({"performUpsert": {"fieldsToMergeOn": ["Name"]}, "records": [{"fields": {"Name": "A"}}]});
    let first = tokio::spawn(answer(gateway.deals(Method::PATCH, "", Some("first")).json(&upsert)));
    until("the upsert took effect", || table.records().len() == 1).await;
    let second = answer(create(&gateway, "second", "A")).await.1;
    let first = first.await.unwrap().1;
    assert_ne!((&first["createdRecords"][0], second["id"].is_null()), (&second["id"], true), "{second}");
    assert_eq!(table.records().len(), 2);
}

#[tokio::test]
async fn a_search_ends_while_creates_like_it_go_on() {
    let (_table, upstream, gateway) = scripted(&[], |count, seen, table| match table.apply(seen) {
        Reply::Json(..) if count == 1 => Reply::Cut,
        Reply::Json(status, body) => Reply::Later(Duration::from_millis(900), status, body),
        reply => reply,
    })
    .await;
    let gateway = std::sync::Arc::new(gateway);
    let mut others = vec![tokio::spawn(answer(create(&gateway, "other", "A")))];
    until("one is under way", || !upstream.seen().is_empty()).await;
    let mut lost = tokio::spawn(answer(create(&gateway, "lost", "A")));
    let found = loop {
        tokio::select! {
            found = &mut lost => break found.unwrap(),
            () = tokio::time::sleep(Duration::from_millis(300)) => {
                let number = others.len();
                assert!(number < 25, "it starves");
                others.push(tokio::spawn(answer(create(&gateway, &format!("other-{number}"), "A"))));
            }
        }
    };
    assert_eq!((found.0.as_u16(), &found.1["id"]), (200, &json!("rec00000000000002")));
    for other in others {
        let (status, body) = other.await.unwrap();
        assert_eq!((status.as_u16(), body["id"] == found.1["id"]), (200, false), "{body}");
    }
}

/// An upsert of one record, whose first answer is lost and whose second one is `answered`.
async fn upsert(answered: Value) -> (u16, Value) {
    let (_table, _upstream, gateway) =
        scripted(
            &[],
            move |count, _, _| {
                if count == 0 { Reply::Cut } else { Reply::Json(200, answered.clone()) }
            },
        )
        .await;
    let body = json!({"performUpsert": {"fieldsToMergeOn": ["Key"]}, "records": [{"fields": {"Key": 1}}]});
    let (status, body) = answer(gateway.deals(Method::PATCH, "", Some("k")).json(&body)).await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn what_airtable_calls_created_stays_created() {
    let old = json!([{"id": "rec1", "createdTime": "2026-01-01T00:00:00.000Z", "fields": {}}]);
    let (status, body) =
        upsert(json!({"records": old, "createdRecords": ["rec1"], "updatedRecords": []})).await;
    assert_eq!((status, &body["createdRecords"]), (200, &json!(["rec1"])));
}

#[tokio::test]
async fn whether_a_record_of_the_minute_before_was_created_or_updated_is_not_guessed() {
    let before = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(30);
    let records = json!([{"id": "rec1", "createdTime": format!("{before:.3}"), "fields": {}}]);
    let (status, body) =
        upsert(json!({"records": records, "createdRecords": [], "updatedRecords": ["rec1"]})).await;
    assert_eq!((status, body["error"]["type"].clone()), unknown());
}

#[tokio::test]
async fn a_new_process_leaves_the_first_second_to_the_old_one() {
    let begun = Instant::now();
    let (_table, upstream, gateway) = scripted(&[], |_, seen, table| table.apply(seen)).await;
    assert_eq!(answer(gateway.deals(Method::GET, "", None)).await.0, 200);
    assert!(upstream.seen()[0].at - begun >= Duration::from_secs(1));
}
