//! A person's decision about a step whose undo does not get on: whether it can be taken now, and what it does.

use jiff::Timestamp;

use crate::{
    due::second_of,
    event::Repair,
    progress::{Progress, State, StepProgress},
};

/// What becomes of a repair if it comes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is applied: the step is stuck, or rests between two attempts of its undo.
    Accepted,
    /// Neither applied nor refused yet: the undo under way could undo what the person does meanwhile, or the step's turn on
    /// the way back has not come.
    Waiting,
    /// There is nothing to repair: no undo of this step goes on.
    Refused,
}

/// What becomes of a repair of `step` if it comes now.
pub fn verdict(progress: &Progress, step: &str) -> Verdict {
    let own = progress.steps.get(step).filter(|_| progress.finished_at.is_none());
    match own.map(|own| own.state) {
        Some(State::Stuck | State::UndoResting { .. }) => Verdict::Accepted,
        Some(State::Undoing { .. }) => Verdict::Waiting,
        _ if own.is_some_and(|own| owes_an_undo(progress, own)) => Verdict::Waiting,
        _ => Verdict::Refused,
    }
}

/// True for a step of a run on its way back that may have left an effect. An action under way is not seen to by anybody:
/// its effect may still come.
fn owes_an_undo(progress: &Progress, own: &StepProgress) -> bool {
    progress.unwinding.is_some() && own.may_have_effect()
}

/// Applies the decision where it is accepted; any other changes nothing.
pub(crate) fn repair(progress: &mut Progress, step: &str, verb: Repair, now: Timestamp) {
    if verdict(progress, step) != Verdict::Accepted {
        return;
    }
    let Some(own) = progress.steps.get_mut(step) else { return };
    match verb {
        Repair::Retry => {
            own.state = State::UndoResting { attempt: 0, until: second_of(now) };
            own.turned_away = 0;
        }
        Repair::Skip => own.state = State::Skipped,
        Repair::Resolve => own.state = State::Undone,
    }
    // The person's decision is worth nothing when the deadline that led to it stops the next attempt as well.
    progress.active_since = progress.active_since.map(|_| second_of(now));
}
