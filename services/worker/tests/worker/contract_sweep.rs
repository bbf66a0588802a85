//! The promises of the step contract, for every operation on Airtable: do twice, undo twice, undo before do, do after
//! undo, late, duplicate in flight, older epoch, restarts, lost answers.

use crate::support::{World, gateway::Fault, in_seconds, operations, reason, with};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

#[tokio::test]
async fn done_twice_takes_effect_once_and_answers_the_same_also_after_a_restart() {
    for (operation, input, writes) in operations() {
        let mut world = World::new().await;
        let call = world.call(operation, &input);
        let first = world.put(&call).await;
        assert_eq!(first.0, 200, "{operation}: {first:?}");
        assert_eq!(world.put(&with(&call, &json!({"attempt": 2}))).await, first, "{operation}");
        assert_eq!(world.get(3).await, first, "{operation}");
        world.restart();
        assert_eq!(world.put(&with(&call, &json!({"attempt": 3}))).await, first, "{operation}");
        assert_eq!(world.gateway.writes().len(), writes, "{operation}: {:?}", world.gateway.writes());
    }
}

#[tokio::test]
async fn undone_twice_leaves_what_was_there_before() {
    for (operation, input, _) in operations() {
        let mut world = World::new().await;
        let before = world.gateway.cells();
        let call = world.call(operation, &input);
        assert_eq!(world.put(&call).await.0, 200, "{operation}");
        world.restart();
        let first = world.delete(&call).await;
        assert_eq!(first.0, 200, "{operation}: {first:?}");
        let writes = world.gateway.writes();
        assert_eq!(world.delete(&call).await, first, "{operation}");
        world.restart();
        assert_eq!(world.delete(&with(&call, &json!({"attempt": 2}))).await, first, "{operation}");
        assert_eq!(world.gateway.writes(), writes, "{operation}");
        assert_eq!(world.gateway.cells(), before, "{operation}");
    }
}

#[tokio::test]
async fn an_action_after_its_undo_is_refused_for_ever() {
    for (operation, input, _) in operations() {
        for done_before in [false, true] {
            let mut world = World::new().await;
            let before = world.gateway.cells();
            let call = world.call(operation, &input);
            if done_before {
                assert_eq!(world.put(&call).await.0, 200, "{operation}");
            }
            assert_eq!(world.delete(&call).await.0, 200, "{operation}");
            let refused = world.put(&with(&call, &json!({"attempt": 2}))).await;
            assert_eq!((refused.0.as_u16(), reason(&refused.1)), (409, "Undone"), "{operation}");
            world.restart();
            assert_eq!(world.put(&with(&call, &json!({"attempt": 9}))).await.0, 409, "{operation}");
            assert_eq!(world.gateway.cells(), before, "{operation}");
        }
    }
}

