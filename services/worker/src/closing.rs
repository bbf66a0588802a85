//! Closing the key of an action, here and at the gateway, and what had been done under it.

use std::time::Duration;

use jiff::Timestamp;
use ledger::{Claim, Close, Look};
use serde_json::Value;

use crate::{
    before::Before,
    contract::{Call, Compensation, Problem},
    failpoints::without_tombstones,
    gateway_client::Mark,
    gateway_ledger::Closed,
    key::Key,
    operations::{Operation, airtable},
    outcome::{Done, Failure, Outcome},
    past::Past,
    patience::bounded,
    step::{Steps, kept},
};

/// What an action had done when its key was closed.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Nothing, or nothing that is left.
    Nothing,
    /// This.
    Effect(Done),
    /// It began, and nobody can tell its end; what was prepared for it.
    Maybe(Value),
}

impl Steps {
    /// Closes the action's key here and at the gateway; what either knows of an effect is found.
    pub async fn close_action(&self, key: &Key, call: &Call, undo: &Mark) -> Result<Found, Failure> {
        let (own, claim, since) = self.close_here(key, call).await?;
        let mark = Mark { key: key.action(), since, ..undo.clone() };
        let found = match self.close_there(own.clone(), call, &mark).await {
            Err(failure) => match bounded(failure, call, Timestamp::now()) {
                Failure::Final(problem) => {
                    settle(claim, &own).await?;
                    return Err(Failure::Final(problem));
                }
                other => return Err(other),
            },
            Ok(found) => found,
        };
        settle(claim, &found).await?;
        Ok(found)
    }

    /// Closes the action's key in the own ledger; an interrupted one stays claimed until its end is found out.
    async fn close_here(&self, key: &Key, call: &Call) -> Result<(Found, Option<Claim>, Timestamp), Failure> {
        let since = call.action_first_sent_at.unwrap_or(call.first_sent_at);
        if without_tombstones() {
            let looked = self.ledger.look(&key.action()).await.map_err(|error| ledger_failed(&error))?;
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
                Err(Failure::Later(problem, Duration::from_secs(1)))
            }
            Err(error) => Err(ledger_failed(&error)),
        }
    }

    /// Closes the key of a write at the gateway, which sent it, and so knows more than the own ledger.
    async fn close_there(&self, own: Found, call: &Call, mark: &Mark) -> Result<Found, Failure> {
        let Ok(Operation::Airtable(base, operation)) = Operation::parse(&call.action) else { return Ok(own) };
        let Some(write) = operation.write() else { return Ok(own) };
        let closed = if without_tombstones() {
            self.gateways.look(&base, mark).await?.into()
        } else {
            let write = is_sent_along(&operation, &call.compensation, &own).then_some(&write);
            self.gateways.close(&base, mark, write).await?
        };
        combine(&operation, own, closed)
    }
}

/// Whether the gateway gets the write, in case that it doesn't know of it. It searches for a create, and sends all else:
/// that is of use only where it can be undone.
fn is_sent_along(operation: &airtable::Operation, compensation: &Compensation, own: &Found) -> bool {
    match (own, compensation, operation) {
        (Found::Nothing | Found::Effect(_), ..) | (_, Compensation::None, _) => false,
        (Found::Maybe(_), _, airtable::Operation::Create(_)) => true,
        (Found::Maybe(prepared), Compensation::Auto, _) => Before::of(prepared).is_some(),
        (Found::Maybe(_), Compensation::Explicit { .. }, _) => false,
    }
}

