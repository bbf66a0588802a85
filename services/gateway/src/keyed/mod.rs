//! A write with an `Idempotency-Key` takes effect once: intent, effect, outcome, and finding out what is unknown.

pub mod abroad;
pub mod cells;
pub mod claims;
pub mod closing;
pub mod find_out;
pub mod flights;
pub mod key;
pub mod key_field;
pub mod looking_up;
pub mod mark;
pub mod note;
pub mod outcome;
pub mod records;
pub mod repeat;
pub mod search;
pub mod sending;
pub mod settling;
pub mod sweep;
pub mod verdict;
pub mod write;

use std::sync::Arc;

use jiff::Timestamp;
use ledger::{Begin, Claim, Intent, Ledger, Look};
use tokio::time::Instant;

use self::{
    find_out::{Case, Finder, Found},
    flights::Flight,
    key::Key,
    note::Note,
    outcome::{in_flight, state, unavailable, unknown},
    sending::Halt,
    write::Write,
};
use crate::{
    answer::Answer,
    crash,
    delivery::{Undelivered, retry::Outcome, upstream::Request},
    metrics::Metrics,
    queue::caller::Caller,
};

/// The ledger at work.
pub struct Idempotency {
    finder: Finder,
    metrics: Metrics,
}

impl Idempotency {
    /// A ledger in front of a delivery.
    pub fn new(finder: Finder, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self { finder, metrics })
    }

    /// The ledger itself.
    pub fn ledger(&self) -> &Ledger {
        &self.finder.ledger
    }

    /// Writes once under `key`, also when the client goes away meanwhile.
    pub async fn write(self: &Arc<Self>, key: Key, request: Request, caller: Caller) -> Answer {
        let this = self.clone();
        let work = host::spawn(async move { this.begin(&key, &request, &caller).await });
        work.await.unwrap_or_else(|error| unknown(&error.to_string()))
    }

    /// What is known of `key`.
    pub async fn look(&self, key: &Key) -> Answer {
        match self.ledger().look(&key.name).await {
            Ok(Look::Unknown) => state("unknown", None),
            Ok(Look::InFlight) => state("inFlight", None),
            Ok(Look::Interrupted(intent)) if is_said_not_done(&intent) => state("unknown", None),
            Ok(Look::Interrupted(_)) => state("interrupted", None),
            Ok(Look::Done(outcome)) => state("done", Some(&outcome)),
            Ok(Look::Closed(outcome)) => state("closed", outcome.as_ref()),
            Err(error) => unavailable(&error),
        }
    }

    /// Whether `request` was begun under `key`, or won't be: then nothing is sent that was not looked at before. An
    /// answer where somebody is at it, or nobody can tell.
    pub async fn has_begun(&self, key: &Key, request: &Request) -> Result<bool, Answer> {
        match self.ledger().look(&key.name).await {
            Ok(Look::Unknown) => Ok(false),
            Ok(Look::Interrupted(intent)) if is_said_not_done(&intent) => Ok(false),
            Ok(Look::InFlight) => Err(in_flight()),
            Ok(Look::Interrupted(intent)) => Ok(intent.fingerprint == note::fingerprint(request)),
            Ok(Look::Done(_) | Look::Closed(_)) => Ok(true),
            Err(error) => Err(unavailable(&error)),
        }
    }

    async fn begin(&self, key: &Key, request: &Request, caller: &Caller) -> Answer {
        let now = self.ledger().now();
        let note = Note::new(request, caller.until(now));
        let begun =
            self.ledger().begin(&key.name, &note::fingerprint(request), note.value(), key.since, now).await;
        let (label, answer) = match begun {
            Ok(Begin::Fresh(claim)) => {
                self.metrics.ledger("fresh");
                return self.carry_on(claim, request, note, now, caller, false).await;
            }
            Ok(Begin::Interrupted(claim, intent)) => {
                self.metrics.ledger("interrupted");
                let note = Note::of(&intent).unwrap_or(note);
                return self.carry_on(claim, request, note, intent.at, caller, true).await;
            }
            Ok(Begin::Done(outcome)) => ("replayed", outcome::replay(&outcome)),
            Ok(Begin::InFlight) => ("inFlight", in_flight()),
            Ok(Begin::Closed(_)) => ("closed", outcome::closed()),
            Ok(Begin::Reused) => ("reused", outcome::reused()),
            Err(error) => ("unavailable", unavailable(&error)),
        };
        self.metrics.ledger(label);
        answer
    }

    /// Goes on with a claimed key until there is an answer: sends, and finds out what became of what was sent.
    async fn carry_on(
        &self,
        mut claim: Claim,
        request: &Request,
        mut note: Note,
        at: Timestamp,
        caller: &Caller,
        mut is_sent: bool,
    ) -> Answer {
        loop {
            let step = if is_sent {
                self.resume(claim, request, &mut note, at, caller).await
            } else {
                self.execute(claim, request, &mut note, caller).await
            };
            claim = match step {
                Step::Answered(answer) => return answer,
                Step::Next(claim) => claim,
            };
            is_sent = !is_sent;
        }
    }

    /// Sends the request whose intent is durable; next is to find out about an unknown outcome.
    async fn execute(&self, claim: Claim, request: &Request, note: &mut Note, caller: &Caller) -> Step {
        let created = match Write::of(request) {
            Write::Create(create) => Some(create),
            _ => write::upserted(request),
        };
        let flight = created.map(|create| self.finder.flights.depart(claim.key(), create));
        let sent = match self.send(&claim, request, note, caller).await {
            Ok(sent) => sent,
            Err(Halt::Written(written)) => return Step::Answered(forget(claim, note, written.into()).await),
            Err(Halt::Ledger(error)) => return Step::Answered(unknown(&error.to_string())),
        };
        let answer = match sent {
            Ok(answer) if answer.status.is_success() && claims::proves(request, &answer) => {
                crash::after_effect();
                self.done(claim, request, answer).await
            }
            Ok(answer) if !answer.status.is_success() && Outcome::of_answer(&answer) != Outcome::Failed => {
                forget(claim, note, answer).await
            }
            Err(undelivered) if !matches!(undelivered, Undelivered::Lost(_)) => {
                forget(claim, note, undelivered.into()).await
            }
            Ok(_) | Err(_) => {
                drop(flight);
                self.metrics.ledger("lost");
                note.lost(self.ledger().now());
                return keep_note(claim, note).await;
            }
        };
        Step::Answered(answer)
    }

    /// Finds out about an interrupted key, then goes on as if it were done, or unknown; next is to send it.
    async fn resume(
        &self,
        claim: Claim,
        request: &Request,
        note: &mut Note,
        at: Timestamp,
        caller: &Caller,
    ) -> Step {
        let _flight = self.depart_again(&claim, request);
        let answer = match self.find_out(&claim, note, at, caller).await {
            Found::Done(answer) => outcome::replayed(self.done(claim, request, answer).await),
            Found::Refused(answer) => forget(claim, note, answer).await,
            Found::Unknown(why) | Found::Unknowable(why) => unknown(&why),
            Found::Absent if Instant::now() >= caller.deadline => {
                forget(claim, note, Undelivered::QueueDeadline.into()).await
            }
            Found::Absent => {
                let now = self.ledger().now();
                note.begin_again(now, caller.until(now));
                return keep_note(claim, note).await;
            }
        };
        Step::Answered(answer)
    }

    /// An upsert may be sent again to find out about it, and then create its records. Held until the key is settled.
    pub(crate) fn depart_again(&self, claim: &Claim, request: &Request) -> Option<Flight> {
        write::upserted(request).map(|create| self.finder.flights.depart(claim.key(), create))
    }

    /// What became of the write of a claimed key.
    pub(crate) async fn find_out(
        &self,
        claim: &Claim,
        note: &mut Note,
        intent_at: Timestamp,
        caller: &Caller,
    ) -> Found {
        if let Err(error) = take_over(claim, note).await {
            return Found::Unknown(error.to_string());
        }
        let case = Case { claim, note, intent_at, caller };
        let found = self.finder.find_out(case).await;
        let label = match &found {
            Found::Done(_) => "foundDone",
            Found::Absent => "foundAbsent",
            Found::Refused(_) => "foundRefused",
            Found::Unknown(_) => "unknown",
            Found::Unknowable(_) => "unknowable",
        };
        self.metrics.ledger(label);
        tracing::info!(key = claim.key(), found = label, "found out about an interrupted write");
        found
    }

    /// Keeps the outcome and whose its records are, durably before the answer goes out. Where that fails, the key stays
    /// interrupted.
    async fn done(&self, claim: Claim, request: &Request, answer: Answer) -> Answer {
        let claim = claim.owning(claims::names(request, &answer));
        match claim.finish(outcome::keep(&answer), self.ledger().now()).await {
            Ok(()) => {
                crash::before_answer();
                answer
            }
            Err(error) => unknown(&error.to_string()),
        }
    }
}

