//! Finds out whether a write of unknown outcome happened, from what only Airtable knows.

use std::time::Duration;

use jiff::Timestamp;
use ledger::{Claim, Ledger};
use tokio::{sync::Semaphore, time::Instant};

use super::{
    flights::Flights,
    key_field::KeyField,
    note::{Note, Window},
    write::Write,
};
use crate::{answer::Answer, delivery::Delivery, queue::caller::Caller, schema::Schema};

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
    /// Nobody can ever tell.
    Unknowable(String),
}

/// A write of unknown outcome.
pub struct Case<'a> {
    pub claim: &'a Claim,
    pub note: &'a mut Note,
    /// When its intent was written.
    pub intent_at: Timestamp,
    /// Who asks; it may be sent again until its deadline.
    pub caller: &'a Caller,
}

/// How many look through a table at the same time.
pub const MOST_LOOKS: usize = 2;

/// The means to find out.
pub struct Finder {
    pub delivery: Delivery,
    pub ledger: Ledger,
    pub schema: Schema,
    pub flights: Flights,
    /// Where creates leave marks; none where they don't.
    pub key_field: Option<KeyField>,
    /// As many look through a table at the same time: each holds pages of records in memory.
    pub looks: Semaphore,
    /// What began before that was of a process that has ended: when this one started. Never, where several share the ledger.
    pub started: Timestamp,
    /// How long after its connection is gone a request may still take effect.
    pub settle: Duration,
}

impl Finder {
    /// What became of `case`.
    pub async fn find_out(&self, case: Case<'_>) -> Found {
        if case.note.is_said_not_done() {
            return Found::Absent;
        }
        let Some(request) = case.note.request() else {
            return Found::Unknowable("the intent does not say what was sent".to_owned());
        };
        let found = match Write::of(&request) {
            Write::Create(create) => self.find_create(&case, &create).await,
            Write::Repeatable(sort) => self.repeat(case, &request, sort).await,
            Write::Delete(delete) => self.delete_again(case, &request, &delete).await,
            Write::Opaque => {
                return Found::Unknowable(
                    "nothing in Airtable tells whether this request happened".to_owned(),
                );
            }
        };
        found.unwrap_or_else(Found::Unknown)
    }

    pub(crate) fn window(&self, case: &Case<'_>) -> Window {
        self.window_of(case.note, case.intent_at)
    }

    pub(crate) fn window_of(&self, note: &Note, intent_at: Timestamp) -> Window {
        note.window(intent_at, self.started, self.settle)
    }
}

/// Waits until a request can't be on its way any more.
pub async fn wait_until(settled: Timestamp, now: Timestamp, deadline: Instant) -> Result<(), String> {
    let wait = Duration::try_from(settled.duration_since(now)).unwrap_or_default();
    if Instant::now() + wait >= deadline {
        return Err("the request may still be on its way".to_owned());
    }
    tokio::time::sleep(wait).await;
    Ok(())
}
