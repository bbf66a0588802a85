//! The simulator's own endpoints: what happened, faults on demand, reset.

use axum::{
    Json, Router,
    extract::{Query, State as Shared, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{faults::Faults, state::State};

/// The routes under `/admin`.
pub fn routes() -> Router<State> {
    Router::new()
        .route("/admin/effects", get(effects))
        .route("/admin/requests", get(requests))
        .route("/admin/faults", get(faults).put(put_faults))
        .route("/admin/reset", post(reset))
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: u64,
}

async fn effects(Shared(state): Shared<State>) -> Json<Value> {
    let held = state.held();
    Json(json!({"effects": held.journal.effects().collect::<Vec<_>>()}))
}

async fn requests(Shared(state): Shared<State>, Query(Since { since }): Query<Since>) -> Json<Value> {
    let held = state.held();
    Json(json!({"requests": held.journal.requests(since).collect::<Vec<_>>()}))
}

async fn faults(Shared(state): Shared<State>) -> Json<Faults> {
    Json(state.held().faults.clone())
}

async fn put_faults(Shared(state): Shared<State>, given: Result<Json<Faults>, JsonRejection>) -> Response {
    match given {
        Ok(Json(faults)) => {
            state.held().faults = faults.clone();
            Json(faults).into_response()
        }
        Err(rejection) => {
            let message = rejection.body_text();
            let body = json!({"error": {"type": "INVALID_FAULTS", "message": message}});
            (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
        }
    }
}

async fn reset(Shared(state): Shared<State>) -> Json<Value> {
    state.reset();
    Json(json!({"reset": true}))
}
