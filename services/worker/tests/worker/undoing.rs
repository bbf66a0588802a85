//! What an undo restores, and what it says where it can't restore all of it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{
    World, field_id,
    gateway::{Fault, Gateway},
    in_seconds, reason, with,
};

const RECORD: &str = "rec00000000000001";

fn update(world: &World, fields: &Value) -> Value {
    world.call("airtable.update", &json!({"table": "Deals", "recordId": RECORD, "fields": fields}))
}

#[tokio::test]
async fn cells_are_restored_whether_their_fields_were_given_by_name_or_by_id() {
    let (name, stage, note) = (field_id("Name"), field_id("Stage"), field_id("Note"));
    for fields in [
        json!({"Name": "Ada", "Stage": "Won", "Note": "x"}),
        json!({&name: "Ada", &stage: "Won", &note: "x"}),
        json!({"Name": "Ada", &stage: "Won", &note: "x"}),
        json!({&name: "Ada", "Stage": "Won", "Note": "x"}),
    ] {
        let merge_on = fields.as_object().unwrap().keys().next().unwrap().clone();
        let upsert = json!({"table": "Deals", "fieldsToMergeOn": [merge_on], "fields": fields});
        for by_upsert in [false, true] {
            let world = World::new().await;
            let before = world.gateway.cells();
            let call =
                if by_upsert { world.call("airtable.upsert", &upsert) } else { update(&world, &fields) };
            assert_eq!(world.put(&call).await.0, 200, "{fields}");
            assert_ne!(world.gateway.cells(), before, "{fields}");
            let (status, body) = world.delete(&call).await;
            assert_eq!((status.as_u16(), world.gateway.cells()), (200, before), "{fields}: {body}");
        }
    }
}

#[tokio::test]
async fn a_record_that_is_gone_counts_as_undone_also_where_airtable_calls_that_a_lack_of_permission() {
    let world = World::new().await;
    world.gateway.hide_what_is_gone();
    let call = update(&world, &json!({"Stage": "Won"}));
    assert_eq!(world.put(&call).await.0, 200);
    world.gateway.remove(RECORD);
    let undo = world.delete(&call).await;
    assert_eq!(undo.0, 200, "{undo:?}");
}

fn create_two(world: &World) -> Value {
    let records = json!([{"fields": {"Name": "Bo"}}, {"fields": {"Name": "Cy"}}]);
    world.call("airtable.create", &json!({"table": "Deals", "records": records}))
}

#[tokio::test]
async fn an_undo_that_stopped_half_way_does_not_say_that_it_had_no_effect_and_goes_on_where_it_was() {
    let world = World::new().await;
    let before = world.gateway.cells();
    let call = create_two(&world);
    assert_eq!(world.put(&call).await.0, 200);
    world.gateway.fail_next(Fault::QueueFull);
    world.gateway.fail_next(Fault::Passes);
    let half = world.delete(&call).await;
    assert_eq!((half.0.as_u16(), reason(&half.1)), (500, "GatewayQueueFull"));
    assert_eq!(world.gateway.cells().len(), before.len() + 1);
    assert_eq!(world.delete(&with(&call, &json!({"attempt": 2}))).await.0, 200);
    assert_eq!((world.gateway.cells(), world.gateway.writes().len()), (before, 3));
}

#[tokio::test]
async fn an_undo_says_later_as_long_as_none_of_its_attempts_may_have_had_an_effect() {
    let mut world = World::new().await;
    let before = world.gateway.cells();
    let call = create_two(&world);
    assert_eq!(world.put(&call).await.0, 200);
    for (attempt, fault, status) in [
        (1, Fault::QueueFull, 503),
        (2, Fault::QueueFull, 503),
        (3, Fault::AnswerLost, 500),
        (4, Fault::QueueFull, 500),
    ] {
        world.gateway.fail_next(fault);
        assert_eq!(world.delete(&with(&call, &json!({"attempt": attempt}))).await.0, status, "{attempt}");
        world.restart();
    }
    assert_eq!(world.delete(&with(&call, &json!({"attempt": 5}))).await.0, 200);
    assert_eq!((world.gateway.cells(), world.gateway.writes().len()), (before, 3));
}

#[tokio::test]
async fn a_person_decides_about_what_the_gateway_can_not_tell_for_long_and_may_ask_again() {
    let mut world = World::new().await;
    let before = world.gateway.cells();
    let call = update(&world, &json!({"Stage": "Won"}));
    world.gateway.fail_next(Fault::AnswerLost);
    assert_eq!(world.put(&call).await.0, 500);
    world.gateway.doubt(true);
    let young = world.delete(&with(&call, &json!({"attempt": 9}))).await;
    assert_eq!((young.0.as_u16(), reason(&young.1)), (500, "IdempotencyOutcomeUnknown"));

    let long_ago = Timestamp::now() - SignedDuration::from_mins(31);
    let undo = with(&call, &json!({"firstSentAt": long_ago, "actionFirstSentAt": call["firstSentAt"]}));
    let old = world.delete(&with(&undo, &json!({"attempt": 9}))).await;
    assert_eq!((old.0.as_u16(), reason(&old.1)), (409, "OutcomeUnknown"));
    let message = old.1["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("for 31 minutes the gateway can't tell"), "{message}");
    assert_eq!(reason(&world.put(&with(&call, &json!({"attempt": 2}))).await.1), "Undone");

    world.restart();
    world.gateway.doubt(false);
    assert_eq!(world.delete(&with(&undo, &json!({"attempt": 1}))).await.0, 200);
    assert_eq!(world.gateway.cells(), before, "what was kept from before was not lost");
}

/// A file in the record, whose address holds for two hours.
fn attach(gateway: &Gateway) -> Value {
    let file =
        json!([{"id": "att00000000000001", "url": "https://files.example/a", "filename": "a", "size": 3}]);
    gateway.put_cell(RECORD, "Files", &file);
    json!([{"url": "https://files.example/a", "filename": "a"}])
}

#[tokio::test]
async fn attachments_are_restored_while_their_addresses_hold_and_afterwards_a_person_is_told() {
    let delete = json!({"table": "Deals", "recordId": RECORD});
    for is_delete in [false, true] {
        for (hours, expected) in [(1, 200), (3, 409)] {
            let world = World::new().await;
            let file = attach(&world.gateway);
            let call = if is_delete {
                world.call("airtable.delete", &delete)
            } else {
                update(&world, &json!({"Stage": "Won", "Files": []}))
            };
            assert_eq!(world.put(&call).await.0, 200);
            let later = in_seconds(hours * 3600);
            let undo = with(&call, &json!({"firstSentAt": later, "actionFirstSentAt": call["firstSentAt"]}));
            for attempt in 1..=2 {
                let (status, body) = world.delete(&with(&undo, &json!({"attempt": attempt}))).await;
                let cells = &world.gateway.cells()[0];
                assert_eq!((status.as_u16(), &cells["Stage"]), (expected, &json!("New")), "{body}");
                if expected == 200 {
                    assert_eq!(cells["Files"], file);
                } else {
                    assert_eq!(reason(&body), "AttachmentsLost");
                    assert!(body["error"]["message"].as_str().unwrap().contains("in Files"), "{body}");
                }
            }
            assert_eq!(world.gateway.writes().len(), 2);
        }
    }
}
