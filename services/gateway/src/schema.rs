//! The schema of the base as the gateway knows it: kept for a minute, read anew by whoever needs a newer one, for all.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use airtable::Table;
use serde::Deserialize;
use tokio::{
    sync::Mutex as Turn,
    time::{Instant, timeout_at},
};

use crate::{
    answer::Answer,
    delivery::{
        self, Delivery, Undelivered,
        upstream::{Request, Trip},
    },
    queue::caller::Caller,
    reads::{self, AskedTables, Reads, Trouble},
};

const KEPT: Duration = Duration::from_mins(1);
/// After somebody met trouble what is known counts for so long: longer than from one probe to the next.
const EXCUSED: Duration = Duration::from_mins(2);
/// No trouble excuses what is older.
const OLDEST: Duration = Duration::from_hours(24);
/// Between two reads that names nobody knows asked for.
const AT_MOST_EVERY: Duration = Duration::from_secs(2);

/// All tables of the base.
pub type Tables = Arc<Vec<Table>>;

/// The schema of a base; clones share it.
#[derive(Clone)]
pub struct Schema(Arc<Shared>);

struct Shared {
    request: Request,
    delivery: Delivery,
    reads: Reads,
    known: Mutex<Option<Known>>,
    /// Of who asks; others wait for what comes of it.
    turn: Turn<()>,
    /// Of who tells the reads what came of it: the latest is told last.
    telling: Turn<()>,
}

/// The tables that came of asking.
struct Known {
    asked: AskedTables,
    tables: Tables,
    /// Until when newer ones are not asked for, since Airtable can't be asked.
    excused: Option<Instant>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error("this request needs the schema of the base, which can't be read: {0}")]
    Unread(String),
    /// With Airtable's answer.
    #[error("the month's quota of requests is used up")]
    Quota(Box<Answer>),
}

impl From<Unavailable> for Answer {
    fn from(none: Unavailable) -> Self {
        match none {
            Unavailable::Quota(answer) => *answer,
            unread @ Unavailable::Unread(_) => {
                Self::later("GATEWAY_SCHEMA_UNAVAILABLE", &unread.to_string(), 5)
            }
        }
    }
}

impl Schema {
    /// That of `base`, asked for by `delivery`; `reads` learn of every answer, and know when the gateway changed it.
    pub fn new(base: &str, delivery: Delivery, reads: Reads) -> Self {
        let request = Request::get(format!("/v0/meta/bases/{base}/tables"));
        let (known, turn, telling) = (Mutex::default(), Turn::default(), Turn::default());
        Self(Arc::new(Shared { request, delivery, reads, known, turn, telling }))
    }

    /// The tables, at most a minute old where Airtable can be asked, and never from before a change that this gateway had
    /// answered.
    pub async fn tables(&self, caller: &Caller) -> Result<Tables, Unavailable> {
        self.fresh(caller, |age, _| age < KEPT).await
    }

    /// The tables as they may have become since they were `seen`; the same where these are seconds old.
    pub async fn after(&self, seen: &Tables, caller: &Caller) -> Result<Tables, Unavailable> {
        self.fresh(caller, |age, tables| age < AT_MOST_EVERY || !Arc::ptr_eq(tables, seen)).await
    }

    /// The tables as they were read last, however long ago.
    pub fn latest(&self) -> Option<Tables> {
        self.known().as_ref().map(|known| known.tables.clone())
    }

    /// Asks once, also where others are not admitted, and says what became of it.
    pub async fn probe(&self, deadline: Instant) -> Result<Trip, Undelivered> {
        let asked = self.0.reads.ask_tables().await;
        let sent = self.0.delivery.probe(&self.0.request, deadline).await;
        // No client waits for it.
        let _known_or_not = self.learn(asked, &sent.clone().and_then(delivery::delivered)).await;
        sent
    }

    /// What is known, where that `will_do`, or else nobody can be asked; else what Airtable says now.
    async fn fresh(
        &self,
        caller: &Caller,
        will_do: impl Fn(Duration, &Tables) -> bool,
    ) -> Result<Tables, Unavailable> {
        if let Some(tables) = self.at_hand(&will_do) {
            return Ok(tables);
        }
        let turn = timeout_at(caller.deadline, self.0.turn.lock()).await;
        let _turn = turn.map_err(|_| Unavailable::Unread("others wait for it as well".to_owned()))?;
        if let Some(tables) = self.at_hand(&will_do) {
            return Ok(tables);
        }
        let asked = self.0.reads.ask_tables().await;
        // For all who wait behind it, however patient this one is.
        let reader = Caller::gateway(caller.deadline);
        let outcome = self.0.delivery.read(&self.0.request, &reader).await;
        let learnt = self.learn(asked, &outcome).await;
        learnt.or_else(|unavailable| self.at_hand(&will_do).ok_or(unavailable))
    }

    fn at_hand(&self, will_do: impl Fn(Duration, &Tables) -> bool) -> Option<Tables> {
        let known = self.known();
        let known = known.as_ref().filter(|known| self.0.reads.are_tables_as_asked(&known.asked))?;
        let age = known.asked.at().elapsed();
        let is_excused = age < OLDEST && known.excused.is_some_and(|until| Instant::now() < until);
        (is_excused || will_do(age, &known.tables)).then(|| known.tables.clone())
    }

    /// The tables that asking came to, which are kept unless newer ones are known.
    async fn learn(&self, asked: AskedTables, outcome: &reads::Outcome) -> Result<Tables, Unavailable> {
        let tables = read(outcome);
        let _told = self.0.telling.lock().await;
        if self.known().as_ref().is_some_and(|known| known.asked.at() > asked.at()) {
            return tables;
        }
        if outcome.is_ok() {
            let told = tables.as_ref().ok().map(|tables| tables.as_slice());
            self.0.reads.learn_tables(&asked, told).await;
        }
        let mut known = self.known();
        match (&tables, known.as_mut()) {
            (Ok(tables), _) => *known = Some(Known { asked, tables: tables.clone(), excused: None }),
            (Err(_), Some(known)) if reads::trouble(outcome).is_some() => {
                known.excused = Some(Instant::now() + EXCUSED);
            }
            (Err(_), _) => (),
        }
        tables
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The table that a path names, as Airtable finds it: by id, by name, or by name without regard to case.
pub fn table<'a>(tables: &'a [Table], name_or_id: &str) -> Option<&'a Table> {
    let find = |fits: &dyn Fn(&Table) -> bool| tables.iter().find(|table| fits(table));
    let lower = name_or_id.to_lowercase();
    find(&|table| table.id == name_or_id)
        .or_else(|| find(&|table| table.name == name_or_id))
        .or_else(|| find(&|table| table.name.to_lowercase() == lower))
}

fn read(outcome: &reads::Outcome) -> Result<Tables, Unavailable> {
    #[derive(Deserialize)]
    struct Listed {
        tables: Vec<Table>,
    }
    let unread = |why: &dyn std::fmt::Display| Unavailable::Unread(why.to_string());
    let answer = outcome.as_ref().map_err(|error| unread(error))?;
    if reads::trouble(outcome) == Some(Trouble::Quota) {
        return Err(Unavailable::Quota(Box::new(answer.clone())));
    }
    if !answer.status.is_success() {
        let (status, kind) = (answer.status.as_u16(), answer.error_type().unwrap_or_default());
        return Err(unread(&format!("Airtable answers {status} {kind}").trim_end()));
    }
    let listed = serde_json::from_slice::<Listed>(&answer.body);
    listed
        .map(|listed| listed.tables.into())
        .map_err(|error| unread(&format!("Airtable's answer is none: {error}")))
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
