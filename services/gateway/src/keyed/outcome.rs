//! Outcomes in the ledger, and what the gateway answers about keys.

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{answer::Answer, answers::Share};

/// Largest body that is kept whole, in bytes.
const LARGEST_KEPT: usize = 32 << 10;

/// An answer as the ledger keeps it: the body as text, so that it is answered again byte for byte.
///
/// Of a larger one than [`LARGEST_KEPT`] what names its records is kept, and its SHA-256.
pub fn keep(answer: &Answer) -> Value {
    let content_type = answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut kept = json!({
        "status": answer.status.as_u16(),
        "contentType": content_type,
        "text": String::from_utf8_lossy(&answer.body),
    });
    if answer.body.len() > LARGEST_KEPT
        && let Some(kept) = kept.as_object_mut()
    {
        let short = answer.value().map(shortened).unwrap_or_default();
        kept.insert("text".to_owned(), short.to_string().into());
        kept.insert("sha256".to_owned(), sha256(&answer.body).into());
    }
    kept
}

/// The same object without the cells of its records.
fn shortened(mut body: Value) -> Value {
    let empty = |record: &mut Value| {
        if let Some(fields) = record.get_mut("fields") {
            *fields = json!({});
        }
    };
    empty(&mut body);
    if let Some(records) = body.get_mut("records").and_then(Value::as_array_mut) {
        records.iter_mut().for_each(empty);
    }
    if body.to_string().len() > LARGEST_KEPT { Value::Null } else { body }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// What is kept for a key that was closed although nobody can tell what was done under it.
pub fn keep_unknowable(why: &str) -> Value {
    json!({"unknown": why})
}

/// A kept answer again.
pub fn replay(outcome: &Value) -> Answer {
    let text = |name: &str| outcome.get(name).and_then(Value::as_str);
    let status = status_of(outcome).and_then(|status| StatusCode::from_u16(status).ok());
    let content_type = text("contentType").and_then(|value| HeaderValue::from_str(value).ok());
    let answer = Answer {
        status: status.unwrap_or(StatusCode::OK),
        headers: content_type.map(|value| (header::CONTENT_TYPE, value)).into_iter().collect(),
        body: text("text").unwrap_or_default().to_owned().into(),
        room: Share::default(),
    };
    let shortened = text("sha256").and_then(|digest| HeaderValue::from_str(digest).ok());
    let answer = match shortened {
        Some(digest) => answer.with(HeaderName::from_static("idempotency-shortened"), digest),
        None => answer,
    };
    replayed(answer)
}

/// Marks an answer that is not the first one.
pub fn replayed(answer: Answer) -> Answer {
    answer.with(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"))
}

/// The state of a key as the ledger's endpoints answer it.
pub fn state(name: &str, outcome: Option<&Value>) -> Answer {
    let mut body = json!({"state": name});
    if let (Some(body), Some(outcome)) = (body.as_object_mut(), outcome) {
        if outcome.get("unknown").is_some() {
            body.insert("outcome".to_owned(), "unknown".into());
        } else {
            let text = outcome.get("text").and_then(Value::as_str).unwrap_or_default();
            let kept: Value = serde_json::from_str(text).unwrap_or_default();
            body.insert("response".to_owned(), json!({"status": status_of(outcome), "body": kept}));
        }
    }
    Answer::json(StatusCode::OK, &body)
}

/// What a close answers once the key is closed: what had been done under it, or 409 where nobody can tell.
pub fn closing(outcome: Option<&Value>) -> Answer {
    match outcome.and_then(|outcome| outcome.get("unknown")).and_then(Value::as_str) {
        None => state("closed", outcome),
        Some(why) => {
            let message =
                format!("closed; nobody can tell whether the request with this key had happened: {why}");
            Answer::error(StatusCode::CONFLICT, "IDEMPOTENCY_OUTCOME_UNKNOWABLE", &message)
        }
    }
}

/// 409: somebody is at it.
pub fn in_flight() -> Answer {
    let message = "Idempotency-Key: a request with it is under way";
    Answer::error(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_FLIGHT", message)
        .with(header::RETRY_AFTER, 1.into())
}

/// 409: never again.
pub fn closed() -> Answer {
    let message = "Idempotency-Key: closed, so that this request is never sent";
    Answer::error(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_CLOSED", message)
}

/// 422: the key belongs to another request.
pub fn reused() -> Answer {
    let message = "Idempotency-Key: used before with another method, path or body";
    Answer::error(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", message)
}

/// 503: it may have happened; to be found out by a repeat.
pub fn unknown(why: &str) -> Answer {
    let message = format!("it is not known yet whether the request with this key happened: {why}");
    Answer::later("IDEMPOTENCY_OUTCOME_UNKNOWN", &message, 5)
}

/// 503: nothing is known about the key now.
pub fn unavailable(error: &ledger::Error) -> Answer {
    tracing::error!(%error, "the ledger can't be used");
    Answer::later("IDEMPOTENCY_LEDGER_UNAVAILABLE", &error.to_string(), 5)
}

fn status_of(outcome: &Value) -> Option<u16> {
    outcome.get("status")?.as_u64()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_replayed_byte_for_byte() {
        let first =
            Answer { body: r#"{"a": 1.50,  "é":null}"#.into(), ..Answer::json(StatusCode::OK, &json!({})) };
        let again = replay(&keep(&first));
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert_eq!(again.headers["idempotency-replayed"], "true");
        let empty = Answer { body: "".into(), ..first };
        assert_eq!(replay(&keep(&empty)).body, "");
    }

    #[test]
    fn of_a_large_answer_what_names_its_records_is_kept() {
        let records = |notes: &str| {
            let record =
                |id: &str| json!({"id": id, "createdTime": "2026-01-01T00:00:00.000Z", "fields": notes});
            json!({"records": [record("rec1"), record("rec2")], "createdRecords": ["rec2"]})
        };
        let kept = keep(&Answer::json(StatusCode::OK, &records(&"x".repeat(LARGEST_KEPT))));
        assert!(kept.to_string().len() < 500);
        let again = replay(&kept);
        let mut expected = records("");
        for record in expected["records"].as_array_mut().unwrap() {
            record["fields"] = json!({});
        }
        assert_eq!(again.value().unwrap(), expected);
        assert_eq!(again.headers["idempotency-shortened"].len(), 64);
    }

    #[test]
    fn a_close_that_can_not_tell_says_so_and_never_that_nothing_was_done() {
        let answer = closing(Some(&keep_unknowable("because")));
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert_eq!(answer.error_type().as_deref(), Some("IDEMPOTENCY_OUTCOME_UNKNOWABLE"));
        let looked = state("closed", Some(&keep_unknowable("because"))).value().unwrap();
        assert_eq!(looked, json!({"state": "closed", "outcome": "unknown"}));
    }
}
