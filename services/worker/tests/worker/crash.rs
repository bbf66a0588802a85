//! The worker dies at each of its points, in both directions, with each operation: nothing is lost and nothing doubled.
//! And with a promise switched off, the same checks fail.

use std::{
    io::{Read as _, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, Stdio},
};

use crate::support::{STEP, World, operations, send, start, with};
use serde_json::{Value, json};

const POINTS: [&str; 3] = ["after-intent", "after-effect", "before-answer"];
const SIGABRT: i32 = 6;

/// The process that dies: what it does comes on standard input.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the other tests run it in processes of its own"]
async fn one_call_until_death() {
    let mut task = String::new();
    std::io::stdin().read_to_string(&mut task).unwrap();
    let task: Value = serde_json::from_str(&task).unwrap();
    let text = |name: &str| task[name].as_str().unwrap();
    fail::cfg(text("point"), "return").unwrap();
    let (router, _) = start(text("folder").as_ref());
    let answer = send(router, text("method"), &format!("/v1/steps/{STEP}"), &task["call"]).await;
    panic!("still alive, answered {answer:?}");
}

async fn die(point: &str, folder: &Path, method: &str, call: &Value) {
    let task = json!({"point": point, "folder": folder, "method": method, "call": call}).to_string();
    let child = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "crash::one_call_until_death", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(task.as_bytes()).unwrap();
        child.wait().unwrap()
    });
    assert_eq!(child.await.unwrap().signal(), Some(SIGABRT), "{point} was not reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_dies_is_done_once_by_the_next_attempt_and_can_be_undone() {
    for (operation, input, writes) in operations() {
        for point in POINTS {
            let mut world = World::new().await;
            let before = world.gateway.cells();
            let call = world.call(operation, &input);
            die(&format!("worker::{point}:do"), &world.stop(), "PUT", &call).await;
            world.restart();
            let (status, body) = world.put(&with(&call, &json!({"attempt": 2}))).await;
            assert_eq!(status, 200, "{operation} {point}: {body}");
            assert_eq!(world.gateway.writes().len(), writes, "{operation} {point}");
            assert_eq!(world.delete(&call).await.0, 200, "{operation} {point}");
            assert_eq!(world.gateway.cells(), before, "{operation} {point}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_dies_can_be_undone_without_another_attempt() {
    for (operation, input, _) in operations() {
        for point in POINTS {
            let mut world = World::new().await;
            let before = world.gateway.cells();
            let call = world.call(operation, &input);
            die(&format!("worker::{point}:do"), &world.stop(), "PUT", &call).await;
            world.restart();
            let (status, body) = world.delete(&call).await;
            assert_eq!(status, 200, "{operation} {point}: {body}");
            assert_eq!(world.gateway.cells(), before, "{operation} {point}");
            assert_eq!(world.put(&call).await.0, 409, "{operation} {point}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_dies_is_done_once_by_the_next_attempt() {
    for (operation, input, _) in operations() {
        for point in POINTS {
            let mut world = World::new().await;
            let before = world.gateway.cells();
            let call = world.call(operation, &input);
            assert_eq!(world.put(&call).await.0, 200, "{operation}");
            die(&format!("worker::{point}:undo"), &world.stop(), "DELETE", &call).await;
            world.restart();
            let (status, body) = world.delete(&with(&call, &json!({"attempt": 2}))).await;
            assert_eq!(status, 200, "{operation} {point}: {body}");
            assert_eq!(world.gateway.cells(), before, "{operation} {point}");
            assert_eq!(world.put(&call).await.0, 409, "{operation} {point}");
        }
    }
}
