//! Writes of several callers that travel in one request: sent together, answered one by one.

pub mod batch;
pub mod mergeable;

use std::{pin::Pin, sync::Arc};

use ledger::Hold;
use tokio::{sync::oneshot, time::Instant};

use self::mergeable::Single;
use crate::{
    delivery::{Undelivered, Way, receive::Purpose, retry::Outcome, upstream::Trip},
    queue::{Permit, Turn, caller::Caller, turns::Place},
};

/// What a member of a company hears.
#[derive(Debug)]
pub enum Verdict {
    /// What became of the request; of a success, its own part.
    Sent(Result<Trip, Undelivered>),
    /// Nothing happened: go on alone.
    Alone,
}

/// A write that waits for its turn, or for that of another one of its kind.
#[derive(Debug)]
pub struct Member {
    write: Arc<Single>,
    deadline: Instant,
    hold: Option<Hold>,
    /// None once it was told.
    verdict: Option<oneshot::Sender<Verdict>>,
    departed: bool,
}

impl Member {
    /// A member, and where it will hear.
    pub fn new(write: Arc<Single>, deadline: Instant) -> (Self, oneshot::Receiver<Verdict>) {
        let (verdict, heard) = oneshot::channel();
        (Self { write, deadline, hold: None, verdict: Some(verdict), departed: false }, heard)
    }

    /// The same, to be sent while `hold` is good.
    pub fn under(mut self, hold: Option<Hold>) -> Self {
        self.hold = hold;
        self
    }

    /// Whether two may be in one request.
    pub fn goes_with(&self, other: &Self) -> bool {
        self.write.goes_with(&other.write)
    }

    fn is_gone(&self) -> bool {
        let is_unclaimed = self.hold.as_ref().is_some_and(|hold| !hold.is_good());
        is_unclaimed || self.verdict.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn tell(mut self, verdict: Verdict) {
        if let Some(teller) = self.verdict.take() {
            let _nobody_listens_any_more = teller.send(verdict);
        }
    }
}

/// Who is told nothing else may go on alone, unless its write has left.
impl Drop for Member {
    fn drop(&mut self) {
        let verdict = if self.departed {
            Verdict::Sent(Ok(Trip::Lost("the request was given up".to_owned())))
        } else {
            Verdict::Alone
        };
        if let Some(teller) = self.verdict.take() {
            let _nobody_listens_any_more = teller.send(verdict);
        }
    }
}

/// Sends what `members` write, all of one kind, as one request, and tells each what became of it. A refused one, which is
/// without effect, is taken apart.
pub fn carry(
    way: Arc<Way>,
    mut members: Vec<Member>,
    permit: Permit,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        members.retain(|member| !member.is_gone());
        let writes: Vec<&Single> = members.iter().map(|member| &*member.write).collect();
        let Some(request) = batch::request(&writes).filter(|_| writes.len() > 1) else { return };
        way.metrics.merged(members.len());
        for member in &mut members {
            member.departed = true;
        }
        let holds = members.iter().filter_map(|member| member.hold.clone()).collect();
        let sent = way.clone().carry((request, Purpose::TellOfWrite), permit, holds).await;
        match &sent {
            Ok(trip) if Outcome::of(trip) == Outcome::Refused => take_apart(&way, members),
            _ => tell(members, &sent),
        }
    })
}

fn take_apart(way: &Arc<Way>, mut members: Vec<Member>) {
    for member in &mut members {
        member.departed = false;
    }
    let second = members.split_off(members.len() / 2);
    for half in [members, second] {
        if half.len() > 1 {
            host::spawn(queue_again(way.clone(), half));
        }
    }
}

/// A half has to queue once more: nobody of it waits longer than it may.
async fn queue_again(way: Arc<Way>, members: Vec<Member>) {
    let Some(deadline) = members.iter().map(|member| member.deadline).min() else { return };
    let ask = Caller::gateway(deadline).ask(Place::Front, None);
    if let Ok(Turn::Send(permit, _)) = way.queue.turn(ask, deadline, None).await {
        carry(way, members, permit).await;
    }
}

fn tell(members: Vec<Member>, sent: &Result<Trip, Undelivered>) {
    let mut parts = match sent {
        Ok(Trip::Answered(answer)) if answer.status.is_success() => {
            let writes: Vec<&Single> = members.iter().map(|member| &*member.write).collect();
            batch::split(&writes, answer).map(Vec::into_iter)
        }
        _ => None,
    };
    for member in members {
        let own = match (sent, &mut parts) {
            (Ok(Trip::Answered(answer)), None) if answer.status.is_success() => {
                Ok(Trip::Lost("Airtable's answer does not name the records of the request".to_owned()))
            }
            (_, Some(parts)) => match parts.next() {
                Some(part) => Ok(Trip::Answered(part)),
                None => continue,
            },
            (sent, None) => sent.clone(),
        };
        member.tell(Verdict::Sent(own));
    }
}
