//! `http.request`: calls another service, with an `Idempotency-Key` it may heed.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{Method, Url, header::HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Run, read};
use crate::{
    contract::Problem,
    http_answer::{beginning, lost, retry_after},
    outcome::Failure,
};

const TIMEOUT: Duration = Duration::from_secs(30);
/// Largest answer that is read, in bytes.
const LARGEST: usize = 1 << 20;
/// How much of an answer is kept, in bytes.
const KEPT: usize = 1000;

/// The input, checked.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Value>,
    timeout: Duration,
    ok_status: Vec<u16>,
    is_idempotent: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    timeout_seconds: Option<u32>,
    ok_status: Option<Vec<u16>>,
    idempotent: Option<bool>,
}

/// Reads the input.
pub fn parse(input: Value) -> Result<HttpRequest, Problem> {
    let input: Input = read("http.request", input)?;
    let wrong = |field: &str, why: &dyn std::fmt::Display| {
        Problem::new("InvalidInput", format!("input of http.request: {field}: {why}"))
    };
    let method = match input.method.as_str() {
        name @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE") => {
            Method::from_bytes(name.as_bytes()).map_err(|error| wrong("method", &error))?
        }
        other => {
            return Err(wrong(
                "method",
                &format!("{other:?} is not one of GET, HEAD, POST, PUT, PATCH, DELETE"),
            ));
        }
    };
    let url: Url = input.url.parse().map_err(|error| wrong("url", &error))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("url", &format!("scheme {} is not http or https", url.scheme())));
    }
    let headers =
        HeaderMap::try_from(&input.headers.into_iter().collect::<std::collections::HashMap<_, _>>())
            .map_err(|error| wrong("headers", &error))?;
    Ok(HttpRequest {
        is_idempotent: input.idempotent.unwrap_or_else(|| method.is_idempotent()),
        method,
        url,
        headers,
        body: input.body,
        timeout: input.timeout_seconds.map_or(TIMEOUT, |seconds| Duration::from_secs(seconds.into())),
        ok_status: input.ok_status.unwrap_or_else(|| (200..300).collect()),
    })
}

impl HttpRequest {
    /// True where the method promises to change nothing.
    pub fn is_safe(&self) -> bool {
        self.method.is_safe()
    }

    /// True where the input, or the method, promises that twice is as once.
    pub fn is_idempotent(&self) -> bool {
        self.is_idempotent
    }

    /// Calls; a repetition carries the same key.
    pub async fn run(&self, run: &Run<'_>) -> Result<Value, Failure> {
        let mut request = run
            .client
            .request(self.method.clone(), self.url.clone())
            .timeout(self.timeout)
            .header("Idempotency-Key", &run.mark.key);
        if let Some(traceparent) = &run.mark.traceparent {
            request = request.header("traceparent", traceparent);
        }
        request = match &self.body {
            None => request,
            Some(Value::String(text)) => request.body(text.clone()),
            Some(json) => request.json(json),
        };
        let answer = request.headers(self.headers.clone()).send().await.map_err(|error| lost(&error))?;
        let status = answer.status().as_u16();
        let wait = retry_after(&answer);
        if self.ok_status.contains(&status) {
            let (body, is_whole) = beginning(answer, LARGEST).await;
            return Ok(outputs(status, &body, is_whole));
        }
        Err(self.judge(status, wait, run.again))
    }

    /// What a status that is not wanted proves. After an interrupted run it proves nothing about that one; 503 proves
    /// nothing at all, since proxies say it also for a service that broke off in the middle.
    fn judge(&self, status: u16, wait: Duration, again: bool) -> Failure {
        let host = self.url.host_str().unwrap_or_default();
        let problem = Problem::new(format!("Status{status}"), format!("{host} answered {status}"));
        match status {
            429 => Failure::Later(problem, wait),
            400..=499 if status != 408 && !again => Failure::Refused(problem),
            _ => Failure::Unknown(problem),
        }
    }
}

/// The status, and as much of the body as is kept. The status tells that it was done, whatever became of the body.
fn outputs(status: u16, body: &[u8], is_whole: bool) -> Value {
    let (body, is_whole) = kept(body, is_whole);
    let mut outputs = json!({"status": status, "body": body});
    if !is_whole {
        outputs["bodyTruncated"] = true.into();
    }
    outputs
}

/// JSON where it is short JSON, else the beginning as text; and whether that is all.
fn kept(body: &[u8], is_whole: bool) -> (Value, bool) {
    if is_whole
        && body.len() <= KEPT
        && let Ok(value) = serde_json::from_slice(body)
    {
        return (value, true);
    }
    let text = String::from_utf8_lossy(body);
    let end =
        text.char_indices().map(|(at, char)| at + char.len_utf8()).take_while(|end| *end <= KEPT).last();
    let beginning = text.get(..end.unwrap_or(0)).unwrap_or_default();
    (beginning.into(), is_whole && beginning.len() == text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_input_is_refused_and_the_field_is_named() {
        for (input, expected) in [
            (json!({"method": "GRAB", "url": "http://x"}), "method: \"GRAB\" is not one of"),
            (json!({"method": "GET", "url": "file:///etc/passwd"}), "url: scheme file"),
            (json!({"method": "GET", "url": "nowhere"}), "url: relative URL"),
            (json!({"method": "GET", "url": "http://x", "headers": {"a b": "c"}}), "headers: "),
            (json!({"method": "GET"}), "missing field `url`"),
        ] {
            let message = parse(input).unwrap_err().message;
            assert!(message.contains(expected), "{message} lacks {expected}");
        }
    }

    #[test]
    fn a_refusal_after_an_interrupted_run_proves_nothing() {
        let request = parse(json!({"method": "POST", "url": "http://x"})).unwrap();
        assert!(matches!(request.judge(422, TIMEOUT, false), Failure::Refused(_)));
        assert!(matches!(request.judge(422, TIMEOUT, true), Failure::Unknown(_)));
        assert!(matches!(request.judge(408, TIMEOUT, false), Failure::Unknown(_)));
        assert!(matches!(request.judge(500, TIMEOUT, false), Failure::Unknown(_)));
        assert!(matches!(request.judge(503, TIMEOUT, false), Failure::Unknown(_)));
    }

    #[test]
    fn the_input_or_else_the_method_says_whether_twice_is_as_once() {
        let is_idempotent = |input| parse(input).unwrap().is_idempotent();
        for (method, expected) in [
            ("GET", true),
            ("HEAD", true),
            ("PUT", true),
            ("DELETE", true),
            ("POST", false),
            ("PATCH", false),
        ] {
            assert_eq!(is_idempotent(json!({"method": method, "url": "http://x"})), expected, "{method}");
            let said = json!({"method": method, "url": "http://x", "idempotent": !expected});
            assert_eq!(is_idempotent(said), !expected, "{method}");
        }
    }

    #[test]
    fn a_long_answer_is_kept_as_the_beginning_of_its_text() {
        assert_eq!(outputs(200, br#"{"a": 1}"#, true), json!({"status": 200, "body": {"a": 1}}));
        assert_eq!(outputs(200, b"plain", true), json!({"status": 200, "body": "plain"}));
        let cut = |body: &str| json!({"status": 200, "body": body, "bodyTruncated": true});
        assert_eq!(outputs(200, b"1", false), cut("1"), "which may be the beginning of 12");
        assert_eq!(outputs(200, "ä".repeat(600).as_bytes(), true), cut(&"ä".repeat(500)));
    }
}