/// What the own ledger and the gateway's know together. What the own one proves holds where the gateway can't tell.
fn combine(operation: &airtable::Operation, own: Found, closed: Closed) -> Result<Found, Failure> {
    match (own, closed) {
        (own, Closed::Unknowable) | (own @ Found::Effect(_), _) => Ok(own),
        (Found::Nothing | Found::Maybe(_), Closed::Nothing) => Ok(Found::Nothing),
        (own, Closed::Effect(answer)) => {
            let note = if let Found::Maybe(prepared) = own { prepared } else { Value::Null };
            let outputs = operation.outputs(&answer).ok_or_else(|| {
                let message = "the gateway's ledger has an answer to the action that names no record";
                Failure::Final(Problem::new("GatewayAnswer", message))
            })?;
            Ok(Found::Effect(Done { outputs, note }))
        }
    }
}

/// What the own ledger kept for a closed action.
fn found(kept: Option<Value>) -> Found {
    match kept.map(serde_json::from_value) {
        None | Some(Ok(Outcome::Refused(_))) => Found::Nothing,
        Some(Ok(Outcome::Done { outputs, note })) => Found::Effect(Done { outputs, note }),
        Some(Ok(Outcome::Unknown { note })) => Found::Maybe(note),
        Some(Err(_)) => Found::Maybe(Value::Null),
    }
}

/// Leaves a tombstone with what was found, where there is none yet.
async fn settle(claim: Option<Claim>, found: &Found) -> Result<(), Failure> {
    let Some(claim) = claim else { return Ok(()) };
    let outcome = match found {
        Found::Nothing => None,
        Found::Effect(Done { outputs, note }) => {
            Some(Outcome::Done { outputs: outputs.clone(), note: note.clone() })
        }
        Found::Maybe(prepared) => Some(Outcome::Unknown { note: prepared.clone() }),
    };
    let settled = claim.close(outcome.as_ref().map(kept), Timestamp::now()).await;
    settled.map_err(|error| ledger_failed(&error))
}

fn ledger_failed(error: &ledger::Error) -> Failure {
    Failure::Unknown(Problem::new("Ledger", error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation(name: &str, input: Value) -> airtable::Operation {
        airtable::parse(name, input).unwrap().unwrap()
    }

    #[test]
    fn a_write_that_closing_would_send_is_given_only_where_it_can_be_undone() {
        let rec = json!({"table": "T", "recordId": "rec00000000000001"});
        let (create, delete) = (
            operation("airtable.create", json!({"table": "T", "fields": {}})),
            operation("airtable.delete", rec.clone()),
        );
        let before = Found::Maybe(json!({"recordId": "rec00000000000001", "fields": {}}));
        let explicit = Compensation::Explicit {
            action: serde_json::from_value(json!({"operation": "airtable.delete", "input": rec})).unwrap(),
        };
        let done = Found::Effect(Done { outputs: json!({}), note: Value::Null });
        let nothing_kept = Found::Maybe(Value::Null);
        for (operation, compensation, own, expected) in [
            (&create, &Compensation::Auto, &nothing_kept, true),
            (&create, &explicit, &nothing_kept, true),
            (&create, &Compensation::None, &nothing_kept, false),
            (&create, &Compensation::Auto, &Found::Nothing, false),
            (&create, &Compensation::Auto, &done, false),
            (&delete, &Compensation::Auto, &before, true),
            (&delete, &Compensation::Auto, &nothing_kept, false),
            (&delete, &explicit, &before, false),
            (&delete, &Compensation::None, &before, false),
        ] {
            assert_eq!(
                is_sent_along(operation, compensation, own),
                expected,
                "{operation:?} {compensation:?} {own:?}"
            );
        }
    }

    #[test]
    fn where_the_gateway_can_not_tell_the_own_ledger_stands() {
        let delete = operation("airtable.delete", json!({"table": "T", "recordId": "rec00000000000001"}));
        let done = Found::Effect(Done { outputs: json!({}), note: json!(1) });
        for own in [Found::Nothing, done, Found::Maybe(json!(2))] {
            assert_eq!(combine(&delete, own.clone(), Closed::Unknowable), Ok(own));
        }
        assert_eq!(combine(&delete, Found::Maybe(Value::Null), Closed::Nothing), Ok(Found::Nothing));
    }
}
