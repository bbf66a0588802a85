//! When something is due: deadlines of the run and the next time to look, in whole seconds.

use jiff::{SignedDuration, Timestamp};

use crate::{plan::Plan, progress::Progress};

/// The second that `now` lies in.
pub(crate) fn second_of(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// The first whole second that is no less than `wait` after `now`: nobody is judged too early.
pub(crate) fn after(now: Timestamp, wait: SignedDuration) -> Timestamp {
    let exact = now.checked_add(wait).unwrap_or(Timestamp::MAX);
    let second = second_of(exact);
    if second == exact { exact } else { second.checked_add(SignedDuration::from_secs(1)).unwrap_or(exact) }
}

/// `after` for a policy's seconds.
pub(crate) fn after_seconds(now: Timestamp, seconds: u32) -> Timestamp {
    after(now, SignedDuration::from_secs(i64::from(seconds)))
}

/// When the run turns back if it is not done; none while suspended.
pub(crate) fn active_deadline(plan: &Plan, progress: &Progress) -> Option<Timestamp> {
    Some(after_seconds(progress.active_since?, plan.limits.active_deadline_seconds?))
}

/// When undoing is left to a person; none while suspended or while not unwinding.
pub(crate) fn compensation_deadline(plan: &Plan, progress: &Progress) -> Option<Timestamp> {
    let since = progress.unwinding.as_ref()?.since.max(progress.active_since?);
    Some(after_seconds(since, plan.limits.compensation_deadline_seconds?))
}

/// The next time at which `Tick` changes something; none when only an event can.
pub(crate) fn wake(plan: &Plan, progress: &Progress, now: Timestamp) -> Option<Timestamp> {
    if progress.finished_at.is_some() {
        return None;
    }
    let active = progress.active_since.is_some();
    let calls = progress.steps.values().filter_map(|step| step.state.call()).map(|(.., deadline)| deadline);
    let mut rests = progress
        .steps
        .values()
        .filter(|_| active)
        .filter_map(|step| step.state.rest())
        .map(|(.., until)| until);
    let next_rest = rests.by_ref().min();
    let deadline = match progress.unwinding {
        None => active_deadline(plan, progress),
        Some(_) if next_rest.is_some() => compensation_deadline(plan, progress),
        Some(_) => None,
    };
    calls.chain(next_rest).chain(deadline).filter(|time| *time > now).min()
}
