//! A worker with a listener of its own, as its process runs it.

use std::{path::Path, time::Duration};

use clap::Parser as _;
use serde_json::Value;
use tokio::{sync::oneshot, task::JoinHandle, time::sleep};

use super::{Cli, TRACEPARENT, install_tls};

pub struct Serving {
    url: String,
    client: reqwest::Client,
    pub stop: oneshot::Sender<()>,
    pub run: JoinHandle<Result<(), worker::Error>>,
}

impl Serving {
    /// Resolves once it answers.
    pub async fn start(folder: &Path, grace_seconds: u64) -> Self {
        install_tls();
        std::fs::write(folder.join("token"), "gateway-token").unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let cli = Cli::parse_from([
            "worker",
            "--allow-anonymous",
            &format!("--listen={address}"),
            &format!("--ledger={}", folder.join("ledger.redb").display()),
            &format!("--gateway-token-file={}", folder.join("token").display()),
            &format!("--shutdown-grace-seconds={grace_seconds}"),
        ]);
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap_or_default() };
        let run = tokio::spawn(worker::run(cli.config, shutdown));
        let url = format!("http://{address}");
        let client = reqwest::Client::new();
        while client.get(format!("{url}/health")).send().await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
        Self { url, client, stop, run }
    }

    /// Does a step.
    pub async fn put(&self, step: &str, call: &Value) -> (u16, Value) {
        let put = self.client.put(format!("{}/v1/steps/{step}", self.url));
        let answer = put.header("traceparent", TRACEPARENT).body(call.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }
}
