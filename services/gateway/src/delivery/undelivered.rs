//! Why a request has no answer of Airtable, and what its client is told then.

use http::StatusCode;

use super::token::NoToken;
use crate::{answer::Answer, queue::NoPermit};

/// Why a request has no answer of Airtable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// The queue was full; nothing was sent.
    #[error("the gateway's queue for this base is full")]
    QueueFull,
    /// The time was over before it was this request's turn, or while a lock-out lasted; nothing happened.
    #[error("the request waited for as long as the gateway's queue lets it")]
    QueueDeadline,
    /// The gateway stops, and had no turn left for it; nothing happened.
    #[error("the gateway stops before it is this request's turn")]
    Stopping,
    /// The claim on its key was not renewed in time: another replica may go on with it. Nothing was sent.
    #[error("the ledger's store could not be used for too long, so that the request was not sent")]
    Unclaimed,
    /// The store that shares the budget could not be used until the time was over; nothing was sent.
    #[error("the store that shares the gateway's budget among its replicas can't be used")]
    StoreUnavailable,
    /// Airtable answered nothing of late; nothing was sent.
    #[error("Airtable has not answered for a while: requests fail at once until a probe succeeds")]
    Unavailable,
    /// There is no token, or Airtable does not take it; nothing happened.
    #[error(transparent)]
    Token(#[from] NoToken),
    /// Airtable can't be reached; nothing happened.
    #[error("Airtable can't be reached: {0}")]
    NotSent(String),
    /// The request left, and no answer came: anything may have happened.
    #[error("the connection to Airtable broke before its answer came: {0}")]
    Lost(String),
    /// A read was answered, and there was no room for its answer.
    #[error("the answers that the gateway has at a time are too large together for one more of this size")]
    AnswersFull,
}

impl From<NoPermit> for Undelivered {
    fn from(none: NoPermit) -> Self {
        match none {
            NoPermit::Full => Self::QueueFull,
            NoPermit::Deadline => Self::QueueDeadline,
            NoPermit::Closed => Self::Stopping,
            NoPermit::Store => Self::StoreUnavailable,
        }
    }
}

impl From<Undelivered> for Answer {
    fn from(undelivered: Undelivered) -> Self {
        let message = undelivered.to_string();
        match undelivered {
            Undelivered::QueueFull => Self::later("GATEWAY_QUEUE_FULL", &message, 5),
            Undelivered::QueueDeadline => Self::later("GATEWAY_QUEUE_DEADLINE", &message, 5),
            Undelivered::Stopping => Self::later("GATEWAY_STOPPING", &message, 5),
            Undelivered::Unclaimed => Self::later("IDEMPOTENCY_LEDGER_UNAVAILABLE", &message, 5),
            Undelivered::StoreUnavailable => Self::later("GATEWAY_STORE_UNAVAILABLE", &message, 5),
            Undelivered::Token(NoToken::Missing(_)) => Self::later("GATEWAY_TOKEN_MISSING", &message, 30),
            Undelivered::Token(NoToken::Refused(_)) => Self::later("GATEWAY_TOKEN_REFUSED", &message, 30),
            Undelivered::AnswersFull => Self::later("GATEWAY_ANSWERS_FULL", &message, 5),
            Undelivered::Unavailable => Self::later("GATEWAY_UPSTREAM_UNAVAILABLE", &message, 5),
            Undelivered::NotSent(_) => Self::later("GATEWAY_UPSTREAM_UNREACHABLE", &message, 5),
            Undelivered::Lost(_) => Self::error(StatusCode::BAD_GATEWAY, "GATEWAY_ANSWER_LOST", &message),
        }
    }
}
