//! What the ledger answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Claim;

/// What is kept from before the work until its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The earliest time the work may have happened.
    pub at: Timestamp,
    /// What the work is; a key used for other work is refused. Empty where only the key is known.
    pub fingerprint: String,
    /// JSON for whoever has to find out.
    pub note: Value,
}

/// What became of [`crate::Ledger::begin`].
#[derive(Debug, PartialEq)]
#[must_use]
pub enum Begin<C = Claim> {
    /// Not done before; the intent is on disk.
    Fresh(C),
    /// Begun before, with an end nobody knows.
    Interrupted(C, Intent),
    /// Done before, with this outcome.
    Done(Value),
    /// Somebody in this process is at it.
    InFlight,
    /// Never to be done; with what had been done before that, if anything.
    Closed(Option<Value>),
    /// The key belongs to other work (another fingerprint).
    Reused,
}

/// What became of [`crate::Ledger::close`].
#[derive(Debug, PartialEq)]
#[must_use]
pub enum Close<C = Claim> {
    /// From now on never done; with what had been done before, if anything.
    Closed(Option<Value>),
    /// Begun, with an end nobody knows: find out, then [`Claim::close`].
    Interrupted(C, Intent),
    /// Somebody in this process is at it.
    InFlight,
}

/// What became of [`crate::Ledger::resume`].
#[derive(Debug, PartialEq)]
#[must_use]
pub enum Resume<C = Claim> {
    /// Begun, with an end nobody knows.
    Interrupted(C, Intent),
    /// Anything else: there is nothing to settle, or somebody is at it.
    Not(Look),
}

/// What [`crate::Ledger::look`] finds.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// Never begun, or forgotten.
    Unknown,
    /// Somebody in this process is at it.
    InFlight,
    /// Begun, with an end nobody knows.
    Interrupted(Intent),
    /// Done, with this outcome.
    Done(Value),
    /// Never to be done; with what had been done before that, if anything.
    Closed(Option<Value>),
}

impl<C> Begin<C> {
    /// Replaces the claim, where there is one.
    pub(crate) fn map<D>(self, claim: impl FnOnce(C) -> D) -> Begin<D> {
        match self {
            Self::Fresh(held) => Begin::Fresh(claim(held)),
            Self::Interrupted(held, intent) => Begin::Interrupted(claim(held), intent),
            Self::Done(outcome) => Begin::Done(outcome),
            Self::InFlight => Begin::InFlight,
            Self::Closed(outcome) => Begin::Closed(outcome),
            Self::Reused => Begin::Reused,
        }
    }
}

impl<C> Close<C> {
    /// Replaces the claim, where there is one.
    pub(crate) fn map<D>(self, claim: impl FnOnce(C) -> D) -> Close<D> {
        match self {
            Self::Closed(outcome) => Close::Closed(outcome),
            Self::Interrupted(held, intent) => Close::Interrupted(claim(held), intent),
            Self::InFlight => Close::InFlight,
        }
    }
}

impl<C> Resume<C> {
    /// Replaces the claim, where there is one.
    pub(crate) fn map<D>(self, claim: impl FnOnce(C) -> D) -> Resume<D> {
        match self {
            Self::Interrupted(held, intent) => Resume::Interrupted(claim(held), intent),
            Self::Not(look) => Resume::Not(look),
        }
    }
}