#[tokio::test]
async fn a_tombstone_at_the_gateway_holds_where_the_workers_ledger_is_lost() {
    for (operation, input, _) in operations().into_iter().filter(|(_, _, writes)| *writes > 0) {
        let mut world = World::new().await;
        let before = world.gateway.cells();
        let call = world.call(operation, &input);
        assert_eq!(world.delete(&call).await.0, 200, "{operation}");
        world.restart_without_ledger();
        let late = world.put(&with(&call, &json!({"attempt": 2}))).await;
        assert_eq!(late.0, 409, "{operation}: {late:?}");
        assert_eq!(world.gateway.cells(), before, "{operation}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_a_repetition_finds_the_one_effect() {
    for (operation, input, writes) in operations().into_iter().filter(|(_, _, writes)| *writes > 0) {
        let mut world = World::new().await;
        let before = world.gateway.cells();
        let call = world.call(operation, &input);
        world.gateway.fail_next(Fault::AnswerLost);
        assert_eq!(world.put(&call).await.0, 500, "{operation}");
        assert_eq!(world.get(3).await.0, 500, "{operation}");
        world.restart();
        let again = world.put(&with(&call, &json!({"attempt": 2}))).await;
        assert_eq!(again.0, 200, "{operation}: {again:?}");
        assert_eq!(world.gateway.writes().len(), writes, "{operation}");
        assert_eq!(world.delete(&call).await.0, 200, "{operation}");
        assert_eq!(world.gateway.cells(), before, "{operation}");
    }
}

#[tokio::test]
async fn an_action_of_unknown_end_is_undone_if_it_happened() {
    for (operation, input, _) in operations().into_iter().filter(|(_, _, writes)| *writes > 0) {
        let mut world = World::new().await;
        let before = world.gateway.cells();
        let call = world.call(operation, &input);
        world.gateway.fail_next(Fault::AnswerLost);
        assert_eq!(world.put(&call).await.0, 500, "{operation}");
        assert_ne!(world.gateway.cells(), before, "{operation}");
        world.restart();
        world.gateway.fail_next(Fault::AnswerLost);
        let lost = world.delete(&call).await;
        assert_eq!(lost.0, 500, "{operation}: {lost:?}");
        world.restart();
        assert_eq!(world.delete(&with(&call, &json!({"attempt": 2}))).await.0, 200, "{operation}");
        assert_eq!(world.gateway.cells(), before, "{operation}");
    }
}

#[tokio::test]
async fn an_older_epoch_is_refused_in_every_call_and_changes_nothing() {
    for (operation, input, _) in operations() {
        let mut world = World::new().await;
        let call = world.call(operation, &input);
        assert_eq!(world.get(4).await.0, 404, "{operation}");
        world.restart();
        assert_eq!(world.put(&call).await.0, 412, "{operation}");
        assert_eq!(world.delete(&call).await.0, 412, "{operation}");
        assert_eq!(world.get(3).await.0, 412, "{operation}");
        assert!(world.gateway.writes().is_empty(), "{operation}");
        assert_eq!(world.put(&with(&call, &json!({"epoch": 4}))).await.0, 200, "{operation}");
    }
}

#[tokio::test]
async fn a_call_after_its_deadline_does_nothing() {
    for (operation, input, _) in operations() {
        let world = World::new().await;
        let call = with(&world.call(operation, &input), &json!({"deadline": in_seconds(-1)}));
        assert_eq!(world.put(&call).await.0, 500, "{operation}");
        assert_eq!(world.delete(&call).await.0, 500, "{operation}");
        assert_eq!(world.get(3).await.0, 404, "{operation}");
        assert!(world.gateway.writes().is_empty(), "{operation}");
    }
}

#[tokio::test]
async fn a_duplicate_in_flight_is_told_to_ask_and_an_undo_to_come_again() {
    for (operation, input, writes) in operations().into_iter().filter(|(_, _, writes)| *writes > 0) {
        let world = World::new().await;
        let call = world.call(operation, &input);
        world.gateway.fail_next(Fault::Held);
        let asked = async {
            world.gateway.is_holding().await;
            assert_eq!(world.put(&call).await.0, 202, "{operation}");
            assert_eq!(world.get(3).await.0, 202, "{operation}");
            let undo = world.delete(&call).await;
            assert_eq!((undo.0.as_u16(), reason(&undo.1)), (503, "ActionInFlight"), "{operation}");
            world.gateway.release();
        };
        let (first, ()) = futures::join!(world.put(&call), asked);
        assert_eq!(first.0, 200, "{operation}");
        assert_eq!(world.gateway.writes().len(), writes, "{operation}");
    }
}

#[tokio::test]
async fn a_full_queue_is_later_and_an_attempt_answered_so_never_runs() {
    for (operation, input, _) in operations().into_iter().filter(|(_, _, writes)| *writes > 0) {
        let mut world = World::new().await;
        let before = world.gateway.cells();
        let call = world.call(operation, &input);
        world.gateway.fail_next(Fault::QueueFull);
        let busy = world.put(&call).await;
        assert_eq!((busy.0.as_u16(), reason(&busy.1)), (503, "GatewayQueueFull"), "{operation}");
        world.restart();
        let duplicate = world.put(&call).await;
        assert_eq!((duplicate.0.as_u16(), reason(&duplicate.1)), (503, "AnsweredBefore"), "{operation}");
        assert_eq!(world.gateway.cells(), before, "{operation}");
        assert_eq!(world.put(&with(&call, &json!({"attempt": 2}))).await.0, 200, "{operation}");
        assert_eq!(world.delete(&call).await.0, 200, "{operation}");
        assert_eq!(world.gateway.cells(), before, "{operation}");
    }
}

#[tokio::test]
async fn a_full_queue_after_an_unknown_end_is_not_called_without_effect() {
    let world = World::new().await;
    let call = world.call("airtable.create", &json!({"table": "Deals", "fields": {"Name": "Bo"}}));
    world.gateway.fail_next(Fault::AnswerLost);
    assert_eq!(world.put(&call).await.0, 500);
    world.gateway.fail_next(Fault::QueueFull);
    let busy = world.put(&with(&call, &json!({"attempt": 2}))).await;
    assert_eq!((busy.0.as_u16(), reason(&busy.1)), (500, "GatewayQueueFull"));
}

#[tokio::test]
async fn a_refusal_by_airtable_is_final_and_without_effect() {
    let world = World::new().await;
    let before = world.gateway.cells();
    let call = world.call("airtable.create", &json!({"table": "Deals", "fields": {"Total": 1}}));
    let refused = world.put(&call).await;
    assert_eq!((refused.0.as_u16(), reason(&refused.1)), (422, "InvalidValueForColumn"));
    assert_eq!(world.put(&call).await, refused);
    assert_eq!(world.delete(&call).await.0, 200);
    assert_eq!(world.gateway.cells(), before);
}

#[tokio::test]
async fn a_record_that_is_gone_counts_as_undone() {
    for (operation, input) in [
        ("airtable.create", json!({"table": "Deals", "fields": {"Name": "Bo"}})),
        (
            "airtable.update",
            json!({"table": "Deals", "recordId": "rec00000000000001", "fields": {"Stage": "Won"}}),
        ),
    ] {
        let world = World::new().await;
        let call = world.call(operation, &input);
        let (_, done) = world.put(&call).await;
        world.gateway.remove(done.pointer("/outputs/recordId").unwrap().as_str().unwrap());
        assert_eq!(world.delete(&call).await.0, 200, "{operation}");
    }
}

#[tokio::test]
async fn a_lost_ledger_finds_a_done_write_at_the_gateway_and_does_not_invent_what_was_before() {
    let input = json!({"table": "Deals", "recordId": "rec00000000000001", "fields": {"Stage": "Won"}});
    let mut world = World::new().await;
    let call = with(
        &world.call("airtable.update", &input),
        &json!({"firstSentAt": Timestamp::now() - SignedDuration::from_secs(5)}),
    );
    assert_eq!(world.put(&call).await.0, 200);
    world.restart_without_ledger();
    assert_eq!(world.put(&with(&call, &json!({"attempt": 2}))).await.0, 200);
    assert_eq!(world.gateway.writes().len(), 1);
    let undo = world.delete(&call).await;
    assert_eq!((undo.0.as_u16(), reason(&undo.1)), (409, "PreviousValuesLost"));
}

/// The call for the undo, decided on now, of an action that was sent some seconds ago.
fn undo_of(call: &Value) -> Value {
    let sent = Timestamp::now() - SignedDuration::from_secs(5);
    with(call, &json!({"firstSentAt": Timestamp::now(), "actionFirstSentAt": sent}))
}

#[tokio::test]
async fn a_ledger_lost_between_do_and_undo_undoes_what_the_gateway_knows_of_and_claims_nothing_else() {
    for (operation, input, writes) in operations() {
        let mut world = World::new().await;
        let before = world.gateway.cells();
        let call = world.call(operation, &input);
        let (_, done) = world.put(&call).await;
        world.restart_without_ledger();
        let (status, body) = world.delete(&undo_of(&call)).await;
        let is_created = done.pointer("/outputs/created") != Some(&json!(false));
        match operation {
            "airtable.create" | "airtable.upsert" if is_created => {
                assert_eq!((status.as_u16(), world.gateway.cells()), (200, before), "{operation}: {body}");
            }
            _ if writes == 0 => assert_eq!(status, 200, "{operation}: {body}"),
            _ => assert_eq!((status.as_u16(), reason(&body)), (409, "PreviousValuesLost"), "{operation}"),
        }
    }
}

#[tokio::test]
async fn a_ledger_younger_than_an_action_that_no_gateway_knows_of_says_that_its_outcome_is_unknown() {
    let mut world = World::new().await;
    let url = format!("{}/elsewhere", world.gateway.url());
    let call = world.call("http.request", &json!({"method": "POST", "url": url}));
    assert_eq!(world.put(&call).await.0, 200);
    world.restart_without_ledger();
    for attempt in 1..=2 {
        let undo = world.delete(&with(&undo_of(&call), &json!({"attempt": attempt}))).await;
        assert_eq!((undo.0.as_u16(), reason(&undo.1)), (409, "OutcomeUnknown"), "{}", undo.1);
        world.restart();
    }
    let late = world.put(&call).await;
    assert_eq!((late.0.as_u16(), reason(&late.1)), (409, "Undone"));
    assert_eq!(world.gateway.hits().len(), 1);
}

#[tokio::test]
async fn a_ledger_older_than_the_action_proves_that_an_unknown_key_has_no_effect() {
    let world = World::new().await;
    let url = format!("{}/elsewhere", world.gateway.url());
    let call = world.call("http.request", &json!({"method": "POST", "url": url}));
    let undo = with(&call, &json!({"actionFirstSentAt": Timestamp::now()}));
    assert_eq!(world.delete(&undo).await.0, 200);
}

#[tokio::test]
async fn an_explicit_compensation_runs_after_a_lost_ledger_unless_it_needs_what_was_lost() {
    for (body, expected) in [("seven", 200), ("${outputs.body.ticket}", 409)] {
        let mut world = World::new().await;
        let url = format!("{}/elsewhere", world.gateway.url());
        let input = json!({"method": "DELETE", "url": url, "body": body});
        let compensation =
            json!({"policy": "Explicit", "action": {"operation": "http.request", "input": input}});
        let call = world.call("http.request", &json!({"method": "POST", "url": url}));
        let call = with(&call, &json!({"compensation": compensation}));
        assert_eq!(world.put(&call).await.0, 200);
        world.restart_without_ledger();
        let (status, answer) = world.delete(&undo_of(&call)).await;
        assert_eq!(status.as_u16(), expected, "{answer}");
        assert!(expected == 200 || reason(&answer) == "OutcomeUnknown", "{answer}");
    }
}
