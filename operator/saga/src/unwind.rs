//! The way back: what may have had an effect is undone, one at a time, in the reverse order of the starts.

use jiff::Timestamp;

use crate::{
    due::{after_seconds, compensation_deadline, second_of},
    event::Direction,
    plan::{Compensation, Plan, Step},
    progress::{Progress, State, StepProgress},
};

/// Takes the next step of an unwinding run, as far as it gets at `now`.
pub(crate) fn unwind(plan: &Plan, progress: &mut Progress, now: Timestamp) {
    give_up_rests(progress);
    let overdue = compensation_deadline(plan, progress).is_some_and(|deadline| deadline <= now);
    let suspended = progress.active_since.is_none();
    // An action under way may still have its effect, so that nothing can be undone before it ended.
    if progress.steps.values().any(|own| own.state.call().is_some() || own.state == State::Stuck) {
        return;
    }
    let Some(step) = under_way(plan, progress).or_else(|| next(plan, progress)) else {
        progress.finished_at = Some(second_of(now));
        return;
    };
    if suspended {
        return;
    }
    if let Some(own) = progress.steps.get_mut(&step.name) {
        if overdue { leave_to_a_person(own) } else { try_undo(step, own, now) }
    }
}

/// No further attempt will be made, so that a resting action has failed.
fn give_up_rests(progress: &mut Progress) {
    for own in progress.steps.values_mut() {
        if matches!(own.state, State::Resting { .. }) {
            own.state = State::Failed;
        }
    }
}

fn under_way<'a>(plan: &'a Plan, progress: &Progress) -> Option<&'a Step> {
    let (name, _) = progress.steps.iter().find(|(_, own)| matches!(own.state, State::UndoResting { .. }))?;
    plan.step(name)
}

/// Of the steps that may have left an effect the one that started last.
fn next<'a>(plan: &'a Plan, progress: &Progress) -> Option<&'a Step> {
    let started = |step: &'a Step| {
        let own = progress.steps.get(&step.name)?;
        (step.compensation == Compensation::Undo && own.may_have_effect()).then_some((own.sequence, step))
    };
    plan.steps.iter().filter_map(started).max_by_key(|(sequence, _)| *sequence).map(|(_, step)| step)
}

fn leave_to_a_person(own: &mut StepProgress) {
    if own.state.rest().is_none() {
        own.action_first_sent_at = own.first_sent_at.take();
    }
    own.state = State::Stuck;
    own.reason = Some("CompensationDeadlineExceeded".to_owned());
    own.message = Some("the compensation deadline passed before this step was undone".to_owned());
}

fn try_undo(step: &Step, own: &mut StepProgress, now: Timestamp) {
    let attempt = match own.state.rest() {
        Some((Direction::Undo, _, until)) if until > now => return,
        Some((Direction::Undo, attempt, _)) => {
            own.first_sent_at.get_or_insert(second_of(now));
            attempt.saturating_add(1)
        }
        _ => {
            own.action_first_sent_at = own.first_sent_at.replace(second_of(now));
            own.turned_away = 0;
            1
        }
    };
    own.state = State::Undoing { attempt, deadline: after_seconds(now, step.undo.timeout_seconds) };
}
