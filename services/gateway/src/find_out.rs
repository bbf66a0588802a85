//! Finds out whether a write of unknown outcome happened, from what only Airtable knows.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use ledger::Ledger;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    answer::Answer,
    cells::{self, Verdict},
    claims::{self, Owner},
    delivery::{Delivery, Undelivered},
    note::{Note, Window},
    records::{self, Record},
    retry::Care,
    upstream::Request,
    write::{Create, Delete, Write},
};

/// How often a repeatable write is sent again when its answer is lost again.
const MOST_REPEATS: u32 = 4;
/// Clocks apart, and `createdTime` cut to seconds, for records that an upsert made.
const UPSERT_SKEW: Duration = Duration::from_secs(2);

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It happened, with this answer.
    Done(Answer),
    /// It did not happen, and can't any more.
    Absent,
    /// It was sent again and refused, and nothing of it remains.
    Refused(Answer),
    /// Can't tell now.
    Unknown(String),
}

/// A write of unknown outcome.
pub struct Case<'a> {
    pub key: &'a str,
    pub note: &'a Note,
    /// When its intent was written.
    pub intent_at: Timestamp,
    pub deadline: Instant,
}

/// The means to find out.
pub struct Finder {
    pub delivery: Delivery,
    pub ledger: Ledger,
    /// When this process started.
    pub started: Timestamp,
    /// How long after its connection is gone a request may still take effect.
    pub settle: Duration,
}

impl Finder {
    /// What became of `case`.
    pub async fn find_out(&self, case: &Case<'_>) -> Found {
        let Some(request) = case.note.request() else {
            return Found::Unknown("the intent does not say what was sent".to_owned());
        };
        let window = case.note.window(case.intent_at, self.started);
        let found = match Write::of(&request) {
            Write::Create(create) => self.search(case, &create, window).await,
            Write::Repeatable { upsert } => self.repeat(case, &request, upsert.then_some(window)).await,
            Write::Delete(delete) => self.delete_again(case, &request, &delete).await,
            Write::Opaque => {
                Ok(Found::Unknown("nothing in Airtable tells whether this request happened".to_owned()))
            }
        };
        found.unwrap_or_else(Found::Unknown)
    }

    /// Searches for the records until they are found, or can't come any more.
    async fn search(&self, case: &Case<'_>, create: &Create, window: Window) -> Result<Found, String> {
        let by_id = records::keyed_by_id(create)?;
        let settled = window.quiet.checked_add(self.settle).unwrap_or(window.quiet);
        loop {
            let asked = Timestamp::now();
            let (from, to) = window.with_skew();
            let listed =
                records::created_between(&self.delivery, &create.table, from, to, by_id, case.deadline)
                    .await?;
            let candidates = self.candidates(case.key, listed).await?;
            let cells: Vec<_> = candidates.iter().map(|record| record.fields.clone()).collect();
            match cells::judge(create, &cells) {
                Verdict::Created(positions) => {
                    let found =
                        positions.into_iter().filter_map(|position| candidates.get(position).cloned());
                    return self.created(case, create, by_id, found.collect()).await.map(Found::Done);
                }
                Verdict::Unclear => {
                    return Err(
                        "records like those asked for were created, but not provably by this request"
                            .to_owned(),
                    );
                }
                Verdict::NotCreated if asked >= settled => return Ok(Found::Absent),
                Verdict::NotCreated => wait_until(settled, case.deadline).await?,
            }
        }
    }

    /// The records this key is known to have created, or else those that no key is.
    async fn candidates(&self, key: &str, records: Vec<Record>) -> Result<Vec<Record>, String> {
        let (mut own, mut unclaimed) = (Vec::new(), Vec::new());
        for record in records {
            match claims::owner(&self.ledger, key, &record.id).await.map_err(|error| error.to_string())? {
                Owner::Asker => own.push(record),
                Owner::Nobody => unclaimed.push(record),
                Owner::Other => (),
            }
        }
        Ok(if own.is_empty() { unclaimed } else { own })
    }

    /// The answer that was lost, made from the records that were found.
    async fn created(
        &self,
        case: &Case<'_>,
        create: &Create,
        by_id: bool,
        found: Vec<Record>,
    ) -> Result<Answer, String> {
        let found = if by_id == create.by_field_id {
            found
        } else {
            let ids: Vec<String> = found.into_iter().map(|record| record.id).collect();
            let read =
                records::with_ids(&self.delivery, &create.table, &ids, create.by_field_id, case.deadline)
                    .await?;
            ids.iter().filter_map(|id| read.iter().find(|record| record.id == *id).cloned()).collect()
        };
        let body = match found.as_slice() {
            [record] if create.single => json!(record),
            records => json!({"records": records}),
        };
        Ok(Answer::json(StatusCode::OK, &body))
    }

