//! Ledgers that are lost, here, at the gateway, or both: what is left decides, and nothing is claimed beyond it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{World, gateway::Fault, operations, reason, with};

/// Each operation that writes, with its input.
fn writes() -> impl Iterator<Item = (&'static str, Value)> {
    operations()
        .into_iter()
        .filter(|(.., writes)| *writes > 0)
        .map(|(operation, input, _)| (operation, input))
}

/// The call for the undo, decided on now, of an action that was decided on some seconds ago.
fn undo_of_old(call: &Value) -> Value {
    let sent = Timestamp::now() - SignedDuration::from_secs(5);
    with(call, &json!({"firstSentAt": Timestamp::now(), "actionFirstSentAt": sent}))
}

#[tokio::test]
async fn with_both_lost_a_create_is_searched_for_and_of_all_else_the_outcome_is_unknown() {
    for (operation, input) in writes() {
        let mut world = World::new().await;
        let before = world.gateway.cells();
        let call = world.call(operation, &input);
        assert_eq!(world.put(&call).await.0, 200, "{operation}");
        let after = world.gateway.cells();
        world.gateway.lose_ledger();
        world.restart_without_ledger();
        for attempt in 1..=2 {
            let undo = with(&undo_of_old(&call), &json!({"attempt": attempt}));
            let (status, body) = world.delete(&undo).await;
            if operation == "airtable.create" {
                assert_eq!((status.as_u16(), world.gateway.cells()), (200, before.clone()), "{body}");
            } else {
                assert_eq!((status.as_u16(), reason(&body)), (409, "OutcomeUnknown"), "{operation}");
                assert_eq!(world.gateway.cells(), after, "{operation}");
            }
        }
        let late = world.put(&with(&call, &json!({"attempt": 2}))).await;
        assert_eq!((late.0.as_u16(), reason(&late.1)), (409, "Undone"), "{operation}");
    }
}

#[tokio::test]
async fn an_action_that_was_never_sent_is_not_sent_to_find_out_about_it() {
    for (operation, input) in writes() {
        let mut world = World::new().await;
        let before = world.gateway.cells();
        let call = world.call(operation, &input);
        world.gateway.lose_ledger();
        world.restart_without_ledger();
        let (status, body) = world.delete(&undo_of_old(&call)).await;
        assert_eq!(status == 200, operation == "airtable.create", "{operation}: {body}");
        assert_eq!((world.gateway.cells(), world.gateway.writes().len()), (before, 0), "{operation}");
    }
}

#[tokio::test]
async fn a_ledger_older_than_the_action_proves_that_nothing_was_sent_whatever_the_gateway_can_not_tell() {
    for (operation, input) in writes() {
        let mut world = World::new().await;
        world.restart_without_ledger();
        let call = world.call(operation, &input);
        let undo = with(&call, &json!({"actionFirstSentAt": Timestamp::now()}));
        world.gateway.lose_ledger();
        let (status, body) = world.delete(&undo).await;
        assert_eq!(status, 200, "{operation}: {body}");
        assert!(world.gateway.writes().is_empty(), "{operation}");
        assert_eq!(reason(&world.put(&call).await.1), "Undone", "{operation}");
    }
}

#[tokio::test]
async fn what_the_own_ledger_knows_is_undone_where_the_gateway_has_forgotten_it() {
    for (operation, input) in writes() {
        let world = World::new().await;
        let before = world.gateway.cells();
        let call = world.call(operation, &input);
        assert_eq!(world.put(&call).await.0, 200, "{operation}");
        world.gateway.lose_ledger();
        let (status, body) = world.delete(&undo_of_old(&call)).await;
        assert_eq!((status.as_u16(), world.gateway.cells()), (200, before), "{operation}: {body}");
        let done = world.gateway.writes().iter().filter(|write| write.ends_with("/do")).count();
        assert_eq!(done, 1, "{operation} was sent again");
    }
}

#[tokio::test]
async fn an_interrupted_action_that_the_gateway_has_forgotten_is_undone_if_what_was_there_before_is_kept() {
    for (operation, input) in writes() {
        let mut world = World::new().await;
        let before = world.gateway.cells();
        let call = world.call(operation, &input);
        world.gateway.fail_next(Fault::AnswerLost);
        assert_eq!(world.put(&call).await.0, 500, "{operation}");
        world.restart();
        world.gateway.lose_ledger();
        let (status, body) = world.delete(&undo_of_old(&call)).await;
        if operation == "airtable.upsert" && input["fields"]["Name"] == "Bo" {
            assert_eq!(
                (status.as_u16(), reason(&body)),
                (409, "OutcomeUnknown"),
                "nothing was there: {body}"
            );
        } else {
            assert_eq!((status.as_u16(), world.gateway.cells()), (200, before), "{operation}: {body}");
        }
    }
}

