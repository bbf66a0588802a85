//! Speaks to the gateways of the bases: calls with the step's key, and what their answers prove.

use std::{fmt::Write as _, time::Duration};

use auth::SecretFile;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    contract::{Base, Problem},
    failpoints,
    outcome::Failure,
};

/// Everything but what needs no encoding in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Largest answer that is read, in bytes: 100 records of 100 kB.
const LARGEST: usize = 10 << 20;
/// For how long to wait where an answer does not say.
const PAUSE: Duration = Duration::from_secs(1);

/// A client of all gateways.
pub struct Gateways {
    client: Client,
    token: Option<SecretFile>,
}

/// On whose behalf a call is made: the step's key in the gateway's ledger, and the trace.
#[derive(Debug, Clone)]
pub struct Mark {
    /// `Idempotency-Key`.
    pub key: String,
    /// `Idempotency-Since`.
    pub since: Timestamp,
    /// `traceparent`, where the caller sent one.
    pub traceparent: Option<String>,
}

/// A write under `/v0/{base}/`.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The method.
    pub method: Method,
    /// What follows the base in the path, encoded.
    pub path: String,
    /// The JSON body.
    pub body: Option<Value>,
}

/// What the gateway's ledger has for a key.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// `unknown`, `inFlight`, `interrupted`, `done` or `closed`.
    pub state: String,
    /// The answer to the write, if it was done.
    #[serde(default)]
    pub response: Option<LedgerResponse>,
}

/// The answer that a ledger kept.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct LedgerResponse {
    /// Airtable's status.
    pub status: u16,
    /// Airtable's body.
    #[serde(default)]
    pub body: Value,
}

impl LedgerEntry {
    /// The body of the answer to a write that took effect.
    pub fn effect(self) -> Option<Value> {
        self.response.filter(|response| (200..300).contains(&response.status)).map(|response| response.body)
    }
}

impl Gateways {
    /// A client; `token` is sent to every gateway.
    pub fn new(client: Client, token: Option<SecretFile>) -> Self {
        Self { client, token }
    }

    /// Sends a write once for its key, however often it is called; the key in flight is waited for.
    pub async fn write(&self, base: &Base, write: &Write, mark: &Mark) -> Result<Value, Failure> {
        loop {
            let url = format!("{}/v0/{}/{}", base.url.trim_end_matches('/'), segment(&base.id), write.path);
            let mut request = self.client.request(write.method.clone(), url);
            if !failpoints::without_ledger() {
                request = request
                    .header("Idempotency-Key", &mark.key)
                    .header("Idempotency-Since", mark.since.to_string());
            }
            if let Some(body) = &write.body {
                request = request.json(body);
            }
            match self.send(request, mark).await {
                Err(Failure::Accepted(wait)) => tokio::time::sleep(wait).await,
                other => return other,
            }
        }
    }

    /// Reads under `/v0/{base}/`; `body` makes it a `POST`, for `listRecords`.
    pub async fn read(
        &self,
        base: &Base,
        path: &str,
        body: Option<&Value>,
        mark: &Mark,
    ) -> Result<Value, Failure> {
        let url = format!("{}/v0/{}/{path}", base.url.trim_end_matches('/'), segment(&base.id));
        let request = match body {
            None => self.client.get(url),
            Some(body) => self.client.post(url).json(body),
        };
        self.send(request, mark).await
    }

    /// The tables of the base, as the meta API has them.
    pub async fn tables(&self, base: &Base, mark: &Mark) -> Result<Value, Failure> {
        let url = format!("{}/api/airtable/tables", base.url.trim_end_matches('/'));
        self.send(self.client.get(url), mark).await
    }

    /// What the gateway's ledger has for the key.
    pub async fn look(&self, base: &Base, mark: &Mark) -> Result<LedgerEntry, Failure> {
        self.ledger(Method::GET, base, mark).await.map_err(|failure| match failure {
            Failure::Refused(problem) | Failure::NotFound(problem) => Failure::Unknown(problem),
            other => other,
        })
    }

    /// Closes the key: the write is never sent from now on. What it finds is what had been done.
    pub async fn close(&self, base: &Base, mark: &Mark) -> Result<LedgerEntry, Failure> {
        self.ledger(Method::DELETE, base, mark).await.map_err(|failure| match failure {
            Failure::Accepted(wait) => {
                let problem = Problem::new("ActionInFlight", "the gateway is still sending the action");
                Failure::Later(problem, wait)
            }
            Failure::Unknown(problem) => Failure::Later(problem, PAUSE),
            other => other,
        })
    }

