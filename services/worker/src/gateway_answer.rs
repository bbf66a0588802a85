//! What the answers of a gateway prove.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use crate::{contract::Problem, outcome::Failure};

/// An answer of a gateway: its own, or Airtable's.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    /// `Retry-After`, or a default.
    pub wait: Duration,
    pub body: Vec<u8>,
}

impl Answer {
    /// The type of error; empty where there is none.
    pub fn kind(&self) -> String {
        airtable_error(&serde_json::from_slice(&self.body).unwrap_or_default()).0
    }

    /// What it proves of a read or a write. [`Failure::Accepted`] stands for a key that is in flight.
    pub fn judge(&self) -> Result<Value, Failure> {
        let parsed: Result<Value, _> = serde_json::from_slice(&self.body);
        if self.status.is_success() {
            return parsed.map_err(|error| {
                Failure::Unknown(Problem::new("GatewayAnswer", format!("the answer is not JSON: {error}")))
            });
        }
        let status = self.status.as_u16();
        let (kind, message) = airtable_error(&parsed.unwrap_or_default());
        let problem = Problem::new(reason(&kind, status), format!("{status}: {message}"));
        Err(match (status, kind.as_str()) {
            (409, "IDEMPOTENCY_KEY_IN_FLIGHT") => Failure::Accepted(self.wait),
            (409, "IDEMPOTENCY_KEY_CLOSED") => Failure::Closed,
            (_, "IDEMPOTENCY_KEY_REUSED" | "IDEMPOTENCY_OUTCOME_UNKNOWN") | (408, _) => {
                Failure::Unknown(problem)
            }
            (401 | 429, _) => Failure::Later(problem, self.wait),
            (503, kind) if kind.starts_with("GATEWAY_") => Failure::Later(problem, self.wait),
            (404, _) => Failure::NotFound(problem),
            (400..=499, _) => Failure::Refused(problem),
            _ => Failure::Unknown(problem),
        })
    }
}

/// Type and message in the shapes of Airtable's errors.
fn airtable_error(body: &Value) -> (String, String) {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(kind) = body.get("error").and_then(Value::as_str) {
        return (kind.to_owned(), kind.to_owned());
    }
    if let Some(first) = body.pointer("/errors/0") {
        return (text(first.get("error")), text(first.get("message")));
    }
    let kind = text(body.pointer("/error/type"));
    let message = text(body.pointer("/error/message"));
    let message = if message.is_empty() { kind.clone() } else { message };
    (kind, message.chars().take(500).collect())
}

/// `INVALID_VALUE_FOR_COLUMN` as `InvalidValueForColumn`, since reasons are `CamelCase`.
fn reason(kind: &str, status: u16) -> String {
    if kind.is_empty() {
        return format!("Status{status}");
    }
    let mut reason = String::with_capacity(kind.len());
    for word in kind.split('_') {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        reason.push_str(&first.to_ascii_uppercase());
        reason.push_str(&rest.to_ascii_lowercase());
    }
    reason
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(status: u16, body: &Value) -> Result<Value, Failure> {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, wait: Duration::from_secs(1), body: body.to_string().into_bytes() }.judge()
    }

    fn sort(status: u16, kind: &str) -> &'static str {
        match judged(status, &json!({"error": {"type": kind, "message": "m"}})) {
            Ok(_) => "done",
            Err(Failure::Refused(_)) => "refused",
            Err(Failure::NotFound(_)) => "not found",
            Err(Failure::Final(_)) => "final",
            Err(Failure::Later(..)) => "later",
            Err(Failure::Accepted(_)) => "in flight",
            Err(Failure::Unknown(_)) => "unknown",
            Err(Failure::Closed) => "closed",
        }
    }

    #[test]
    fn an_answer_proves_what_it_proves_and_no_more() {
        for (status, kind, expected) in [
            (200, "", "done"),
            (422, "INVALID_VALUE_FOR_COLUMN", "refused"),
            (403, "INVALID_PERMISSIONS", "refused"),
            (413, "REQUEST_TOO_LARGE", "refused"),
            (404, "MODEL_ID_NOT_FOUND", "not found"),
            (401, "AUTHENTICATION_REQUIRED", "later"),
            (429, "PUBLIC_API_BILLING_LIMIT_EXCEEDED", "later"),
            (503, "GATEWAY_QUEUE_FULL", "later"),
            (503, "GATEWAY_QUEUE_DEADLINE", "later"),
            (503, "IDEMPOTENCY_OUTCOME_UNKNOWN", "unknown"),
            (503, "SERVICE_UNAVAILABLE", "unknown"),
            (422, "IDEMPOTENCY_KEY_REUSED", "unknown"),
            (409, "IDEMPOTENCY_KEY_IN_FLIGHT", "in flight"),
            (409, "IDEMPOTENCY_KEY_CLOSED", "closed"),
            (500, "SERVER_ERROR", "unknown"),
            (502, "", "unknown"),
            (302, "", "unknown"),
        ] {
            assert_eq!(sort(status, kind), expected, "{status} {kind}");
        }
    }

    #[test]
    fn the_shapes_of_airtables_errors_give_a_reason_and_a_message() {
        let said = |body| match judged(422, &body) {
            Err(Failure::Refused(problem)) => (problem.reason, problem.message),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            said(json!({"error": {"type": "UNKNOWN_FIELD_NAME", "message": "Unknown field name: \"X\""}})),
            ("UnknownFieldName".into(), "422: Unknown field name: \"X\"".into())
        );
        assert_eq!(said(json!({"error": "NOT_FOUND"})), ("NotFound".into(), "422: NOT_FOUND".into()));
        assert_eq!(
            said(json!({"errors": [{"error": "A_B", "message": "m"}]})),
            ("AB".into(), "422: m".into())
        );
        assert_eq!(said(json!("?")), ("Status422".into(), "422: ".into()));
    }
}
