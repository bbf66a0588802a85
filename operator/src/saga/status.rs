//! The status of a saga, from its progress: journal, conditions, what is for display. Pure, but for `announce`.

use crds::{
    Condition, Saga, SagaStatus,
    condition::{ConditionStatus, STALLED, SUCCEEDED, SUSPENDED},
    reason::Reason,
    saga::StepStatus,
};
use jiff::Timestamp;
use saga::{Cause, Phase, Plan, Progress, State, explain, phase};

use super::{
    closing::{by_type, unattended},
    journal,
    observe::Trouble,
};
use crate::{
    conditions::{Wanted, settle},
    context::Context,
};

/// Attempts of one call after which the saga says that it does not get on, while it goes on trying.
const MANY_ATTEMPTS: u32 = 5;

/// Why the operator itself says that an attempt did not succeed; all else are a worker's words.
const OF_STEPS: [Reason; 7] = [
    Reason::WorkerUnreachable,
    Reason::WorkerError,
    Reason::NoAnswer,
    Reason::BaseNotReady,
    Reason::NoToken,
    Reason::AnswerTooLarge,
    Reason::Overloaded,
];

/// The status for a progress; epoch, holder, revision and repairs are the caller's.
pub fn of(saga: &Saga, plan: &Plan, progress: &Progress, now: Timestamp) -> SagaStatus {
    let mut status = saga.status.clone().unwrap_or_default();
    let phase = phase(plan, progress);
    let counts = explain::counts(plan, progress);
    journal::write(progress, plan, &mut status);
    status.observed_generation = saga.metadata.generation;
    let wanted = wanted(plan, progress, phase, way_out(saga, &status.steps).as_deref());
    status.conditions = settle(wanted, &status.conditions, saga.metadata.generation, now);
    status.state = Some(phase.as_str().to_owned());
    status.progress = Some(format!("{}/{}", counts.done, counts.total));
    status.waiting_on = (!phase.is_final()).then(|| explain::explain(plan, progress));
    status
}

/// The status of a saga that can't go on.
pub fn halted(saga: &Saga, trouble: &Trouble, now: Timestamp) -> SagaStatus {
    let mut status = saga.status.clone().unwrap_or_default();
    let Trouble::Of(reason, message) = trouble else { return status };
    let message = &and(message.clone(), way_out(saga, &status.steps).as_deref());
    let wanted =
        |kind, status, message: &str| Wanted { kind, status, reason: *reason, message: message.to_owned() };
    let is_hopeless = *reason == Reason::Invalid;
    let succeeded = if is_hopeless { ConditionStatus::False } else { ConditionStatus::Unknown };
    let conditions =
        vec![wanted(SUCCEEDED, succeeded, message), wanted(STALLED, ConditionStatus::True, message)];
    status.observed_generation = saga.metadata.generation;
    status.conditions = settle(conditions, &status.conditions, saga.metadata.generation, now);
    if status.start_time.is_none() {
        status.state = Some(if is_hopeless { "Invalid" } else { "Pending" }.to_owned());
    }
    status.waiting_on = Some(crate::conditions::cut(message, 256));
    status
}

fn and(message: String, way_out: Option<&str>) -> String {
    match way_out {
        None => message,
        Some(way_out) => format!("{message}; {way_out}"),
    }
}

/// What lets a saga go that is being deleted and can't undo what it did.
fn way_out(saga: &Saga, steps: &[StepStatus]) -> Option<String> {
    let steps = unattended(saga, steps);
    (saga.metadata.deletion_timestamp.is_some() && !steps.is_empty()).then(|| {
        format!(
            "to let the saga go all the same, see to the effects of {} by hand, and add an entry to spec.repairs for each (Resolve: undone; Skip: left)",
            steps.join(", ")
        )
    })
}

