//! What follows from the progress and the time alone: calls expire, rests end, steps start, the run ends.

use jiff::Timestamp;

use crate::{
    due::{active_deadline, after_seconds, second_of},
    event::{Direction, Report},
    plan::{Plan, Step},
    progress::{Cause, Progress, State, StepProgress, Unwinding},
    report::{Ended, record},
    unwind::unwind,
};

/// Brings the progress as far as it gets at `now` without another event. Doing it twice changes nothing more.
pub(crate) fn advance(plan: &Plan, progress: &mut Progress, now: Timestamp) {
    expire_calls(plan, progress, now);
    if let Some(step) = first_failed(plan, progress) {
        turn_back(progress, Cause::StepFailed { step }, now);
    }
    if progress.unwinding.is_none() && all_done(plan, progress) {
        progress.finished_at = Some(second_of(now));
        return;
    }
    if active_deadline(plan, progress).is_some_and(|deadline| deadline <= now) {
        turn_back(progress, Cause::DeadlineExceeded, now);
    }
    if progress.unwinding.is_some() {
        unwind(plan, progress, now);
    } else if progress.active_since.is_some() {
        end_rests(plan, progress, now);
        start_ready(plan, progress, now);
    }
}

/// Begins the unwinding; of several causes the first stays.
pub(crate) fn turn_back(progress: &mut Progress, cause: Cause, now: Timestamp) {
    progress.unwinding.get_or_insert_with(|| Unwinding { cause, since: second_of(now) });
}

fn expire_calls(plan: &Plan, progress: &mut Progress, now: Timestamp) {
    for step in &plan.steps {
        let Some(own) = progress.steps.get_mut(&step.name) else { continue };
        let Some((direction, attempt, deadline)) = own.state.call() else { continue };
        if deadline <= now {
            let report = Report::Unknown {
                reason: "NoAnswer".to_owned(),
                message: format!("attempt {attempt} was not answered by {deadline}"),
            };
            record(plan, step, own, Ended { direction, attempt, report }, now);
        }
    }
}

fn first_failed(plan: &Plan, progress: &Progress) -> Option<String> {
    let has_failed =
        |step: &&Step| progress.steps.get(&step.name).is_some_and(|own| own.state == State::Failed);
    plan.steps.iter().find(has_failed).map(|step| step.name.clone())
}

fn all_done(plan: &Plan, progress: &Progress) -> bool {
    plan.steps.iter().all(|step| is_done(progress, &step.name))
}

fn is_done(progress: &Progress, step: &str) -> bool {
    progress.steps.get(step).is_some_and(|own| own.state == State::Done)
}

fn end_rests(plan: &Plan, progress: &mut Progress, now: Timestamp) {
    for step in &plan.steps {
        let Some(own) = progress.steps.get_mut(&step.name) else { continue };
        if let Some((Direction::Do, attempt, until)) = own.state.rest()
            && until <= now
        {
            call_action(step, own, attempt.saturating_add(1), now);
        }
    }
}

/// Starts what waits for nothing any more, in the plan's order, as far as the parallelism allows.
fn start_ready(plan: &Plan, progress: &mut Progress, now: Timestamp) {
    let unsettled = |own: &&StepProgress| own.state.call().is_some() || own.state.rest().is_some();
    let mut room = match plan.limits.parallelism {
        0 => usize::MAX,
        limit => usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .saturating_sub(progress.steps.values().filter(unsettled).count()),
    };
    for step in &plan.steps {
        if room == 0 || !step.needs.iter().all(|need| is_done(progress, need)) {
            continue;
        }
        let Some(own) = progress.steps.get_mut(&step.name).filter(|own| own.state == State::Pending) else {
            continue;
        };
        own.sequence = Some(progress.next_sequence);
        progress.next_sequence = progress.next_sequence.saturating_add(1);
        call_action(step, own, 1, now);
        room -= 1;
    }
}

fn call_action(step: &Step, own: &mut StepProgress, attempt: u32, now: Timestamp) {
    // Attempts that were turned away left nothing, so that this is the first that may.
    if own.turned_away.saturating_add(1) >= attempt {
        own.first_sent_at = None;
    }
    own.first_sent_at.get_or_insert(second_of(now));
    own.state = State::Doing { attempt, deadline: after_seconds(now, step.action.timeout_seconds) };
}
