//! `/api/airtable/…`: what the platform asks of a gateway beside Airtable's API.

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    routing::get,
};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::{
    Gateway, answer::Answer, client::Rights, closing, key::Key, proxy, retry::Care, upstream::Request,
};

/// The routes.
pub fn routes() -> Router<Gateway> {
    Router::new()
        .route("/api/airtable/tables", get(tables))
        .route("/api/airtable/status", get(status))
        .route("/api/airtable/ledger/{key}", get(look).delete(close))
}

/// `{"tables": […]}` as Airtable's schema API lists them.
async fn tables(State(gateway): State<Gateway>, headers: HeaderMap) -> Result<Answer, Answer> {
    gateway.gatekeeper().identify(&headers).await?;
    let request = Request::get(format!("/v0/meta/bases/{}/tables", gateway.base()));
    Ok(gateway.delivery().send(&request, Care::Read, gateway.deadline()).await?)
}

async fn status(State(gateway): State<Gateway>, headers: HeaderMap) -> Result<Answer, Answer> {
    gateway.gatekeeper().identify(&headers).await?;
    let queue = gateway.delivery().queue().snapshot();
    let body = json!({
        "base": gateway.base(),
        "budgetLeft": queue.free,
        "queueLength": queue.waiting,
        "lockoutSecondsLeft": queue.locked.as_millis().div_ceil(1000),
    });
    Ok(Answer::json(StatusCode::OK, &body))
}

async fn look(
    State(gateway): State<Gateway>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Answer, Answer> {
    require_full(&gateway, &headers).await?;
    Ok(gateway.idempotency().look(&Key::new(&key, &headers)?).await)
}

async fn close(
    State(gateway): State<Gateway>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Answer, Answer> {
    require_full(&gateway, &headers).await?;
    let key = Key::new(&key, &headers)?;
    let body = proxy::read_body(&gateway, body, proxy::COPIES_OF_KEYED).await?;
    let write = closing::read_write(&body, gateway.base())?;
    Ok(gateway.idempotency().close(key, write).await)
}

/// The ledger holds what was written, and decides what may be.
async fn require_full(gateway: &Gateway, headers: &HeaderMap) -> Result<(), Answer> {
    match gateway.gatekeeper().identify(headers).await?.rights {
        Rights::Full => Ok(()),
        Rights::ReadOnly => Err(Answer::not_permitted()),
    }
}
