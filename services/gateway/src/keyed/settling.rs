//! A person settles a key of unknown outcome: nothing of what was sent took effect, or this did.

use std::sync::Arc;

use airtable::Record;
use http::{StatusCode, header};
use jiff::Timestamp;
use ledger::{Claim, Intent, Look, Resume};
use serde_json::json;

use super::{
    Idempotency, claims,
    claims::Owner,
    key::Key,
    note::{Birth, Note, Window},
    outcome::{self, in_flight, state, unknown},
    records, repeat, take_over,
    verdict::{Outcome, Refusal, Verdict, check_names, in_order},
    write::{self, Create, Update, Write},
};
use crate::{answer::Answer, delivery::upstream::Request, queue::caller::Caller};

impl Idempotency {
    /// Settles `key` as the client `by` says, where its outcome is unknown, nobody is at it and nothing of it can be on its
    /// way any more.
    pub async fn settle(self: &Arc<Self>, key: Key, verdict: Verdict, by: String, caller: Caller) -> Answer {
        let this = self.clone();
        let work = host::spawn(async move {
            this.settle_now(&key, &verdict, &by, &caller).await.unwrap_or_else(|refusal| refusal)
        });
        work.await.unwrap_or_else(|error| unknown(&error.to_string()))
    }

    async fn settle_now(
        &self,
        key: &Key,
        verdict: &Verdict,
        by: &str,
        caller: &Caller,
    ) -> Result<Answer, Answer> {
        let (claim, intent) = match self.ledger().resume(&key.name).await.map_err(Refusal::Ledger)? {
            Resume::Interrupted(claim, intent) => (claim, intent),
            Resume::Not(Look::InFlight) => return Err(in_flight()),
            Resume::Not(look) => return Err(not_in_doubt(&look)),
        };
        let mut note = Note::of(&intent).ok_or_else(forgotten)?;
        take_over(&claim, &mut note).await.map_err(Refusal::Ledger)?;
        let (now, window) = (self.ledger().now(), self.finder.window_of(&note, intent.at));
        if now < window.settled {
            return Err(on_its_way(now, window.settled));
        }
        let (name, said) = (claim.key().to_owned(), verdict.outcome);
        let answer = match (said, note.request()) {
            (Outcome::NotDone, _) => not_done(claim, &intent, note, now).await?,
            (Outcome::Done, None) => return Err(forgotten()),
            (Outcome::Done, Some(request)) => {
                let made = self.made(&claim, &note, &request, (verdict, window), caller).await?;
                done(claim, &intent, &request, &made, now).await?
            }
        };
        self.metrics.ledger("settled");
        let records = verdict.records.join(" ");
        tracing::info!(key = name, client = by, outcome = ?said, records, "a client settled a key of unknown outcome");
        Ok(answer)
    }

    /// The answer to `request`, made from the records that it is said to have written.
    async fn made(
        &self,
        claim: &Claim,
        note: &Note,
        request: &Request,
        (verdict, window): (&Verdict, Window),
        caller: &Caller,
    ) -> Result<Answer, Refusal> {
        let read = |table: String, ids, by_id| async move {
            let read = records::with_ids(&self.finder.delivery, &table, ids, by_id, caller).await;
            in_order(ids, &read.map_err(Refusal::Unread)?, &table)
        };
        let body = match (Write::of(request), write::upserted(request), Update::of(request)) {
            (Write::Create(create), ..) => {
                check_names(verdict, &create)?;
                let found = read(create.table.clone(), &verdict.records, create.by_field_id).await?;
                self.check_births(claim, note, &create, found.iter(), window, caller).await?;
                records::one_or_all(&found, create.single)
            }
            (_, Some(upsert), _) => {
                check_names(verdict, &upsert)?;
                let found = read(upsert.table.clone(), &verdict.records, upsert.by_field_id).await?;
                let is_new = |record: &&Record| verdict.created.contains(&record.id);
                self.check_births(claim, note, &upsert, found.iter().filter(is_new), window, caller).await?;
                let (created, updated): (Vec<&String>, Vec<&String>) =
                    verdict.records.iter().partition(|id| verdict.created.contains(id));
                json!({"records": found, "createdRecords": created, "updatedRecords": updated})
            }
            _ if !verdict.records.is_empty() => {
                return Err(Refusal::Invalid("records: the write itself names them".to_owned()));
            }
            (Write::Delete(delete), ..) => return Ok(repeat::deleted(&delete)),
            (.., Some(update)) => records::one_or_all(
                &read(update.table, &update.ids, update.by_field_id).await?,
                update.single,
            ),
            _ => json!({}),
        };
        Ok(Answer::json(StatusCode::OK, &body))
    }

