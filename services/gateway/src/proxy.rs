//! `/v0/…`: Airtable's own API, passed on for clients with the rights.

use axum::{
    body::HttpBody as _,
    extract::{Request as HttpRequest, State},
};
use bytes::Bytes;
use http::{Method, StatusCode, request::Parts};
use serde_json::Value;

use crate::{
    Gateway,
    answer::Answer,
    crash,
    key::Key,
    retry, room,
    route::{self, Target},
    upstream::{self, Request},
};

/// Largest body, in bytes: an attachment of 5 MB in base64 is 6.7 MB, ten records are well below.
pub const LARGEST_BODY: usize = 7 << 20;

/// One request: who, where, may they, then on to Airtable.
pub async fn proxy(State(gateway): State<Gateway>, request: HttpRequest) -> Result<Answer, Answer> {
    let (parts, body) = request.into_parts();
    let path = route::clean(parts.uri.path());
    let target = route::target(path, gateway.base());
    if target == Target::Nowhere || !METHODS.contains(&parts.method) {
        return Err(Answer::not_found());
    }
    let client = gateway.gatekeeper().identify(&parts.headers).await?;
    if let Some(refusal) = refusal(target, &parts.method) {
        return Err(refusal);
    }
    if !client.rights.allow(&parts.method, path) {
        return Err(Answer::not_permitted());
    }
    let largest =
        body.size_hint().upper().map_or(LARGEST_BODY, |size| usize::try_from(size).unwrap_or(usize::MAX));
    let _room = gateway.room().reserve(largest.min(LARGEST_BODY)).ok_or_else(room::full)?;
    let body = axum::body::to_bytes(body, LARGEST_BODY).await.map_err(|_| too_large())?;
    let request = upstream_request(&parts, path, body);
    tracing::debug!(client = client.name, method = %request.method, "passing on");
    let answer = send(&gateway, &parts, path, request).await?;
    Ok(if target == Target::Bases { only_base(answer, gateway.base()) } else { answer })
}

const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

async fn send(gateway: &Gateway, parts: &Parts, path: &str, request: Request) -> Result<Answer, Answer> {
    let care = retry::care(&request.method, path);
    let key = match care {
        retry::Care::Write if !crash::without_ledger() => Key::of(&parts.headers)?,
        _ => None,
    };
    match key {
        Some(key) => Ok(gateway.idempotency().write(key, request).await),
        None => Ok(gateway.delivery().send(&request, care, gateway.deadline()).await?),
    }
}

/// Other bases and what is above bases is not for clients of this one.
fn refusal(target: Target, method: &Method) -> Option<Answer> {
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    match target {
        Target::Base => None,
        Target::Whoami | Target::Bases => (!is_read).then(Answer::not_permitted),
        Target::Elsewhere | Target::Nowhere => Some(Answer::base_not_found()),
    }
}

fn upstream_request(parts: &Parts, path: &str, body: Bytes) -> Request {
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Request {
        method: parts.method.clone(),
        target: format!("{path}{query}"),
        headers: upstream::passed_on(&parts.headers),
        body,
    }
}

/// The list of bases without the others that the token can see.
fn only_base(answer: Answer, base: &str) -> Answer {
    let Some(mut body) = answer.value().filter(|_| answer.status.is_success()) else { return answer };
    if let Some(bases) = body.get_mut("bases").and_then(Value::as_array_mut) {
        bases.retain(|listed| listed.get("id").and_then(Value::as_str) == Some(base));
    }
    Answer { body: body.to_string().into(), ..answer }
}

fn too_large() -> Answer {
    let message = format!("the body could not be read, or is larger than {LARGEST_BODY} bytes");
    Answer::error(StatusCode::PAYLOAD_TOO_LARGE, "REQUEST_TOO_LARGE", &message)
}
