//! With a promise switched off, what the other tests check does not hold: they would notice. Fail points hold for a
//! whole process, so each of these tests has one of its own.

use std::process::Command;

use serde_json::json;

use crate::support::{World, with};

#[test]
fn the_tests_would_notice_a_promise_that_is_not_kept() {
    for test in ["without_a_ledger_an_effect_is_doubled", "without_tombstones_a_late_action_leaves_an_effect"]
    {
        let name = format!("promises_off::{test}");
        let run =
            Command::new(std::env::current_exe().unwrap()).args(["--ignored", "--exact", &name]).output();
        let run = run.unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
        assert!(String::from_utf8_lossy(&run.stdout).contains("1 passed"), "{test} was not found");
    }
}

#[tokio::test]
#[ignore = "needs a process of its own"]
async fn without_a_ledger_an_effect_is_doubled() {
    fail::cfg("worker::without-ledger", "return").unwrap();
    let world = World::new().await;
    let call = world.call("airtable.create", &json!({"table": "Deals", "fields": {"Name": "Bo"}}));
    assert_eq!(world.put(&call).await.0, 200);
    assert_eq!(world.put(&with(&call, &json!({"attempt": 2}))).await.0, 200);
    assert_eq!(world.gateway.writes().len(), 2);
}

#[tokio::test]
#[ignore = "needs a process of its own"]
async fn without_tombstones_a_late_action_leaves_an_effect() {
    fail::cfg("worker::without-tombstones", "return").unwrap();
    let world = World::new().await;
    let call = world.call("airtable.create", &json!({"table": "Deals", "fields": {"Name": "Bo"}}));
    assert_eq!(world.delete(&call).await.0, 200);
    assert_eq!(world.put(&call).await.0, 200);
    assert_eq!(world.gateway.cells().len(), 2);
}
