//! What a run is waiting for, in one sentence, and how far it is.

use crate::{
    event::Direction,
    outcome::{Phase, phase},
    plan::{Plan, Step},
    progress::{Cause, Progress, State, StepProgress},
};

/// How many steps a run has and where they got to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Steps whose effect is in place.
    pub done: usize,
    /// Steps whose effect was taken back.
    pub undone: usize,
    /// All steps of the plan.
    pub total: usize,
}

/// How far the run is.
pub fn counts(plan: &Plan, progress: &Progress) -> Counts {
    let count = |state| of_plan(plan, progress).filter(|(_, own)| own.state == state).count();
    Counts { done: count(State::Done), undone: count(State::Undone), total: plan.steps.len() }
}

/// What the run is waiting for or how it ended, for a person: one sentence without a full stop.
pub fn explain(plan: &Plan, progress: &Progress) -> String {
    let Counts { undone, total, .. } = counts(plan, progress);
    let because =
        progress.unwinding.as_ref().map(|unwinding| because(progress, &unwinding.cause)).unwrap_or_default();
    match phase(plan, progress) {
        Phase::Running => waiting(plan, progress),
        Phase::Suspended => format!("suspended{}", in_flight(plan, progress)),
        Phase::Compensating => format!("{} because {because}", waiting(plan, progress)),
        Phase::Succeeded => format!("all of {total} done"),
        Phase::Compensated => format!("compensated ({undone} undone) because {because}"),
        Phase::Stuck => {
            let step = named(plan, progress, State::Stuck);
            format!(
                "undoing {step} needs a person{}: retry, skip or resolve it",
                why(plan, progress, State::Stuck)
            )
        }
        Phase::Failed => {
            format!(
                "ended with the effect of {} left in place because {because}",
                named(plan, progress, State::Skipped)
            )
        }
    }
}

fn of_plan<'a>(plan: &'a Plan, progress: &'a Progress) -> impl Iterator<Item = (&'a Step, &'a StepProgress)> {
    plan.steps.iter().filter_map(|step| Some((step, progress.steps.get(&step.name)?)))
}

fn because(progress: &Progress, cause: &Cause) -> String {
    match cause {
        Cause::StepFailed { step } => match progress.steps.get(step) {
            Some(own) if own.doubtful => format!("{step:?} failed (its outcome is unknown)"),
            Some(StepProgress { reason: Some(reason), .. }) => format!("{step:?} failed ({reason})"),
            _ => format!("{step:?} failed"),
        },
        Cause::Cancelled { reason } if reason.is_empty() => "it was cancelled".to_owned(),
        Cause::Cancelled { reason } => format!("it was cancelled: {reason}"),
        Cause::DeadlineExceeded => "its active deadline passed".to_owned(),
        Cause::Deleted => "it is being deleted".to_owned(),
    }
}

/// The first thing waited for, in the plan's order, and how many more there are.
fn waiting(plan: &Plan, progress: &Progress) -> String {
    let mut waits = of_plan(plan, progress).filter_map(|(step, own)| wait(step, own));
    let first = waits.next().unwrap_or_else(|| "waiting for its first step to start".to_owned());
    match waits.count() {
        0 => first,
        more => format!("{first}, and {more} more"),
    }
}

fn wait(step: &Step, own: &StepProgress) -> Option<String> {
    let name = &step.name;
    if let Some((direction, attempt, deadline)) = own.state.call() {
        let (verb, of) = verb_and_limit(step, direction);
        let attempt = attempt.saturating_sub(own.turned_away);
        return Some(format!("waiting for {name:?} to be {verb} (attempt {attempt}{of}, until {deadline})"));
    }
    let (direction, attempt, until) = own.state.rest()?;
    let (verb, of) = verb_and_limit(step, direction);
    let next = attempt.saturating_add(1).saturating_sub(own.turned_away);
    let reason = own.reason.as_ref().map(|reason| format!(" after {reason}")).unwrap_or_default();
    Some(format!("waiting until {until} for {name:?} to be {verb}{reason} (attempt {next}{of})"))
}

fn verb_and_limit(step: &Step, direction: Direction) -> (&'static str, String) {
    let (verb, policy) = match direction {
        Direction::Do => ("done", step.action),
        Direction::Undo => ("undone", step.undo),
    };
    match policy.max_attempts {
        0 => (verb, String::new()),
        limit => (verb, format!(" of {limit}")),
    }
}

fn in_flight(plan: &Plan, progress: &Progress) -> String {
    match of_plan(plan, progress).filter(|(_, own)| own.state.call().is_some()).count() {
        0 => String::new(),
        1 => ", one call is still under way".to_owned(),
        calls => format!(", {calls} calls are still under way"),
    }
}

fn named(plan: &Plan, progress: &Progress, state: State) -> String {
    let names: Vec<String> = of_plan(plan, progress)
        .filter(|(_, own)| own.state == state)
        .map(|(step, _)| format!("{:?}", step.name))
        .collect();
    names.join(" and ")
}

fn why(plan: &Plan, progress: &Progress, state: State) -> String {
    let stuck = of_plan(plan, progress).find(|(_, own)| own.state == state);
    match stuck.map(|(_, own)| (own.reason.as_deref(), own.message.as_deref())) {
        Some((Some(reason), Some(message))) => format!(" ({reason}: {message})"),
        Some((Some(reason), None)) => format!(" ({reason})"),
        _ => String::new(),
    }
}
