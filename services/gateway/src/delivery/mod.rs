//! Brings one request to Airtable and its answer back: token, queue, budget, retries, lock-outs.

pub mod breaker;
mod connector;
pub mod headers;
pub mod health;
pub mod receive;
pub mod retry;
pub mod timing;
pub mod token;
mod undelivered;
pub mod upstream;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::FuturesUnordered};
use http::StatusCode;
use ledger::Hold;
use tokio::time::Instant;

pub use self::undelivered::Undelivered;
use self::{
    health::Health,
    receive::Purpose,
    retry::{Care, Next, Outcome},
    token::Token,
    upstream::{Request, Trip, Upstream},
};
use crate::{
    answer::Answer,
    answers::Answers,
    company::{self, Member, Verdict, mergeable::Single},
    metrics::Metrics,
    queue::{Permit, Queue, Turn, caller::Caller, turns::Place},
};

/// The way to Airtable; clones share it.
#[derive(Clone)]
pub struct Delivery(Arc<Way>);

/// What is shared by all that is under way.
pub struct Way {
    pub upstream: Upstream,
    pub token: Token,
    pub queue: Queue,
    pub health: Arc<Health>,
    pub metrics: Metrics,
    /// Room for what comes back.
    pub answers: Answers,
    /// Whether writes of one record may travel with others.
    pub merges: bool,
}

impl Delivery {
    /// The one way to Airtable.
    pub fn new(way: Way) -> Self {
        Self(Arc::new(way))
    }

    /// The queue on the way.
    pub fn queue(&self) -> &Queue {
        &self.0.queue
    }

    /// Room for answers.
    pub fn answers(&self) -> &Answers {
        &self.0.answers
    }

    /// Sends `request` until it has an answer, as `care` allows, at most until the caller's deadline (plus one answer's
    /// time).
    pub async fn send(&self, request: &Request, care: Care, caller: &Caller) -> Result<Answer, Undelivered> {
        let purpose = if care == Care::Read { Purpose::PassOn } else { Purpose::TellOfWrite };
        self.send_for(purpose, request, care, caller).await
    }

    /// The same for a read whose answer is made values of.
    pub async fn read(&self, request: &Request, caller: &Caller) -> Result<Answer, Undelivered> {
        self.send_for(Purpose::Decode, request, Care::Read, caller).await
    }

    async fn send_for(
        &self,
        purpose: Purpose,
        request: &Request,
        care: Care,
        caller: &Caller,
    ) -> Result<Answer, Undelivered> {
        let (mut place, mut retries) = (Place::Back, 0);
        let mut write = self.0.merges.then(|| Single::of(request, care)).flatten().map(Arc::new);
        loop {
            self.0.health.admit()?;
            tokio::select! {
                biased;
                ready = self.0.ready(purpose, caller.deadline) => ready?,
                () = self.queue().closing().over() => return Err(Undelivered::Stopping),
            }
            let heard = self.0.send_once((request, purpose), place, caller, write.as_ref()).await?;
            place = Place::Front;
            let Verdict::Sent(sent) = heard else {
                write = None;
                continue;
            };
            let sent = sent?;
            match retry::next(&sent, care, retries, fastrand::f64()) {
                Next::LockedOut => self.0.metrics.retried("rateLimit"),
                Next::AnotherToken => self.0.metrics.retried("token"),
                Next::Again(pause) if Instant::now() + pause < caller.deadline => {
                    retries += 1;
                    self.0.metrics.retried(Outcome::of(&sent).label());
                    self.pause(pause).await;
                }
                Next::Again(_) | Next::Deliver => return delivered(sent),
            }
        }
    }

    /// For so long, or until there is no turn to wait for.
    async fn pause(&self, time: Duration) {
        let _over_or_closed = tokio::time::timeout(time, self.queue().closing().over()).await;
    }

    /// Sends `request` once with the token as it is, in the regular queue, also where others are not admitted.
    pub async fn probe(&self, request: &Request, deadline: Instant) -> Result<Trip, Undelivered> {
        let ask = Caller::gateway(deadline).ask(Place::Back, None);
        match self.0.queue.turn(ask, deadline, None).await? {
            Turn::Send(permit, _) => self.0.clone().trip(request.clone(), Purpose::Decode, permit).await,
            Turn::Carried => Err(Undelivered::QueueDeadline),
        }
    }
}

impl Way {
    /// Waits for what a request needs before it has a turn: a token, and that its answer has a chance to find room.
    async fn ready(&self, purpose: Purpose, deadline: Instant) -> Result<(), Undelivered> {
        drop(self.token.usable(deadline).await?);
        let has_room = match purpose {
            Purpose::TellOfWrite => self.answers.admit_write(deadline).await,
            Purpose::PassOn | Purpose::Decode => self.answers.admit_read(deadline).await,
        };
        if has_room { Ok(()) } else { Err(Undelivered::QueueDeadline) }
    }

