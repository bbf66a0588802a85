//! How a run of an operation ends, and what follows for its key: pure decisions.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contract::{Answer, Problem};

/// Why an operation has no outputs.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// Proven to be without effect; pointless to repeat.
    Refused(Problem),
    /// What it works on does not exist; without effect.
    NotFound(Problem),
    /// Can't be done by a program, now or later.
    Final(Problem),
    /// This run had no effect; worth repeating after this.
    Later(Problem, Duration),
    /// Under way elsewhere or until a time; ask after this.
    Accepted(Duration),
    /// It may have had its effect.
    Unknown(Problem),
    /// The gateway has the key as closed: undone before.
    Closed,
}

impl Failure {
    /// The same of a run that had a part of its effect before.
    pub fn after_an_effect(self) -> Self {
        match self {
            Self::Later(problem, _) => Self::Unknown(problem),
            other => other,
        }
    }
}

/// An effect that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// What the caller gets.
    pub outputs: Value,
    /// What the undo needs to know from before; null where there is nothing.
    pub note: Value,
}

/// What the ledger keeps for a key that is settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The effect is there.
    Done {
        /// What the caller gets.
        outputs: Value,
        /// What the undo needs to know from before; null where there is nothing.
        note: Value,
    },
    /// Refused without effect; a repetition gets the same answer, since the caller counts on that.
    Refused(Problem),
    /// Closed before it was known how it ended.
    Unknown {
        /// As of [`Outcome::Done`].
        note: Value,
    },
}

/// What becomes of the claim.
#[derive(Debug, Clone, PartialEq)]
pub enum Settlement {
    /// Keep the outcome.
    Finish(Outcome),
    /// Nothing happened in any attempt so far; a later attempt begins as the first, these ones never run.
    Idle,
    /// Nobody knows: the key stays interrupted.
    Leave,
    /// Never again; with what had been done, as far as that is known.
    Close(Option<Outcome>),
}

/// What follows from a run of an action.
///
/// `first` is true when no run of this key was begun before. Otherwise a failed run proves nothing about the one
/// before it, so "later, without effect" is not said.
pub fn settle_action(first: bool, run: Result<Done, Failure>) -> (Settlement, Answer) {
    match run {
        Ok(Done { outputs, note }) => {
            (Settlement::Finish(Outcome::Done { outputs: outputs.clone(), note }), Answer::Done(outputs))
        }
        Err(Failure::Refused(problem) | Failure::NotFound(problem)) => {
            (Settlement::Finish(Outcome::Refused(problem.clone())), Answer::Refused(problem))
        }
        Err(Failure::Later(problem, wait)) if first => (Settlement::Idle, Answer::Later(problem, wait)),
        Err(Failure::Later(problem, _) | Failure::Unknown(problem)) => {
            (Settlement::Leave, Answer::Unknown(problem))
        }
        Err(Failure::Final(problem)) => (Settlement::Leave, Answer::Final(problem)),
        Err(Failure::Accepted(wait)) => (Settlement::Leave, Answer::Accepted(wait)),
        Err(Failure::Closed) => {
            let before = (!first).then_some(Outcome::Unknown { note: Value::Null });
            (Settlement::Close(before), undone_before())
        }
    }
}

/// What follows from a run of an undo: only success is kept, since a person may put right what stood in its way.
///
/// `first` as for [`settle_action`].
pub fn settle_undo(first: bool, run: Result<Value, Failure>) -> (Settlement, Answer) {
    match run {
        Ok(outputs) => {
            let outcome = Outcome::Done { outputs: outputs.clone(), note: Value::Null };
            (Settlement::Finish(outcome), Answer::Done(outputs))
        }
        Err(Failure::Refused(problem) | Failure::NotFound(problem)) => {
            (Settlement::Leave, Answer::Refused(problem))
        }
        Err(Failure::Final(problem)) => (Settlement::Leave, Answer::Final(problem)),
        Err(Failure::Later(problem, wait)) if first => (Settlement::Idle, Answer::Later(problem, wait)),
        Err(Failure::Later(problem, _) | Failure::Unknown(problem)) => {
            (Settlement::Leave, Answer::Unknown(problem))
        }
        Err(Failure::Accepted(wait)) => (Settlement::Leave, Answer::Accepted(wait)),
        Err(Failure::Closed) => {
            let problem =
                Problem::new("UndoClosed", "the gateway's ledger has the key of the undo as closed");
            (Settlement::Leave, Answer::Final(problem))
        }
    }
}

