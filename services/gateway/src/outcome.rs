//! Outcomes in the ledger, and what the gateway answers about keys.

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::answer::Answer;

/// An answer as the ledger keeps it: the body as text, so that it is answered again byte for byte.
pub fn keep(answer: &Answer) -> Value {
    let content_type = answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    json!({
        "status": answer.status.as_u16(),
        "contentType": content_type,
        "text": String::from_utf8_lossy(&answer.body),
    })
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
        let text = outcome.get("text").and_then(Value::as_str).unwrap_or_default();
        let kept: Value = serde_json::from_str(text).unwrap_or_default();
        body.insert("response".to_owned(), json!({"status": status_of(outcome), "body": kept}));
    }
    Answer::json(StatusCode::OK, &body)
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

/// 503: it may have happened.
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
}
