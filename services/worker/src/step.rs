//! `PUT`, `DELETE` and `GET` of a step: each against the ledger, so that each takes effect once.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use ledger::{Begin, Claim, Fenced, Ledger};
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    contract::{Answer, Call, Problem},
    failpoints::{Direction, die_at, without_fence, without_ledger},
    gateway_client::{Gateways, Mark},
    key::Key,
    operations::{Operation, Run},
    outcome::{Done, Failure, Outcome, Settlement, replay, settle_action, settle_undo, undone_before},
    past::Past,
    patience::bounded,
};

/// For how long to wait before asking again about a call under way.
pub const SOON: Duration = Duration::from_secs(1);
/// Nothing runs longer, whatever its deadline.
pub const LONGEST: Duration = Duration::from_mins(10);

/// Executes steps.
pub struct Steps {
    pub ledger: Ledger,
    pub gateways: Gateways,
    pub client: reqwest::Client,
    pub slots: Arc<Semaphore>,
}

impl Steps {
    /// Does the action, once for its key.
    pub async fn put(&self, key: &Key, call: &Call, traceparent: Option<String>) -> Answer {
        if let Err(answer) = self.admit(key, call).await {
            return answer;
        }
        let mark = Mark { key: key.action(), since: call.first_sent_at, traceparent, undoes: false };
        let (claim, past) = match self.begin(&mark, call).await {
            Ok((_, Past::Idle(attempt))) if call.attempt <= attempt => return answered_before(),
            Ok((claim, past)) => match afresh(&claim, past).await {
                Ok(past) => (claim, past),
                Err(answer) => return answer,
            },
            Err(_) if without_ledger() => {
                let run = self.perform(None, Past::First, call, mark);
                return settle_action(true, within(call.deadline, run).await).1;
            }
            Err(answer) => return answer,
        };
        die_at("after-intent", Direction::Do);
        let first = past == Past::First;
        let run = within(call.deadline, self.perform(Some(&claim), past, call, mark)).await;
        die_at("after-effect", Direction::Do);
        let (settlement, answer) = settle_action(first, run);
        self.settle(claim, settlement, call.attempt, answer, Direction::Do).await
    }

    /// Undoes the action, once for its key, and closes the key.
    pub async fn delete(&self, key: &Key, call: &Call, traceparent: Option<String>) -> Answer {
        if let Err(answer) = self.admit(key, call).await {
            return answer;
        }
        let mark = Mark { key: key.undo(), since: call.first_sent_at, traceparent, undoes: true };
        let (claim, past) = match self.begin(&mark, call).await {
            Ok((claim, past)) => match afresh(&claim, past).await {
                Ok(past) => (claim, past),
                Err(answer) => return answer,
            },
            Err(answer) => return answer,
        };
        die_at("after-intent", Direction::Undo);
        let first = past == Past::First;
        let run = within(call.deadline, self.undo(key, &claim, past, call, mark)).await;
        die_at("after-effect", Direction::Undo);
        let run = run.map_err(|failure| bounded(failure, call, Timestamp::now()));
        let (settlement, answer) = settle_undo(first, run);
        self.settle(claim, settlement, call.attempt, answer, Direction::Undo).await
    }

    /// Lets a call in: not too late, and of the newest epoch.
    async fn admit(&self, key: &Key, call: &Call) -> Result<(), Answer> {
        if call.deadline <= Timestamp::now() {
            let message = format!("the call arrived after its deadline {}, nothing was begun", call.deadline);
            return Err(Answer::Unknown(Problem::new("DeadlineExceeded", message)));
        }
        self.fence(key, call.epoch).await
    }

    /// Refuses an epoch older than the newest seen for the key.
    pub async fn fence(&self, key: &Key, epoch: i64) -> Result<(), Answer> {
        match self.ledger.fence(key.step(), epoch, Timestamp::now()).await {
            Ok(()) => Ok(()),
            Err(Fenced::Older { .. }) if without_fence() => Ok(()),
            Err(Fenced::Older { seen }) => Err(Answer::Fenced { seen }),
            Err(Fenced::Store(error)) => Err(ledger_failed(&error)),
        }
    }

    /// Claims the key, or answers for it.
    ///
    /// The operation's name is the fingerprint: the input comes from an immutable saga, and a newer operator may
    /// write it differently.
    async fn begin(&self, mark: &Mark, call: &Call) -> Result<(Claim, Past), Answer> {
        let now = Timestamp::now();
        let begun =
            self.ledger.begin(&mark.key, &call.action.operation, Value::Null, Some(mark.since), now).await;
        match begun {
            Ok(Begin::Fresh(claim)) => Ok((claim, Past::First)),
            Ok(Begin::Interrupted(claim, intent))
                if intent.at < self.ledger.born() && intent.note.is_null() =>
            {
                Ok((claim, Past::Forgotten))
            }
            Ok(Begin::Interrupted(claim, intent)) => Ok((claim, Past::of(intent.note))),
            Ok(Begin::Done(kept)) => Err(replay(kept)),
            Ok(Begin::InFlight) => Err(Answer::Accepted(SOON)),
            Ok(Begin::Closed(_)) => Err(undone_before()),
            Ok(Begin::Reused) => {
                let message =
                    format!("the key was used before for another operation than {}", call.action.operation);
                Err(Answer::Unknown(Problem::new("KeyReused", message)))
            }
            Err(error) => Err(ledger_failed(&error)),
        }
    }

