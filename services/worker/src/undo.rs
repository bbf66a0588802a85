//! Undoing a step: closes its action's key, finds out what had been done, and undoes that by the policy.

use jiff::Timestamp;
use ledger::{Claim, Close, Look};
use serde_json::{Value, json};

use crate::{
    contract::{Action, Call, Compensation, Problem},
    failpoints::without_tombstones,
    gateway_client::Mark,
    key::Key,
    operations::{Operation, airtable},
    outcome::{Done, Failure, Outcome},
    past::Past,
    restore::restore,
    step::{Steps, kept},
};

/// What an action had done when its key was closed.
#[derive(Debug, Clone, PartialEq)]
enum Found {
    Nothing,
    Effect(Done),
    /// It began, and nobody can tell its end; what was prepared for it.
    Maybe(Value),
}

impl Steps {
    /// Undoes what the key's action did; from the first line on, the action never runs again.
    pub async fn undo(
        &self,
        key: &Key,
        claim: &Claim,
        past: Past,
        call: &Call,
        mark: Mark,
    ) -> Result<Value, Failure> {
        let _slot = self.slot()?;
        let found = self.close_action(key, call, &mark).await?;
        match (&call.compensation, found) {
            (Compensation::None, _) | (_, Found::Nothing) => Ok(json!({})),
            (Compensation::Auto, found) => self.undo_automatically(call, found, past, mark).await,
            (Compensation::Explicit { action }, Found::Effect(done)) => {
                let action = filled(action, &done.outputs).map_err(|error| {
                    let message = format!("input of the compensation {error}");
                    Failure::Final(Problem::new("CompensationInput", message))
                })?;
                self.undo_explicitly(claim, past, call, &action, mark).await
            }
            (Compensation::Explicit { action }, Found::Maybe(_)) => {
                let action = filled(action, &json!({})).map_err(|error| {
                    outcome_unknown(&format!("its compensation needs its outputs: {error}"))
                })?;
                self.undo_explicitly(claim, past, call, &action, mark).await
            }
        }
    }

    /// Closes the action's key here and at the gateway; what either knows of an effect is found.
    async fn close_action(&self, key: &Key, call: &Call, undo: &Mark) -> Result<Found, Failure> {
        let (found, claim, since) = self.close_here(key, call).await?;
        let found = match Operation::parse(&call.action) {
            Ok(Operation::Airtable(base, operation)) if operation.write().is_some() => {
                let mark = Mark { key: key.action(), since, traceparent: undo.traceparent.clone() };
                let entry = if without_tombstones() {
                    self.gateways.look(&base, &mark).await?
                } else {
                    self.gateways.close(&base, &mark).await?
                };
                combine(&operation, found, entry.effect())?
            }
            _ => found,
        };
        if let Some(claim) = claim {
            let outcome = match &found {
                Found::Nothing => None,
                Found::Effect(done) => {
                    Some(Outcome::Done { outputs: done.outputs.clone(), note: done.note.clone() })
                }
                Found::Maybe(_) => Some(Outcome::Unknown),
            };
            claim
                .close(outcome.as_ref().map(kept), Timestamp::now())
                .await
                .map_err(|error| ledger(&error))?;
        }
        Ok(found)
    }

    /// Closes the action's key in the own ledger; an interrupted one stays claimed until its end is found out.
    async fn close_here(&self, key: &Key, call: &Call) -> Result<(Found, Option<Claim>, Timestamp), Failure> {
        let since = call.action_first_sent_at.unwrap_or(call.first_sent_at);
        if without_tombstones() {
            let looked = self.ledger.look(&key.action()).await.map_err(|error| ledger(&error))?;
            let found = if let Look::Done(kept) = looked { found(Some(kept)) } else { Found::Nothing };
            return Ok((found, None, since));
        }
        match self.ledger.close(&key.action(), Some(since), Timestamp::now()).await {
            Ok(Close::Closed(kept)) => Ok((found(kept), None, since)),
            Ok(Close::Interrupted(claim, intent)) => match Past::of(intent.note) {
                Past::Begun(prepared) => Ok((Found::Maybe(prepared), Some(claim), intent.at)),
                Past::Forgotten => Ok((Found::Maybe(Value::Null), Some(claim), intent.at)),
                Past::First | Past::Idle(_) => Ok((Found::Nothing, Some(claim), intent.at)),
            },
            Ok(Close::InFlight) => {
                let problem = Problem::new("ActionInFlight", "the action is still running here");
                Err(Failure::Later(problem, std::time::Duration::from_secs(1)))
            }
            Err(error) => Err(ledger(&error)),
        }
    }

