//! `/v0/…`: Airtable's own API, passed on for clients with the rights.

use std::{convert::Infallible, error::Error as _};

use axum::{
    body::{Body, HttpBody as _},
    extract::Request as HttpRequest,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use http_body_util::LengthLimitError;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tower::{Service, service_fn};

use crate::{
    Gateway,
    answer::Answer,
    audit,
    clients::Rights,
    crash,
    delivery::{Undelivered, headers, retry, upstream::Request},
    keyed::key::Key,
    links::Wanted,
    rights::Filter,
    room,
    route::{self, Target},
};

/// Largest body, in bytes: an attachment of 5 MB in base64 is 6.7 MB, ten records are well below.
pub const LARGEST_BODY: usize = 7 << 20;
/// The body, its note for the ledger, the cells in it, and the body with marks.
pub const COPIES_OF_KEYED: usize = 4;

/// Airtable for the clients of `gateway`.
pub fn service(
    gateway: Gateway,
) -> impl Service<HttpRequest, Response = Response, Error = Infallible, Future: Send> + Clone {
    service_fn(move |request| {
        // In a box, since all around it would move it each time.
        let answering = Box::pin(proxy(gateway.clone(), request));
        async move { Ok(answering.await.into_response()) }
    })
}

/// One request: who, where, may they, then on to Airtable.
async fn proxy(gateway: Gateway, request: HttpRequest) -> Result<Answer, Answer> {
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
    let (caller, wanted) = (gateway.caller(&client, &parts)?, Wanted::of(&parts.headers));
    let care = retry::care(&parts.method, path);
    let key = match care {
        retry::Care::Write if !crash::without_ledger() => Key::of(&parts.headers, Timestamp::now())?,
        _ => None,
    }
    .map(|key| client.key(key));
    let copies = if key.is_some() { COPIES_OF_KEYED } else { 1 };
    let request = upstream_request(&parts, path, read_body(&gateway, body, copies, caller.deadline).await?);
    let (request, filter) = match &client.rights {
        Rights::Tables(rights) if target == Target::Base => {
            let ledger = key.as_ref().map(|key| (key, &**gateway.idempotency()));
            let (sent, filter) = gateway.inspector().inspect(rights, &request, ledger, &caller).await?;
            (held(&gateway, request, sent, copies).ok_or_else(room::full)?, filter)
        }
        _ => (request, Filter::Nothing),
    };
    let answer = if care == retry::Care::Read {
        gateway.reads().answer(request, wanted, caller).await?
    } else {
        let asked = request.target.clone();
        let under_way = tokio::select! {
            biased;
            under_way = gateway.reads().write(&request, caller.deadline) => under_way?,
            () = gateway.delivery().queue().closing().over() => return Err(Undelivered::Stopping.into()),
        };
        let key_name = key.as_ref().map(|key| key.name.as_str());
        let written = audit::Write::new(&client.name, &parts.method, path, key_name);
        let outcome = match key {
            Some(key) => Ok(gateway.idempotency().write(key, request, caller).await),
            None => gateway.delivery().send(&request, care, &caller).await,
        };
        written.ended(&outcome);
        under_way.ended(&outcome).await;
        gateway.reads().wanted(wanted, &asked, None, outcome?)
    };
    let answer = filtered(&gateway, &filter, care, answer).await?;
    Ok(if target == Target::Bases { only_base(answer, gateway.base()) } else { answer })
}

pub const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// The body, as far as there is room for so many copies of it, and it is there in time.
pub async fn read_body(
    gateway: &Gateway,
    body: Body,
    copies: usize,
    deadline: Instant,
) -> Result<Bytes, Answer> {
    let largest =
        body.size_hint().upper().map_or(LARGEST_BODY, |size| usize::try_from(size).unwrap_or(usize::MAX));
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let room = gateway.room().reserve(largest.min(LARGEST_BODY) * copies).ok_or_else(room::full)?;
    let read = timeout_at(deadline, axum::body::to_bytes(body, LARGEST_BODY)).await;
    let body = read.map_err(|_| too_slow())?.map_err(|error| unreadable(&error))?;
    Ok(room.keep(body.len() * copies).hold(body))
}

/// What is sent in place of `asked`, in room of its own where its body is another; none where there is no room.
fn held(gateway: &Gateway, asked: Request, sent: Request, copies: usize) -> Option<Request> {
    if sent.body.is_empty() || sent.body.as_ptr() == asked.body.as_ptr() {
        return Some(sent);
    }
    drop(asked);
    let room = gateway.room().reserve(sent.body.len() * copies)?;
    Some(Request { body: room.hold(sent.body), ..sent })
}

/// What the client gets of `answer`: of a read in room of its own, since others may have the same answer as it was.
async fn filtered(
    gateway: &Gateway,
    filter: &Filter,
    care: retry::Care,
    answer: Answer,
) -> Result<Answer, Answer> {
    if *filter == Filter::Nothing || care != retry::Care::Read || !answer.status.is_success() {
        return Ok(filter.apply(answer));
    }
    let room = gateway.delivery().answers().reserve_more(answer.body.len()).await;
    let room = room.ok_or(Undelivered::AnswersFull)?;
    Ok(Answer { room: room.into(), ..filter.apply(answer) })
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
    Request {
        method: parts.method.clone(),
        target: route::with_query(path, parts.uri.query()),
        headers: headers::asked(&parts.headers),
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

/// 408 for a body that does not come. What is left of it would be taken for the next request.
fn too_slow() -> Answer {
    let message = "the body did not come within the request's time; nothing was sent";
    Answer::error(StatusCode::REQUEST_TIMEOUT, "REQUEST_BODY_TIMEOUT", message)
        .with(header::CONNECTION, HeaderValue::from_static("close"))
}

/// 413 for a body that is too large, 400 for one that ended before its end, or is none.
fn unreadable(error: &axum::Error) -> Answer {
    if error.source().is_some_and(<dyn std::error::Error>::is::<LengthLimitError>) {
        let message = format!("the body is larger than {LARGEST_BODY} bytes");
        return Answer::error(StatusCode::PAYLOAD_TOO_LARGE, "REQUEST_TOO_LARGE", &message);
    }
    let message = "the body could not be read: it ended too early, or is not as its headers say";
    Answer::error(StatusCode::BAD_REQUEST, "REQUEST_UNREADABLE", message)
}
