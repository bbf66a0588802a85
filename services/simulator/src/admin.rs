//! The simulator's own endpoints: what happened, faults on demand, reset.

use std::sync::Arc;

use airtable::time;
use auth::{Keys, bearer};
use axum::{
    Json, Router,
    extract::{Query, Request, State as Shared, rejection::JsonRejection},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{faults::Faults, journal::Effect, state::State};

/// The routes under `/admin`; for everybody, or for who has one of the keys.
pub fn routes(keys: Option<Keys>) -> Router<State> {
    let routes = Router::new()
        .route("/admin/effects", get(effects))
        .route("/admin/requests", get(requests))
        .route("/admin/attachments", get(attachments))
        .route("/admin/clock", get(clock).put(put_clock))
        .route("/admin/faults", get(faults).put(put_faults))
        .route("/admin/webhooks", get(webhooks))
        .route("/admin/reset", post(reset));
    match keys {
        Some(keys) => routes.route_layer(from_fn_with_state(Arc::new(keys), check)),
        None => routes,
    }
}

async fn check(Shared(keys): Shared<Arc<Keys>>, request: Request, next: Next) -> Response {
    if bearer(request.headers()).is_some_and(|token| keys.find(token).is_some()) {
        return next.run(request).await;
    }
    let message = "what is under /admin needs the token in the file of --admin-token-file as bearer token";
    refusal(StatusCode::UNAUTHORIZED, "ADMIN_TOKEN_REQUIRED", message)
}

#[derive(Serialize)]
struct Effects {
    effects: Vec<Arc<Effect>>,
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: u64,
}

async fn effects(Shared(state): Shared<State>) -> Json<Effects> {
    let effects: Vec<Arc<Effect>> = state.held().journal.effects().cloned().collect();
    Json(Effects { effects })
}

async fn requests(Shared(state): Shared<State>, Query(Since { since }): Query<Since>) -> Json<Value> {
    let held = state.held();
    Json(json!({"requests": held.journal.requests(since).collect::<Vec<_>>()}))
}

async fn attachments(Shared(state): Shared<State>) -> Json<Value> {
    Json(json!({"attachments": state.held().files.report()}))
}

/// How far the clock of the simulator is ahead.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Clock {
    ahead_seconds: u32,
}

async fn clock(Shared(state): Shared<State>) -> Json<Value> {
    Json(json!({"now": time::write(state.now())}))
}

async fn put_clock(Shared(state): Shared<State>, given: Result<Json<Clock>, JsonRejection>) -> Response {
    match given {
        Ok(Json(given)) => {
            state.held().ahead = SignedDuration::from_secs(given.ahead_seconds.into());
            clock(Shared(state)).await.into_response()
        }
        Err(rejection) => refusal(StatusCode::UNPROCESSABLE_ENTITY, "INVALID_CLOCK", &rejection.body_text()),
    }
}

async fn webhooks(Shared(state): Shared<State>) -> Json<Value> {
    let now = state.now();
    let held = state.held();
    let hooks = held.world.bases.iter().flat_map(|base| base.webhooks.report(&base.id, now));
    Json(json!({"webhooks": hooks.collect::<Vec<_>>()}))
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
        Err(rejection) => refusal(StatusCode::UNPROCESSABLE_ENTITY, "INVALID_FAULTS", &rejection.body_text()),
    }
}

async fn reset(Shared(state): Shared<State>) -> Json<Value> {
    state.reset();
    Json(json!({"reset": true}))
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Response {
    (status, Json(json!({"error": {"type": kind, "message": message}}))).into_response()
}
