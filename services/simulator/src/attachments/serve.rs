//! `/attachments/…`: the files, for who has a URL that an answer told within the last two hours.

use axum::{
    Json, Router,
    extract::{Path, State as Shared},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::{
    files::{File, Kept},
    link::{self, Verdict},
};
use crate::state::State;

/// The route. Thumbnails are the image itself: browsers scale it.
pub fn routes() -> Router<State> {
    Router::new().route("/attachments/{id}/{form}/{until}/{signature}/{name}", get(serve))
}

type Parts = Path<(String, String, i64, String, String)>;

async fn serve(Shared(state): Shared<State>, Path((id, form, until, signature, name)): Parts) -> Response {
    let now = state.now();
    let held = state.held();
    match link::check(&held.files, &id, &form, until, &signature, now) {
        Verdict::Forged => {
            return refusal(StatusCode::FORBIDDEN, "INVALID_URL", "this URL was not made here");
        }
        Verdict::Expired => {
            return refusal(StatusCode::GONE, "URL_EXPIRED", "URLs of attachments are good for two hours");
        }
        Verdict::Good => {}
    }
    match held.files.get(&id) {
        Some(File::Kept(kept)) => answer(kept, &name),
        Some(File::Missing { why, .. }) => refusal(StatusCode::NOT_FOUND, "NOT_FETCHED", why),
        _ => refusal(StatusCode::NOT_FOUND, "NOT_FOUND", "this file is in no cell any more"),
    }
}

fn answer(kept: &Kept, name: &str) -> Response {
    let mut headers = HeaderMap::new();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, kept.media_type.parse().unwrap_or(octets));
    // Somebody else's file may be a page: here it gets no script, and no way to `/admin`.
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    let name = format!("inline; filename*=UTF-8''{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
    if let Ok(name) = name.parse() {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    (headers, kept.bytes.clone()).into_response()
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Response {
    (status, Json(json!({"error": {"type": kind, "message": message}}))).into_response()
}
