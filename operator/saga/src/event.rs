//! The words between the core and its driver: what can happen, and what must be done about it.

use jiff::{SignedDuration, Timestamp};

use crate::progress::{Cause, Progress};

/// What can happen to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Nothing but time; also the first event of a run and after a restart.
    Tick,
    /// A call ended.
    Reported {
        /// The step's name.
        step: String,
        /// Action or compensation.
        direction: Direction,
        /// The attempt the call was made for.
        attempt: u32,
        /// How it ended.
        report: Report,
    },
    /// The run shall turn back. Ignored when it already does.
    Cancel {
        /// Why.
        cause: Cause,
    },
    /// No new attempts in either direction; calls under way end.
    Suspend,
    /// On again; deadlines count anew.
    Resume,
    /// A person decided about a step. Ignored unless its [`verdict`](crate::verdict) is to accept it.
    Repair {
        /// The step's name.
        step: String,
        /// The decision.
        verb: Repair,
    },
}

/// Which of a step's two calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The action.
    Do,
    /// The compensation.
    Undo,
}

/// What a person can decide about a step whose compensation is stuck, or rests between two attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repair {
    /// Try the compensation again at once, with fresh attempts and time.
    Retry,
    /// Leave the effect; the run will end [`Failed`](crate::Phase::Failed).
    Skip,
    /// The person undid it: no effect remains and none can still come.
    Resolve,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Done, or undone.
    Succeeded {
        /// What the action answered, if anything.
        outputs: Option<String>,
    },
    /// Final, without an effect by this attempt or by any copy of it that may still arrive.
    Refused {
        /// A `CamelCase` word.
        reason: String,
        /// The same for a person.
        message: String,
    },
    /// Not now; without an effect by this attempt or by any copy of it that may still arrive.
    Busy {
        /// A `CamelCase` word.
        reason: String,
        /// The same for a person.
        message: String,
        /// How long the worker wants to be left alone, at the least; an hour is the most it gets.
        retry_after: Option<SignedDuration>,
    },
    /// It may or may not have happened.
    Unknown {
        /// A `CamelCase` word.
        reason: String,
        /// The same for a person.
        message: String,
    },
}

/// A call that must be under way; dispatched once per step, direction and attempt by each process that drives the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Call the action.
    Do {
        /// The step's name.
        step: String,
        /// From 1.
        attempt: u32,
        /// When an unanswered call counts as unknown.
        deadline: Timestamp,
        /// When the first attempt of this direction was decided on.
        first_sent_at: Timestamp,
    },
    /// Call the compensation.
    Undo {
        /// The step's name.
        step: String,
        /// From 1.
        attempt: u32,
        /// When an unanswered call counts as unknown.
        deadline: Timestamp,
        /// When the first attempt of this direction was decided on.
        first_sent_at: Timestamp,
        /// No later than the first attempt of the action was decided on: a memory younger than that may lack it.
        action_first_sent_at: Timestamp,
    },
}

/// What an event leads to. To be written before any of the commands is dispatched, unless `progress` is unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The next progress; equal to the one before when the event changes nothing.
    pub progress: Progress,
    /// All calls that must be under way now, whether or not they are already.
    pub commands: Vec<Command>,
    /// When to come back with [`Event::Tick`] at the latest; later than `now`. None: only an event can change anything.
    pub wake: Option<Timestamp>,
}
