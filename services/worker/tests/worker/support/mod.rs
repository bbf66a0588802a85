//! A worker in process, and a scripted gateway with records, a ledger and faults.

pub mod gateway;
pub mod serving;
mod table;

use std::{
    path::{Path, PathBuf},
    sync::Once,
};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use clap::Parser;
use gateway::Gateway;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
pub use table::field_id;
use telemetry::metrics::Metrics;
use tower::ServiceExt as _;

/// The command line of a worker.
#[derive(Parser)]
pub struct Cli {
    #[command(flatten)]
    pub config: worker::Config,
}

/// A worker whose ledger outlives it, and its gateway.
pub struct World {
    pub gateway: Gateway,
    pub metrics: Metrics,
    router: Router,
    folder: tempfile::TempDir,
}

/// The trace that all calls belong to.
pub const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The one key most tests use.
pub const STEP: &str = "6f1c/create-deal";

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "gateway-token").unwrap();
        let gateway = Gateway::start().await;
        let (router, metrics) = start(folder.path());
        Self { gateway, metrics, router, folder }
    }

    /// Ends the worker and starts another on the same ledger.
    pub fn restart(&mut self) {
        let (router, metrics) = start(&self.stop());
        self.router = router;
        self.metrics = metrics;
    }

    /// Ends the worker; returns the folder of its ledger.
    pub fn stop(&mut self) -> PathBuf {
        self.router = Router::new();
        self.folder.path().to_path_buf()
    }

    /// As [`World::restart`], with the ledger lost.
    pub fn restart_without_ledger(&mut self) {
        std::fs::remove_file(self.stop().join("ledger.redb")).unwrap();
        self.restart();
    }

    pub async fn put(&self, call: &Value) -> (StatusCode, Value) {
        self.send("PUT", &format!("/v1/steps/{STEP}"), call).await
    }

    pub async fn delete(&self, call: &Value) -> (StatusCode, Value) {
        self.send("DELETE", &format!("/v1/steps/{STEP}"), call).await
    }

    pub async fn get(&self, epoch: i64) -> (StatusCode, Value) {
        self.send("GET", &format!("/v1/steps/{STEP}?epoch={epoch}"), &Value::Null).await
    }

    pub async fn send(&self, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        send(self.router.clone(), method, path, body).await
    }

    /// A call for an operation on this world's base.
    pub fn call(&self, operation: &str, input: &Value) -> Value {
        let action = json!({"operation": operation, "base": self.base(), "input": input});
        json!({"attempt": 1, "epoch": 3, "firstSentAt": Timestamp::now(), "deadline": in_seconds(20),
               "action": action, "compensation": {"policy": "Auto"}})
    }

    pub fn base(&self) -> Value {
        json!({"name": "crm", "url": self.gateway.url(), "id": "appXXXXXXXXXXXXXX"})
    }
}

/// The reason of a failure.
pub fn reason(body: &Value) -> &str {
    body.pointer("/error/reason").and_then(Value::as_str).unwrap_or_default()
}

/// The call with other members.
pub fn with(call: &Value, changes: &Value) -> Value {
    let mut call = call.clone();
    for (name, value) in changes.as_object().unwrap() {
        call[name] = value.clone();
    }
    call
}

pub fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(seconds)
}

/// What the program's `main` does.
pub fn install_tls() {
    static TLS: Once = Once::new();
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

/// A worker on the ledger in `folder`.
pub fn start(folder: &Path) -> (Router, Metrics) {
    install_tls();
    let file = |name: &str| folder.join(name).display().to_string();
    let cli = Cli::parse_from([
        "worker",
        "--listen=127.0.0.1:0",
        "--allow-anonymous",
        &format!("--ledger={}", file("ledger.redb")),
        &format!("--gateway-token-file={}", file("token")),
    ]);
    let metrics = Metrics::new();
    (worker::router(cli.config.state(&metrics).unwrap()), metrics)
}

/// Sends a request to a worker.
pub async fn send(router: Router, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("traceparent", TRACEPARENT)
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// Each operation with an input that works, and how many writes its action makes.
pub fn operations() -> Vec<(&'static str, Value, usize)> {
    let record = "rec00000000000001";
    let rec = json!({"table": "Deals", "recordId": record});
    let two = json!([{"fields": {"Name": "Bo"}}, {"fields": {"Name": "Cy"}}]);
    vec![
        ("airtable.create", json!({"table": "Deals", "fields": {"Name": "Bo"}}), 1),
        ("airtable.create", json!({"table": "Deals", "records": two}), 1),
        (
            "airtable.update",
            json!({"table": "Deals", "recordId": record, "fields": {"Stage": "Won", "Note": "x"}}),
            1,
        ),
        (
            "airtable.upsert",
            json!({"table": "Deals", "fieldsToMergeOn": ["Name"], "fields": {"Name": "Ada", "Stage": "Won"}}),
            1,
        ),
        (
            "airtable.upsert",
            json!({"table": "Deals", "fieldsToMergeOn": ["Name"], "fields": {"Name": "Bo"}}),
            1,
        ),
        ("airtable.delete", rec.clone(), 1),
        ("airtable.get", rec, 0),
        ("airtable.find", json!({"table": "Deals", "filterByFormula": "{Name}=\"Ada\""}), 0),
    ]
}
