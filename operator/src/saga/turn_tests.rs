//! Turns of a saga: objects in, status and calls out.

use std::collections::BTreeMap;

use crds::{STARTED_ANNOTATION, Saga, saga::StepState};
use jiff::Timestamp;
use saga::{Command, Direction, Report};
use serde_json::json;

use super::{Turn, Undecided, turn};
use crate::saga::{
    live::{Answer, CallId, Inbox},
    observe::{Credential, Observed, Trouble},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn observed() -> Observed {
    let yaml = "
steps:
- {name: a, action: {operation: http.request}, compensation: {policy: Explicit, action: {operation: http.request}}}
- {name: b, action: {operation: http.request}, compensation: {policy: None}}
";
    Observed {
        definition: serde_saphyr::from_str(yaml).unwrap(),
        revision: Some("orders-1".to_owned()),
        worker_url: "http://worker".to_owned(),
        credential: Credential::Token(None),
        bases: BTreeMap::new(),
    }
}

fn fresh() -> Saga {
    serde_json::from_value(json!({
        "apiVersion": "pyairtable.dev/v1alpha1", "kind": "Saga",
        "metadata": { "name": "run", "namespace": "sales", "uid": "u1", "generation": 1 },
        "spec": { "workflowRef": { "name": "orders" } },
    }))
    .unwrap()
}

fn after(saga: &Saga, inbox: &[Answer], me: &str, second: i64) -> (Saga, Turn) {
    let turn = turn(saga, &observed(), &inbox_of(inbox), me, at(second))
        .unwrap_or_else(|Undecided::Trouble(trouble)| panic!("{trouble:?}"));
    let mut next = saga.clone();
    next.status = Some(turn.status.clone());
    (next, turn)
}

fn answer(step: &str, direction: Direction, report: Report) -> Answer {
    Answer { call: CallId { step: step.to_owned(), direction, attempt: 1 }, report }
}

fn inbox_of(answers: &[Answer]) -> Inbox {
    Inbox { answers: answers.to_vec(), fenced: None }
}

fn done() -> Report {
    Report::Succeeded { outputs: None }
}

fn refused() -> Report {
    Report::Refused { reason: "Bad".to_owned(), message: "no".to_owned() }
}

fn state(saga: &Saga, step: &str) -> StepState {
    saga.status.as_ref().unwrap().steps.iter().find(|own| own.name == step).unwrap().state
}

#[test]
fn a_fresh_saga_begins_with_its_first_step_and_the_first_epoch() {
    let (saga, turn) = after(&fresh(), &[], "me", 0);
    assert!(matches!(&turn.commands[..], [Command::Do { step, attempt: 1, .. }] if step == "a"));
    let status = saga.status.unwrap();
    assert_eq!(
        (status.epoch, status.holder.as_deref(), status.revision.as_deref()),
        (Some(1), Some("me"), Some("orders-1"))
    );
    assert_eq!(status.progress.as_deref(), Some("0/2"));
}

#[test]
fn one_write_carries_the_result_of_a_step_and_the_intent_of_the_next() {
    let (saga, _) = after(&fresh(), &[], "me", 0);
    let (saga, turn) = after(&saga, &[answer("a", Direction::Do, done())], "me", 1);
    assert_eq!((state(&saga, "a"), state(&saga, "b")), (StepState::Succeeded, StepState::Running));
    assert_eq!(turn.taken.len(), 1);
}

#[test]
fn a_turn_in_which_nothing_happened_changes_nothing() {
    let (saga, _) = after(&fresh(), &[], "me", 0);
    let (same, turn) = after(&saga, &[], "me", 2);
    assert_eq!(same.status, saga.status);
    assert_eq!(
        turn.commands.len(),
        1,
        "the call that is under way is asked for again, for a process that has just started"
    );
}

#[test]
fn another_process_counts_the_epoch_up_and_makes_the_same_call() {
    let (saga, first) = after(&fresh(), &[], "me", 0);
    let (saga, second) = after(&saga, &[], "other", 1);
    assert_eq!(saga.status.unwrap().epoch, Some(2));
    assert_eq!(first.commands, second.commands);
}

#[test]
fn a_call_of_an_earlier_turn_is_known_as_one_that_may_be_under_way() {
    let (saga, first) = after(&fresh(), &[], "me", 0);
    assert!(first.sent_before.is_empty());
    let (_, second) = after(&saga, &[], "other", 1);
    assert_eq!(second.sent_before, [CallId { step: "a".to_owned(), direction: Direction::Do, attempt: 1 }]);
}

#[test]
fn a_process_in_charge_that_was_refused_as_an_older_one_counts_the_epoch_up_once() {
    let (saga, _) = after(&fresh(), &[], "me", 0);
    let refused = Inbox { answers: Vec::new(), fenced: Some(1) };
    let turn = turn(&saga, &observed(), &refused, "me", at(1)).unwrap_or_else(|_| panic!("undecided"));
    assert_eq!(turn.status.epoch, Some(2));
}

#[test]
fn a_cancel_that_comes_with_an_answer_starts_no_further_step() {
    let (mut saga, _) = after(&fresh(), &[], "me", 0);
    saga.spec.cancellation = Some(crds::saga::Cancellation { reason: "enough".to_owned() });
    let (saga, turn) = after(&saga, &[answer("a", Direction::Do, done())], "me", 1);
    assert_eq!(state(&saga, "b"), StepState::Pending);
    assert!(matches!(&turn.commands[..], [Command::Undo { step, .. }] if step == "a"));
}

#[test]
fn a_saga_whose_last_step_is_refused_ends_compensated_with_the_reason() {
    let (saga, _) = after(&fresh(), &[], "me", 0);
    let (saga, _) = after(&saga, &[answer("a", Direction::Do, done())], "me", 1);
    let (saga, _) = after(&saga, &[answer("b", Direction::Do, refused())], "me", 2);
    let (saga, turn) = after(&saga, &[answer("a", Direction::Undo, done())], "me", 3);
    let status = saga.status.unwrap();
    assert_eq!(status.state.as_deref(), Some("Compensated"));
    assert_eq!(status.completion_time, Some(at(3)));
    assert_eq!(status.conditions[0].reason, "StepFailed");
    assert!(status.conditions[0].message.contains('b'), "{}", status.conditions[0].message);
    assert!(turn.commands.is_empty() && turn.wake.is_none() && status.waiting_on.is_none());
}

#[test]
fn a_saga_that_has_started_once_and_lost_its_journal_does_not_start_again() {
    let mut saga = fresh();
    saga.metadata.annotations = Some([(STARTED_ANNOTATION.to_owned(), "another-uid".to_owned())].into());
    let Err(Undecided::Trouble(Trouble::Of(reason, _))) =
        turn(&saga, &observed(), &Inbox::default(), "me", at(0))
    else {
        panic!("it started")
    };
    assert_eq!(reason, crds::reason::Reason::JournalLost);
}

#[test]
fn the_status_of_twenty_steps_stays_small() {
    let mut observed = observed();
    let step = observed.definition.steps[1].clone();
    observed.definition.steps =
        (0..20).map(|index| crds::step::Step { name: format!("step-{index:02}"), ..step.clone() }).collect();
    let mut saga = fresh();
    let outputs =
        Some(json!({ "recordId": "recABCDEFGHIJKLMN", "recordIds": ["recABCDEFGHIJKLMN"] }).to_string());
    let mut inbox = Vec::new();
    for index in 0..=20 {
        let turn = turn(&saga, &observed, &inbox_of(&inbox), "operator-0123456789-abcde", at(index))
            .unwrap_or_else(|_| panic!("undecided"));
        saga.status = Some(turn.status);
        inbox = vec![answer(
            &format!("step-{index:02}"),
            Direction::Do,
            Report::Succeeded { outputs: outputs.clone() },
        )];
    }
    let status = saga.status.unwrap();
    assert_eq!(status.state.as_deref(), Some("Succeeded"));
    let bytes = serde_json::to_vec(&status).unwrap().len();
    assert!(bytes < 10_000, "{bytes} bytes");
}
