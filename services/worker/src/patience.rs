//! For how long the gateway's ledger may be in doubt about an undo before a person is asked. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::{
    contract::{Call, Problem},
    outcome::Failure,
};

/// Longer than Airtable is away as a rule: then nobody can find out anything.
const PATIENCE: SignedDuration = SignedDuration::from_mins(30);
/// Attempts before that; they count anew when a person asked for a retry.
const ATTEMPTS: u32 = 5;

/// The failure of an undo, or, where the gateway has not known for too long, that a person must decide.
pub fn bounded(failure: Failure, call: &Call, now: Timestamp) -> Failure {
    match failure {
        Failure::Unknown(problem)
            if problem.reason.starts_with("Idempotency")
                && call.attempt >= ATTEMPTS
                && now.duration_since(call.first_sent_at) >= PATIENCE =>
        {
            let minutes = now.duration_since(call.first_sent_at).as_mins();
            let message = format!(
                "for {minutes} minutes the gateway can't tell; look at the records, then retry or undo by hand: {}",
                problem.message
            );
            Failure::Final(Problem::new("OutcomeUnknown", message))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_person_is_asked_after_half_an_hour_and_some_attempts_and_only_about_what_the_gateway_can_not_tell() {
        let now = Timestamp::now();
        let sort = |reason: &str, attempt: u32, minutes: i64| {
            let call: Call = serde_json::from_value(json!({
                "attempt": attempt, "epoch": 1, "firstSentAt": now - SignedDuration::from_mins(minutes),
                "deadline": now, "action": {"operation": "wait"},
            }))
            .unwrap();
            match bounded(Failure::Unknown(Problem::new(reason, "why")), &call, now) {
                Failure::Unknown(_) => "again",
                Failure::Final(problem) if problem.reason == "OutcomeUnknown" => "a person",
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(sort("IdempotencyOutcomeUnknown", 5, 30), "a person");
        assert_eq!(sort("IdempotencyLedgerUnavailable", 9, 60), "a person");
        assert_eq!(sort("IdempotencyOutcomeUnknown", 4, 60), "again", "too few attempts");
        assert_eq!(sort("IdempotencyOutcomeUnknown", 9, 29), "again", "too early");
        assert_eq!(sort("AnswerLost", 9, 60), "again", "the network may come back");
    }
}
