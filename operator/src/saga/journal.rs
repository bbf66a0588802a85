//! The journal in a status, and the core's progress: one made from the other, without loss. Pure.

use std::collections::BTreeMap;

use crds::{
    SagaStatus,
    saga::{StepState, StepStatus, Unwinding as WireUnwinding},
};
use jiff::Timestamp;
use saga::{Cause, Plan, Progress, State, StepProgress, Unwinding};
use serde_json::{Map, Value};

use crate::conditions::cut;

/// The most bytes of a step's outputs that a journal keeps.
const MOST_OUTPUT_BYTES: usize = 1024;
/// The most characters of a step's message that a journal keeps.
const MOST_MESSAGE: usize = 256;

/// A journal that makes no sense: a step without what its state needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("status of step {step:?}: {problem}")]
pub struct Corrupt {
    step: String,
    problem: &'static str,
}

/// The progress that a status holds; none when nothing was ever begun.
pub fn read(status: &SagaStatus, plan: &Plan) -> Result<Option<Progress>, Corrupt> {
    let Some(started_at) = status.start_time else { return Ok(None) };
    let mut steps = BTreeMap::new();
    for step in &plan.steps {
        let own = match status.steps.iter().find(|own| own.name == step.name) {
            None => StepProgress::default(),
            Some(own) => read_step(own)?,
        };
        steps.insert(step.name.clone(), own);
    }
    Ok(Some(Progress {
        steps,
        started_at,
        active_since: status.active_since,
        unwinding: status.unwinding.as_ref().map(read_unwinding),
        finished_at: status.completion_time,
        next_sequence: status.next_sequence.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
    }))
}

/// Puts the progress into the status; what is for display only is not touched.
pub fn write(progress: &Progress, plan: &Plan, status: &mut SagaStatus) {
    status.start_time = Some(progress.started_at);
    status.active_since = progress.active_since;
    status.completion_time = progress.finished_at;
    status.unwinding = progress.unwinding.as_ref().map(write_unwinding);
    status.next_sequence = i32::try_from(progress.next_sequence).ok();
    status.steps = plan
        .steps
        .iter()
        .filter_map(|step| progress.steps.get(&step.name).map(|own| write_step(&step.name, own)))
        .collect();
}

/// Outputs that fit: whole, or without the largest members, which are named under `omitted`.
pub fn fit(outputs: Map<String, Value>) -> Map<String, Value> {
    let mut members: Vec<(usize, String)> = outputs
        .iter()
        .map(|(name, value)| (name.len() + value.to_string().len() + 4, name.clone()))
        .collect();
    members.sort_unstable();
    let mut total = 2 + members.iter().map(|(bytes, _)| bytes).sum::<usize>();
    let mut kept = outputs;
    let mut omitted = Vec::new();
    while total > MOST_OUTPUT_BYTES
        && let Some((bytes, largest)) = members.pop()
    {
        kept.shift_remove(&largest);
        total -= bytes;
        omitted.push(Value::String(cut(&largest, 64)));
    }
    if !omitted.is_empty() {
        omitted.truncate(8);
        kept.insert("omitted".to_owned(), Value::Array(omitted));
    }
    kept
}

fn read_step(own: &StepStatus) -> Result<StepProgress, Corrupt> {
    let lacks = |problem| Corrupt { step: own.name.clone(), problem };
    let attempt = || own.attempt.and_then(|n| u32::try_from(n).ok()).ok_or(lacks("has no attempt"));
    let due = || own.due.ok_or(lacks("has no due time"));
    let state = match own.state {
        StepState::Pending => State::Pending,
        StepState::Running => State::Doing { attempt: attempt()?, deadline: due()? },
        StepState::Waiting => State::Resting { attempt: attempt()?, until: due()? },
        StepState::Succeeded => State::Done,
        StepState::Failed => State::Failed,
        StepState::Compensating => State::Undoing { attempt: attempt()?, deadline: due()? },
        StepState::CompensationWaiting => State::UndoResting { attempt: attempt()?, until: due()? },
        StepState::Compensated => State::Undone,
        StepState::Stuck => State::Stuck,
        StepState::Skipped => State::Skipped,
    };
    Ok(StepProgress {
        state,
        sequence: own.sequence.and_then(|n| u32::try_from(n).ok()),
        doubtful: own.doubtful.unwrap_or(false),
        turned_away: own.turned_away.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        first_sent_at: own.first_sent_at,
        action_first_sent_at: own.action_first_sent_at,
        reason: own.reason.clone(),
        message: own.message.clone(),
        outputs: own.outputs.as_ref().map(|outputs| Value::Object(outputs.clone()).to_string()),
    })
}

