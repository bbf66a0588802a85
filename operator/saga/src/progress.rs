//! What happened so far: everything the journal must keep, and nothing that follows from the rest.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Direction;

/// What happened so far in a run. All times are whole seconds, so that a journal of seconds loses nothing.
///
/// Made by [`start`](crate::start), changed by [`step`](crate::step) only.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// By name, one for each step of the plan.
    pub steps: BTreeMap<String, StepProgress>,
    /// When the run began.
    pub started_at: Timestamp,
    /// Since when deadlines count: the start, the last resume or the last repair. None while suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_since: Option<Timestamp>,
    /// Set once when the run turns back; from then on nothing is done, only undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwinding: Option<Unwinding>,
    /// When the run ended; nothing changes afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The sequence number of the step that starts next.
    pub next_sequence: u32,
}

/// Why and when a run turned back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unwinding {
    /// What came first, when there were several causes.
    pub cause: Cause,
    /// When.
    pub since: Timestamp,
}

/// Why a run turned back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// A step failed for good.
    StepFailed {
        /// Its name.
        step: String,
    },
    /// Somebody wanted it to end.
    Cancelled {
        /// Their words.
        reason: String,
    },
    /// The active deadline passed.
    DeadlineExceeded,
    /// The run's object is being deleted.
    Deleted,
}

/// What happened so far to one step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepProgress {
    /// Where it stands.
    pub state: State,
    /// Its place in the order of starts, from 0; none before it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u32>,
    /// An attempt of the action ended unknown: an effect is possible whatever later attempts said.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doubtful: bool,
    /// Attempts of the current direction that were turned away without an effect; they count towards no limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub turned_away: u32,
    /// When the first attempt of the current direction was decided on; of an action the first that was not turned away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_sent_at: Option<Timestamp>,
    /// When the first attempt of the action was decided on; kept from the moment at which the compensation took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_first_sent_at: Option<Timestamp>,
    /// Why the last attempt that did not succeed ended so, as a `CamelCase` word; none once the action succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the action answered: a JSON text or a reference, opaque here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<String>,
}

/// Where a step stands. Attempts count from 1 in each direction, and again from 1 after a repair by retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum State {
    /// Never started.
    #[default]
    Pending,
    /// Its action is called.
    Doing {
        /// Which attempt.
        attempt: u32,
        /// When it counts as unknown.
        deadline: Timestamp,
    },
    /// Waits for the next attempt of its action.
    Resting {
        /// The attempt that ended.
        attempt: u32,
        /// When the next begins.
        until: Timestamp,
    },
    /// Its effect exists.
    Done,
    /// Given up; without effect unless doubtful.
    Failed,
    /// Its compensation is called.
    Undoing {
        /// Which attempt.
        attempt: u32,
        /// When it counts as unknown.
        deadline: Timestamp,
    },
    /// Waits for the next attempt of its compensation.
    UndoResting {
        /// The attempt that ended; 0 when a person asked for fresh attempts.
        attempt: u32,
        /// When the next begins.
        until: Timestamp,
    },
    /// Its effect is gone and can't come any more.
    Undone,
    /// Its compensation was refused or its attempts or time used up; a person must decide.
    Stuck,
    /// A person decided to leave its effect.
    Skipped,
}

impl State {
    /// The call that is under way: its direction, attempt and deadline.
    pub fn call(self) -> Option<(Direction, u32, Timestamp)> {
        match self {
            Self::Doing { attempt, deadline } => Some((Direction::Do, attempt, deadline)),
            Self::Undoing { attempt, deadline } => Some((Direction::Undo, attempt, deadline)),
            _ => None,
        }
    }

    /// The rest that is under way: its direction, the attempt that ended, and its end.
    pub fn rest(self) -> Option<(Direction, u32, Timestamp)> {
        match self {
            Self::Resting { attempt, until } => Some((Direction::Do, attempt, until)),
            Self::UndoResting { attempt, until } => Some((Direction::Undo, attempt, until)),
            _ => None,
        }
    }
}

impl StepProgress {
    /// True when the action may have left something that nobody has dealt with yet.
    pub fn may_have_effect(&self) -> bool {
        match self.state {
            State::Done => true,
            State::Failed => self.doubtful,
            _ => false,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
