//! A write with an `Idempotency-Key` takes effect once: intent, effect, outcome, and finding out what is unknown.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use ledger::{Begin, Claim, Close, Ledger, Look};
use tokio::time::Instant;

use crate::{
    answer::Answer,
    claims, crash,
    delivery::Undelivered,
    find_out::{Case, Finder, Found},
    key::Key,
    metrics::Metrics,
    note::{self, Note},
    outcome::{self, in_flight, state, unavailable, unknown},
    retry::Care,
    upstream::Request,
    write::Write,
};

/// The ledger at work.
pub struct Idempotency {
    finder: Finder,
    metrics: Metrics,
    /// How long a request may take.
    patience: Duration,
}

impl Idempotency {
    /// A ledger in front of a delivery; `patience` is how long a request may take.
    pub fn new(finder: Finder, metrics: Metrics, patience: Duration) -> Arc<Self> {
        Arc::new(Self { finder, metrics, patience })
    }

    /// The ledger itself.
    pub fn ledger(&self) -> &Ledger {
        &self.finder.ledger
    }

    /// Writes once under `key`, also when the client goes away meanwhile.
    pub async fn write(self: &Arc<Self>, key: Key, request: Request) -> Answer {
        let this = self.clone();
        let work = tokio::spawn(async move { this.begin(&key, &request).await });
        work.await.unwrap_or_else(|error| unknown(&error.to_string()))
    }

    /// Closes `key`: the state it is in from now on, as the ledger's endpoints answer.
    pub async fn close(self: &Arc<Self>, key: Key) -> Answer {
        let this = self.clone();
        let work = tokio::spawn(async move { this.close_now(&key).await });
        work.await.unwrap_or_else(|error| unknown(&error.to_string()))
    }

    /// What is known of `key`.
    pub async fn look(&self, key: &Key) -> Answer {
        match self.ledger().look(&key.name).await {
            Ok(Look::Unknown) => state("unknown", None),
            Ok(Look::InFlight) => state("inFlight", None),
            Ok(Look::Interrupted(_)) => state("interrupted", None),
            Ok(Look::Done(outcome)) => state("done", Some(&outcome)),
            Ok(Look::Closed(outcome)) => state("closed", outcome.as_ref()),
            Err(error) => unavailable(&error),
        }
    }

    async fn begin(&self, key: &Key, request: &Request) -> Answer {
        let (deadline, until) = self.deadline();
        let note = Note::new(request, until);
        let now = Timestamp::now();
        let begun =
            self.ledger().begin(&key.name, &note::fingerprint(request), note.value(), key.since, now).await;
        let (label, answer) = match begun {
            Ok(Begin::Fresh(claim)) => {
                self.metrics.ledger("fresh");
                return self.execute(claim, request, note, now, deadline).await;
            }
            Ok(Begin::Interrupted(claim, intent)) => {
                self.metrics.ledger("interrupted");
                let note = Note::of(&intent).unwrap_or(note);
                return self.resume(claim, request, note, intent.at, deadline).await;
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

    /// Sends the request whose intent is durable; an unknown outcome is found out where there is time.
    async fn execute(
        &self,
        claim: Claim,
        request: &Request,
        mut note: Note,
        at: Timestamp,
        deadline: Instant,
    ) -> Answer {
        crash::after_intent();
        match self.finder.delivery.send(request, Care::Write, deadline).await {
            Ok(answer) if answer.status.is_success() => {
                crash::after_effect();
                self.done(claim, request, answer).await
            }
            Ok(answer) if !answer.status.is_server_error() => forget(claim, answer).await,
            Err(undelivered) if !matches!(undelivered, Undelivered::Lost(_)) => {
                forget(claim, undelivered.into()).await
            }
            Ok(_) | Err(_) => {
                self.metrics.ledger("lost");
                note.lost(Timestamp::now());
                if let Err(error) = claim.note(note.value()).await {
                    return unknown(&error.to_string());
                }
                Box::pin(self.resume(claim, request, note, at, deadline)).await
            }
        }
    }

    /// Finds out about an interrupted key, then goes on as if it were done, or unknown.
    async fn resume(
        &self,
        claim: Claim,
        request: &Request,
        mut note: Note,
        at: Timestamp,
        deadline: Instant,
    ) -> Answer {
        match self.find_out(&claim, &note, at, deadline).await {
            Found::Done(answer) => outcome::replayed(self.done(claim, request, answer).await),
            Found::Refused(answer) => forget(claim, answer).await,
            Found::Unknown(why) => unknown(&why),
            Found::Absent => {
                note.begin_again(Timestamp::now(), self.deadline().1);
                match claim.note(note.value()).await {
                    Ok(()) => self.execute(claim, request, note, at, deadline).await,
                    Err(error) => unknown(&error.to_string()),
                }
            }
        }
    }

    async fn close_now(&self, key: &Key) -> Answer {
        let (deadline, _) = self.deadline();
        match self.ledger().close(&key.name, key.since, Timestamp::now()).await {
            Ok(Close::Closed(outcome)) => state("closed", outcome.as_ref()),
            Ok(Close::InFlight) => in_flight(),
            Ok(Close::Interrupted(claim, intent)) => {
                let Some(note) = Note::of(&intent) else {
                    return unknown(
                        "the ledger is younger than the key, and does not know what was sent under it",
                    );
                };
                let outcome = match self.find_out(&claim, &note, intent.at, deadline).await {
                    Found::Done(answer) => Some(outcome::keep(&answer)),
                    Found::Absent | Found::Refused(_) => None,
                    Found::Unknown(why) => return unknown(&why),
                };
                match claim.close(outcome.clone(), Timestamp::now()).await {
                    Ok(()) => state("closed", outcome.as_ref()),
                    Err(error) => unavailable(&error),
                }
            }
            Err(error) => unavailable(&error),
        }
    }

    async fn find_out(&self, claim: &Claim, note: &Note, intent_at: Timestamp, deadline: Instant) -> Found {
        let case = Case { key: claim.key(), note, intent_at, deadline };
        let found = self.finder.find_out(&case).await;
        let label = match &found {
            Found::Done(_) => "foundDone",
            Found::Absent => "foundAbsent",
            Found::Refused(_) => "foundRefused",
            Found::Unknown(_) => "unknown",
        };
        self.metrics.ledger(label);
        tracing::info!(key = claim.key(), found = label, "found out about an interrupted write");
        found
    }

    /// Keeps the outcome, durably before the answer goes out. Where that fails, the key stays interrupted.
    async fn done(&self, claim: Claim, request: &Request, answer: Answer) -> Answer {
        let creates = matches!(Write::of(request), Write::Create(_));
        if let Err(error) = claims::remember(self.ledger(), claim.key(), &answer, creates).await {
            return unknown(&error.to_string());
        }
        match claim.finish(outcome::keep(&answer), Timestamp::now()).await {
            Ok(()) => {
                crash::before_answer();
                answer
            }
            Err(error) => unknown(&error.to_string()),
        }
    }

    fn deadline(&self) -> (Instant, Timestamp) {
        let now = Timestamp::now();
        (Instant::now() + self.patience, now.checked_add(self.patience).unwrap_or(now))
    }
}

/// Proven to be without effect: the key is unknown again. Where that can't be written, the key stays interrupted, and
/// the next use finds out.
async fn forget(claim: Claim, answer: Answer) -> Answer {
    if let Err(error) = claim.forget().await {
        tracing::error!(%error, "a key without effect could not be forgotten");
    }
    answer
}
