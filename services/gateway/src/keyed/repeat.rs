//! Finds out about writes that may be sent twice: sends them again, once the first time can't be on its way any more.

use std::{collections::BTreeSet, time::Duration};

use airtable::Record;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    claims::{self, Owner},
    find_out::{Case, Finder, Found, wait_until},
    note::{Birth, Window},
    records,
    write::{Delete, Repeatable},
};
use crate::{
    answer::Answer,
    delivery::{
        Undelivered,
        retry::{Care, Outcome},
        upstream::Request,
    },
    queue::caller::Caller,
};

/// How often a repeatable write is sent again when its answer is lost again.
const MOST_REPEATS: u32 = 4;

impl Finder {
    /// Sends the request again: the same cells twice are the same record.
    pub(crate) async fn repeat(
        &self,
        mut case: Case<'_>,
        request: &Request,
        sort: Repeatable,
    ) -> Result<Found, String> {
        let answer = self.send_again(&mut case, request).await?;
        match (answer.status, sort) {
            (status, Repeatable::Upsert) if status.is_success() => {
                let window = self.window(&case);
                Ok(Found::Done(self.count_as_created(case.claim.key(), answer, window).await?))
            }
            (status, _) if status.is_success() => Ok(Found::Done(answer)),
            // The status alone may be of a proxy, or of another table.
            (StatusCode::NOT_FOUND, Repeatable::Record { table, id })
                if self.left(&table, std::slice::from_ref(&id), case.caller).await?.is_empty() =>
            {
                Ok(Found::Refused(answer))
            }
            (status, _) => Err(refused(status)),
        }
    }

    /// Those of these records that are there.
    async fn left(&self, table: &str, ids: &[String], caller: &Caller) -> Result<Vec<String>, String> {
        let records = records::with_ids(&self.delivery, table, ids, false, caller).await?;
        Ok(records.into_iter().map(|record| record.id).collect())
    }

    /// Records that an earlier request created, the last one found and updated: they count as created.
    async fn count_as_created(&self, key: &str, answer: Answer, window: Window) -> Result<Answer, String> {
        let Some(mut body) = answer.value() else { return Ok(answer) };
        let (mut created, mut updated) = (Vec::new(), Vec::new());
        for record in records::read(&body) {
            let is_new = says_created(&body, &record.id) || self.is_born(key, &record, window).await?;
            if is_new { created.push(record.id) } else { updated.push(record.id) }
        }
        if let Some(body) = body.as_object_mut() {
            body.insert("createdRecords".to_owned(), created.into());
            body.insert("updatedRecords".to_owned(), updated.into());
        }
        Ok(Answer { headers: answer.headers.clone(), ..Answer::json(answer.status, &body) })
    }

    /// Whether a record that the last request updated was created by an earlier one with the same key.
    async fn is_born(&self, key: &str, record: &Record, window: Window) -> Result<bool, String> {
        match claims::owner(&self.ledger, key, &record.id).await.map_err(|error| error.to_string())? {
            Owner::Asker => return Ok(true),
            Owner::Other => return Ok(false),
            Owner::Nobody => (),
        }
        match records::created(record).map_or(Birth::Doubtful, |created| window.birth(created)) {
            Birth::Before => Ok(false),
            Birth::Since => Ok(true),
            Birth::Doubtful => Err(format!(
                "{} was created within a minute of the request: by it, or just before it",
                record.id
            )),
        }
    }

    /// Sends the request again: what is not found any more counts as deleted.
    pub(crate) async fn delete_again(
        &self,
        mut case: Case<'_>,
        request: &Request,
        delete: &Delete,
    ) -> Result<Found, String> {
        let answer = self.send_again(&mut case, request).await?;
        match answer.status {
            status if status.is_success() => Ok(Found::Done(answer)),
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => {
                let asked: BTreeSet<&String> = delete.ids.iter().collect();
                let left = self.left(&delete.table, &delete.ids, case.caller).await?;
                match left.len() {
                    0 => Ok(Found::Done(deleted(delete))),
                    count if count == asked.len() => Ok(Found::Refused(answer)),
                    count => Err(format!(
                        "{count} of {} records to be deleted are left in {:?}: {}",
                        asked.len(),
                        records::table(&delete.table),
                        records::named(&left)
                    )),
                }
            }
            status => Err(refused(status)),
        }
    }

    /// Sends it once nothing sent before can take effect any more, until an answer is not lost: then no earlier one can
    /// land after what the caller does next.
    async fn send_again(&self, case: &mut Case<'_>, request: &Request) -> Result<Answer, String> {
        let (mut repeats, held) = (0, case.caller.under(case.claim.hold()));
        loop {
            wait_until(self.window(case).settled, self.ledger.now(), case.caller.deadline).await?;
            let now = self.ledger.now();
            case.note.send_again(now, case.caller.until(now));
            case.claim.note(case.note.value()).await.map_err(|error| error.to_string())?;
            let sent = self.delivery.send(request, Care::Repeat, &held).await;
            case.note.lost(self.ledger.now());
            case.claim.note(case.note.value()).await.map_err(|error| error.to_string())?;
            let why = match sent {
                Ok(answer) if Outcome::of_answer(&answer) != Outcome::Failed => return Ok(answer),
                Ok(answer) => format!("Airtable answers {}", answer.status.as_u16()),
                Err(Undelivered::Lost(why)) => why,
                Err(undelivered) => return Err(undelivered.to_string()),
            };
            repeats += 1;
            let pause = Duration::from_millis(250) * 2_u32.pow(repeats);
            if repeats > MOST_REPEATS || Instant::now() + pause >= case.caller.deadline {
                return Err(why);
            }
            tokio::time::sleep(pause).await;
        }
    }
}

fn refused(status: StatusCode) -> String {
    let status = status.as_u16();
    format!("Airtable refuses the repeated request with {status}, which says nothing of the first")
}

fn says_created(body: &Value, id: &str) -> bool {
    let created = body.get("createdRecords").and_then(Value::as_array);
    created.is_some_and(|created| created.iter().any(|it| it.as_str() == Some(id)))
}

/// Airtable's answer to a delete that found its records.
pub fn deleted(delete: &Delete) -> Answer {
    let deleted: Vec<Value> = delete.ids.iter().map(|id| json!({"id": id, "deleted": true})).collect();
    let body = match deleted.as_slice() {
        [record] if delete.single => record.clone(),
        records => json!({"records": records}),
    };
    Answer::json(StatusCode::OK, &body)
}
