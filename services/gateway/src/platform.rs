//! `/api/airtable/…`: what the platform asks of a gateway beside Airtable's API.

use axum::{
    Router,
    body::Body,
    extract::{Path, RawQuery, State},
    routing::{delete, get, post},
};
use http::{HeaderMap, StatusCode, request::Parts};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    Gateway,
    answer::Answer,
    clients::{Client, Rights},
    delivery::upstream::Request,
    keyed::{
        closing,
        key::{self, Key},
        verdict::Verdict,
    },
    proxy,
    rights::Filter,
    webhook,
};

/// The routes.
pub fn routes() -> Router<Gateway> {
    Router::new()
        .route("/api/airtable/tables", get(tables))
        .route("/api/airtable/status", get(status))
        .route("/api/airtable/cache", delete(invalidate))
        .route(webhook::PATH, post(webhook::notify))
        .route("/api/airtable/ledger/{key}", get(look).put(settle).delete(close))
}

/// `{"tables": […]}` as Airtable's schema API lists them.
async fn tables(State(gateway): State<Gateway>, parts: Parts) -> Result<Answer, Answer> {
    let client = gateway.gatekeeper().identify(&parts.headers).await?;
    let caller = gateway.caller(&client, &parts)?;
    let request = Request::get(format!("/v0/meta/bases/{}/tables", gateway.base()));
    let answer = gateway.delivery().read(&request, &caller).await?;
    Ok(match client.rights {
        Rights::Full | Rights::ReadOnly => answer,
        Rights::Tables(rights) => Filter::Tables(rights.to_vec()).apply(answer),
    })
}

async fn status(State(gateway): State<Gateway>, headers: HeaderMap) -> Result<Answer, Answer> {
    gateway.gatekeeper().identify(&headers).await?;
    let queue = gateway.delivery().queue().snapshot();
    let mut body = json!({
        "base": gateway.base(),
        "budgetLeft": queue.free,
        "queueLength": queue.waiting,
        "lockoutSecondsLeft": queue.locked.as_millis().div_ceil(1000),
    });
    if let (Some(body), Some(webhook)) = (body.as_object_mut(), gateway.webhook()) {
        body.insert("webhook".to_owned(), webhook.standing().into());
    }
    Ok(Answer::json(StatusCode::OK, &body))
}

/// Others changed the records of the tables named by `table=`, or anything at all where none is named.
async fn invalidate(
    State(gateway): State<Gateway>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Answer, Answer> {
    require_full(&gateway, &headers).await?;
    let named = form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
    let tables: Vec<_> =
        named.filter(|(name, _)| name == "table").map(|(_, table)| table.into_owned()).collect();
    gateway.reads().invalidate(&tables).await?;
    Ok(Answer::no_content())
}

async fn look(
    State(gateway): State<Gateway>,
    Path(key): Path<String>,
    parts: Parts,
) -> Result<Answer, Answer> {
    require_full(&gateway, &parts.headers).await?;
    Ok(gateway.idempotency().look(&named(&key, &parts)?).await)
}

/// Somebody looked at the records in doubt.
async fn settle(
    State(gateway): State<Gateway>,
    Path(key): Path<String>,
    parts: Parts,
    body: Body,
) -> Result<Answer, Answer> {
    let client = require_full(&gateway, &parts.headers).await?;
    let (key, caller) = (named(&key, &parts)?, gateway.caller(&client, &parts)?);
    let verdict = Verdict::read(&proxy::read_body(&gateway, body, 1, caller.deadline).await?)?;
    Ok(gateway.idempotency().settle(key, verdict, client.name, caller).await)
}

async fn close(
    State(gateway): State<Gateway>,
    Path(key): Path<String>,
    parts: Parts,
    body: Body,
) -> Result<Answer, Answer> {
    let client = require_full(&gateway, &parts.headers).await?;
    let (key, caller) = (named(&key, &parts)?, gateway.caller(&client, &parts)?);
    let body = proxy::read_body(&gateway, body, proxy::COPIES_OF_KEYED, caller.deadline).await?;
    let write = closing::read_write(&body, gateway.base())?;
    let under_way = match &write {
        Some(write) => gateway.reads().write(write, caller.deadline).await?,
        None => gateway.reads().write_somewhere(caller.deadline).await?,
    };
    let answer = gateway.idempotency().close(key, write, caller).await;
    // Whatever it says, finding it out may have taken effect.
    under_way.done().await;
    Ok(answer)
}

/// The key in a path; that of the client with rights on some tables whom `client=` names.
fn named(key: &str, parts: &Parts) -> Result<Key, key::Invalid> {
    let query = parts.uri.query().unwrap_or_default();
    let client = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "client");
    let key = Key::new(key, &parts.headers, Timestamp::now())?;
    Ok(match client {
        Some((_, client)) => key.of_client(&client),
        None => key,
    })
}

/// The ledger holds what was written, and decides what may be.
async fn require_full(gateway: &Gateway, headers: &HeaderMap) -> Result<Client, Answer> {
    let client = gateway.gatekeeper().identify(headers).await?;
    match client.rights {
        Rights::Full => Ok(client),
        Rights::ReadOnly | Rights::Tables(_) => Err(Answer::not_permitted()),
    }
}
