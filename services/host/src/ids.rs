//! The ids of a request: `x-request-id` and the trace of a W3C `traceparent`, in its logs and those of tasks it starts.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::task::JoinHandle;
use tracing::{Instrument as _, Span, field};

/// Names a request; answered as it came, or as it was made here.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Spawns a task for the current request that goes on when its client goes away.
///
/// Every line that is logged while a request is served carries `request_id` and `trace_id` in `span`. A task spawned by
/// `tokio::spawn` is outside of that span and loses both; this one keeps them.
pub fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(task.in_current_span())
}

/// The caller's request id where it is short and printable, else a new one.
pub fn request_id(headers: &HeaderMap) -> HeaderValue {
    match headers.get(REQUEST_ID) {
        Some(id) if (1..=64).contains(&id.len()) && id.to_str().is_ok() => id.clone(),
        _ => {
            // Unlike others, it need not be hard to guess, and the system need not be asked for each.
            let id = uuid::Builder::from_random_bytes(fastrand::u128(..).to_ne_bytes()).into_uuid();
            HeaderValue::try_from(id.to_string()).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
        }
    }
}

/// The span around a request. On the level of errors, so that a log filter which lets a line pass lets its ids pass.
pub fn span(method: &str, route: &str, id: &HeaderValue, headers: &HeaderMap) -> Span {
    let request_id = id.to_str().unwrap_or_default();
    let span = tracing::error_span!("request", method, route, request_id, trace_id = field::Empty);
    if let Some(trace_id) = trace_id(headers) {
        span.record("trace_id", trace_id);
    }
    span
}

/// The method as a label: a stranger may send any word as one.
pub fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}

/// The trace id of a `traceparent`: 32 lower-case hexadecimal digits, not all 0.
fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get("traceparent")?.to_str().ok()?.split('-').nth(1)?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (id.len() == 32 && id.bytes().all(is_digit) && id.bytes().any(|byte| byte != b'0')).then_some(id)
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, io, sync::LazyLock};

    use axum::{Router, body::Body, extract::Request, routing::get};
    use serde_json::{Value, json};
    use telemetry::metrics::Metrics;
    use tower::ServiceExt as _;

    use crate::{Readiness, Service};

    thread_local! {
        /// What was logged by the test that this thread runs.
        static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }

    struct Lines;

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            LOGGED.with_borrow_mut(|lines| lines.write(bytes))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Logs of all threads, at the level of warnings. With a subscriber of its own for a test, a span that another test
    /// without one enters first would be off for all: <https://github.com/tokio-rs/tracing/issues/3611>.
    static LOGS: LazyLock<()> = LazyLock::new(|| {
        tracing_subscriber::fmt().json().with_max_level(tracing::Level::WARN).with_writer(|| Lines).init();
        tracing::callsite::rebuild_interest_cache();
    });

    /// The spans of the lines that are logged while a request is served and by its task.
    async fn logged(headers: &[(&str, &str)]) -> Vec<Value> {
        LazyLock::force(&LOGS);
        let serve = async || {
            tracing::warn!("here");
            super::spawn(async { tracing::warn!("there") }).await.unwrap();
        };
        let service = Service {
            app: Router::new().route("/records/{id}", get(serve)).into(),
            readiness: Readiness::default(),
            metrics: Metrics::new(),
            limits: crate::Limits::default(),
            tls: None,
        };
        let mut request = Request::builder().uri("/records/rec42");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        service.into_app().unwrap().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let text = String::from_utf8(LOGGED.take()).unwrap();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["span"].clone()).collect()
    }

    #[tokio::test]
    async fn a_line_carries_the_ids_of_its_request_also_in_a_task_that_it_spawned() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
        let spans = logged(&[("x-request-id", "mine"), ("traceparent", &traceparent)]).await;
        let expected = json!({"name": "request", "method": "GET", "route": "/records/{id}", "request_id": "mine", "trace_id": trace});
        assert_eq!(spans, [expected.clone(), expected]);
    }

    #[tokio::test]
    async fn ids_that_are_none_are_not_taken_over() {
        let long = "x".repeat(65);
        let zeros = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        for (id, traceparent) in [("", zeros.as_str()), (long.as_str(), "00-4BF9-1-01")] {
            let spans = logged(&[("x-request-id", id), ("traceparent", traceparent)]).await;
            assert_eq!(spans[0]["request_id"].as_str().unwrap().len(), 36, "a new one");
            assert_eq!(spans[0].get("trace_id"), None);
        }
    }
}
