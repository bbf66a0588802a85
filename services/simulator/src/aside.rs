//! What computes, or waits for who does, on a thread of its own: the others go on serving, readiness first of all.

use axum::{
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::{
    runtime::Handle,
    task::{JoinError, spawn_blocking},
};

/// Does some work there.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    let span = tracing::Span::current();
    spawn_blocking(move || span.in_scope(work)).await
}

/// Answers a request there.
pub async fn answer(request: Request, next: Next) -> Response {
    let answer = run(move || Handle::current().block_on(next.run(request))).await;
    answer.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
