//! Clients with rights on some tables: the schema that it takes, records that are elsewhere, keys, and rights that change.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    setup::{BASE, Running, answer},
    upstream::{Reply, Seen, Upstream},
};

pub const DEALS: &str = "tbl00000000000001";
const RECORD: &str = "rec00000000000001";
const ELSEWHERE: &str = "rec00000000000002";

/// Deals, and a table that no client has rights on.
fn schema() -> Value {
    let table = |number: u8, name: &str| {
        json!({"id": format!("tbl{number:014}"), "name": name, "primaryFieldId": format!("fld{number:014}"), "views": [],
            "fields": [{"id": format!("fld{number:014}"), "name": "Name", "type": "singleLineText"},
                {"id": format!("fld{number:013}1"), "name": "Papers", "type": "multipleAttachments"}]})
    };
    json!({"tables": [table(1, "Deals"), table(2, "Salaries")]})
}

/// An upstream with [`RECORD`] in `Deals`, which takes every write.
pub fn airtable(seen: &Seen) -> Reply {
    let record = json!({"id": RECORD, "createdTime": "2026-01-01T00:00:00.000Z", "fields": {"Name": "A"}});
    let target = seen.target.split('?').next().unwrap();
    match (seen.method.as_str(), target) {
        ("GET", target) if target.starts_with("/v0/meta/") => Reply::Json(200, schema()),
        ("POST", target) if target.ends_with(&format!("{DEALS}/listRecords")) => {
            let is_asked = seen.body["filterByFormula"].as_str().unwrap_or_default().contains(RECORD);
            Reply::Json(200, json!({"records": if is_asked { vec![record] } else { vec![] }}))
        }
        ("POST", target) if target.ends_with("uploadAttachment") => Reply::Json(
            200,
            json!({"id": RECORD, "fields": {"fld00000000000011": [], "fld00000000000099": "hidden"}}),
        ),
        ("DELETE", _) => Reply::Json(200, json!({"id": RECORD, "deleted": true})),
        _ => Reply::Json(200, record),
    }
}

fn clients(shop: &Value) -> String {
    let mut shop = json!({"name": "shop", "file": "shop", "tables": shop});
    if shop["tables"].is_null() {
        shop.as_object_mut().unwrap().remove("tables");
    }
    let other = json!({"name": "other", "file": "other", "tables": [{"name": DEALS}]});
    json!({"keys": [shop, other, {"name": "all", "file": "all"}]}).to_string()
}

