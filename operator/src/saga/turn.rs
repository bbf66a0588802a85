//! One turn of a saga: its object, what was observed and the answers that came, to the next status and the calls. Pure.

use crds::{
    STARTED_ANNOTATION, Saga, SagaStatus,
    reason::Reason,
    saga::{Repair as WireRepair, RepairStatus, RepairVerb},
};
use jiff::Timestamp;
use kube::ResourceExt as _;
use saga::{Cause, Command, Event, Progress, Repair, Report, Transition, Verdict, invariants};

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

/// Decides the next turn of `saga` for the process named `me`.
pub fn turn(
    saga: &Saga,
    observed: &Observed,
    inbox: &Inbox,
    me: &str,
    now: Timestamp,
) -> Result<Turn, Trouble> {
    let trouble = Trouble::Of;
    let uid = saga.uid().unwrap_or_default();
    let started_as = saga.annotations().get(STARTED_ANNOTATION);
    if started_as.is_some_and(|started| *started != uid) {
        let message = "the saga is a copy of one that has started, and can't know its effects: check them by hand, then create a new saga";
        return Err(trouble(Reason::JournalLost, message.to_owned()));
    }
    let plan = plan::of_template(&observed.definition, &uid)
        .map_err(|error| trouble(Reason::Invalid, error.to_string()))?;
    let before = saga.status.clone().unwrap_or_default();
    let found =
        journal::read(&before, &plan).map_err(|error| trouble(Reason::JournalLost, error.to_string()))?;
    let progress = match found {
        Some(progress) => progress,
        None if started_as.is_some() => {
            let message = "the saga has started once, but its status is gone: check its effects by hand, then create a new saga";
            return Err(trouble(Reason::JournalLost, message.to_owned()));
        }
        None => saga::start(&plan, now),
    };
    let sent_before = saga::commands(&plan, &progress).iter().map(CallId::of).collect();
    let mut broken = None;
    let mut take = |progress: &Progress, event| {
        let next = saga::step(&plan, progress, event, now);
        broken = broken.or(invariants::check(&plan, &next.progress).err().map(|broken| broken.invariant));
        next
    };
    let mut current = progress;
    for event in events(saga, &before, &current, &inbox.answers) {
        current = take(&current, event).progress;
    }
    let mut repairs = before.repairs.clone();
    for repair in saga.spec.repairs.iter().filter(|repair| !is_noted(&before, repair)) {
        let result = match saga::verdict(&current, &repair.step) {
            Verdict::Waiting => continue,
            Verdict::Refused => Reason::RepairRefused,
            Verdict::Accepted => {
                let event = Event::Repair { step: repair.step.clone(), verb: verb(repair) };
                current = take(&current, event).progress;
                Reason::RepairApplied
            }
        };
        repairs.push(noted(repair, result, now));
    }
    let Transition { progress: current, commands, wake } = take(&current, Event::Tick);
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
fn events(saga: &Saga, before: &SagaStatus, progress: &Progress, answers: &[Answer]) -> Vec<Event> {
    let mut events = Vec::new();
    if saga.metadata.deletion_timestamp.is_some() {
        events.push(Event::Cancel { cause: Cause::Deleted });
    }
    if let Some(cancellation) = &saga.spec.cancellation {
        events.push(Event::Cancel { cause: Cause::Cancelled { reason: cancellation.reason.clone() } });
    }
    // What is being deleted is undone at once: nobody would think of resuming it.
    let is_held = saga.spec.suspend.unwrap_or(false) && saga.metadata.deletion_timestamp.is_none();
    match (is_held, progress.active_since) {
        (true, Some(_)) => events.push(Event::Suspend),
        (false, None) => events.push(Event::Resume),
        _ => {}
    }
    events.extend(answers.iter().map(|answer| reported(answer, before.epoch.unwrap_or(0))));
    events
}

/// What an answer says in the journal's epoch. Another process that took over since the call was made may have sent
/// the same call, so that "this one had no effect" says nothing of that one.
fn reported(answer: &Answer, epoch: i64) -> Event {
    let CallId { step, direction, attempt } = answer.call.clone();
    let report = match answer.report.clone() {
        Report::Busy { reason, message, .. } if answer.epoch != epoch => Report::Unknown { reason, message },
        report => report,
    };
    Event::Reported { step, direction, attempt, report }
}

fn is_noted(status: &SagaStatus, repair: &WireRepair) -> bool {
    status.repairs.iter().any(|noted| noted.id == repair.id)
}

fn noted(repair: &WireRepair, result: Reason, now: Timestamp) -> RepairStatus {
    RepairStatus { id: repair.id.clone(), result: result.as_str().to_owned(), time: whole_second(now) }
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