    async fn ledger(&self, method: Method, base: &Base, mark: &Mark) -> Result<LedgerEntry, Failure> {
        let url = format!("{}/api/airtable/ledger/{}", base.url.trim_end_matches('/'), segment(&mark.key));
        let request = self.client.request(method, url).header("Idempotency-Since", mark.since.to_string());
        let body = self.send(request, mark).await?;
        serde_json::from_value(body).map_err(|error| {
            Failure::Unknown(Problem::new(
                "GatewayAnswer",
                format!("the gateway's ledger answered strangely: {error}"),
            ))
        })
    }

    async fn send(&self, request: reqwest::RequestBuilder, mark: &Mark) -> Result<Value, Failure> {
        let mut request = request;
        if let Some(token) = &self.token {
            let token = token.read().map_err(|error| {
                Failure::Later(Problem::new("GatewayToken", format!("token for the gateway: {error}")), PAUSE)
            })?;
            request = request.bearer_auth(token.expose());
        }
        if let Some(traceparent) = &mark.traceparent {
            request = request.header("traceparent", traceparent);
        }
        let answer = request.send().await.map_err(|error| lost(&error))?;
        let status = answer.status();
        let wait = retry_after(&answer);
        let body = body(answer, LARGEST).await?;
        judge(status, wait, &body)
    }
}

/// Percent-encodes one segment of a path.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// The body, as far as `largest` bytes; a longer one is an unknown end.
pub async fn body(mut answer: Response, largest: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| lost(&error))? {
        if body.len() + chunk.len() > largest {
            let message = format!("the answer is larger than {largest} bytes");
            return Err(Failure::Unknown(Problem::new("AnswerTooLarge", message)));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// No answer: nothing was sent where there was no connection, else nobody knows.
pub fn lost(error: &reqwest::Error) -> Failure {
    let mut message = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        // Writing to a String can't fail.
        let _ = write!(message, "{}{error}", if message.is_empty() { "" } else { ": " });
        cause = error.source();
    }
    if error.is_connect() {
        Failure::Later(Problem::new("Unreachable", format!("no connection: {message}")), PAUSE)
    } else {
        Failure::Unknown(Problem::new("AnswerLost", format!("no answer: {message}")))
    }
}

/// `Retry-After` in seconds.
pub fn retry_after(answer: &Response) -> Duration {
    let header = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
    header
        .and_then(|seconds| seconds.parse().ok())
        .map_or(PAUSE, |seconds: u64| Duration::from_secs(seconds.min(300)))
}

/// What an answer of a gateway proves. [`Failure::Accepted`] stands for a key that is in flight.
fn judge(status: StatusCode, wait: Duration, body: &[u8]) -> Result<Value, Failure> {
    let parsed: Result<Value, _> = serde_json::from_slice(body);
    if status.is_success() {
        return parsed.map_err(|error| {
            Failure::Unknown(Problem::new("GatewayAnswer", format!("the answer is not JSON: {error}")))
        });
    }
    let (kind, message) = airtable_error(&parsed.unwrap_or_default());
    let problem = Problem::new(reason(&kind, status), format!("{}: {message}", status.as_u16()));
    Err(match (status.as_u16(), kind.as_str()) {
        (409, "IDEMPOTENCY_KEY_IN_FLIGHT") => Failure::Accepted(wait),
        (409, "IDEMPOTENCY_KEY_CLOSED") => Failure::Closed,
        (_, "IDEMPOTENCY_KEY_REUSED" | "IDEMPOTENCY_OUTCOME_UNKNOWN") | (408, _) => Failure::Unknown(problem),
        (401 | 429, _) => Failure::Later(problem, wait),
        (503, kind) if kind.starts_with("GATEWAY_") => Failure::Later(problem, wait),
        (404, _) => Failure::NotFound(problem),
        (400..=499, _) => Failure::Refused(problem),
        _ => Failure::Unknown(problem),
    })
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
fn reason(kind: &str, status: StatusCode) -> String {
    if kind.is_empty() {
        return format!("Status{}", status.as_u16());
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
        judge(StatusCode::from_u16(status).unwrap(), PAUSE, body.to_string().as_bytes())
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
