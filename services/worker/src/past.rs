//! What the ledger's note says about the runs before this one.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{contract::Problem, operations::Operation, outcome::Failure};

/// The runs of a key before this one.
#[derive(Debug, Clone, PartialEq)]
pub enum Past {
    /// None began.
    First,
    /// All attempts up to this one are proven to be without effect, and never run again.
    Idle(u32),
    /// Nobody knows: the ledger is younger than the key.
    Forgotten,
    /// One began, and may have had its effect; this was prepared before.
    Begun(Value),
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Note {
    idle: Option<u32>,
    prepared: Value,
}

impl Past {
    /// True where a run may have had its effect.
    pub fn is_doubtful(&self) -> bool {
        matches!(self, Self::Begun(_) | Self::Forgotten)
    }

    /// Refuses to do again, for all that is known, what may only be done once.
    pub fn allows(&self, operation: &Operation, attempt: u32) -> Result<(), Failure> {
        if *self != Self::Forgotten || attempt <= 1 || operation.may_run_twice() {
            return Ok(());
        }
        let message = "this worker's ledger is younger than the step, so an earlier attempt may have had its effect; \
                       the request is sent again only if the input says idempotent: true";
        Err(Failure::Final(Problem::new("OutcomeUnknown", message)))
    }

    /// Reads the note of an intent.
    pub fn of(note: Value) -> Self {
        match serde_json::from_value(note).unwrap_or_default() {
            Note { idle: Some(attempt), .. } => Self::Idle(attempt),
            Note { idle: None, prepared } => Self::Begun(prepared),
        }
    }

    /// The note for [`Past::Idle`].
    pub fn idle(attempt: u32) -> Value {
        json!({"idle": attempt})
    }

    /// The note for [`Past::Begun`] with what was prepared.
    pub fn prepared(prepared: &Value) -> Value {
        json!({"prepared": prepared})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_comes_back_as_it_was_meant() {
        assert_eq!(Past::of(Past::idle(3)), Past::Idle(3));
        assert_eq!(Past::of(Past::prepared(&json!({"a": 1}))), Past::Begun(json!({"a": 1})));
        assert_eq!(Past::of(Value::Null), Past::Begun(Value::Null));
        assert!(Past::Forgotten.is_doubtful() && !Past::Idle(1).is_doubtful() && !Past::First.is_doubtful());
    }
}
