//! Who may do what, and where.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{
    setup::{BASE, Running, answer},
    upstream::{Reply, Upstream},
};

async fn call(gateway: &Running, key: &str, method: Method, path: &str) -> (u16, Value) {
    let request =
        Client::new().request(method, format!("{}{path}", gateway.url)).bearer_auth(key).json(&json!({}));
    let (status, body) = answer(request).await;
    (status.as_u16(), body)
}

/// A gateway with a writer and a reader, and the upstream behind it.
async fn with_reader() -> (Running, Upstream) {
    let upstream = Upstream::new(|_| Reply::Json(200, json!({}))).await;
    let folder = tempfile::tempdir().unwrap();
    let clients = json!({"keys": [{"name": "writer", "file": "writer"}, {"name": "reader", "file": "reader", "readOnly": true}]});
    for (file, text) in [("writer", "w-key"), ("reader", "r-key"), ("clients.json", &clients.to_string())] {
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    let option = format!("--clients-file={}", folder.path().join("clients.json").display());
    (Running::in_folder(&upstream.url, folder, &[&option]).await, upstream)
}

#[tokio::test]
async fn a_stranger_is_answered_401_and_nothing_is_sent() {
    let (gateway, upstream) = with_reader().await;
    for key in ["", "w-key2", "pat-of-the-gateway"] {
        let (status, body) = call(&gateway, key, Method::GET, &format!("/v0/{BASE}/T")).await;
        assert_eq!((status, &body["error"]["type"]), (401, &json!("AUTHENTICATION_REQUIRED")));
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn a_reader_reads_and_lists_and_writes_nothing() {
    let (gateway, upstream) = with_reader().await;
    let table = format!("/v0/{BASE}/T");
    assert_eq!(call(&gateway, "r-key", Method::GET, &table).await.0, 200);
    assert_eq!(call(&gateway, "r-key", Method::POST, &format!("{table}/listRecords")).await.0, 200);
    for (method, path) in [
        (Method::POST, table.clone()),
        (Method::PATCH, table.clone()),
        (Method::DELETE, format!("{table}/rec1")),
        (Method::POST, format!("/v0/meta/bases/{BASE}/tables")),
        (Method::POST, format!("/v0/bases/{BASE}/webhooks")),
        (Method::GET, "/api/airtable/ledger/k".to_owned()),
        (Method::DELETE, "/api/airtable/ledger/k".to_owned()),
    ] {
        let (status, body) = call(&gateway, "r-key", method, &path).await;
        assert_eq!((status, &body["error"]["type"]), (403, &json!("INVALID_PERMISSIONS")), "{path}");
    }
    assert_eq!(upstream.seen().len(), 2);
    assert_eq!(call(&gateway, "w-key", Method::POST, &table).await.0, 200);
}

#[tokio::test]
async fn another_base_is_not_found_and_neither_is_a_way_around() {
    let (gateway, upstream) = with_reader().await;
    for path in
        ["/v0/appBBBBBBBBBBBBBB/T", "/v0/meta/bases/appBBBBBBBBBBBBBB/tables", "/v0/meta/workspaces/wsp1"]
    {
        let (status, body) = call(&gateway, "w-key", Method::GET, path).await;
        assert_eq!(
            (status, &body["error"]["type"]),
            (403, &json!("INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND")),
            "{path}"
        );
    }
    let around = format!("/v0/{BASE}/T%2F..%2F..%2FappBBBBBBBBBBBBBB/T");
    assert_eq!(call(&gateway, "w-key", Method::GET, &around).await, (404, json!({"error": "NOT_FOUND"})));
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn only_this_base_is_listed() {
    let upstream = Upstream::new(|_| {
        Reply::Json(
            200,
            json!({"bases": [{"id": "appBBBBBBBBBBBBBB"}, {"id": BASE, "name": "CRM"}], "offset": "next"}),
        )
    })
    .await;
    let gateway = Running::new(&upstream.url, &[]).await;
    let listed = answer(gateway.request(Method::GET, "/v0/meta/bases")).await.1;
    assert_eq!(listed, json!({"bases": [{"id": BASE, "name": "CRM"}], "offset": "next"}));
}

#[tokio::test]
async fn a_changed_clients_file_counts_within_seconds_and_a_broken_one_changes_nothing() {
    let (gateway, _upstream) = with_reader().await;
    let file = gateway.folder.path().join("clients.json");
    let table = format!("/v0/{BASE}/T");
    assert_eq!(call(&gateway, "r-key", Method::POST, &table).await.0, 403);
    std::fs::write(&file, json!({"keys": [{"name": "reader", "file": "reader"}]}).to_string()).unwrap();
    let mut tries = 0;
    while call(&gateway, "r-key", Method::POST, &table).await.0 != 200 {
        tries += 1;
        assert!(tries < 100, "the changed file never counted");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(call(&gateway, "w-key", Method::GET, &table).await.0, 401, "the writer is no client any more");
    std::fs::write(&file, "{").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(call(&gateway, "r-key", Method::POST, &table).await.0, 200);
}
