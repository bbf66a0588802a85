//! `http.request`, `wait`, `fail`, explicit compensations, and calls that are not right.

use crate::support::{STEP, World, gateway::Fault, in_seconds, reason, with};
use serde_json::{Value, json};

fn ring(world: &World) -> Value {
    let url = format!("{}/elsewhere", world.gateway.url());
    world.call("http.request", &json!({"method": "POST", "url": url, "body": {"a": 1}}))
}

#[tokio::test]
async fn an_http_request_is_sent_once_and_again_with_the_same_key_after_a_lost_answer() {
    let mut world = World::new().await;
    let call = ring(&world);
    world.gateway.fail_next(Fault::AnswerLost);
    assert_eq!(world.put(&call).await.0, 500);
    world.restart();
    let done = world.put(&with(&call, &json!({"attempt": 2}))).await;
    assert_eq!(
        done,
        (axum::http::StatusCode::OK, json!({"outputs": {"status": 201, "body": {"ticket": 7}}}))
    );
    assert_eq!(world.put(&call).await, done);
    assert_eq!(world.gateway.hits(), [format!("{STEP}/do"), format!("{STEP}/do")]);
}

#[tokio::test]
async fn a_wanted_status_is_done_also_where_the_body_is_too_large_or_breaks_off() {
    for (path, beginning) in [("large", "x".repeat(1000)), ("broken", "half".to_owned())] {
        let world = World::new().await;
        let url = format!("{}/elsewhere/{path}", world.gateway.url());
        let (status, body) =
            world.put(&world.call("http.request", &json!({"method": "POST", "url": url}))).await;
        let expected = json!({"outputs": {"status": 200, "body": beginning, "bodyTruncated": true}});
        assert_eq!((status.as_u16(), body), (200, expected), "{path}");
    }
}

#[tokio::test]
async fn outputs_stay_within_what_an_operator_reads_and_keep_the_ids() {
    let world = World::new().await;
    world.gateway.put_cell("rec00000000000001", "Note", &json!("x".repeat(300_000)));
    let call = world.call("airtable.get", &json!({"table": "Deals", "recordId": "rec00000000000001"}));
    let done = world.put(&call).await;
    let expected = json!({"outputs": {"recordId": "rec00000000000001", "truncated": true}});
    assert_eq!(done, (axum::http::StatusCode::OK, expected));
    assert_eq!(world.put(&call).await, done);

    let refused =
        world.send("PUT", "/v1/steps/6f1c/long", &world.call(&"x".repeat(300_000), &json!({}))).await;
    assert_eq!((refused.0.as_u16(), reason(&refused.1)), (422, "UnknownOperation"));
    assert!(refused.1.to_string().len() < 2000);
}

#[tokio::test]
async fn an_http_request_with_an_effect_is_undone_by_a_person_or_an_explicit_compensation() {
    let world = World::new().await;
    let call = ring(&world);
    assert_eq!(world.put(&call).await.0, 200);
    let undo = world.delete(&call).await;
    assert_eq!((undo.0.as_u16(), reason(&undo.1)), (409, "NoAutomaticUndo"));

    let url = format!("{}/elsewhere", world.gateway.url());
    let cancel = json!({"operation": "http.request", "input": {"method": "DELETE", "url": url, "body": "${outputs.body.ticket}"}});
    let repaired =
        with(&call, &json!({"attempt": 2, "compensation": {"policy": "Explicit", "action": cancel}}));
    assert_eq!(world.delete(&repaired).await.0, 200);
    assert_eq!(world.gateway.hits(), [format!("{STEP}/do"), format!("{STEP}/undo")]);
}

