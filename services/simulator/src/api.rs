//! The API over HTTP: a thin shell around [`State`].

use std::{sync::Arc, time::Duration};

use airtable::Error;
use axum::{
    Json,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State as Shared},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinError;

use crate::{
    aside,
    attachments::{fetch, link, upload},
    call::Call,
    fault_kind::{Kind, Moment},
    state::State,
    webhooks::delivery,
};

/// Largest body in bytes, of an upload and of all else.
pub const BODY_BYTES: usize = upload::BODY_BYTES;
const OTHER_BODY_BYTES: usize = 6 << 20;

/// URLs must be shorter, in characters, as if they were sent to Airtable.
const URL: usize = 16_000;
const HOST: &str = "https://api.airtable.com";

/// What a request is answered with.
enum Reply {
    Answer(StatusCode, Value),
    /// The connection is closed without a word.
    Cut,
}

/// Answers any request that is not one of the simulator's own.
pub async fn serve(Shared(state): Shared<State>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let is_upload = parts.uri.path().ends_with("/uploadAttachment");
    let most = if is_upload { BODY_BYTES } else { OTHER_BODY_BYTES };
    let Ok(body) = to_bytes(body, most).await else {
        return refusal(&Error::TooLarge).into_response();
    };
    let asked =
        Asked { method: parts.method, uri: parts.uri, headers: parts.headers, body, arrived: state.now() };
    // On its own, so that it takes effect even when the client goes away: as at Airtable.
    match host::spawn(answer(state, Arc::new(asked))).await {
        Ok(Ok(reply)) => reply.into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    arrived: Timestamp,
}

async fn answer(state: State, asked: Arc<Asked>) -> Result<Reply, JoinError> {
    let reply = reply(&state, &asked).await?;
    let (status, kind) = match &reply {
        Reply::Answer(status, body) => {
            (status.as_u16(), airtable::error::read(body).map(|(kind, _)| kind.to_owned()))
        }
        Reply::Cut => (0, None),
    };
    let note = move || state.answered(&asked.method, asked.uri.path(), asked.arrived, status, kind);
    aside::run(note).await?;
    Ok(reply)
}

async fn reply(state: &State, asked: &Arc<Asked>) -> Result<Reply, JoinError> {
    let path = asked.uri.path();
    if HOST.len() + asked.uri.path_and_query().map_or(0, |asked| asked.as_str().len()) >= URL {
        return Ok(refusal(&Error::UrlTooLong));
    }
    let Some(call) = Call::read(&asked.method, path) else { return Ok(refusal(&Error::NotFound)) };
    let call = Arc::new(call);
    let admit = {
        let (state, call, asked) = (state.clone(), call.clone(), asked.clone());
        move || state.admit(&call, &asked.method, asked.uri.path(), bearer(&asked.headers))
    };
    let perform = {
        let (state, asked) = (state.clone(), asked.clone());
        move || perform(&state, &call, &asked)
    };
    let fault = match aside::run(admit).await? {
        Ok(fault) => fault,
        Err(error) => return Ok(refusal(&error)),
    };
    Ok(match fault {
        None => aside::run(perform).await?,
        Some(Kind::Latency { latency_ms }) => {
            tokio::time::sleep(Duration::from_millis(latency_ms)).await;
            aside::run(perform).await?
        }
        Some(Kind::Hold { hold_ms }) => {
            let reply = aside::run(perform).await?;
            tokio::time::sleep(Duration::from_millis(hold_ms)).await;
            reply
        }
        Some(Kind::Status { status, body }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Reply::Answer(status, body.unwrap_or_else(|| Value::Object(serde_json::Map::new())))
        }
        Some(Kind::Cut { cut: Moment::BeforeEffect }) => Reply::Cut,
        Some(Kind::Cut { cut: Moment::AfterEffect }) => {
            aside::run(perform).await?;
            Reply::Cut
        }
    })
}

fn perform(state: &State, call: &Call, asked: &Asked) -> Reply {
    let query = asked.uri.query().unwrap_or_default();
    let request = asked.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    if !asked.body.is_empty() && !is_json(&asked.headers) {
        return refusal(&Error::InvalidBody);
    }
    let reply = match state.perform(call, query, &asked.body, request) {
        Ok(mut body) => {
            link::show(state, &mut body, host(&asked.headers));
            Reply::Answer(StatusCode::OK, body)
        }
        Err(error) => refusal(&error),
    };
    // After the answer was made, which never tells what is fetched because of it.
    fetch::begin(state);
    delivery::begin(state);
    reply
}

fn refusal(error: &Error) -> Reply {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Reply::Answer(status, error.body())
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// Whether the content is said to be JSON, whatever else is said of it.
fn is_json(headers: &HeaderMap) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    said.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl Reply {
    fn into_response(self) -> Response {
        match self {
            Self::Answer(status, Value::Null) => status.into_response(),
            Self::Answer(status, body) => (status, Json(body)).into_response(),
            // The server drops the connection when a body fails, and has not sent a byte by then.
            Self::Cut => {
                let failing =
                    futures::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut on demand")) });
                let mut response = Response::new(Body::from_stream(failing));
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use telemetry::metrics::Metrics;
    use tower::ServiceExt as _;

    use crate::{Behaviour, Fixture, router, start};

    use super::*;

    #[tokio::test]
    async fn who_waits_for_one_that_computes_keeps_nobody_else_from_being_served() {
        let state = start(Fixture::sample().unwrap(), Behaviour::default(), &Metrics::new()).unwrap();
        let call = |uri: &str| {
            let request = Request::builder().uri(uri).header("authorization", "Bearer pat");
            router(state.clone()).oneshot(request.body(Body::empty()).unwrap())
        };
        let (computing, computes) = mpsc::channel();
        let (done, is_done) = mpsc::channel::<()>();
        let busy = state.clone();
        let holder = thread::spawn(move || {
            let _held = busy.held();
            computing.send(()).unwrap();
            is_done.recv().unwrap();
        });
        computes.recv().unwrap();
        let table = "/admin/bases/appCRM00000000001/tblCRM00000000001";
        let waiting =
            ["/v0/meta/whoami", "/admin/limits", "/admin", table].map(|uri| tokio::spawn(call(uri)));
        tokio::task::yield_now().await;
        assert_eq!(call("/admin/clock").await.unwrap().status(), StatusCode::OK);
        assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
        done.send(()).unwrap();
        for waiting in waiting {
            assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::OK);
        }
        holder.join().unwrap();
    }
}
