//! Undoing a step: closes its action's key, finds out what had been done, and undoes that by the policy.

use ledger::Claim;
use serde_json::{Value, json};

use crate::{
    closing::Found,
    contract::{Action, Call, Compensation, Problem},
    gateway_client::Mark,
    key::Key,
    operations::{Operation, airtable},
    outcome::Failure,
    past::Past,
    restore::restore,
    step::Steps,
};

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
            (Operation::Airtable(_, operation), Found::Maybe(_)) if operation.write().is_some() => {
                Err(outcome_unknown("the gateway can't tell either"))
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
        past.allows(&operation, call.attempt)?;
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