    /// Waits for a turn, and for what becomes of it. Whatever is sent goes on when the client goes away: the permit is
    /// still held until the answer, and a 429 is heard.
    async fn send_once(
        self: &Arc<Self>,
        (request, purpose): (&Request, Purpose),
        place: Place,
        caller: &Caller,
        write: Option<&Arc<Single>>,
    ) -> Result<Verdict, Undelivered> {
        let member = |(member, heard): (Member, _)| (member.under(caller.hold.clone()), heard);
        let (member, heard) = write.map(|write| member(Member::new(write.clone(), caller.deadline))).unzip();
        let (ask, begun) = (caller.ask(place, write.map(|write| write.kind())), Instant::now());
        let turn = self.queue.turn(ask, caller.deadline, member).await;
        let sent_at = Instant::now();
        caller.timing.queued(sent_at - begun);
        let verdict = match (turn?, heard) {
            (Turn::Send(permit, company), Some(heard)) if company.len() > 1 => {
                host::spawn(company::carry(self.clone(), company, permit));
                listen(heard).await
            }
            (Turn::Carried, Some(heard)) => listen(heard).await,
            // While it waited, too many began to wait for room: somebody else may have this turn.
            (Turn::Send(_unused, _), _) if purpose != Purpose::TellOfWrite && self.answers.are_crowded() => {
                Verdict::Alone
            }
            (Turn::Send(permit, _), _) => {
                let holds = caller.hold.iter().cloned().collect();
                Verdict::Sent(
                    host::persist(self.clone().carry((request.clone(), purpose), permit, holds)).await,
                )
            }
            (Turn::Carried, None) => Verdict::Alone,
        };
        caller.timing.sent(sent_at.elapsed());
        Ok(verdict)
    }

    /// Sends `request` with `permit`, unless Airtable has stopped to answer meanwhile, and gives it up when one of `holds`
    /// ends: from then on somebody else may send it.
    pub async fn carry(
        self: Arc<Self>,
        (request, purpose): (Request, Purpose),
        permit: Permit,
        holds: Vec<Hold>,
    ) -> Result<Trip, Undelivered> {
        self.health.admit()?;
        if !holds.iter().all(Hold::is_good) {
            return Err(Undelivered::Unclaimed);
        }
        let sending = self.trip(request, purpose, permit);
        if holds.is_empty() {
            return sending.await;
        }
        let mut ends: FuturesUnordered<_> = holds.iter().map(Hold::ended).collect();
        tokio::select! {
            biased;
            Some(()) = ends.next() => Ok(Trip::Lost("the claim on its key ran out".to_owned())),
            sent = sending => sent,
        }
    }

    /// The permit ends when the answer begins: then the request has been counted, however long the rest of it takes. Of a 429 it
    /// is kept until that is heard.
    async fn trip(
        self: Arc<Self>,
        request: Request,
        purpose: Purpose,
        mut permit: Permit,
    ) -> Result<Trip, Undelivered> {
        let token = self.token.current()?;
        if !permit.used() {
            return Ok(Trip::NotSent("the gateway stood still between its turn and sending".to_owned()));
        }
        let mut permit = Some(permit);
        let begun = |status| {
            if status != StatusCode::TOO_MANY_REQUESTS {
                permit = None;
            }
        };
        let sent = self.upstream.send(&request, &token, (&self.answers, purpose), begun).await;
        let outcome = Outcome::of(&sent);
        self.metrics.sent(request.method.as_str(), outcome.label());
        match outcome {
            Outcome::RateLimited => self.queue.lock_out(),
            Outcome::Unauthorized => self.token.answered(&token, true),
            Outcome::Ok => self.token.answered(&token, false),
            _ => (),
        }
        self.health.saw(&request.target, &sent);
        drop(permit);
        Ok(sent)
    }
}

async fn listen(heard: tokio::sync::oneshot::Receiver<Verdict>) -> Verdict {
    heard.await.unwrap_or_else(|_| Verdict::Sent(Ok(Trip::Lost("its answer was given up".to_owned()))))
}

/// What a trip came to, for who asked.
pub fn delivered(sent: Trip) -> Result<Answer, Undelivered> {
    match sent {
        Trip::Answered(answer) if leads_elsewhere(answer.status) => Ok(redirects(answer.status)),
        Trip::Answered(answer) => Ok(answer),
        Trip::NotSent(why) => Err(Undelivered::NotSent(why)),
        Trip::Lost(why) => Err(Undelivered::Lost(why)),
        Trip::Dropped => Err(Undelivered::AnswersFull),
    }
}

/// 304 is the answer to a condition, not another place.
fn leads_elsewhere(status: StatusCode) -> bool {
    status.is_redirection() && status != StatusCode::NOT_MODIFIED
}

/// Airtable's API never redirects. Who followed would take a client's key to somebody else.
fn redirects(status: StatusCode) -> Answer {
    let message = format!("the upstream answers {} in place of Airtable: see --upstream", status.as_u16());
    Answer::error(StatusCode::BAD_GATEWAY, "GATEWAY_UPSTREAM_REDIRECTS", &message)
}
