//! The routes of the step contract.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State as Extract, rejection::QueryRejection},
    http::HeaderMap,
    middleware::from_fn_with_state,
    routing::get,
};
use serde::Deserialize;
use tokio_util::task::TaskTracker;

use crate::{
    access::{self, Access},
    contract::{Answer, Call, Problem},
    failpoints::Direction,
    key::Key,
    metrics::StepMetrics,
    step::Steps,
};

/// What the routes share.
#[derive(Clone)]
pub struct State {
    pub(crate) steps: Arc<Steps>,
    pub(crate) access: Arc<Access>,
    pub(crate) metrics: StepMetrics,
    /// Runs under way, also those whose caller hung up.
    pub(crate) runs: TaskTracker,
}

/// `/v1/steps/{uid}/{step}`.
pub fn router(state: State) -> Router {
    let access = state.access.clone();
    Router::new()
        .route("/v1/steps/{uid}/{step}", get(ask).put(put).delete(delete))
        .layer(from_fn_with_state(access, access::check))
        .with_state(state)
}

#[derive(Deserialize)]
struct Epoch {
    epoch: i64,
}

async fn put(
    Extract(state): Extract<State>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    execute(state, path, &headers, &body, Direction::Do).await
}

async fn delete(
    Extract(state): Extract<State>,
    Path(path): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    execute(state, path, &headers, &body, Direction::Undo).await
}

async fn ask(
    Extract(state): Extract<State>,
    Path((uid, step)): Path<(String, String)>,
    epoch: Result<Query<Epoch>, QueryRejection>,
) -> Answer {
    match (Key::new(&uid, &step), epoch) {
        (Some(key), Ok(Query(Epoch { epoch }))) => state.steps.ask(&key, epoch).await,
        (None, _) => bad_key(),
        (_, Err(_)) => {
            Answer::Refused(Problem::new("InvalidCall", "the query has no epoch: ?epoch=<integer>"))
        }
    }
}

/// Runs the call in a task of its own, so that a caller who stops waiting does not interrupt it.
async fn execute(
    state: State,
    (uid, step): (String, String),
    headers: &HeaderMap,
    body: &[u8],
    direction: Direction,
) -> Answer {
    let Some(key) = Key::new(&uid, &step) else { return bad_key() };
    let call: Call = match serde_json::from_slice(body) {
        Ok(call) => call,
        Err(error) => {
            let problem = Problem::new("InvalidCall", format!("the body: {error}"));
            return state.steps.unreadable(&key, direction, problem).await;
        }
    };
    let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let begun = state.metrics.begin(&call.action.operation, direction);
    let run = state.runs.clone().track_future(async move {
        let answer = match direction {
            Direction::Do => state.steps.put(&key, &call, traceparent).await,
            Direction::Undo => state.steps.delete(&key, &call, traceparent).await,
        };
        let operation = &call.action.operation;
        tracing::info!(
            step = key.step(),
            operation,
            direction = direction.name(),
            attempt = call.attempt,
            outcome = answer.outcome(),
            "step"
        );
        begun.answered(&answer);
        answer
    });
    host::spawn(run)
        .await
        .unwrap_or_else(|_| Answer::Unknown(Problem::new("Panic", "the run of the step broke off")))
}

fn bad_key() -> Answer {
    let message = "the path is not /v1/steps/{uid}/{step} with names of letters, digits, '-', '.' and '_'";
    Answer::Refused(Problem::new("InvalidKey", message))
}
