//! What a worker's answer means. Pure: the table of the step contract.

use crds::reason::Reason;
use jiff::SignedDuration;
use saga::{Direction, Report};
use serde_json::{Map, Value};

use super::journal::fit;

/// What an answer comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The call ended.
    Ended(Report),
    /// It is being done: ask again after this pause.
    Accepted(SignedDuration),
    /// Another process is in charge.
    Fenced,
}

/// The pause before asking again when the worker names none.
const PAUSE: SignedDuration = SignedDuration::from_millis(500);

/// The meaning of a status with its body, the beginning of which is enough.
pub fn meaning(direction: Direction, status: u16, body: &[u8], retry_after: Option<i64>) -> Answer {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| json["error"][key].as_str().map(str::to_owned);
    let reason = || {
        text("reason").filter(|reason| is_reason(reason)).unwrap_or_else(|| Reason::WorkerError.to_string())
    };
    let message = || text("message").unwrap_or_else(|| format!("the worker answered {status}"));
    let retry_after =
        retry_after.filter(|seconds| (0..=3600).contains(seconds)).map(SignedDuration::from_secs);
    let refused = || Answer::Ended(Report::Refused { reason: reason(), message: message() });
    let unknown = || Answer::Ended(Report::Unknown { reason: reason(), message: message() });
    // A proxy's or a stranger's 409, 412, 422 or 503 proves nothing: only the contract's error body shows a worker.
    let is_workers = text("reason").is_some();
    match (status, direction) {
        (200, _) if json.is_object() => Answer::Ended(Report::Succeeded { outputs: outputs(&json) }),
        (202, _) => Answer::Accepted(retry_after.unwrap_or(PAUSE).max(PAUSE)),
        (410, Direction::Undo) if json.is_object() => Answer::Ended(Report::Succeeded { outputs: None }),
        (409, Direction::Do) if text("reason").as_deref() == Some("OutcomeUnknown") => unknown(),
        (409 | 422, _) if is_workers => refused(),
        (412, _) if is_workers => Answer::Fenced,
        (429 | 503, _) if is_workers => {
            Answer::Ended(Report::Busy { reason: reason(), message: message(), retry_after })
        }
        _ => unknown(),
    }
}

fn outputs(json: &Value) -> Option<String> {
    let outputs: &Map<String, Value> = json["outputs"].as_object()?;
    (!outputs.is_empty()).then(|| Value::Object(fit(outputs.clone())).to_string())
}

/// A word that may stand as a reason: what somebody else's worker says is not trusted to be one.
fn is_reason(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(direction: Direction, status: u16, body: &str) -> &'static str {
        match meaning(direction, status, body.as_bytes(), None) {
            Answer::Ended(Report::Succeeded { .. }) => "succeeded",
            Answer::Ended(Report::Refused { .. }) => "refused",
            Answer::Ended(Report::Busy { .. }) => "busy",
            Answer::Ended(Report::Unknown { .. }) => "unknown",
            Answer::Accepted(_) => "accepted",
            Answer::Fenced => "fenced",
        }
    }

    #[test]
    fn every_status_means_what_the_contract_says() {
        let unknown = r#"{"error": {"reason": "OutcomeUnknown", "message": ""}}"#;
        let error = r#"{"error": {"reason": "Because", "message": ""}}"#;
        let stranger = r#"{"error": {"code": 7, "message": "somebody else's"}}"#;
        let page = "<html>somebody else's page</html>";
        for (direction, status, body, wanted) in [
            (Direction::Do, 200, "{}", "succeeded"),
            (Direction::Undo, 200, page, "unknown"),
            (Direction::Do, 202, "", "accepted"),
            (Direction::Do, 409, error, "refused"),
            (Direction::Undo, 409, error, "refused"),
            (Direction::Do, 409, unknown, "unknown"),
            (Direction::Undo, 409, unknown, "refused"),
            (Direction::Do, 410, "{}", "unknown"),
            (Direction::Undo, 410, "{}", "succeeded"),
            (Direction::Do, 412, error, "fenced"),
            (Direction::Do, 422, error, "refused"),
            (Direction::Do, 429, error, "busy"),
            (Direction::Undo, 503, error, "busy"),
            (Direction::Undo, 409, stranger, "unknown"),
            (Direction::Do, 409, "", "unknown"),
            (Direction::Undo, 410, page, "unknown"),
            (Direction::Undo, 410, "", "unknown"),
            (Direction::Do, 412, stranger, "unknown"),
            (Direction::Do, 422, page, "unknown"),
            (Direction::Do, 503, page, "unknown"),
            (Direction::Do, 401, error, "unknown"),
            (Direction::Do, 500, error, "unknown"),
            (Direction::Do, 302, "", "unknown"),
            (Direction::Undo, 404, error, "unknown"),
        ] {
            assert_eq!(kind(direction, status, body), wanted, "{direction:?} {status} {body}");
        }
    }

    #[test]
    fn a_reason_of_a_strangers_worker_is_a_word_or_is_not_taken() {
        let body = br#"{"error": {"reason": "no word at all", "message": "m"}}"#;
        let Answer::Ended(Report::Refused { reason, .. }) = meaning(Direction::Do, 422, body, None) else {
            panic!()
        };
        assert_eq!(reason, "WorkerError");
    }
}
