//! Answers: Airtable's own, passed on, and the gateway's, in the same shape.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::answers::{SMALL, Share};

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Of a body that does not hold its room itself.
    pub room: Share,
}

impl Answer {
    /// An answer with a JSON body.
    pub fn json(status: StatusCode, body: &Value) -> Self {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, JSON)]);
        Self { status, headers, body: body.to_string().into(), room: Share::default() }
    }

    /// An error in Airtable's usual shape.
    pub fn error(status: StatusCode, kind: &str, message: &str) -> Self {
        Self::json(status, &json!({"error": {"type": kind, "message": message}}))
    }

    /// Done, and there is nothing to say.
    pub fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            room: Share::default(),
        }
    }

    /// Airtable's 404 for paths it does not serve.
    pub fn not_found() -> Self {
        Self::json(StatusCode::NOT_FOUND, &json!({"error": "NOT_FOUND"}))
    }

    /// 405 of the gateway's own paths; `Allow` names the methods that they take.
    pub fn method_not_allowed() -> Self {
        let message = "this path takes other methods, see Allow";
        Self::error(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
    }

    /// Airtable's 401.
    pub fn authentication_required() -> Self {
        Self::error(StatusCode::UNAUTHORIZED, "AUTHENTICATION_REQUIRED", "Authentication required")
    }

    /// Airtable's 403 for what the caller may see but not do.
    pub fn not_permitted() -> Self {
        let message = "You are not permitted to perform this operation";
        Self::error(StatusCode::FORBIDDEN, "INVALID_PERMISSIONS", message)
    }

    /// Airtable's 403 for a base that does not exist, or not for this caller.
    pub fn base_not_found() -> Self {
        let message = "Invalid permissions, or the requested model was not found. Check that both your user and your \
                       token have the required permissions, and that the model names and/or ids are correct.";
        Self::error(StatusCode::FORBIDDEN, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND", message)
    }

    /// 503: not now, worth repeating after so many seconds. Whether there may have been an effect, the type says.
    pub fn later(kind: &str, message: &str, retry_after_seconds: u64) -> Self {
        let mut answer = Self::error(StatusCode::SERVICE_UNAVAILABLE, kind, message);
        answer.headers.insert(header::RETRY_AFTER, retry_after_seconds.into());
        answer
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The same answer without what the buffer that it was read into has left, which a small one shares with others.
    #[must_use]
    pub fn compact(self) -> Self {
        if self.body.len() > SMALL {
            return self;
        }
        Self { body: Bytes::copy_from_slice(&self.body), ..self }
    }

    /// The same answer, done with: its body holds its room itself.
    #[must_use]
    pub fn settled(self) -> Self {
        if self.room.is_none() {
            return self;
        }
        Self { body: self.room.hold(self.body), room: Share::default(), ..self }
    }

    /// The body, where it is JSON.
    pub fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The type in an error body of any of Airtable's shapes.
    pub fn error_type(&self) -> Option<String> {
        airtable::error::read(&self.value()?).map(|(kind, _)| kind.to_owned())
    }
}

impl From<airtable::Error> for Answer {
    fn from(error: airtable::Error) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::json(status, &error.body())
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let answer = self.settled();
        let mut response = Response::new(Body::from(answer.body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        response
    }
}
