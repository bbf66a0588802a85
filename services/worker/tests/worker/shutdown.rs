//! A worker that is asked to stop while a step runs whose caller hung up.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{STEP, World, gateway::Fault, send, serving::Serving, start};

/// Begins a step that the gateway holds, and hangs up.
async fn begin_and_hang_up(serving: &Serving, world: &World, call: &Value) {
    world.gateway.fail_next(Fault::Held);
    tokio::select! {
        answer = serving.put(STEP, call) => panic!("answered {answer:?}"),
        () = world.gateway.is_holding() => {}
    }
}

#[tokio::test]
async fn a_run_whose_caller_hung_up_is_awaited_so_that_its_outcome_is_kept() {
    let world = World::new().await;
    let call = world.call("airtable.create", &json!({"table": "Deals", "fields": {"Name": "Bo"}}));
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(folder.path(), 20).await;
    begin_and_hang_up(&serving, &world, &call).await;

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
    let serving = Serving::start(folder.path(), 1).await;
    begin_and_hang_up(&serving, &world, &call).await;
    serving.stop.send(()).unwrap();
    timeout(Duration::from_secs(10), serving.run).await.unwrap().unwrap().unwrap();
}
