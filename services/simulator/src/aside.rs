//! What computes, or waits for who does, on a thread of its own: the others go on serving, readiness first of all.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::{
    runtime::Handle,
    task::{JoinError, spawn_blocking},
    time::timeout,
};

use crate::api::BODY_BYTES;

/// How long the body of a request that is answered there may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Does some work there.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    let span = tracing::Span::current();
    spawn_blocking(move || span.in_scope(work)).await
}

/// Answers a request there, once its body has come: who sends one slowly keeps no thread waiting.
pub async fn answer(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = match timeout(PATIENCE, to_bytes(body, BODY_BYTES)).await {
        Ok(Ok(body)) => Body::from(body),
        Ok(Err(_)) => {
            return (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or broken").into_response();
        }
        Err(_) => return too_slow(),
    };
    let request = Request::from_parts(parts, body);
    let answer = run(move || Handle::current().block_on(next.run(request))).await;
    answer.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// What is left of the body would be taken for the next request.
fn too_slow() -> Response {
    let message = format!("the body did not come within {} s", PATIENCE.as_secs());
    (StatusCode::REQUEST_TIMEOUT, [(header::CONNECTION, "close")], message).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{body::Bytes, http::Method};
    use futures::{StreamExt as _, channel::mpsc, future::join_all};
    use telemetry::metrics::Metrics;
    use tokio::runtime::Builder;
    use tower::ServiceExt as _;

    use super::*;
    use crate::{Behaviour, Fixture, State, router, start};

    /// Threads of the pool, and requests whose bodies do not come.
    const THREADS: usize = 2;
    const STALLED: usize = 3;

    fn state() -> State {
        start(Fixture::sample().unwrap(), Behaviour::default(), &Metrics::new()).unwrap()
    }

    async fn call(state: &State, method: Method, uri: &str, body: Body) -> StatusCode {
        let request = Request::builder().method(method).uri(uri).header("authorization", "Bearer pat");
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body).unwrap();
        router(state.clone()).oneshot(request).await.unwrap().status()
    }

    /// A body that comes with its sender.
    fn stalled() -> (mpsc::UnboundedSender<Bytes>, Body) {
        let (sender, parts) = mpsc::unbounded();
        (sender, Body::from_stream(parts.map(Ok::<_, std::io::Error>)))
    }

    #[test]
    fn bodies_that_do_not_come_keep_no_call_from_being_answered() {
        let runtime =
            Builder::new_current_thread().max_blocking_threads(THREADS).enable_all().build().unwrap();
        runtime.block_on(async {
            let state = state();
            let (senders, bodies): (Vec<_>, Vec<_>) = (0..STALLED).map(|_| stalled()).unzip();
            let uris = ["/admin/clock", "/attachments/a/b/1/c/d", "/admin/faults"];
            let waiting = join_all(
                bodies.into_iter().zip(uris).map(|(body, uri)| call(&state, Method::PUT, uri, body)),
            );
            let mut waiting = std::pin::pin!(waiting);
            assert!(futures::poll!(&mut waiting).is_pending());
            let answered = timeout(PATIENCE, call(&state, Method::GET, "/v0/meta/whoami", Body::empty()));
            assert_eq!(answered.await.ok(), Some(StatusCode::OK));
            assert!(futures::poll!(&mut waiting).is_pending());
            let whole = Bytes::from_static(b"{\"aheadSeconds\": 1}");
            for sender in senders {
                sender.unbounded_send(whole.clone()).unwrap();
            }
            assert_eq!(waiting.await[0], StatusCode::OK);
        });
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for_without_end() {
        let (_sender, body) = stalled();
        let status = call(&state(), Method::PUT, "/admin/clock", body).await;
        assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_refused() {
        let body = Body::from(vec![b' '; BODY_BYTES + 1]);
        let status = call(&state(), Method::PUT, "/admin/clock", body).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    }
}