    /// Whether these records can have been created under the key: they are not older, and no other key's.
    async fn check_births(
        &self,
        claim: &Claim,
        note: &Note,
        create: &Create,
        created: impl Iterator<Item = &Record>,
        window: Window,
        caller: &Caller,
    ) -> Result<(), Refusal> {
        let mark = match (&note.mark, &self.finder.key_field) {
            (Some(mark), _) => Some(mark.clone()),
            (None, Some(field)) => {
                field.mark(&create.table, claim.key(), caller).await.map_err(Refusal::Unread)?
            }
            (None, None) => None,
        };
        for record in created {
            let cell = mark.as_ref().and_then(|mark| {
                record.fields.get(if create.by_field_id { &mark.field } else { &mark.name })?.as_str()
            });
            let is_marked = mark.as_ref().zip(cell).and_then(|(mark, cell)| mark.owns(cell));
            let owner = claims::owner(self.ledger(), claim.key(), &record.id).await?;
            if owner == Owner::Other || is_marked == Some(false) {
                return Err(Refusal::Invalid(format!(
                    "records: {} was created under another key",
                    record.id
                )));
            }
            if records::created(record).is_some_and(|created| window.birth(created) == Birth::Before) {
                return Err(Refusal::Invalid(format!("records: {} is older than the request", record.id)));
            }
        }
        Ok(())
    }
}

/// The key is as good as unknown, until it is sent again. What only a close knows of is closed.
async fn not_done(claim: Claim, intent: &Intent, mut note: Note, now: Timestamp) -> Result<Answer, Refusal> {
    if is_of_close(intent) {
        claim.close(None, now).await?;
        return Ok(state("closed", None));
    }
    note.say_not_done();
    claim.note(note.value()).await?;
    Ok(state("unknown", None))
}

async fn done(
    claim: Claim,
    intent: &Intent,
    request: &Request,
    answer: &Answer,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let (claim, outcome) = (claim.owning(claims::names(request, answer)), outcome::keep(answer));
    if is_of_close(intent) {
        claim.close(Some(outcome.clone()), now).await?;
        return Ok(state("closed", Some(&outcome)));
    }
    claim.finish(outcome.clone(), now).await?;
    Ok(state("done", Some(&outcome)))
}

/// Nobody asked for the write since the ledger knows of it, only for its end.
fn is_of_close(intent: &Intent) -> bool {
    intent.fingerprint.is_empty()
}

/// 409: whatever is known of the key, nobody has to say it.
fn not_in_doubt(look: &Look) -> Answer {
    let known = match look {
        Look::Done(_) => "done",
        Look::Closed(_) => "closed",
        Look::Unknown | Look::InFlight | Look::Interrupted(_) => "unknown",
    };
    let message = format!("the key is {known}: only of an interrupted one somebody has to say what was done");
    Answer::error(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_NOT_IN_DOUBT", &message)
}

/// 409: the request may yet take effect.
fn on_its_way(now: Timestamp, settled: Timestamp) -> Answer {
    let message = "Idempotency-Key: the request with it may still be on its way";
    let seconds = settled.duration_since(now).as_secs().max(0).unsigned_abs() + 1;
    Answer::error(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_FLIGHT", message)
        .with(header::RETRY_AFTER, seconds.into())
}

/// 409: there is nothing that could be settled.
fn forgotten() -> Answer {
    let message = "the ledger does not know what was sent under the key: repeat the write, or close the key with it, and \
                   settle it then";
    Answer::error(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_NOT_IN_DOUBT", message)
}