/// A gateway whose files are in `folder`, with the clients `shop` and `other` for deals, and `all`.
pub async fn gateway(upstream: &str, folder: TempDir, more: &[&str]) -> Running {
    for (file, text) in [
        ("shop", "shop"),
        ("other", "other"),
        ("all", "all"),
        ("clients.json", &clients(&json!([{"name": "Deals"}]))),
    ] {
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    let option = format!("--clients-file={}", folder.path().join("clients.json").display());
    Running::in_folder(upstream, folder, &[more, &[&option]].concat()).await
}

pub fn call(gateway: &Running, client: &str, method: Method, rest: &str) -> RequestBuilder {
    Client::new().request(method, format!("{}/v0/{BASE}/{rest}", gateway.url)).bearer_auth(client)
}

pub async fn outcome(request: RequestBuilder) -> (u16, Value) {
    let (status, body) = answer(request).await;
    (status.as_u16(), body["error"]["type"].clone())
}

pub fn asked(upstream: &Upstream, what: &str) -> usize {
    upstream.seen().iter().filter(|seen| seen.target.contains(what)).count()
}

#[tokio::test]
async fn without_a_schema_nothing_is_allowed_and_nothing_is_sent() {
    let upstream = Upstream::new(|_| Reply::Json(403, json!({"error": {"type": "NOT_AUTHORIZED"}}))).await;
    let gateway = gateway(&upstream.url, tempfile::tempdir().unwrap(), &[]).await;
    for rest in ["Deals", "Salaries", "Deals/rec00000000000001"] {
        let refusal = outcome(call(&gateway, "shop", Method::GET, rest)).await;
        assert_eq!(refusal, (503, json!("GATEWAY_SCHEMA_UNAVAILABLE")), "{rest}");
    }
    assert_eq!(asked(&upstream, "/v0/meta/"), upstream.seen().len());
}

#[tokio::test]
async fn the_schema_is_read_for_limited_clients_and_again_for_a_name_that_is_not_known() {
    let renamed = Arc::new(AtomicBool::default());
    let is_renamed = renamed.clone();
    let upstream = Upstream::new(move |seen| match airtable(seen) {
        Reply::Json(200, mut body) if body.get("tables").is_some() && is_renamed.load(Ordering::SeqCst) => {
            body["tables"][1]["name"] = "Deals of last year".into();
            body["tables"][0]["name"] = "Trades".into();
            Reply::Json(200, body)
        }
        reply => reply,
    })
    .await;
    let gateway = gateway(&upstream.url, tempfile::tempdir().unwrap(), &[]).await;
    assert_eq!(outcome(call(&gateway, "all", Method::GET, "Deals")).await.0, 200);
    assert_eq!(asked(&upstream, "/v0/meta/"), 0, "whoever may see the whole base needs none");
    for _ in 0..5 {
        assert_eq!(outcome(call(&gateway, "other", Method::GET, "Deals")).await.0, 200);
    }
    assert_eq!(asked(&upstream, "/v0/meta/"), 1);
    renamed.store(true, Ordering::SeqCst);
    let mut tries = 0;
    while outcome(call(&gateway, "other", Method::GET, "Trades")).await.0 != 200 {
        tries += 1;
        assert!(tries < 100, "the new name was never known");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(
        asked(&upstream, "/v0/meta/"),
        2,
        "names that nobody knows are asked about once in two seconds"
    );
    assert_eq!(asked(&upstream, "Deals"), 1, "tables are named by id but for the client with all rights");
}

#[tokio::test]
async fn a_record_that_is_elsewhere_is_not_written_under_an_allowed_table() {
    let upstream = Upstream::new(airtable).await;
    let gateway = gateway(&upstream.url, tempfile::tempdir().unwrap(), &[]).await;
    let fields = json!({"fields": {"Name": "x"}});
    let records = |id: &str| json!({"records": [{"id": RECORD, "fields": {}}, {"id": id, "fields": {}}]});
    let requests = |id: &str| {
        [
            call(&gateway, "shop", Method::PATCH, &format!("Deals/{id}")).json(&fields),
            call(&gateway, "shop", Method::PUT, "Deals").json(&records(id)),
            call(&gateway, "shop", Method::DELETE, &format!("Deals?records[]={id}&records[]={RECORD}")),
            call(&gateway, "shop", Method::GET, &format!("Deals/{id}/comments")),
            call(&gateway, "shop", Method::POST, &format!("Deals/{id}/comments")).json(&json!({"text": "x"})),
            call(&gateway, "shop", Method::POST, &format!("{id}/Papers/uploadAttachment"))
                .json(&json!({"file": "eA=="})),
            call(&gateway, "shop", Method::DELETE, &format!("Deals/{id}")),
        ]
    };
    for request in requests(ELSEWHERE) {
        assert_eq!(outcome(request).await, (404, json!("MODEL_ID_NOT_FOUND")));
    }
    let sent = upstream.seen();
    assert!(
        sent.iter().all(|seen| seen.target.contains("/meta/") || seen.target.ends_with("/listRecords")),
        "{sent:?}"
    );
    let looks = asked(&upstream, "/listRecords");
    for request in requests(RECORD) {
        assert_eq!(outcome(request).await.0, 200);
    }
    assert_eq!(asked(&upstream, "/listRecords"), looks, "where a record is was proven before");
    let uploaded = call(&gateway, "shop", Method::POST, &format!("{RECORD}/Papers/uploadAttachment"));
    assert_eq!(answer(uploaded.json(&json!({}))).await.1["fields"], json!({"fld00000000000011": []}));
    let read = outcome(call(&gateway, "shop", Method::GET, &format!("Deals/{ELSEWHERE}"))).await;
    assert_eq!(read, (403, json!("INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND")));
}

#[tokio::test]
async fn the_keys_of_a_limited_client_are_its_own() {
    let count = Arc::new(AtomicUsize::default());
    let counted = count.clone();
    let upstream = Upstream::new(move |seen| match airtable(seen) {
        Reply::Json(200, mut record) if seen.method == "POST" && seen.target.ends_with(DEALS) => {
            record["id"] = format!("rec{:014}", counted.fetch_add(1, Ordering::SeqCst)).into();
            Reply::Json(200, record)
        }
        reply => reply,
    })
    .await;
    let gateway = gateway(&upstream.url, tempfile::tempdir().unwrap(), &[]).await;
    let create = |client: &str| {
        call(&gateway, client, Method::POST, DEALS)
            .header("Idempotency-Key", "k")
            .json(&json!({"fields": {"Name": "A"}}))
    };
    let mut ids = Vec::new();
    for client in ["shop", "other", "all", "shop", "other", "all"] {
        ids.push(answer(create(client)).await.1["id"].clone());
    }
    assert_eq!((&ids[..3], count.load(Ordering::SeqCst)), (&ids[3..], 3), "{ids:?}");
    let ledger = |client: &str| {
        Client::new().get(format!("{}/api/airtable/ledger/k", gateway.url)).bearer_auth(client.to_owned())
    };
    assert_eq!(answer(ledger("all")).await.1["response"]["body"]["id"], ids[2]);
    assert_eq!(outcome(ledger("shop")).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_is_repeated_with_its_key_by_the_next_gateway_although_its_record_is_gone() {
    let is_gone = Arc::new(AtomicBool::default());
    let gone = is_gone.clone();
    let upstream = Upstream::new(move |seen| match (seen.method.as_str(), gone.load(Ordering::SeqCst)) {
        ("POST", true) => Reply::Json(200, json!({"records": []})),
        ("DELETE", _) => {
            gone.store(true, Ordering::SeqCst);
            airtable(seen)
        }
        _ => airtable(seen),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let option = format!("--ledger={}", folder.path().join("ledger.redb").display());
    let delete = |gateway: &Running| {
        call(gateway, "shop", Method::DELETE, &format!("Deals/{RECORD}")).header("Idempotency-Key", "k")
    };
    let (url, first_option) = (upstream.url.clone(), option.clone());
    let process = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let first = runtime.block_on(gateway(&url, folder, &[&first_option]));
        let answered = runtime.block_on(answer(delete(&first)));
        runtime.shutdown_background();
        answered
    });
    assert_eq!(process.join().unwrap().0, 200);
    assert!(is_gone.load(Ordering::SeqCst));
    let second =
        once_free(Path::new(&option["--ledger=".len()..]), gateway(&upstream.url, folder, &[&option])).await;
    let repeated = delete(&second).send().await.unwrap();
    assert_eq!(
        (repeated.status().as_u16(), repeated.headers().contains_key("idempotency-replayed")),
        (200, true)
    );
    let other =
        call(&second, "shop", Method::DELETE, &format!("Deals/{RECORD}")).header("Idempotency-Key", "l");
    assert_eq!(outcome(other).await, (404, json!("MODEL_ID_NOT_FOUND")));
    assert_eq!(upstream.count("DELETE"), 1);
}

/// `next`, once the process before it let go of the ledger.
async fn once_free(ledger: &Path, next: impl Future<Output = Running>) -> Running {
    while let Err(error) = ledger::Ledger::open(Some(ledger), jiff::Timestamp::now()) {
        assert!(matches!(error, ledger::Error::InUse { .. }), "{error}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    next.await
}

#[tokio::test]
async fn a_right_that_is_taken_away_is_gone_with_the_next_request() {
    let upstream = Upstream::new(airtable).await;
    let gateway = gateway(&upstream.url, tempfile::tempdir().unwrap(), &[]).await;
    let write = || {
        call(&gateway, "shop", Method::POST, "Deals")
            .header("Idempotency-Key", "k")
            .json(&json!({"fields": {"Name": "A"}}))
    };
    let file = gateway.folder.path().join("clients.json");
    assert_eq!(outcome(write()).await.0, 200);
    for (rights, expected) in [
        (json!([{"name": "Deals", "fields": ["Papers"]}]), (422, json!("UNKNOWN_FIELD_NAME"))),
        (json!([{"name": "Deals", "readOnly": true}]), (403, json!("INVALID_PERMISSIONS"))),
        (json!([{"name": "Salaries"}]), (403, json!("INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND"))),
        (json!([{"name": "Deals"}]), (200, Value::Null)),
        (Value::Null, (200, Value::Null)),
    ] {
        std::fs::write(&file, clients(&rights)).unwrap();
        let mut tries = 0;
        while outcome(write()).await != expected {
            tries += 1;
            assert!(tries < 100, "{rights} never counted");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn what_a_limited_client_asks_of_kept_answers_is_heard() {
    let upstream = Upstream::new(airtable).await;
    let gateway = gateway(&upstream.url, tempfile::tempdir().unwrap(), &["--cache-ttl-seconds=600"]).await;
    let record = format!("Deals/{RECORD}");
    for (control, sent) in [("", 1), ("", 1), ("max-age=600", 1), ("no-cache", 2), ("", 2)] {
        let read = call(&gateway, "shop", Method::GET, &record).header("Cache-Control", control);
        assert_eq!(outcome(read).await.0, 200);
        assert_eq!(asked(&upstream, "listRecords"), sent, "{control}");
    }
}
