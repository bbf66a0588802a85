//! The promises of the step contract, for every operation on Airtable: do twice, undo twice, undo before do, do after
//! undo, late, duplicate in flight, older epoch, restarts, lost answers.

use crate::support::{World, gateway::Fault, in_seconds, operations, with};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

fn reason(body: &Value) -> &str {
    body.pointer("/error/reason").and_then(Value::as_str).unwrap_or_default()
}

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