fn wanted(plan: &Plan, progress: &Progress, phase: Phase, way_out: Option<&str>) -> Vec<Wanted> {
    let (status, reason) = succeeded(progress, phase);
    let message = match phase {
        Phase::Running | Phase::Compensating | Phase::Suspended => reason.meaning().to_owned(),
        _ => explain::explain(plan, progress),
    };
    let mut wanted = vec![Wanted { kind: SUCCEEDED, status, reason, message }];
    if progress.active_since.is_none() && !phase.is_final() {
        wanted.push(Wanted {
            kind: SUSPENDED,
            status: ConditionStatus::True,
            reason: Reason::Suspended,
            message: Reason::Suspended.meaning().to_owned(),
        });
    }
    if phase == Phase::Stuck {
        let message =
            format!("{}: add to spec.repairs Retry, Skip or Resolve", explain::explain(plan, progress));
        let message = and(message, way_out);
        wanted.push(Wanted {
            kind: STALLED,
            status: ConditionStatus::True,
            reason: Reason::CompensationStuck,
            message,
        });
    } else if let Some((reason, message)) = does_not_get_on(plan, progress).filter(|_| !phase.is_final()) {
        let message = and(message, way_out);
        wanted.push(Wanted { kind: STALLED, status: ConditionStatus::True, reason, message });
    }
    wanted
}

fn succeeded(progress: &Progress, phase: Phase) -> (ConditionStatus, Reason) {
    match phase {
        Phase::Running => (ConditionStatus::Unknown, Reason::Running),
        Phase::Suspended => (ConditionStatus::Unknown, Reason::Suspended),
        Phase::Compensating => (ConditionStatus::Unknown, Reason::Compensating),
        Phase::Stuck => (ConditionStatus::Unknown, Reason::CompensationStuck),
        Phase::Succeeded => (ConditionStatus::True, Reason::Completed),
        Phase::Failed => (ConditionStatus::False, Reason::EffectsLeft),
        Phase::Compensated => (ConditionStatus::False, cause(progress)),
    }
}

fn cause(progress: &Progress) -> Reason {
    match progress.unwinding.as_ref().map(|unwinding| &unwinding.cause) {
        Some(Cause::Cancelled { .. }) => Reason::Cancelled,
        Some(Cause::DeadlineExceeded) => Reason::DeadlineExceeded,
        Some(Cause::Deleted) => Reason::Deleted,
        Some(Cause::StepFailed { .. }) | None => Reason::StepFailed,
    }
}

/// A step that was tried many times, with the reason of its last attempt where that is the operator's own.
fn does_not_get_on(plan: &Plan, progress: &Progress) -> Option<(Reason, String)> {
    plan.steps.iter().find_map(|step| {
        let own = progress.steps.get(&step.name)?;
        let attempt = match own.state {
            State::Doing { attempt, .. } | State::Undoing { attempt, .. } => attempt.saturating_sub(1),
            State::Resting { attempt, .. } | State::UndoResting { attempt, .. } => attempt,
            _ => 0,
        };
        let why = own.message.as_deref().or(own.reason.as_deref()).unwrap_or("no reason given");
        let is_last = |reason: &&Reason| own.reason.as_deref() == Some(reason.as_str());
        let reason = OF_STEPS.iter().find(is_last).copied().unwrap_or(Reason::StepNotGettingOn);
        (attempt >= MANY_ATTEMPTS).then(|| {
            (
                reason,
                format!("step {} was tried {MANY_ATTEMPTS} times or more, and is tried on: {why}", step.name),
            )
        })
    })
}

/// Records an event where a condition took another reason; the beginning of a run is not worth one.
pub fn announce(before: &Saga, after: &Saga, ctx: &Context) {
    for (reason, message, is_warning) in news(conditions(before), conditions(after)) {
        let (report, saga) = (ctx.report.clone(), after.clone());
        ctx.live.tasks.spawn(async move { report.event(&saga, is_warning, reason, &message).await });
    }
}

fn conditions(saga: &Saga) -> &[Condition] {
    saga.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default()
}

fn news(before: &[Condition], after: &[Condition]) -> Vec<(Reason, String, bool)> {
    let old = by_type(before);
    let mut news: Vec<(Reason, String, bool)> = Vec::new();
    for (kind, condition) in by_type(after) {
        let is_same = old.get(kind).is_some_and(|old| old.reason == condition.reason);
        let Some(reason) = Reason::ALL.iter().copied().find(|reason| reason.as_str() == condition.reason)
        else {
            continue;
        };
        let is_told_twice = news.iter().any(|(told, ..)| *told == reason);
        if !is_same && !is_told_twice && reason != Reason::Running {
            let is_bad = kind == STALLED || (kind == SUCCEEDED && condition.status == ConditionStatus::False);
            news.push((reason, condition.message.clone(), is_bad));
        }
    }
    if old.contains_key(SUSPENDED) && !by_type(after).contains_key(SUSPENDED) {
        news.push((Reason::Resumed, Reason::Resumed.meaning().to_owned(), false));
    }
    news
}