    /// Prepares and runs the call's action.
    async fn perform(
        &self,
        claim: Option<&Claim>,
        past: Past,
        call: &Call,
        mark: Mark,
    ) -> Result<Done, Failure> {
        let _slot = self.slot()?;
        let operation = Operation::parse(&call.action).map_err(|problem| match past {
            // A worker of another version could read it, and began it.
            Past::Begun(_) => Failure::Unknown(problem),
            Past::First | Past::Idle(_) | Past::Forgotten => Failure::Refused(problem),
        })?;
        past.allows(&operation, call.attempt)?;
        let run = self.run(mark, call.attempt, past.is_doubtful());
        let note = self.prepared(claim, past, &operation, &run).await?;
        let outputs = operation.run(&run, &note).await?;
        Ok(Done { outputs, note })
    }

    /// What was prepared before, else prepares and keeps it.
    pub async fn prepared(
        &self,
        claim: Option<&Claim>,
        past: Past,
        operation: &Operation,
        run: &Run<'_>,
    ) -> Result<Value, Failure> {
        if let Past::Begun(prepared) = past
            && !prepared.is_null()
        {
            return Ok(prepared);
        }
        let prepared = operation.prepare(run, Timestamp::now()).await?;
        if let (Some(claim), false) = (claim, prepared.is_null()) {
            let kept = claim.note(Past::prepared(&prepared)).await;
            kept.map_err(|error| Failure::Later(Problem::new("Ledger", error.to_string()), SOON))?;
        }
        Ok(prepared)
    }

    /// A run with this worker's clients.
    pub fn run(&self, mark: Mark, attempt: u32, again: bool) -> Run<'_> {
        Run { gateways: &self.gateways, client: &self.client, mark, attempt, again }
    }

    /// A place among those that may run at once.
    pub fn slot(&self) -> Result<SemaphorePermit<'_>, Failure> {
        self.slots.try_acquire().map_err(|_| {
            Failure::Later(Problem::new("Overloaded", "this worker runs as many steps as it may"), SOON)
        })
    }

    /// Settles the claim; the answer holds only once that is durable.
    async fn settle(
        &self,
        claim: Claim,
        settlement: Settlement,
        attempt: u32,
        answer: Answer,
        direction: Direction,
    ) -> Answer {
        let now = Timestamp::now();
        let settled = match settlement {
            Settlement::Finish(outcome) => claim.finish(kept(&outcome), now).await,
            Settlement::Idle => claim.note(Past::idle(attempt)).await,
            Settlement::Close(found) => claim.close(found.as_ref().map(kept), now).await,
            Settlement::Leave => Ok(()),
        };
        die_at("before-answer", direction);
        match settled {
            Ok(()) => answer,
            Err(error) => ledger_failed(&error),
        }
    }
}

/// A run after ones that are proven to be without effect is as the first; from here on it is no longer proven.
async fn afresh(claim: &Claim, past: Past) -> Result<Past, Answer> {
    match past {
        Past::Idle(_) => match claim.note(Value::Null).await {
            Ok(()) => Ok(Past::First),
            Err(error) => Err(ledger_failed(&error)),
        },
        past => Ok(past),
    }
}

/// An outcome as the ledger keeps it.
pub fn kept(outcome: &Outcome) -> Value {
    serde_json::to_value(outcome).unwrap_or_default()
}

/// Runs until the deadline; what is cut off may have happened.
async fn within<T>(deadline: Timestamp, run: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let rest: SignedDuration = deadline.duration_since(Timestamp::now());
    let rest = Duration::try_from(rest).unwrap_or_default().min(LONGEST);
    tokio::time::timeout(rest, run).await.unwrap_or_else(|_| {
        let message = format!("no end within {} s", rest.as_secs());
        Err(Failure::Unknown(Problem::new("DeadlineExceeded", message)))
    })
}

/// To an attempt that was proven to be without effect.
pub fn answered_before() -> Answer {
    let message = "this attempt was answered before and is not run again: send the next one";
    Answer::Later(Problem::new("AnsweredBefore", message), SOON)
}

/// Without its ledger a worker proves nothing.
pub fn ledger_failed(error: &ledger::Error) -> Answer {
    tracing::error!(%error, "the ledger failed");
    Answer::Unknown(Problem::new("Ledger", error.to_string()))
}