    /// Sends the request again: the same cells twice are the same record.
    async fn repeat(
        &self,
        case: &Case<'_>,
        request: &Request,
        upsert: Option<Window>,
    ) -> Result<Found, String> {
        let answer = self.send_again(request, case.deadline).await?;
        match answer.status {
            status if status.is_success() => match upsert {
                Some(window) => Ok(Found::Done(self.count_as_created(case.key, answer, window).await?)),
                None => Ok(Found::Done(answer)),
            },
            StatusCode::NOT_FOUND => Ok(Found::Refused(answer)),
            status => Err(format!(
                "Airtable refuses the repeated request with {}, which says nothing of the first",
                status.as_u16()
            )),
        }
    }

    /// Records that the first request created, the second one found and updated: they count as created.
    async fn count_as_created(&self, key: &str, answer: Answer, window: Window) -> Result<Answer, String> {
        let Some(mut body) = answer.value() else { return Ok(answer) };
        let born_from = window.from.checked_sub(UPSERT_SKEW).unwrap_or(window.from);
        let mut born = Vec::new();
        for record in records::read(&body) {
            let is_new = record.created_time >= born_from;
            if is_new
                && claims::owner(&self.ledger, key, &record.id).await.map_err(|error| error.to_string())?
                    != Owner::Other
            {
                born.push(record.id);
            }
        }
        for (list, are_born) in [("createdRecords", true), ("updatedRecords", false)] {
            let ids = records::read(&body).into_iter().map(|record| record.id);
            let ids: Vec<String> = ids.filter(|id| born.contains(id) == are_born).collect();
            if let Some(body) = body.as_object_mut() {
                body.insert(list.to_owned(), ids.into());
            }
        }
        Ok(Answer { headers: answer.headers.clone(), ..Answer::json(answer.status, &body) })
    }

    /// Sends the request again: what is not found any more counts as deleted.
    async fn delete_again(
        &self,
        case: &Case<'_>,
        request: &Request,
        delete: &Delete,
    ) -> Result<Found, String> {
        let answer = self.send_again(request, case.deadline).await?;
        let is_not_found = matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::FORBIDDEN);
        match answer.status {
            status if status.is_success() => Ok(Found::Done(answer)),
            _ if is_not_found => {
                let left =
                    records::with_ids(&self.delivery, &delete.table, &delete.ids, false, case.deadline)
                        .await?;
                Ok(if left.is_empty() { Found::Done(deleted(delete)) } else { Found::Refused(answer) })
            }
            status => Err(format!(
                "Airtable refuses the repeated request with {}, which says nothing of the first",
                status.as_u16()
            )),
        }
    }

    async fn send_again(&self, request: &Request, deadline: Instant) -> Result<Answer, String> {
        let mut repeats = 0;
        loop {
            let why = match self.delivery.send(request, Care::Write, deadline).await {
                Ok(answer) if !answer.status.is_server_error() => return Ok(answer),
                Ok(answer) => format!("Airtable answers {}", answer.status.as_u16()),
                Err(Undelivered::Lost(why)) => why,
                Err(undelivered) => return Err(undelivered.to_string()),
            };
            repeats += 1;
            let pause = Duration::from_millis(250) * 2_u32.pow(repeats);
            if repeats > MOST_REPEATS || Instant::now() + pause >= deadline {
                return Err(why);
            }
            tokio::time::sleep(pause).await;
        }
    }
}

/// Airtable's answer to a delete that found its records.
fn deleted(delete: &Delete) -> Answer {
    let deleted: Vec<Value> = delete.ids.iter().map(|id| json!({"id": id, "deleted": true})).collect();
    let body = match deleted.as_slice() {
        [record] if delete.single => record.clone(),
        records => json!({"records": records}),
    };
    Answer::json(StatusCode::OK, &body)
}

async fn wait_until(settled: Timestamp, deadline: Instant) -> Result<(), String> {
    let wait = Duration::try_from(settled.duration_since(Timestamp::now())).unwrap_or_default();
    if Instant::now() + wait >= deadline {
        return Err("the request may still be on its way".to_owned());
    }
    tokio::time::sleep(wait).await;
    Ok(())
}
