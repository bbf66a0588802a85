//! The step contract's wire types: what a call carries, and what its answers look like.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Characters of a message: what a call holds may be in it, and an answer must not grow with that.
const LONGEST_MESSAGE: usize = 1000;

/// The body of `PUT` and `DELETE`. What is not known is ignored, so that the contract can grow.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Counts from 1 within a direction.
    pub attempt: u32,
    /// Which taking-over of the saga this call belongs to.
    pub epoch: i64,
    /// When the first attempt of this direction was decided on.
    pub first_sent_at: Timestamp,
    /// Of an undo: when the first attempt of its action was decided on, where the caller knows.
    #[serde(default)]
    pub action_first_sent_at: Option<Timestamp>,
    /// Nobody waits longer.
    pub deadline: Timestamp,
    /// What to do, or what to undo.
    pub action: Action,
    /// How the action is undone.
    #[serde(default)]
    pub compensation: Compensation,
}

/// An operation and its input.
#[derive(Debug, Clone, Deserialize)]
pub struct Action {
    /// Such as `airtable.create`.
    pub operation: String,
    /// The base, for operations on Airtable.
    #[serde(default)]
    pub base: Option<Base>,
    /// As the operation wants it.
    #[serde(default)]
    pub input: Value,
}

/// A base and its gateway.
#[derive(Debug, Clone, Deserialize)]
pub struct Base {
    /// Where the gateway is, for example `http://crm-gateway.sales.svc:8002`.
    pub url: String,
    /// `app…`.
    pub id: String,
}

/// How an action is undone.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(tag = "policy")]
pub enum Compensation {
    /// As the operation knows to.
    #[default]
    Auto,
    /// Not at all; the key is closed nevertheless.
    None,
    /// By another action, whose input may name `outputs`.
    Explicit {
        /// The action.
        action: Action,
    },
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `CamelCase`, for programs.
    pub reason: String,
    /// For people; no secret.
    pub message: String,
}

impl Problem {
    /// A problem. A longer message than a person reads is cut.
    pub fn new(reason: impl Into<String>, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(LONGEST_MESSAGE) {
            message.truncate(end);
        }
        Self { reason: reason.into(), message }
    }
}

/// An answer of the contract.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// 200: done or undone, with outputs.
    Done(Value),
    /// 202: under way; ask again after this.
    Accepted(Duration),
    /// 404: the key is unknown.
    NotFound,
    /// 409: undone before (of an action), or never to be undone without a person (of an undo).
    Final(Problem),
    /// 412: a newer epoch was seen.
    Fenced {
        /// The newer epoch.
        seen: i64,
    },
    /// 422: refused, without effect, pointless to repeat.
    Refused(Problem),
    /// 503: not now, without effect.
    Later(Problem, Duration),
    /// 500: it may have happened.
    Unknown(Problem),
}

impl Answer {
    /// A word for metrics and logs.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Accepted(_) => "accepted",
            Self::NotFound => "not_found",
            Self::Final(_) => "final",
            Self::Fenced { .. } => "fenced",
            Self::Refused(_) => "refused",
            Self::Later(..) => "later",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let (status, body, wait) = match self {
            Self::Done(outputs) => (StatusCode::OK, json!({"outputs": outputs}), None),
            Self::Accepted(wait) => (StatusCode::ACCEPTED, json!({}), Some(wait)),
            Self::NotFound => {
                let problem = Problem::new("UnknownKey", "no call with this key is known");
                (StatusCode::NOT_FOUND, json!({"error": problem}), None)
            }
            Self::Final(problem) => (StatusCode::CONFLICT, json!({"error": problem}), None),
            Self::Fenced { seen } => {
                let problem = Problem::new("OlderEpoch", format!("epoch {seen} was seen for this key"));
                (StatusCode::PRECONDITION_FAILED, json!({"error": problem}), None)
            }
            Self::Refused(problem) => (StatusCode::UNPROCESSABLE_ENTITY, json!({"error": problem}), None),
            Self::Later(problem, wait) => {
                (StatusCode::SERVICE_UNAVAILABLE, json!({"error": problem}), Some(wait))
            }
            Self::Unknown(problem) => (StatusCode::INTERNAL_SERVER_ERROR, json!({"error": problem}), None),
        };
        let mut response = (status, Json(body)).into_response();
        if let Some(wait) = wait {
            let seconds = wait.as_secs().max(1);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
