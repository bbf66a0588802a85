//! Brings one request to Airtable and its answer back: token, queue, budget, retries, lock-outs.

use std::sync::Arc;

use http::StatusCode;
use tokio::time::Instant;

use crate::{
    answer::Answer,
    budget::Place,
    health::Health,
    metrics::Metrics,
    queue::{NoPermit, Permit, Queue},
    retry::{self, Care, Next, Outcome},
    token::{NoToken, Token},
    upstream::{Request, Trip, Upstream},
};

/// Why a request has no answer of Airtable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// The queue was full; nothing was sent.
    #[error("the gateway's queue for this base is full")]
    QueueFull,
    /// The time was over before it was this request's turn, or while a lock-out lasted; nothing happened.
    #[error("the request waited for as long as the gateway's queue lets it")]
    QueueDeadline,
    /// There is no token, or Airtable does not take it; nothing happened.
    #[error(transparent)]
    Token(#[from] NoToken),
    /// Airtable can't be reached; nothing happened.
    #[error("Airtable can't be reached: {0}")]
    NotSent(String),
    /// The request left, and no answer came: anything may have happened.
    #[error("the connection to Airtable broke before its answer came: {0}")]
    Lost(String),
}

impl From<NoPermit> for Undelivered {
    fn from(none: NoPermit) -> Self {
        match none {
            NoPermit::Full => Self::QueueFull,
            NoPermit::Deadline => Self::QueueDeadline,
        }
    }
}

impl From<Undelivered> for Answer {
    fn from(undelivered: Undelivered) -> Self {
        let message = undelivered.to_string();
        match undelivered {
            Undelivered::QueueFull => Self::later("GATEWAY_QUEUE_FULL", &message, 5),
            Undelivered::QueueDeadline => Self::later("GATEWAY_QUEUE_DEADLINE", &message, 5),
            Undelivered::Token(NoToken::Missing(_)) => Self::later("GATEWAY_TOKEN_MISSING", &message, 30),
            Undelivered::Token(NoToken::Refused(_)) => Self::later("GATEWAY_TOKEN_REFUSED", &message, 30),
            Undelivered::NotSent(_) => Self::later("GATEWAY_UPSTREAM_UNREACHABLE", &message, 5),
            Undelivered::Lost(_) => Self::error(StatusCode::BAD_GATEWAY, "GATEWAY_ANSWER_LOST", &message),
        }
    }
}

/// The way to Airtable; clones share it.
#[derive(Clone)]
pub struct Delivery(Arc<Way>);

struct Way {
    upstream: Upstream,
    token: Token,
    queue: Queue,
    health: Arc<Health>,
    metrics: Metrics,
}

impl Delivery {
    /// The one way to `upstream`.
    pub fn new(
        upstream: Upstream,
        token: Token,
        queue: Queue,
        health: Arc<Health>,
        metrics: Metrics,
    ) -> Self {
        Self(Arc::new(Way { upstream, token, queue, health, metrics }))
    }

    /// The queue on the way.
    pub fn queue(&self) -> &Queue {
        &self.0.queue
    }

    /// Sends `request` until it has an answer, as `care` allows, at most until `deadline` (plus one answer's time).
    pub async fn send(
        &self,
        request: &Request,
        care: Care,
        deadline: Instant,
    ) -> Result<Answer, Undelivered> {
        let (mut place, mut retries) = (Place::Back, 0);
        loop {
            self.0.token.usable(deadline).await?;
            let sent = self.send_once(request, place, deadline).await?;
            place = Place::Front;
            match retry::next(&sent, care, retries, fastrand::f64()) {
                Next::LockedOut => self.0.metrics.retried("rateLimit"),
                Next::AnotherToken => self.0.metrics.retried("token"),
                Next::Again(pause) if Instant::now() + pause < deadline => {
                    retries += 1;
                    self.0.metrics.retried(Outcome::of(&sent).label());
                    tokio::time::sleep(pause).await;
                }
                Next::Again(_) | Next::Deliver => return delivered(sent),
            }
        }
    }

    /// Sends `request` once with the token as it is, in the regular queue.
    pub async fn probe(&self, request: &Request, deadline: Instant) -> Result<Trip, Undelivered> {
        self.send_once(request, Place::Back, deadline).await
    }

    async fn send_once(
        &self,
        request: &Request,
        place: Place,
        deadline: Instant,
    ) -> Result<Trip, Undelivered> {
        let permit = self.0.queue.permit(place, deadline).await?;
        // A task of its own: when the client goes away, the permit is still held until the answer, and a 429 is heard.
        let sending = tokio::spawn(self.0.clone().carry(request.clone(), permit));
        sending.await.map_err(|error| Undelivered::Lost(error.to_string()))?
    }
}

impl Way {
    async fn carry(self: Arc<Self>, request: Request, permit: Permit) -> Result<Trip, Undelivered> {
        let token = self.token.current()?;
        let sent = self.upstream.send(&request, &token).await;
        let outcome = Outcome::of(&sent);
        self.metrics.sent(request.method.as_str(), outcome.label());
        match outcome {
            Outcome::RateLimited => self.queue.lock_out(),
            Outcome::Unauthorized => self.token.answered(&token, true),
            Outcome::Ok => self.token.answered(&token, false),
            _ => (),
        }
        self.health.saw(&request.target, outcome);
        drop(permit);
        Ok(sent)
    }
}

fn delivered(sent: Trip) -> Result<Answer, Undelivered> {
    match sent {
        Trip::Answered(answer) => Ok(answer),
        Trip::NotSent(why) => Err(Undelivered::NotSent(why)),
        Trip::Lost(why) => Err(Undelivered::Lost(why)),
    }
}