#[tokio::test]
async fn an_explicit_compensation_gets_the_outputs_and_runs_only_if_there_was_an_effect() {
    let compensation = |world: &World| {
        let input = json!({"table": "Deals", "recordId": "${outputs.recordId}"});
        json!({"policy": "Explicit", "action": {"operation": "airtable.delete", "base": world.base(), "input": input}})
    };
    let world = World::new().await;
    let before = world.gateway.cells();
    let call = world.call("airtable.create", &json!({"table": "Deals", "fields": {"Name": "Bo"}}));
    let call = with(&call, &json!({"compensation": compensation(&world)}));
    assert_eq!(world.put(&call).await.0, 200);
    assert_eq!(world.delete(&call).await.0, 200);
    assert_eq!(world.gateway.cells(), before);
    assert_eq!(world.gateway.writes(), [format!("POST {STEP}/do"), format!("DELETE {STEP}/undo")]);

    let world = World::new().await;
    let call = with(
        &call,
        &json!({"action": world.call("airtable.create", &json!({"table": "Deals", "fields": {}}))["action"]}),
    );
    assert_eq!(world.delete(&call).await.0, 200);
    assert!(world.gateway.writes().is_empty());
}

#[tokio::test]
async fn a_compensation_that_names_an_output_that_is_not_there_needs_a_person() {
    let world = World::new().await;
    let input = json!({"table": "Deals", "recordId": "${outputs.id}"});
    let action = json!({"operation": "airtable.delete", "base": world.base(), "input": input});
    let call = world.call("airtable.create", &json!({"table": "Deals", "fields": {"Name": "Bo"}}));
    let call = with(&call, &json!({"compensation": {"policy": "Explicit", "action": action}}));
    assert_eq!(world.put(&call).await.0, 200);
    let (status, body) = world.delete(&call).await;
    assert_eq!((status.as_u16(), reason(&body)), (409, "CompensationInput"));
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("outputs has no member \"id\"; it has recordId, recordIds"), "{message}");
}

#[tokio::test]
async fn with_the_policy_none_nothing_is_undone_and_the_key_is_closed() {
    let world = World::new().await;
    let call = world.call("airtable.create", &json!({"table": "Deals", "fields": {"Name": "Bo"}}));
    let call = with(&call, &json!({"compensation": {"policy": "None"}}));
    assert_eq!(world.put(&call).await.0, 200);
    assert_eq!(world.delete(&call).await.0, 200);
    assert_eq!(world.gateway.cells().len(), 2);
    assert_eq!(world.put(&call).await.0, 409);
}

#[tokio::test]
async fn a_short_wait_is_done_at_once_and_a_long_one_is_asked_for_over_restarts() {
    let mut world = World::new().await;
    assert_eq!(world.put(&world.call("wait", &json!({"seconds": 0}))).await.0, 200);

    let path = "/v1/steps/6f1c/long";
    let call = world.call("wait", &json!({"seconds": 3600}));
    assert_eq!(world.send("PUT", path, &call).await.0, 202);
    assert_eq!(world.send("GET", "/v1/steps/6f1c/long?epoch=3", &Value::Null).await.0, 202);
    world.restart();
    assert_eq!(world.send("PUT", path, &with(&call, &json!({"attempt": 2}))).await.0, 202);
    assert_eq!(world.send("DELETE", path, &call).await.0, 200);
    assert_eq!(world.send("PUT", path, &call).await.0, 409);
}

#[tokio::test]
async fn a_wait_of_two_seconds_ends_when_it_is_asked_for() {
    let world = World::new().await;
    assert_eq!(world.put(&world.call("wait", &json!({"seconds": 2}))).await.0, 202);
    let ends = async {
        while world.get(3).await.0 == 202 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), ends).await.unwrap();
    assert_eq!(world.get(3).await.0, 200);
}

