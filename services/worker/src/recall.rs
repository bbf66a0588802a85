//! What the ledger knows of a step, without running anything.

use std::time::Duration;

use jiff::Timestamp;
use ledger::{Intent, Look};
use serde_json::json;

use crate::{
    contract::{Answer, Problem},
    failpoints::Direction,
    key::Key,
    operations::wait_rest,
    outcome::{replay, undone_before},
    past::Past,
    step::{SOON, Steps, answered_before, ledger_failed},
};

impl Steps {
    /// What became of the step: of its undo where there was one, else of its action.
    pub async fn ask(&self, key: &Key, epoch: i64) -> Answer {
        if let Err(answer) = self.fence(key, epoch).await {
            return answer;
        }
        let looked = match self.ledger.look(&key.undo()).await {
            Ok(Look::Unknown) => self.ledger.look(&key.action()).await,
            other => other,
        };
        match settled(looked) {
            Ok(answer) => answer,
            Err(None) => Answer::NotFound,
            Err(Some(intent)) => match Past::of(intent.note) {
                Past::Begun(prepared) if prepared.get("until").is_some() => {
                    match wait_rest(&prepared, Timestamp::now()) {
                        Duration::ZERO => Answer::Done(json!({})),
                        rest => Answer::Accepted(rest),
                    }
                }
                Past::Idle(_) => answered_before(),
                Past::First | Past::Forgotten | Past::Begun(_) => Answer::Unknown(Problem::new(
                    "Interrupted",
                    "the call ended without an outcome: repeat it",
                )),
            },
        }
    }

    /// The answer to a call that can't be read. What the ledger knows comes first: that an action is refused says that
    /// there is no effect of it.
    pub async fn unreadable(&self, key: &Key, direction: Direction, problem: Problem) -> Answer {
        let name = match direction {
            Direction::Do => key.action(),
            Direction::Undo => key.undo(),
        };
        match settled(self.ledger.look(&name).await) {
            Ok(answer) => answer,
            Err(Some(begun)) if direction == Direction::Do => match Past::of(begun.note) {
                Past::Idle(_) => Answer::Refused(problem),
                Past::First | Past::Forgotten | Past::Begun(_) => Answer::Unknown(problem),
            },
            Err(_) => Answer::Refused(problem),
        }
    }
}

/// The answer where there is one; else what was begun, if anything.
fn settled(looked: Result<Look, ledger::Error>) -> Result<Answer, Option<Intent>> {
    match looked {
        Err(error) => Ok(ledger_failed(&error)),
        Ok(Look::InFlight) => Ok(Answer::Accepted(SOON)),
        Ok(Look::Done(kept)) => Ok(replay(kept)),
        Ok(Look::Closed(_)) => Ok(undone_before()),
        Ok(Look::Interrupted(intent)) => Err(Some(intent)),
        Ok(Look::Unknown) => Err(None),
    }
}