/// Whether nothing was done under the key, as somebody said: it is as good as unknown.
fn is_said_not_done(intent: &Intent) -> bool {
    Note::of(intent).is_some_and(|note| note.is_said_not_done())
}

/// Of what another replica may have sent, it is known from the claim when its connection was gone. Kept, so that the next
/// one need not wait from the beginning.
async fn take_over(claim: &Claim, note: &mut Note) -> Result<(), ledger::Error> {
    match claim.quiet() {
        Some(quiet) if !note.is_lost() => {
            note.lost(quiet);
            claim.note(note.value()).await
        }
        _ => Ok(()),
    }
}

/// What came of a step.
enum Step {
    Answered(Answer),
    Next(Claim),
}

/// Keeps a changed note; next is the step that it speaks of.
async fn keep_note(claim: Claim, note: &Note) -> Step {
    match claim.note(note.value()).await {
        Ok(()) => Step::Next(claim),
        Err(error) => Step::Answered(unknown(&error.to_string())),
    }
}

/// Proven to be without effect: the key is unknown again. Where that can't be written, the key stays interrupted, and
/// the next use finds out. What somebody said is kept: who comes with an older `Idempotency-Since` would have to find out.
async fn forget(claim: Claim, note: &mut Note, answer: Answer) -> Answer {
    let forgotten = if note.is_unsaid() {
        claim.forget().await
    } else {
        note.say_not_done();
        claim.note(note.value()).await
    };
    if let Err(error) = forgotten {
        tracing::error!(%error, "a key without effect could not be forgotten");
    }
    answer
}