#[tokio::test]
async fn a_drill_fails_as_told_and_for_as_many_attempts() {
    for (how, status) in [("Refused", 422), ("Unavailable", 503), ("Unknown", 500)] {
        let world = World::new().await;
        let call = world.call("fail", &json!({"as": how, "attempts": 1}));
        assert_eq!(world.put(&call).await.0, status, "{how}");
        let second = if how == "Refused" { 422 } else { 200 };
        assert_eq!(world.put(&with(&call, &json!({"attempt": 2}))).await.0, second, "{how}");
        assert_eq!(world.delete(&call).await.0, 200, "{how}");
    }
    let world = World::new().await;
    let call = with(&world.call("fail", &json!({"as": "Hang"})), &json!({"deadline": in_seconds(1)}));
    let hung = world.put(&call).await;
    assert_eq!((hung.0.as_u16(), reason(&hung.1)), (500, "DeadlineExceeded"));
}

#[tokio::test]
async fn what_is_not_right_is_refused_and_the_field_is_named() {
    let world = World::new().await;
    let base_missing = json!({"action": {"operation": "airtable.get", "input": {"table": "T", "recordId": "rec00000000000001"}}});
    for (number, (call, expected)) in [
        (world.call("airtable.crate", &json!({})), "\"airtable.crate\""),
        (world.call("airtable.create", &json!({"tabel": "Deals"})), "`tabel`"),
        (with(&world.call("airtable.get", &json!({})), &base_missing), "action.base"),
        (world.call("wait", &json!({"seconds": -1})), "input of wait"),
        (world.call("fail", &json!({"as": "Badly"})), "`Badly`"),
        (json!({"attempt": 1}), "`epoch`"),
    ]
    .into_iter()
    .enumerate()
    {
        let (status, body) = world.send("PUT", &format!("/v1/steps/6f1c/s{number}"), &call).await;
        let message = body["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(status, 422, "{message}");
        assert!(message.contains(expected), "{message} lacks {expected}");
    }
    assert_eq!(world.send("PUT", "/v1/steps/a%2Fb/c", &ring(&world)).await.0, 422);
}

#[tokio::test]
async fn what_the_ledger_knows_is_answered_before_a_body_that_can_not_be_read() {
    let world = World::new().await;
    let garbage = json!("no call");
    let call = world.call("airtable.create", &json!({"table": "Deals", "fields": {"Name": "Bo"}}));
    assert_eq!(reason(&world.put(&garbage).await.1), "InvalidCall");

    world.gateway.fail_next(Fault::QueueFull);
    assert_eq!(world.put(&call).await.0, 503);
    assert_eq!(world.put(&garbage).await.0, 422, "that is still proven");
    world.gateway.fail_next(Fault::AnswerLost);
    let second = with(&call, &json!({"attempt": 2}));
    assert_eq!(world.put(&second).await.0, 500);
    assert_eq!(world.put(&garbage).await.0, 500);
    let done = world.put(&second).await;
    assert_eq!((done.0.as_u16(), world.put(&garbage).await), (200, done));

    assert_eq!(world.delete(&garbage).await.0, 422, "nothing of an undo is known");
    let undone = world.delete(&call).await;
    assert_eq!((undone.0.as_u16(), world.delete(&garbage).await), (200, undone));
    assert_eq!(reason(&world.put(&garbage).await.1), "Undone");
}

#[tokio::test]
async fn a_bad_input_is_refused_also_by_a_worker_that_started_after_the_first_attempt() {
    let world = World::new().await;
    let call = with(&world.call("wait", &json!({})), &json!({"attempt": 2, "firstSentAt": in_seconds(-30)}));
    assert_eq!(world.put(&call).await.0, 422);
}

#[tokio::test]
async fn calls_are_counted_by_operation_direction_and_outcome() {
    let world = World::new().await;
    world.put(&world.call("wait", &json!({"seconds": 0}))).await;
    world.send("PUT", "/v1/steps/6f1c/odd", &world.call("no.such", &json!({}))).await;
    let text = world.metrics.text().unwrap();
    for line in [
        r#"worker_steps_total{direction="do",operation="wait",outcome="done"} 1"#,
        r#"worker_steps_total{direction="do",operation="other",outcome="refused"} 1"#,
        "worker_in_flight 0",
    ] {
        assert!(text.contains(line), "{text}");
    }
}