#[tokio::test]
async fn what_is_not_to_be_undone_is_closed_without_being_sent() {
    for (operation, input) in writes() {
        let mut world = World::new().await;
        let call = world.call(operation, &input);
        let call = with(&call, &json!({"compensation": {"policy": "None"}}));
        world.gateway.fail_next(Fault::QueueFull);
        assert_eq!(world.put(&call).await.0, 503, "{operation}");
        world.gateway.lose_ledger();
        world.restart_without_ledger();
        assert_eq!(world.delete(&undo_of_old(&call)).await.0, 200, "{operation}");
        assert!(world.gateway.writes().is_empty(), "{operation}");
        assert_eq!(world.put(&call).await.0, 409, "{operation}");
    }
}

#[tokio::test]
async fn a_key_that_the_gateway_has_closed_proves_nothing_to_a_ledger_that_was_lost() {
    let input = json!({"table": "Deals", "recordId": "rec00000000000001", "fields": {"Stage": "Won"}});
    let mut world = World::new().await;
    let call = world.call("airtable.update", &input);
    world.gateway.lose_ledger();
    world.restart_without_ledger();
    assert_eq!(reason(&world.delete(&undo_of_old(&call)).await.1), "OutcomeUnknown");
    world.restart_without_ledger();
    let old = Timestamp::now() - SignedDuration::from_secs(5);
    let late = world.put(&with(&call, &json!({"attempt": 2, "firstSentAt": old}))).await;
    assert_eq!(reason(&late.1), "Undone");
    assert_eq!(reason(&world.delete(&undo_of_old(&call)).await.1), "OutcomeUnknown");
}

/// A request to a service that counts it.
fn ring(world: &World, more: &Value) -> Value {
    let url = format!("{}/elsewhere", world.gateway.url());
    let old = Timestamp::now() - SignedDuration::from_secs(5);
    let call = world.call("http.request", &with(&json!({"method": "POST", "url": url}), more));
    with(&call, &json!({"firstSentAt": old}))
}

#[tokio::test]
async fn a_request_that_is_not_idempotent_is_not_sent_again_after_its_ledger_was_lost() {
    for (more, sent) in [
        (json!({}), 1),
        (json!({"method": "PATCH"}), 1),
        (json!({"method": "PUT", "idempotent": false}), 1),
        (json!({"method": "PUT"}), 2),
        (json!({"idempotent": true}), 2),
    ] {
        let mut world = World::new().await;
        let call = ring(&world, &more);
        assert_eq!(world.put(&call).await.0, 200, "{more}");
        world.restart_without_ledger();
        for attempt in 2..=3 {
            let (status, body) = world.put(&with(&call, &json!({"attempt": attempt}))).await;
            let expected = if sent == 1 { (409, "OutcomeUnknown") } else { (200, "") };
            assert_eq!((status.as_u16(), reason(&body)), expected, "{more}");
            world.restart();
        }
        assert_eq!(world.gateway.hits().len(), sent, "{more}");
        if sent == 1 {
            assert_eq!(reason(&world.delete(&undo_of_old(&call)).await.1), "OutcomeUnknown", "{more}");
        }
    }
}

#[tokio::test]
async fn a_first_attempt_is_sent_by_a_worker_that_started_after_it_was_decided_on() {
    let world = World::new().await;
    assert_eq!(world.put(&ring(&world, &json!({}))).await.0, 200);
}

#[tokio::test]
async fn a_compensation_that_is_not_idempotent_is_not_sent_again_until_a_person_asks_for_it() {
    let mut world = World::new().await;
    let call = ring(&world, &json!({}));
    let call = with(&call, &json!({"compensation": {"policy": "Explicit", "action": call["action"]}}));
    let undo = with(&call, &json!({"actionFirstSentAt": call["firstSentAt"]}));
    assert_eq!(world.put(&call).await.0, 200);
    world.gateway.fail_next(Fault::AnswerLost);
    assert_eq!(world.delete(&undo).await.0, 500);
    world.restart_without_ledger();
    let again = world.delete(&with(&undo, &json!({"attempt": 2}))).await;
    assert_eq!((again.0.as_u16(), reason(&again.1)), (409, "OutcomeUnknown"));
    assert_eq!(world.gateway.hits().len(), 2);
    assert_eq!(world.delete(&with(&undo, &json!({"attempt": 1}))).await.0, 200);
    assert_eq!(world.gateway.hits().len(), 3);
}
