//! The simulator's own endpoints: what happened, faults on demand, reset.

use std::sync::Arc;

use airtable::time;
use auth::Keys;
use axum::{
    Json, Router,
    extract::{Query, State as Shared, rejection::JsonRejection},
    http::StatusCode,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    admin_access, admin_page,
    faults::Faults,
    journal::Effect,
    limits::{Allowed, Limits},
    state::State,
};

/// The routes under `/admin`; for everybody, or for who has one of the keys.
pub fn routes(keys: Option<Keys>) -> Router<State> {
    let routes = Router::new()
        .route("/admin/effects", get(effects))
        .route("/admin/requests", get(requests))
        .route("/admin/attachments", get(attachments))
        .route("/admin/clock", get(clock).put(put_clock))
        .route("/admin/faults", get(faults).put(put_faults))
        .route("/admin/webhooks", get(webhooks))
        .route("/admin/limits", get(limits).put(put_limits))
        .route("/admin/reset", post(reset));
    let pages = Router::new()
        .route("/admin", get(admin_page::overview))
        .route("/admin/", get(admin_page::overview))
        .route("/admin/style.css", get(admin_page::style))
        .route("/admin/bases/{base}/{table}", get(admin_page::records));
    let Some(keys) = keys.map(Arc::new) else { return routes.merge(pages) };
    let routes = routes.route_layer(from_fn_with_state(keys.clone(), admin_access::by_token));
    routes.merge(pages.route_layer(from_fn_with_state(keys, admin_access::by_password)))
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
            state.set_ahead(given.ahead_seconds);
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

async fn limits(Shared(state): Shared<State>) -> Json<Value> {
    let held = state.held();
    let mut told = json!(held.limits.allowed);
    if let Value::Object(told) = &mut told {
        told.insert("usedCalls".to_owned(), json!(held.limits.used()));
    }
    Json(told)
}

async fn put_limits(Shared(state): Shared<State>, given: Result<Json<Allowed>, JsonRejection>) -> Response {
    match given {
        Ok(Json(allowed)) => {
            state.held().limits = Limits::new(allowed.clone());
            Json(allowed).into_response()
        }
        Err(rejection) => refusal(StatusCode::UNPROCESSABLE_ENTITY, "INVALID_LIMITS", &rejection.body_text()),
    }
}

async fn reset(Shared(state): Shared<State>) -> Json<Value> {
    state.reset();
    Json(json!({"reset": true}))
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Response {
    (status, Json(json!({"error": {"type": kind, "message": message}}))).into_response()
}
