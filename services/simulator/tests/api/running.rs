//! The whole service: it starts, keeps a snapshot over restarts, and stops when told.

use std::path::Path;

use serde_json::Value;
use simulator::{Config, Limits, run};
use tokio::{net::TcpStream, sync::oneshot};

use crate::support::{BASE, call};

/// A service on a port of its own, until it is stopped.
struct Running {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<Result<(), simulator::Error>>,
}

impl Running {
    async fn start(snapshot: &Path) -> Self {
        Self::configured(Config { snapshot: Some(snapshot.to_owned()), ..config() }).await
    }

    async fn configured(config: Config) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let config = Config { host: host::Config { listen: address, ..config.host }, ..config };
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(run(config, async move {
            let _told = stopped.await;
        }));
        while TcpStream::connect(address).await.is_err() {
            assert!(!ended.is_finished(), "the service ended: {:?}", ended.await);
            tokio::task::yield_now().await;
        }
        Self { address, stop, ended }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
    }

    async fn audit(&self) -> Vec<Value> {
        let listing = call(self.address, "GET", &format!("{BASE}/Audit"), "").await;
        listing["records"].as_array().unwrap().clone()
    }
}

fn config() -> Config {
    Config {
        host: host::Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            log: "info".to_owned(),
            log_text: true,
            shutdown_grace_seconds: 5,
            tls: host::tls::Config::default(),
        },
        fixture: None,
        snapshot: None,
        limits: Limits::Off,
        public_url: None,
        private_urls: false,
        notification_backoff_ms: 10,
        limit_per_base: 5,
        limit_per_user: 50,
        lockout_seconds: 30,
        monthly_calls: None,
        admin_token_file: None,
        tokens: vec![],
    }
}

#[tokio::test]
async fn what_was_written_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("snapshot.json");
    let first = Running::start(&file).await;
    let body = r#"{"fields": {"Event": "kept", "Level": "info"}}"#;
    call(first.address, "POST", &format!("{BASE}/Audit"), body).await;
    let before = first.audit().await;
    first.stop().await;
    let second = Running::start(&file).await;
    assert_eq!(second.audit().await, before);
    let effects = call(second.address, "GET", "/admin/effects", "").await;
    assert_eq!(effects["effects"][0]["fields"]["Event"], "kept");
    assert_eq!(effects["effects"][0]["request"].as_str().unwrap().len(), 36, "the id of the request is kept");
    second.stop().await;
}

#[tokio::test]
async fn files_and_their_urls_survive_a_restart_and_go_with_their_cells() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("snapshot.json");
    let invoice = format!("{BASE}/Invoices/recCRM00000000301");
    let first = Running::start(&file).await;
    let body = r#"{"contentType": "application/json", "filename": "a.json", "file": "e30="}"#;
    let upload = format!("{BASE}/recCRM00000000301/Document/uploadAttachment");
    let answer = call(first.address, "POST", &upload, body).await;
    let held = answer["fields"].as_object().unwrap().values().next().unwrap();
    let path = held[0]["url"].as_str().unwrap().strip_prefix("http://x").unwrap().to_owned();
    first.stop().await;
    let second = Running::start(&file).await;
    assert_eq!(call(second.address, "GET", &path, "").await, serde_json::json!({}));
    let kept = |folder: &Path| std::fs::read_dir(folder.join("snapshot.json.attachments")).unwrap().count();
    assert_eq!(kept(folder.path()), 1);
    call(second.address, "PATCH", &invoice, r#"{"fields": {"Document": null}}"#).await;
    call(second.address, "POST", "/admin/reset", "").await;
    second.stop().await;
    assert_eq!(kept(folder.path()), 0);
}

#[tokio::test]
async fn comments_webhooks_and_their_payloads_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("snapshot.json");
    let hooks = "/v0/bases/appCRM00000000001/webhooks";
    let comments = format!("{BASE}/Audit/recCRM00000000401/comments");
    let first = Running::start(&file).await;
    let body = r#"{"specification": {"options": {"filters": {"dataTypes": ["tableData"]}}}}"#;
    let webhook = call(first.address, "POST", hooks, body).await["id"].as_str().unwrap().to_owned();
    call(first.address, "POST", &comments, r#"{"text": "kept"}"#).await;
    call(first.address, "POST", &format!("{BASE}/Audit"), r#"{"fields": {"Event": "kept"}}"#).await;
    let all = async |address| {
        let payloads = call(address, "GET", &format!("{hooks}/{webhook}/payloads"), "").await;
        let listed = call(address, "GET", hooks, "").await["webhooks"][0]["cursorForNextPayload"].clone();
        (call(address, "GET", &comments, "").await, payloads, listed)
    };
    let before = all(first.address).await;
    assert_eq!((before.0["comments"][0]["text"].as_str(), before.2.as_u64()), (Some("kept"), Some(2)));
    first.stop().await;
    let second = Running::start(&file).await;
    assert_eq!(all(second.address).await, before);
    second.stop().await;
}

#[tokio::test]
async fn a_change_is_on_disk_soon_without_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("snapshot.json");
    let running = Running::start(&file).await;
    call(running.address, "DELETE", &format!("{BASE}/Audit/recCRM00000000401"), "").await;
    let written = async {
        while !file.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), written).await.unwrap();
    assert!(!std::fs::read_to_string(&file).unwrap().contains("customer imported\",\"fldCRM"));
    running.stop().await;
}

#[tokio::test]
async fn a_broken_snapshot_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("snapshot.json");
    std::fs::write(&file, "{").unwrap();
    let config = Config { snapshot: Some(file.clone()), ..config() };
    let error = run(config, std::future::pending()).await.unwrap_err().to_string();
    assert!(error.contains("snapshot.json is not valid") && error.contains("remove it"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{");
}

#[tokio::test]
async fn the_own_endpoints_are_for_the_admin_token_alone_where_one_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "patTes\n").unwrap();
    let running = Running::configured(Config { admin_token_file: Some(file.clone()), ..config() }).await;
    let ask = async |method: &str, path: &str| call(running.address, method, path, "").await;
    for (method, path) in [
        ("GET", "/admin/effects"),
        ("GET", "/admin/requests"),
        ("GET", "/admin/faults"),
        ("PUT", "/admin/faults"),
        ("POST", "/admin/reset"),
    ] {
        assert_eq!(ask(method, path).await["error"]["type"], "ADMIN_TOKEN_REQUIRED", "{method} {path}");
    }
    assert_eq!(running.audit().await.len(), 1, "the API is not concerned");
    running.stop().await;
    std::fs::write(&file, "patTest\n").unwrap();
    let running = Running::configured(Config { admin_token_file: Some(file.clone()), ..config() }).await;
    assert_eq!(call(running.address, "POST", "/admin/reset", "").await["reset"], true);
    running.stop().await;
    std::fs::write(&file, "\n").unwrap();
    let error = run(Config { admin_token_file: Some(file), ..config() }, std::future::pending()).await;
    assert!(error.unwrap_err().to_string().starts_with("admin token: "));
}