    async fn undo_automatically(
        &self,
        call: &Call,
        found: Found,
        past: Past,
        mark: Mark,
    ) -> Result<Value, Failure> {
        let operation = Operation::parse(&call.action).map_err(Failure::Final)?;
        match (operation, found) {
            (Operation::HttpRequest(request), _) if request.is_safe() => Ok(json!({})),
            (Operation::HttpRequest(_), Found::Maybe(_)) => {
                Err(outcome_unknown("http.request has no automatic undo"))
            }
            (Operation::HttpRequest(_), _) => {
                let message = "http.request has no automatic undo: undo it by hand; declare an explicit compensation, \
                               or the policy None, for the next saga";
                Err(Failure::Final(Problem::new("NoAutomaticUndo", message)))
            }
            (Operation::Airtable(base, operation), Found::Effect(done)) => {
                let run = self.run(mark, call.attempt, past.is_doubtful());
                restore(&base, &operation, &done, &run).await
            }
            (Operation::Wait(_) | Operation::Fail(_) | Operation::Airtable(..), _) => Ok(json!({})),
        }
    }

    async fn undo_explicitly(
        &self,
        claim: &Claim,
        past: Past,
        call: &Call,
        action: &Action,
        mark: Mark,
    ) -> Result<Value, Failure> {
        let operation = Operation::parse(action).map_err(Failure::Final)?;
        let run = self.run(mark, call.attempt, past.is_doubtful());
        let note = match &operation {
            Operation::Wait(_) => self.prepared(Some(claim), past, &operation, &run).await?,
            _ => Value::Null,
        };
        match (&operation, operation.run(&run, &note).await) {
            (Operation::Airtable(_, airtable::Operation::Delete(_)), Err(Failure::NotFound(_))) => {
                Ok(json!({}))
            }
            (_, result) => result,
        }
    }
}

/// An explicit compensation with the outputs of the action in its input.
fn filled(action: &Action, outputs: &Value) -> Result<Action, expression::Error> {
    let input = expression::resolve(&action.input, &json!({"outputs": outputs}))?;
    Ok(Action { input, ..action.clone() })
}

/// Whether there is anything to undo can't be found out, now or later.
fn outcome_unknown(why: &str) -> Failure {
    let message =
        format!("nobody knows whether the action took effect, and {why}: look, and undo it by hand");
    Failure::Final(Problem::new("OutcomeUnknown", message))
}

/// What the own ledger kept for a closed action.
fn found(kept: Option<Value>) -> Found {
    match kept.map(serde_json::from_value) {
        None | Some(Ok(Outcome::Refused(_))) => Found::Nothing,
        Some(Ok(Outcome::Done { outputs, note })) => Found::Effect(Done { outputs, note }),
        Some(Ok(Outcome::Unknown) | Err(_)) => Found::Maybe(Value::Null),
    }
}

/// What the own ledger and the gateway's know together: the gateway sent the write, so it knows whether it was.
fn combine(operation: &airtable::Operation, own: Found, answer: Option<Value>) -> Result<Found, Failure> {
    match (own, answer) {
        (Found::Effect(done), _) => Ok(Found::Effect(done)),
        (Found::Nothing | Found::Maybe(_), None) => Ok(Found::Nothing),
        (own, Some(answer)) => {
            let note = if let Found::Maybe(prepared) = own { prepared } else { Value::Null };
            let outputs = operation.outputs(&answer).ok_or_else(|| {
                let message = "the gateway's ledger has an answer to the action that names no record";
                Failure::Final(Problem::new("GatewayAnswer", message))
            })?;
            Ok(Found::Effect(Done { outputs, note }))
        }
    }
}

fn ledger(error: &ledger::Error) -> Failure {
    Failure::Unknown(Problem::new("Ledger", error.to_string()))
}
