//! The phase of a run: derived from its progress, never stored.

use std::fmt;

use crate::{
    plan::Plan,
    progress::{Progress, State},
};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// On the way forward.
    Running,
    /// No new attempts until resumed.
    Suspended,
    /// On the way back.
    Compensating,
    /// Ended with all effects in place.
    Succeeded,
    /// Ended with no effect left that was to be undone.
    Compensated,
    /// On the way back and in need of a person.
    Stuck,
    /// Ended with effects that a person decided to leave.
    Failed,
}

impl Phase {
    /// True when nothing will change any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Compensated | Self::Failed)
    }

    /// The phase as a `CamelCase` word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Suspended => "Suspended",
            Self::Compensating => "Compensating",
            Self::Succeeded => "Succeeded",
            Self::Compensated => "Compensated",
            Self::Stuck => "Stuck",
            Self::Failed => "Failed",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Where the run stands. A stuck run that is suspended as well counts as stuck: it needs a person first.
pub fn phase(plan: &Plan, progress: &Progress) -> Phase {
    let any = |state| {
        plan.steps.iter().any(|step| progress.steps.get(&step.name).is_some_and(|own| own.state == state))
    };
    match (progress.finished_at, &progress.unwinding) {
        (Some(_), None) => Phase::Succeeded,
        (Some(_), Some(_)) if any(State::Skipped) => Phase::Failed,
        (Some(_), Some(_)) => Phase::Compensated,
        (None, _) if any(State::Stuck) => Phase::Stuck,
        (None, _) if progress.active_since.is_none() => Phase::Suspended,
        (None, Some(_)) => Phase::Compensating,
        (None, None) => Phase::Running,
    }
}
