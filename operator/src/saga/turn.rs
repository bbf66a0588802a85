//! One turn of a saga: its object, what was observed and the answers that came, to the next status and the calls. Pure.

use crds::{
    STARTED_ANNOTATION, Saga, SagaStatus,
    reason::Reason,
    saga::{Repair as WireRepair, RepairStatus, RepairVerb},
};
use jiff::Timestamp;
use kube::ResourceExt as _;
use saga::{Cause, Command, Event, Progress, Repair, State, invariants};

use super::{
    journal,
    live::{Answer, CallId, Inbox},
    observe::{Observed, Trouble},
    plan, status,
};

/// What a turn leads to.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The next status; to be written before any call is made.
    pub status: SagaStatus,
    /// Calls that must be under way.
    pub commands: Vec<Command>,
    /// When to look again at the latest.
    pub wake: Option<Timestamp>,
    /// Answers that the status holds now.
    pub taken: Vec<CallId>,
    /// Calls that the journal held before this turn: a copy of them may be under way already.
    pub sent_before: Vec<CallId>,
    /// An invariant of the core that is broken: a defect.
    pub broken: Option<&'static str>,
}

/// Why nothing could be decided.
#[derive(Debug, Clone)]
pub enum Undecided {
    /// The saga can't go on as it is.
    Trouble(Trouble),
}

/// Decides the next turn of `saga` for the process named `me`.
pub fn turn(
    saga: &Saga,
    observed: &Observed,
    inbox: &Inbox,
    me: &str,
    now: Timestamp,
) -> Result<Turn, Undecided> {
    let trouble = |reason, message| Undecided::Trouble(Trouble::Of(reason, message));
    let uid = saga.uid().unwrap_or_default();
    let plan = plan::of_template(&observed.definition, &uid)
        .map_err(|error| trouble(Reason::Invalid, error.to_string()))?;
    let before = saga.status.clone().unwrap_or_default();
    let found =
        journal::read(&before, &plan).map_err(|error| trouble(Reason::JournalLost, error.to_string()))?;
    let progress = match found {
        Some(progress) => progress,
        None if saga.annotations().contains_key(STARTED_ANNOTATION) => {
            let message = "the saga has started once, but its status is gone: check its effects by hand, then create a new saga";
            return Err(trouble(Reason::JournalLost, message.to_owned()));
        }
        None => saga::start(&plan, now),
    };
    let sent_before = saga::commands(&plan, &progress).iter().map(CallId::of).collect();
    let (events, repairs) = events(saga, &before, &progress, &inbox.answers, now);
    let mut broken = None;
    let mut transition = None;
    let mut current = progress;
    for event in events.into_iter().chain([Event::Tick]) {
        let next = saga::step(&plan, &current, event, now);
        current = next.progress.clone();
        broken = broken.or(invariants::check(&plan, &current).err().map(|broken| broken.invariant));
        transition = Some(next);
    }
    let (commands, wake) =
        transition.map_or((Vec::new(), None), |transition| (transition.commands, transition.wake));
    let mut status = status::of(saga, &plan, &current, now);
    status.repairs = repairs;
    status.revision.clone_from(&observed.revision);
    take_over(&before, &mut status, me, inbox.fenced);
    let taken = inbox.answers.iter().map(|answer| answer.call.clone()).collect();
    Ok(Turn { status, commands, wake, taken, sent_before, broken })
}

/// Another process than the last one counts the epoch up, so that workers refuse what the last one may still send.
/// So does a process that is in charge and was refused as an older one: its journal is older than the worker's memory.
fn take_over(before: &SagaStatus, status: &mut SagaStatus, me: &str, fenced: Option<i64>) {
    let is_ours = before.holder.as_deref() == Some(me);
    let epoch = before.epoch.unwrap_or(0);
    let was_refused = fenced.is_some_and(|refused| refused >= epoch);
    status.holder = Some(me.to_owned());
    status.epoch = Some(epoch + i64::from(!is_ours || was_refused));
}

/// What people want, then the answers that came: an answer must not start a step that nobody wants any more.
fn events(
    saga: &Saga,
    before: &SagaStatus,
    progress: &Progress,
    inbox: &[Answer],
    now: Timestamp,
) -> (Vec<Event>, Vec<RepairStatus>) {
    let mut events = Vec::new();
    if saga.metadata.deletion_timestamp.is_some() {
        events.push(Event::Cancel { cause: Cause::Deleted });
    }
    if let Some(cancellation) = &saga.spec.cancellation {
        events.push(Event::Cancel { cause: Cause::Cancelled { reason: cancellation.reason.clone() } });
    }
    match (saga.spec.suspend.unwrap_or(false), progress.active_since) {
        (true, Some(_)) => events.push(Event::Suspend),
        (false, None) => events.push(Event::Resume),
        _ => {}
    }
    events.extend(inbox.iter().map(reported));
    let mut noted = before.repairs.clone();
    for repair in &saga.spec.repairs {
        if noted.iter().any(|noted| noted.id == repair.id) {
            continue;
        }
        let is_stuck = progress.steps.get(&repair.step).is_some_and(|own| own.state == State::Stuck);
        if is_stuck {
            events.push(Event::Repair { step: repair.step.clone(), verb: verb(repair) });
        }
        let result = if is_stuck { Reason::RepairApplied } else { Reason::RepairRefused };
        noted.push(RepairStatus {
            id: repair.id.clone(),
            result: result.as_str().to_owned(),
            time: whole_second(now),
        });
    }
    (events, noted)
}

fn reported(answer: &Answer) -> Event {
    Event::Reported {
        step: answer.call.step.clone(),
        direction: answer.call.direction,
        attempt: answer.call.attempt,
        report: answer.report.clone(),
    }
}

fn verb(repair: &WireRepair) -> Repair {
    match repair.verb {
        RepairVerb::Retry => Repair::Retry,
        RepairVerb::Skip => Repair::Skip,
        RepairVerb::Resolve => Repair::Resolve,
    }
}

fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
#[path = "turn_tests.rs"]
mod tests;