fn write_step(name: &str, own: &StepProgress) -> StepStatus {
    let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let (state, attempt, due) = match own.state {
        State::Pending => (StepState::Pending, None, None),
        State::Doing { attempt, deadline } => (StepState::Running, Some(attempt), Some(deadline)),
        State::Resting { attempt, until } => (StepState::Waiting, Some(attempt), Some(until)),
        State::Done => (StepState::Succeeded, None, None),
        State::Failed => (StepState::Failed, None, None),
        State::Undoing { attempt, deadline } => (StepState::Compensating, Some(attempt), Some(deadline)),
        State::UndoResting { attempt, until } => (StepState::CompensationWaiting, Some(attempt), Some(until)),
        State::Undone => (StepState::Compensated, None, None),
        State::Stuck => (StepState::Stuck, None, None),
        State::Skipped => (StepState::Skipped, None, None),
    };
    StepStatus {
        name: name.to_owned(),
        state,
        sequence: own.sequence.map(number),
        attempt: attempt.map(number),
        due,
        first_sent_at: own.first_sent_at,
        action_first_sent_at: own.action_first_sent_at,
        doubtful: own.doubtful.then_some(true),
        turned_away: (own.turned_away > 0).then(|| number(own.turned_away)),
        reason: own.reason.clone(),
        message: own.message.as_ref().map(|message| cut(message, MOST_MESSAGE)),
        outputs: own.outputs.as_ref().and_then(|outputs| serde_json::from_str(outputs).ok()),
    }
}

fn read_unwinding(wire: &WireUnwinding) -> Unwinding {
    let cause = match wire.cause.as_str() {
        "StepFailed" => Cause::StepFailed { step: wire.step.clone().unwrap_or_default() },
        "DeadlineExceeded" => Cause::DeadlineExceeded,
        "Deleted" => Cause::Deleted,
        _ => Cause::Cancelled { reason: wire.message.clone().unwrap_or_default() },
    };
    Unwinding { cause, since: wire.since }
}

fn write_unwinding(unwinding: &Unwinding) -> WireUnwinding {
    let wire = |cause: &str, step: Option<&String>, message: Option<&String>, since: Timestamp| {
        WireUnwinding { cause: cause.to_owned(), step: step.cloned(), message: message.cloned(), since }
    };
    match &unwinding.cause {
        Cause::StepFailed { step } => wire("StepFailed", Some(step), None, unwinding.since),
        Cause::Cancelled { reason } => wire("Cancelled", None, Some(reason), unwinding.since),
        Cause::DeadlineExceeded => wire("DeadlineExceeded", None, None, unwinding.since),
        Cause::Deleted => wire("Deleted", None, None, unwinding.since),
    }
}

#[cfg(test)]
mod tests {
    use saga::{Event, Report};
    use serde_json::json;

    use super::*;

    fn plan() -> Plan {
        let yaml = "
steps:
- {name: a, action: {operation: http.request}, compensation: {policy: Explicit, action: {operation: http.request}}}
- {name: b, action: {operation: http.request}, compensation: {policy: None}}
";
        super::super::plan::of_template(&serde_saphyr::from_str(yaml).unwrap(), "uid").unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_progress_survives_the_journal_at_every_turn() {
        let plan = plan();
        let mut progress = saga::start(&plan, at(0));
        let report = |step: &str, attempt, report| Event::Reported {
            step: step.into(),
            direction: saga::Direction::Do,
            attempt,
            report,
        };
        let events = [
            Event::Tick,
            report("a", 1, Report::Unknown { reason: "NoAnswer".into(), message: "m".into() }),
            Event::Suspend,
            Event::Resume,
            report("a", 1, Report::Succeeded { outputs: Some(r#"{"id":"rec1"}"#.into()) }),
            report("b", 1, Report::Refused { reason: "Bad".into(), message: "m".into() }),
            Event::Tick,
        ];
        for (second, event) in (1..).zip(events) {
            progress = saga::step(&plan, &progress, event, at(second)).progress;
            let mut status = SagaStatus::default();
            write(&progress, &plan, &mut status);
            let again: SagaStatus = serde_json::from_value(serde_json::to_value(&status).unwrap()).unwrap();
            assert_eq!(read(&again, &plan).unwrap().as_ref(), Some(&progress), "at second {second}");
        }
    }

    #[test]
    fn outputs_that_are_too_large_lose_their_largest_members() {
        let outputs = json!({"id": "rec1", "body": "x".repeat(5000)});
        let Value::Object(outputs) = outputs else { panic!() };
        let kept = Value::Object(fit(outputs));
        assert_eq!(kept, json!({"id": "rec1", "omitted": ["body"]}));
    }
}
