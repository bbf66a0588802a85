//! A worker that is asked to stop while a step runs whose caller hung up.

use std::{path::Path, time::Duration};

use clap::Parser as _;
use serde_json::{Value, json};
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::support::{STEP, World, gateway::Fault, install_tls, send, start};

/// A worker with a listener of its own.
struct Serving {
    url: String,
    stop: oneshot::Sender<()>,
    run: JoinHandle<Result<(), worker::Error>>,
}

fn serve(folder: &Path, grace_seconds: u64) -> Serving {
    install_tls();
    std::fs::write(folder.join("token"), "gateway-token").unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cli = crate::support::Cli::parse_from([
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
    Serving { url: format!("http://{address}"), stop, run }
}

impl Serving {
    /// Begins a step that the gateway holds, and hangs up.
    async fn begin_and_hang_up(&self, world: &World, call: &Value) {
        let client = reqwest::Client::new();
        while client.get(format!("{}/health", self.url)).send().await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
        world.gateway.fail_next(Fault::Held);
        let put = client.put(format!("{}/v1/steps/{STEP}", self.url)).body(call.to_string());
        let put = put.header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        tokio::select! {
            answer = put.send() => panic!("answered {answer:?}"),
            () = world.gateway.is_holding() => {}
        }
    }
}

#[tokio::test]
async fn a_run_whose_caller_hung_up_is_awaited_so_that_its_outcome_is_kept() {
    let world = World::new().await;
    let call = world.call("airtable.create", &json!({"table": "Deals", "fields": {"Name": "Bo"}}));
    let folder = tempfile::tempdir().unwrap();
    let mut serving = serve(folder.path(), 20);
    serving.begin_and_hang_up(&world, &call).await;

    serving.stop.send(()).unwrap();
    let early = timeout(Duration::from_millis(500), &mut serving.run).await;
    assert!(early.is_err(), "the worker ended while a step was running");
    world.gateway.release();
    timeout(Duration::from_secs(10), serving.run).await.unwrap().unwrap().unwrap();

    let (router, _) = start(folder.path());
    let (status, body) = send(router, "GET", &format!("/v1/steps/{STEP}?epoch=3"), &Value::Null).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn a_run_that_does_not_end_is_awaited_no_longer_than_the_grace_period() {
    let world = World::new().await;
    let call = world.call("airtable.create", &json!({"table": "Deals", "fields": {"Name": "Bo"}}));
    let folder = tempfile::tempdir().unwrap();
    let serving = serve(folder.path(), 1);
    serving.begin_and_hang_up(&world, &call).await;
    serving.stop.send(()).unwrap();
    timeout(Duration::from_secs(10), serving.run).await.unwrap().unwrap().unwrap();
}
