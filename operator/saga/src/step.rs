//! The one transition function, and the calls that follow from a progress.

use jiff::Timestamp;

use crate::{
    advance::{advance, turn_back},
    due::{second_of, wake},
    event::{Command, Direction, Event, Transition},
    plan::Plan,
    progress::{Progress, StepProgress},
    repair::repair,
    report::{Ended, record},
};

/// The progress of a run that is about to begin; its first steps start with [`Event::Tick`].
pub fn start(plan: &Plan, now: Timestamp) -> Progress {
    let now = second_of(now);
    Progress {
        steps: plan.steps.iter().map(|step| (step.name.clone(), StepProgress::default())).collect(),
        started_at: now,
        active_since: Some(now),
        unwinding: None,
        finished_at: None,
        next_sequence: 0,
    }
}

/// What `event` at `now` leads to.
///
/// Total: an event that does not fit (late, doubled, about an unknown step, after the end) changes nothing.
/// `progress` must be of this plan: made by [`start`], changed by `step` alone.
pub fn step(plan: &Plan, progress: &Progress, event: Event, now: Timestamp) -> Transition {
    let mut progress = progress.clone();
    if progress.finished_at.is_none() {
        apply(plan, &mut progress, event, now);
        advance(plan, &mut progress, now);
    }
    let commands = commands(plan, &progress);
    let wake = wake(plan, &progress, now);
    Transition { progress, commands, wake }
}

/// All calls that must be under way, in the plan's order: after a crash the same come out again.
pub fn commands(plan: &Plan, progress: &Progress) -> Vec<Command> {
    plan.steps
        .iter()
        .filter_map(|step| {
            let own = progress.steps.get(&step.name)?;
            let (direction, attempt, deadline) = own.state.call()?;
            let first_sent_at = own.first_sent_at.unwrap_or(progress.started_at);
            let step = step.name.clone();
            Some(match direction {
                Direction::Do => Command::Do { step, attempt, deadline, first_sent_at },
                Direction::Undo => {
                    let action_first_sent_at = own.action_first_sent_at.unwrap_or(progress.started_at);
                    Command::Undo { step, attempt, deadline, first_sent_at, action_first_sent_at }
                }
            })
        })
        .collect()
}

fn apply(plan: &Plan, progress: &mut Progress, event: Event, now: Timestamp) {
    match event {
        Event::Tick => {}
        Event::Reported { step, direction, attempt, report } => {
            if let (Some(step), Some(own)) = (plan.step(&step), progress.steps.get_mut(&step)) {
                record(plan, step, own, Ended { direction, attempt, report }, now);
            }
        }
        Event::Cancel { cause } => turn_back(progress, cause, now),
        Event::Suspend => progress.active_since = None,
        Event::Resume => {
            progress.active_since.get_or_insert(second_of(now));
        }
        Event::Repair { step, verb } => repair(progress, &step, verb, now),
    }
}
