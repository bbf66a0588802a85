//! A gateway to test, and a client for it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Parser;
use gateway::{Config, Gateway};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;
use telemetry::metrics::Metrics;
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub const BASE: &str = "appAAAAAAAAAAAAAA";
pub const KEY: &str = "key-of-the-client";

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    config: Config,
}

/// A gateway that listens on loopback, with its files in a folder of its own.
pub struct Running {
    pub url: String,
    pub folder: TempDir,
    pub metrics: Metrics,
    gateway: Gateway,
    client: Client,
}

/// The configuration of a gateway for `upstream` whose files are in `folder`.
pub fn config(upstream: &str, folder: &Path, more: &[&str]) -> Config {
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let file = |name: &str| -> PathBuf { folder.join(name) };
    if !file("token").exists() {
        std::fs::write(file("token"), "pat-of-the-gateway\n").unwrap();
    }
    std::fs::write(file("key"), KEY).unwrap();
    let path = |name: &str| file(name).to_str().unwrap().to_owned();
    let mut arguments = vec![
        "gateway".to_owned(),
        "--listen=127.0.0.1:0".to_owned(),
        format!("--upstream={upstream}"),
        format!("--token-file={}", path("token")),
    ];
    if !more.iter().any(|argument| argument.starts_with("--clients-file")) {
        arguments.push(format!("--client-key-file={}", path("key")));
    }
    for (option, value) in [
        ("--base", BASE),
        ("--requests-per-second", "50"),
        ("--lockout-seconds", "1"),
        ("--queue-deadline-seconds", "20"),
    ] {
        if !more.iter().any(|argument| argument.starts_with(option)) {
            arguments.push(format!("{option}={value}"));
        }
    }
    let (settle, more): (Vec<&str>, Vec<&str>) =
        more.iter().partition(|argument| argument.starts_with("--settle-seconds="));
    arguments.extend(more.into_iter().map(str::to_owned));
    let mut config = Cli::parse_from(arguments).config;
    // Less than a gateway takes: here no network keeps anything.
    let settle = settle.first().and_then(|argument| argument.rsplit('=').next());
    config.settle_seconds = settle.map_or(0, |seconds| seconds.parse().unwrap());
    config
}

impl Running {
    pub async fn new(upstream: &str, more: &[&str]) -> Self {
        Self::in_folder(upstream, tempfile::tempdir().unwrap(), more).await
    }

    pub async fn in_folder(upstream: &str, folder: TempDir, more: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::at(listener, upstream, folder, more)
    }

    /// At an address that was known before.
    pub fn at(listener: TcpListener, upstream: &str, folder: TempDir, more: &[&str]) -> Self {
        let config = config(upstream, folder.path(), more);
        let metrics = Metrics::new();
        let gateway = Gateway::new(&config, &metrics).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback_service(gateway::app(gateway.clone()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, folder, metrics, gateway, client: Client::new() }
    }

    /// Probes the upstream from now on.
    pub fn watch(&self) {
        tokio::spawn(self.gateway.clone().watch_upstream());
    }

    /// Hears of what others change from now on.
    pub fn listen(&self) -> JoinHandle<()> {
        tokio::spawn(self.gateway.clone().keep_webhook())
    }

    /// A request with the client's key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(KEY)
    }

    /// A request for the table `Deals`, with an idempotency key where one is given.
    pub fn deals(&self, method: Method, rest: &str, key: Option<&str>) -> RequestBuilder {
        let request = self.request(method, &format!("/v0/{BASE}/Deals{rest}"));
        match key {
            Some(key) => request.header("Idempotency-Key", key),
            None => request,
        }
    }

    pub fn metrics(&self) -> String {
        self.metrics.text().unwrap()
    }
}

/// A gateway as its process runs it, until it is told to stop.
pub struct Served {
    pub url: String,
    pub stop: oneshot::Sender<()>,
    pub running: JoinHandle<Result<(), gateway::Error>>,
}

impl Served {
    pub fn new(mut config: Config) -> Self {
        config.host.listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://{}", config.host.listen);
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(gateway::run(config, async move { drop(stopped.await) }));
        Self { url, stop, running }
    }

    /// Waits until all checks of its readiness hold.
    pub async fn is_ready(&self) {
        let (client, mut report) = (Client::new(), String::new());
        for _ in 0..2000 {
            match client.get(format!("{}/ready", self.url)).send().await {
                Ok(response) if response.status() == 200 => return,
                Ok(response) => report = response.text().await.unwrap(),
                Err(_) => (),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never ready: {report}")
    }
}

/// Status and JSON body.
pub async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    (status, response.json().await.unwrap_or_default())
}

/// Waits until `holds`, at most ten seconds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}")
}
