//! What must hold for every progress; for every transition, see [`check_transition`].
//!
//! Asserted by the tests in every state they reach, and by the driver in production, where a break is counted.

mod transition;

use thiserror::Error;

pub use transition::check_transition;

use crate::{
    event::Direction,
    plan::{Compensation, Plan, Step},
    progress::{Progress, State, StepProgress},
};

/// A law that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{invariant}: {detail}")]
pub struct Broken {
    /// The law, as a label for a metric.
    pub invariant: &'static str,
    /// Where it does not hold.
    pub detail: String,
}

/// `Err` with the law and the detail unless `holds`.
fn require(holds: bool, invariant: &'static str, detail: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { invariant, detail: detail() }) }
}

/// Checks what must hold for a progress that [`step`](crate::step) returned.
pub fn check(plan: &Plan, progress: &Progress) -> Result<(), Broken> {
    check_steps_match(plan, progress)?;
    check_sequences(progress)?;
    for step in &plan.steps {
        if let Some(own) = progress.steps.get(&step.name) {
            check_step(progress, step, own)?;
            check_needs(progress, step, own)?;
        }
    }
    check_parallelism(plan, progress)?;
    check_unwinding(plan, progress)?;
    check_finished(plan, progress)
}

fn check_steps_match(plan: &Plan, progress: &Progress) -> Result<(), Broken> {
    let known = plan.steps.iter().all(|step| progress.steps.contains_key(&step.name));
    require(known && plan.steps.len() == progress.steps.len(), "steps-match-plan", || {
        format!("the progress has {:?}", progress.steps.keys())
    })
}

fn check_sequences(progress: &Progress) -> Result<(), Broken> {
    let mut sequences: Vec<u32> = progress.steps.values().filter_map(|own| own.sequence).collect();
    sequences.sort_unstable();
    let numbered = sequences.iter().copied().eq(0..progress.next_sequence);
    require(numbered, "starts-are-numbered", || {
        format!("{sequences:?} with {} to come", progress.next_sequence)
    })
}

fn check_step(progress: &Progress, step: &Step, own: &StepProgress) -> Result<(), Broken> {
    let detail = || format!("{:?} is {own:?}", step.name);
    require((own.state == State::Pending) == own.sequence.is_none(), "only-started-steps-move", detail)?;
    require(!own.doubtful || own.sequence.is_some(), "only-started-steps-move", detail)?;
    let limit = |direction| limit(step, direction).saturating_add(own.turned_away);
    let (least, current, limit) = match (own.state.call(), own.state.rest()) {
        (Some((direction, attempt, _)), _) => (1, attempt, limit(direction)),
        (None, Some((Direction::Do, attempt, _))) => (1, attempt, limit(Direction::Do).saturating_sub(1)),
        (None, Some((Direction::Undo, attempt, _))) => (0, attempt, limit(Direction::Undo).saturating_sub(1)),
        (None, None) => (0, 0, 0),
    };
    require((least..=limit).contains(&current), "attempts-are-limited", detail)?;
    let is_called = own.state.call().is_some();
    require(!is_called || own.first_sent_at.is_some(), "intent-is-dated", detail)?;
    let turned_back = own.state == State::Failed || is_undo(own.state);
    require(!turned_back || progress.unwinding.is_some(), "undo-only-while-unwinding", detail)?;
    let nothing = step.compensation == Compensation::Nothing;
    require(!(nothing && is_undo(own.state)), "nothing-to-undo-is-not-undone", detail)
}

fn limit(step: &Step, direction: Direction) -> u32 {
    let policy = match direction {
        Direction::Do => step.action,
        Direction::Undo => step.undo,
    };
    if policy.max_attempts == 0 { u32::MAX } else { policy.max_attempts }
}

/// True once the compensation was decided on.
fn is_undo(state: State) -> bool {
    use State::{Skipped, Stuck, UndoResting, Undoing, Undone};
    matches!(state, Undoing { .. } | UndoResting { .. } | Undone | Stuck | Skipped)
}

/// What a started step needs started before it, and is done unless the run turned back.
fn check_needs(progress: &Progress, step: &Step, own: &StepProgress) -> Result<(), Broken> {
    if own.sequence.is_none() {
        return Ok(());
    }
    let satisfied = step.needs.iter().filter_map(|need| progress.steps.get(need)).all(|need| {
        let was_done = need.state == State::Done || (progress.unwinding.is_some() && is_undo(need.state));
        was_done && need.sequence < own.sequence
    });
    require(satisfied, "needs-before-start", || format!("{:?} started before {:?}", step.name, step.needs))
}

fn check_parallelism(plan: &Plan, progress: &Progress) -> Result<(), Broken> {
    let unsettled = progress
        .steps
        .values()
        .filter(|own| matches!(own.state, State::Doing { .. } | State::Resting { .. }))
        .count();
    let limit = usize::try_from(plan.limits.parallelism).unwrap_or(usize::MAX);
    require(limit == 0 || unsettled <= limit, "parallelism-is-limited", || format!("{unsettled} of {limit}"))
}

/// Undo in the strict reverse order of the starts, one at a time, with no action under way.
fn check_unwinding(plan: &Plan, progress: &Progress) -> Result<(), Broken> {
    if progress.unwinding.is_none() {
        return Ok(());
    }
    let resting = progress.steps.values().any(|own| matches!(own.state, State::Resting { .. }));
    require(!resting, "no-action-waits-while-unwinding", || "an action rests".to_owned())?;
    let reached = |own: &&StepProgress| is_undo(own.state);
    let Some(lowest) = progress.steps.values().filter(reached).filter_map(|own| own.sequence).min() else {
        return Ok(());
    };
    for step in &plan.steps {
        let Some(own) = progress.steps.get(&step.name) else { continue };
        let later = own.sequence > Some(lowest);
        let open = matches!(own.state, State::Undoing { .. } | State::UndoResting { .. } | State::Stuck);
        require(!(later && (open || owes_undo(step, own))), "undo-in-reverse-start-order", || {
            format!("{:?} started later than one that is being undone, and is {own:?}", step.name)
        })?;
        require(!matches!(own.state, State::Doing { .. }), "actions-end-before-undo", || {
            format!("{:?} is called", step.name)
        })?;
    }
    Ok(())
}

fn owes_undo(step: &Step, own: &StepProgress) -> bool {
    step.compensation == Compensation::Undo && own.may_have_effect()
}

/// A run has ended exactly when nothing is left to do in its direction.
fn check_finished(plan: &Plan, progress: &Progress) -> Result<(), Broken> {
    let settled = plan.steps.iter().all(|step| {
        progress.steps.get(&step.name).is_some_and(|own| match (own.state, &progress.unwinding) {
            (State::Done, None) => true,
            (_, None) => false,
            (state, Some(_)) => {
                let open = state.call().is_some() || state.rest().is_some() || state == State::Stuck;
                !open && !owes_undo(step, own)
            }
        })
    });
    require(settled == progress.finished_at.is_some(), "ends-when-settled", || {
        format!("settled is {settled}, finished at {:?}", progress.finished_at)
    })
}
