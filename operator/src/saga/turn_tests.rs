//! Turns of a saga: objects in, status and calls out.

use std::collections::BTreeMap;

use crds::{STARTED_ANNOTATION, Saga, reason::Reason, saga::StepState};
use jiff::Timestamp;
use kube::ResourceExt as _;
use saga::{Command, Direction, Report};
use serde_json::json;

use super::{Turn, turn};
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
        .unwrap_or_else(|trouble| panic!("{trouble:?}"));
    let mut next = saga.clone();
    next.status = Some(turn.status.clone());
    (next, turn)
}

fn answer(step: &str, direction: Direction, report: Report) -> Answer {
    Answer { call: CallId { step: step.to_owned(), direction, attempt: 1 }, epoch: 1, report }
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

fn unknown() -> Report {
    Report::Unknown { reason: "NoAnswer".to_owned(), message: "none".to_owned() }
}

fn busy() -> Report {
    Report::Busy { reason: "WorkerUnreachable".to_owned(), message: "no".to_owned(), retry_after: None }
}

/// A saga whose step `a` is being undone since second 2.
fn undoing() -> Saga {
    let (saga, _) = after(&fresh(), &[], "me", 0);
    let (saga, _) = after(&saga, &[answer("a", Direction::Do, done())], "me", 1);
    after(&saga, &[answer("b", Direction::Do, refused())], "me", 2).0
}

fn add_repair(saga: &mut Saga, id: &str, verb: &str) {
    let repair = json!({"id": id, "step": "a", "verb": verb, "actor": "ada", "reason": "why"});
    saga.spec.repairs.push(serde_json::from_value(repair).unwrap());
}

/// The repairs that were taken note of, with their results.
fn noted(saga: &Saga) -> Vec<(&str, &str)> {
    let repairs = &saga.status.as_ref().unwrap().repairs;
    repairs.iter().map(|noted| (noted.id.as_str(), noted.result.as_str())).collect()
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
fn a_repair_is_applied_while_the_undo_rests() {
    let (mut saga, _) = after(&undoing(), &[answer("a", Direction::Undo, unknown())], "me", 3);
    assert_eq!(state(&saga, "a"), StepState::CompensationWaiting);
    add_repair(&mut saga, "1", "Resolve");
    let (saga, _) = after(&saga, &[], "me", 3);
    assert_eq!((state(&saga, "a"), noted(&saga)), (StepState::Compensated, vec![("1", "RepairApplied")]));
}

#[test]
fn a_repair_waits_unnoted_for_the_end_of_the_undo_under_way() {
    let mut saga = undoing();
    add_repair(&mut saga, "1", "Skip");
    let (same, turn) = after(&saga, &[], "me", 3);
    assert_eq!((state(&same, "a"), noted(&same)), (StepState::Compensating, vec![]));
    assert_eq!(turn.commands.len(), 1);
    let (skipped, _) = after(&same, &[answer("a", Direction::Undo, unknown())], "me", 4);
    assert_eq!((state(&skipped, "a"), noted(&skipped)), (StepState::Skipped, vec![("1", "RepairApplied")]));
    let (undone, _) = after(&same, &[answer("a", Direction::Undo, done())], "me", 4);
    assert_eq!((state(&undone, "a"), noted(&undone)), (StepState::Compensated, vec![("1", "RepairRefused")]));
}

#[test]
fn of_two_repairs_the_second_waits_for_the_attempt_that_the_first_began() {
    let (mut saga, _) = after(&undoing(), &[answer("a", Direction::Undo, refused())], "me", 3);
    assert_eq!(state(&saga, "a"), StepState::Stuck);
    add_repair(&mut saga, "1", "Retry");
    add_repair(&mut saga, "2", "Skip");
    let (saga, _) = after(&saga, &[], "me", 4);
    assert_eq!((state(&saga, "a"), noted(&saga)), (StepState::Compensating, vec![("1", "RepairApplied")]));
    let (saga, _) = after(&saga, &[answer("a", Direction::Undo, refused())], "me", 5);
    assert_eq!(state(&saga, "a"), StepState::Skipped);
    assert_eq!(noted(&saga), [("1", "RepairApplied"), ("2", "RepairApplied")]);
}

/// The undo of a after five attempts that ended as `report`.
fn tried_five_times(mut saga: Saga, report: &Report) -> Saga {
    for attempt in 1..=5 {
        let call = CallId { step: "a".to_owned(), direction: Direction::Undo, attempt };
        let answer = Answer { call, epoch: 1, report: report.clone() };
        (saga, _) = after(&saga, &[answer], "me", i64::from(attempt) * 100);
        (saga, _) = after(&saga, &[], "me", i64::from(attempt) * 100 + 99);
    }
    saga
}

fn stalled(saga: &Saga) -> (String, String) {
    let conditions = &saga.status.as_ref().unwrap().conditions;
    let stalled = conditions.iter().find(|it| it.r#type == "Stalled").expect("a condition Stalled");
    (stalled.reason.clone(), stalled.message.clone())
}

#[test]
fn a_step_that_does_not_get_on_says_why_in_the_operators_words_or_in_its_own() {
    let (reason, message) = stalled(&tried_five_times(undoing(), &busy()));
    assert_eq!(reason, "WorkerUnreachable");
    assert!(!message.contains("spec.repairs"), "{message}");
    let locked_out = Report::Busy { reason: "RateLimited".into(), message: "wait".into(), retry_after: None };
    let (reason, message) = stalled(&tried_five_times(undoing(), &locked_out));
    assert_eq!(reason, "StepNotGettingOn");
    assert!(message.ends_with(": wait"), "{message}");
}

#[test]
fn a_deleted_saga_whose_undo_does_not_get_on_says_what_lets_it_go() {
    let mut saga = undoing();
    saga.metadata.deletion_timestamp = serde_json::from_value(json!("2027-01-15T08:00:00Z")).unwrap();
    let (_, message) = stalled(&tried_five_times(saga, &busy()));
    assert!(
        message.contains("see to the effects of a by hand, and add an entry to spec.repairs"),
        "{message}"
    );
}

#[test]
fn a_deleted_saga_is_undone_although_it_is_suspended() {
    let (mut saga, _) = after(&fresh(), &[], "me", 0);
    (saga, _) = after(&saga, &[answer("a", Direction::Do, done())], "me", 1);
    saga.spec.suspend = Some(true);
    (saga, _) = after(&saga, &[answer("b", Direction::Do, busy())], "me", 2);
    assert_eq!(saga.status.as_ref().unwrap().state.as_deref(), Some("Suspended"));
    saga.metadata.deletion_timestamp = serde_json::from_value(json!("2027-01-15T08:00:00Z")).unwrap();
    let (saga, turn) = after(&saga, &[], "me", 3);
    assert_eq!(state(&saga, "a"), StepState::Compensating);
    assert!(matches!(turn.commands[..], [Command::Undo { .. }]), "{:?}", turn.commands);
}

#[test]
fn a_copy_of_a_started_saga_claims_nothing_of_its_effects() {
    let (mut saga, _) = after(&fresh(), &[], "me", 0);
    saga.annotations_mut().insert(STARTED_ANNOTATION.to_owned(), "u1".to_owned());
    assert!(turn(&saga, &observed(), &inbox_of(&[]), "me", at(1)).is_ok());
    saga.metadata.uid = Some("u2".to_owned());
    let Err(Trouble::Of(reason, _)) = turn(&saga, &observed(), &inbox_of(&[]), "me", at(1)) else { panic!() };
    assert_eq!(reason, Reason::JournalLost);
}

#[test]
fn a_repair_of_a_step_that_is_not_being_undone_is_refused() {
    let (mut saga, _) = after(&fresh(), &[], "me", 0);
    add_repair(&mut saga, "1", "Resolve");
    let (saga, _) = after(&saga, &[], "me", 1);
    assert_eq!((state(&saga, "a"), noted(&saga)), (StepState::Running, vec![("1", "RepairRefused")]));
}

#[test]
fn a_call_that_did_not_leave_proves_nothing_once_another_process_took_over() {
    let (saga, _) = after(&fresh(), &[], "me", 0);
    let not_sent = [answer("a", Direction::Do, busy())];
    let doubtful = |saga: &Saga| saga.status.as_ref().unwrap().steps[0].doubtful;
    assert_eq!(doubtful(&after(&saga, &not_sent, "me", 1).0), None);

    let (taken, _) = after(&saga, &[], "other", 1);
    assert_eq!(doubtful(&after(&taken, &not_sent, "me", 2).0), Some(true));
    let (taken_back, _) = after(&taken, &[], "me", 2);
    assert_eq!(doubtful(&after(&taken_back, &not_sent, "me", 3).0), Some(true));
}

#[test]
fn an_undo_is_told_when_its_action_was_first_sent_also_by_another_process() {
    let (saga, first) = after(&undoing(), &[], "me", 7);
    let (_, second) = after(&saga, &[], "other", 8);
    assert_eq!(first.commands, second.commands);
    let body = crate::saga::call::body(&second.commands[0], &observed(), None, &second.status);
    let body = body.unwrap().unwrap();
    assert_eq!((&body["actionFirstSentAt"], &body["firstSentAt"]), (&json!(at(0)), &json!(at(2))));
    let action = &after(&fresh(), &[], "me", 0).1;
    let body = crate::saga::call::body(&action.commands[0], &observed(), None, &action.status);
    assert!(body.unwrap().unwrap().get("actionFirstSentAt").is_none());
}

#[test]
fn a_saga_that_has_started_once_and_lost_its_journal_does_not_start_again() {
    let mut saga = fresh();
    saga.metadata.annotations = Some([(STARTED_ANNOTATION.to_owned(), "u1".to_owned())].into());
    let Err(Trouble::Of(reason, _)) = turn(&saga, &observed(), &Inbox::default(), "me", at(0)) else {
        panic!("it started")
    };
    assert_eq!(reason, Reason::JournalLost);
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
