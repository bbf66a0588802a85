//! What must hold between a progress and the one that follows it.

use jiff::Timestamp;

use super::{Broken, check, require};
use crate::{
    event::{Command, Direction, Event, Repair, Report},
    plan::Plan,
    progress::{Progress, State, StepProgress},
    step::commands,
};

/// Checks what must hold for a transition, and that its result keeps all laws of a progress.
pub fn check_transition(
    plan: &Plan,
    before: &Progress,
    event: &Event,
    after: &Progress,
    dispatched: &[Command],
) -> Result<(), Broken> {
    check(plan, after)?;
    require(before.finished_at.is_none() || before == after, "the-end-is-final", || format!("{event:?}"))?;
    require(before.started_at == after.started_at, "history-stays", || "started_at changed".to_owned())?;
    require(
        before.unwinding.is_none() || before.unwinding == after.unwinding,
        "no-way-back-forward",
        || format!("{:?} became {:?}", before.unwinding, after.unwinding),
    )?;
    require(commands(plan, after) == dispatched, "commands-follow-from-progress", || {
        format!("{dispatched:?}")
    })?;
    for (name, now) in &after.steps {
        let was = before.steps.get(name).cloned().unwrap_or_default();
        check_move(name, &was, event, now)?;
        let begins = is_new_attempt(&was, now);
        let suspended = after.active_since.is_none();
        require(!(begins && suspended), "no-attempt-while-suspended", || {
            format!("{name:?} is {:?}", now.state)
        })?;
        let acts = begins && matches!(now.state, State::Doing { .. });
        require(!(acts && after.unwinding.is_some()), "no-action-while-unwinding", || {
            format!("{name:?} is {:?}", now.state)
        })?;
    }
    Ok(())
}

fn is_new_attempt(was: &StepProgress, now: &StepProgress) -> bool {
    now.state.call().is_some() && now.state != was.state
}

/// A step goes forward and then back, never the other way, and what is known about it stays known.
fn check_move(name: &str, was: &StepProgress, event: &Event, now: &StepProgress) -> Result<(), Broken> {
    let detail = || format!("{name:?} went from {was:?} to {now:?} by {event:?}");
    let (from, to) = (leg(was.state), leg(now.state));
    require(from <= to, "steps-go-there-and-back", detail)?;
    let moves = was.state.call().or(was.state.rest()).is_some();
    // A repair must await the call: it could undo what the person does meanwhile.
    let is_taken = matches!(was.state, State::Stuck | State::UndoResting { .. });
    let repair = repair_of(event, name).filter(|_| is_taken);
    let repaired = repair.is_some();
    require(from < to || moves || repaired || was == now, "settled-steps-stay", detail)?;
    require(was.sequence.is_none() || was.sequence == now.sequence, "history-stays", detail)?;
    require(!was.doubtful || now.doubtful, "history-stays", detail)?;
    let (first_was, first_is) = (first_of_action(was), first_of_action(now));
    let none_before =
        matches!(now.state, State::Doing { attempt, .. } if attempt == now.turned_away.saturating_add(1));
    require(first_was.is_none() || first_was == first_is || none_before, "history-stays", detail)?;
    require(first_was <= first_is, "history-stays", detail)?;
    require(repaired || attempt(was) <= attempt(now) || from < to, "attempts-count-up", detail)?;
    let caused = match now.state {
        _ if was.state == now.state => true,
        State::Done => succeeded(event, name, Direction::Do),
        State::Undone => succeeded(event, name, Direction::Undo) || repair == Some(Repair::Resolve),
        State::Skipped => repair == Some(Repair::Skip),
        State::Pending | State::Doing { .. } | State::Resting { .. } => true,
        _ => was.sequence.is_some(),
    };
    require(caused, "no-end-without-cause", detail)
}

/// When the action was first decided on.
fn first_of_action(own: &StepProgress) -> Option<Timestamp> {
    if leg(own.state) < leg(State::Stuck) { own.first_sent_at } else { own.action_first_sent_at }
}

fn succeeded(event: &Event, name: &str, of: Direction) -> bool {
    matches!(event, Event::Reported { step, direction, report: Report::Succeeded { .. }, .. }
        if step == name && *direction == of)
}

fn repair_of(event: &Event, name: &str) -> Option<Repair> {
    match event {
        Event::Repair { step, verb } if step == name => Some(*verb),
        _ => None,
    }
}

/// How far a step is on its way there and back.
fn leg(state: State) -> u8 {
    match state {
        State::Pending => 0,
        State::Doing { .. } | State::Resting { .. } => 1,
        State::Done | State::Failed => 2,
        State::Undoing { .. } | State::UndoResting { .. } | State::Stuck => 3,
        State::Undone | State::Skipped => 4,
    }
}

/// The attempt that is under way or ended last; a stuck step is beyond its attempts.
fn attempt(own: &StepProgress) -> u32 {
    own.state.call().or(own.state.rest()).map_or(u32::MAX, |(_, attempt, _)| attempt)
}
