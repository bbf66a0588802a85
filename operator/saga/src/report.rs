//! How the end of a call changes a step.

use jiff::{SignedDuration, Timestamp};

use crate::{
    backoff,
    due::after,
    event::{Direction, Report},
    plan::{Plan, Policy, Step},
    progress::{State, StepProgress},
};

/// The longest a worker's wish to be left alone is heeded.
const LONGEST_RETRY_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// One call that ended.
pub(crate) struct Ended {
    pub(crate) direction: Direction,
    pub(crate) attempt: u32,
    pub(crate) report: Report,
}

/// Folds the end of a call into the step's progress, unless it says nothing new.
pub(crate) fn record(plan: &Plan, step: &Step, progress: &mut StepProgress, ended: Ended, now: Timestamp) {
    if !is_news(progress.state, &ended) {
        return;
    }
    let Ended { direction, attempt, report } = ended;
    if direction == Direction::Do && matches!(report, Report::Unknown { .. }) {
        progress.doubtful = true;
    }
    if matches!(report, Report::Busy { .. }) {
        progress.turned_away = progress.turned_away.saturating_add(1);
    }
    let counted = attempt.saturating_sub(progress.turned_away);
    let again = |wish| rest(plan, step, Try { direction, attempt, counted }, wish, now);
    let (state, why) = match report {
        Report::Succeeded { outputs } => {
            if direction == Direction::Do {
                progress.outputs = outputs;
            }
            (succeeded(direction), None)
        }
        Report::Refused { reason, message } => (given_up(direction), Some((reason, message))),
        Report::Busy { reason, message, retry_after } => (again(retry_after), Some((reason, message))),
        Report::Unknown { reason, message } => (again(None), Some((reason, message))),
    };
    progress.state = state;
    // The reason an action failed is still wanted when its compensation has succeeded.
    if why.is_some() || direction == Direction::Do {
        (progress.reason, progress.message) = why.unzip();
    }
}

/// The current attempt's end is news; of an earlier one only success is: all attempts share one key.
fn is_news(state: State, ended: &Ended) -> bool {
    let call = state.call().filter(|(direction, ..)| *direction == ended.direction);
    let rest = state.rest().filter(|(direction, ..)| *direction == ended.direction);
    let is_current = call.is_some_and(|(_, attempt, _)| attempt == ended.attempt);
    let is_earlier = call.or(rest).is_some_and(|(_, attempt, _)| (1..=attempt).contains(&ended.attempt));
    is_current || (is_earlier && matches!(ended.report, Report::Succeeded { .. }))
}

/// An attempt that ended, and how many count towards the limit: a worker that is away uses up no patience.
#[derive(Clone, Copy)]
struct Try {
    direction: Direction,
    attempt: u32,
    counted: u32,
}

fn rest(plan: &Plan, step: &Step, ended: Try, wish: Option<SignedDuration>, now: Timestamp) -> State {
    let Try { direction, attempt, counted } = ended;
    let policy: &Policy = match direction {
        Direction::Do => &step.action,
        Direction::Undo => &step.undo,
    };
    if policy.max_attempts != 0 && counted >= policy.max_attempts {
        return given_up(direction);
    }
    let wish = wish.unwrap_or(SignedDuration::ZERO).min(LONGEST_RETRY_AFTER);
    let until = after(now, backoff::delay(policy, &plan.step_key(&step.name), attempt).max(wish));
    match direction {
        Direction::Do => State::Resting { attempt, until },
        Direction::Undo => State::UndoResting { attempt, until },
    }
}

fn succeeded(direction: Direction) -> State {
    match direction {
        Direction::Do => State::Done,
        Direction::Undo => State::Undone,
    }
}

fn given_up(direction: Direction) -> State {
    match direction {
        Direction::Do => State::Failed,
        Direction::Undo => State::Stuck,
    }
}
