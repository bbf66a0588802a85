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
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let config = Config {
            host: host::Config {
                listen: address,
                log: "info".to_owned(),
                log_text: true,
                shutdown_grace_seconds: 5,
            },
            fixture: None,
            snapshot: Some(snapshot.to_owned()),
            limits: Limits::Off,
            tokens: vec![],
        };
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
    let config = Config {
        host: host::Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            log: String::new(),
            log_text: true,
            shutdown_grace_seconds: 1,
        },
        fixture: None,
        snapshot: Some(file.clone()),
        limits: Limits::Off,
        tokens: vec![],
    };
    let error = run(config, std::future::pending()).await.unwrap_err().to_string();
    assert!(error.contains("snapshot.json is not valid") && error.contains("remove it"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{");
}
