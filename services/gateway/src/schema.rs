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
        Delivery, Undelivered,
        retry::Care,
        upstream::{Request, Trip},
    },
    queue::caller::Caller,
    reads::{AskedTables, Reads},
};

const KEPT: Duration = Duration::from_mins(1);
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
}

/// The tables that came of asking.
struct Known {
    asked: AskedTables,
    tables: Tables,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
#[error("this request needs the schema of the base, which can't be read: {0}")]
pub struct Unavailable(String);

impl From<Unavailable> for Answer {
    fn from(none: Unavailable) -> Self {
        Self::later("GATEWAY_SCHEMA_UNAVAILABLE", &none.to_string(), 5)
    }
}

impl Schema {
    /// That of `base`, asked for by `delivery`; `reads` learn of every answer, and know when the gateway changed it.
    pub fn new(base: &str, delivery: Delivery, reads: Reads) -> Self {
        let request = Request::get(format!("/v0/meta/bases/{base}/tables"));
        Self(Arc::new(Shared { request, delivery, reads, known: Mutex::default(), turn: Turn::default() }))
    }

    /// The tables, at most a minute old, and never from before a change that this gateway had answered.
    pub async fn tables(&self, caller: &Caller) -> Result<Tables, Unavailable> {
        self.fresh(caller, |age, _| age < KEPT).await
    }

    /// The tables as they may have become since they were `seen`; the same where these are seconds old.
    pub async fn after(&self, seen: &Tables, caller: &Caller) -> Result<Tables, Unavailable> {
        self.fresh(caller, |age, tables| age < AT_MOST_EVERY || !Arc::ptr_eq(tables, seen)).await
    }

    /// Asks once, also where others are not admitted, and says what became of it.
    pub async fn probe(&self, deadline: Instant) -> Result<Trip, Undelivered> {
        let asked = self.0.reads.ask_tables();
        let sent = self.0.delivery.probe(&self.0.request, deadline).await;
        if let Ok(Trip::Answered(answer)) = &sent {
            // What can't be read is no news of the base, and no client waits for it.
            let _unread = self.learn(asked, answer);
        }
        sent
    }

    /// What is known, where that `will_do`; else what Airtable says now.
    async fn fresh(
        &self,
        caller: &Caller,
        will_do: impl Fn(Duration, &Tables) -> bool,
    ) -> Result<Tables, Unavailable> {
        let at_hand = || {
            let known = self.known();
            let known = known.as_ref().filter(|known| self.0.reads.are_tables_as_asked(&known.asked))?;
            will_do(known.asked.at().elapsed(), &known.tables).then(|| known.tables.clone())
        };
        if let Some(tables) = at_hand() {
            return Ok(tables);
        }
        let turn = timeout_at(caller.deadline, self.0.turn.lock()).await;
        let _turn = turn.map_err(|_| Unavailable("others wait for it as well".to_owned()))?;
        if let Some(tables) = at_hand() {
            return Ok(tables);
        }
        self.ask(caller).await.map_err(Unavailable)
    }

    async fn ask(&self, caller: &Caller) -> Result<Tables, String> {
        let asked = self.0.reads.ask_tables();
        let sent = self.0.delivery.send(&self.0.request, Care::Read, caller).await;
        self.learn(asked, &sent.map_err(|error| error.to_string())?)
    }

    /// The tables in `answer`, which are kept unless newer ones are known.
    fn learn(&self, asked: AskedTables, answer: &Answer) -> Result<Tables, String> {
        let tables = read(answer);
        let mut known = self.known();
        if known.as_ref().is_some_and(|known| known.asked.at() > asked.at()) {
            return tables;
        }
        self.0.reads.learn_tables(&asked, tables.as_ref().ok().map(|tables| tables.as_slice()));
        if let Ok(tables) = &tables {
            *known = Some(Known { asked, tables: tables.clone() });
        }
        tables
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(answer: &Answer) -> Result<Tables, String> {
    #[derive(Deserialize)]
    struct Listed {
        tables: Vec<Table>,
    }
    if !answer.status.is_success() {
        let kind = answer.error_type().unwrap_or_default();
        return Err(format!("Airtable answers {} {kind}", answer.status.as_u16()).trim_end().to_owned());
    }
    let listed = serde_json::from_slice::<Listed>(&answer.body);
    listed.map(|listed| listed.tables.into()).map_err(|error| format!("Airtable's answer is none: {error}"))
}
