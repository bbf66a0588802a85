//! What the ledger's note says about the runs before this one.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