/// The answer to an action whose key has a tombstone.
pub fn undone_before() -> Answer {
    Answer::Final(Problem::new("Undone", "this step was undone, it is not done from now on"))
}

/// The answer from a kept outcome.
pub fn replay(kept: Value) -> Answer {
    match serde_json::from_value(kept) {
        Ok(Outcome::Done { outputs, .. }) => Answer::Done(outputs),
        Ok(Outcome::Refused(problem)) => Answer::Refused(problem),
        Ok(Outcome::Unknown { .. }) | Err(_) => {
            Answer::Unknown(Problem::new("LedgerUnreadable", "the kept outcome of this key is not readable"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem() -> Problem {
        Problem::new("X", "y")
    }

    #[test]
    fn only_a_first_run_is_answered_as_later_without_effect() {
        fn later<T>() -> Result<T, Failure> {
            Err(Failure::Later(problem(), Duration::from_secs(3)))
        }
        let (settlement, answer) = settle_action(true, later());
        assert_eq!((settlement, answer.outcome()), (Settlement::Idle, "later"));
        let (settlement, answer) = settle_undo(true, later());
        assert_eq!((settlement, answer.outcome()), (Settlement::Idle, "later"));
        for (settlement, answer) in [settle_action(false, later()), settle_undo(false, later())] {
            assert_eq!((settlement, answer.outcome()), (Settlement::Leave, "unknown"));
        }
    }

    #[test]
    fn a_refused_action_is_kept_and_a_refused_undo_is_not() {
        fn refused<T>() -> Result<T, Failure> {
            Err(Failure::Refused(problem()))
        }
        let (settlement, answer) = settle_action(true, refused());
        assert_eq!(settlement, Settlement::Finish(Outcome::Refused(problem())));
        assert_eq!(answer, Answer::Refused(problem()));
        assert_eq!(settle_undo(true, refused()), (Settlement::Leave, Answer::Refused(problem())));
    }

    #[test]
    fn a_key_that_the_gateway_has_closed_had_no_effect_only_if_this_was_its_first_run() {
        assert_eq!(settle_action(true, Err(Failure::Closed)), (Settlement::Close(None), undone_before()));
        let (settlement, answer) = settle_action(false, Err(Failure::Closed));
        assert_eq!(settlement, Settlement::Close(Some(Outcome::Unknown { note: Value::Null })));
        assert_eq!(answer, undone_before());
    }

    #[test]
    fn an_unknown_end_settles_nothing() {
        fn unknown<T>() -> Result<T, Failure> {
            Err(Failure::Unknown(problem()))
        }
        assert_eq!(settle_action(true, unknown()), (Settlement::Leave, Answer::Unknown(problem())));
        assert_eq!(settle_undo(true, unknown()), (Settlement::Leave, Answer::Unknown(problem())));
    }

    #[test]
    fn a_kept_outcome_is_answered_as_the_first_time() {
        let (settlement, first) =
            settle_action(true, Ok(Done { outputs: json!({"recordId": "rec1"}), note: json!(1) }));
        let Settlement::Finish(outcome) = settlement else { panic!("not kept") };
        assert_eq!(replay(serde_json::to_value(outcome).unwrap()), first);
        assert_eq!(replay(json!("garbage")).outcome(), "unknown");
    }
}
