//! The tables of the base, held for a minute: what names mean.

use std::{sync::Arc, time::Duration};

use airtable::Table;
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    answer::Answer,
    delivery::{Delivery, retry::Care, upstream::Request},
    queue::caller::Caller,
};

const HELD: Duration = Duration::from_mins(1);
/// Between two reads that names nobody knows asked for.
const AT_MOST_EVERY: Duration = Duration::from_secs(2);

/// All tables of the base.
pub type Tables = Arc<Vec<Table>>;

/// The schema of a base, read when it is needed.
pub struct Schema {
    target: String,
    held: Mutex<Option<(Instant, Tables)>>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
#[error("this client's rights need the schema of the base, which can't be read: {0}")]
pub struct Unavailable(String);

impl From<Unavailable> for Answer {
    fn from(none: Unavailable) -> Self {
        Self::later("GATEWAY_SCHEMA_UNAVAILABLE", &none.to_string(), 5)
    }
}

impl Schema {
    /// That of `base`, not read yet.
    pub fn new(base: &str) -> Self {
        Self { target: format!("/v0/meta/bases/{base}/tables"), held: Mutex::default() }
    }

    /// The tables, at most a minute old.
    pub async fn tables(&self, delivery: &Delivery, caller: &Caller) -> Result<Tables, Unavailable> {
        self.fresh(delivery, caller, |age, _| age < HELD).await
    }

    /// The tables as they may have become since `known`; the same where these are seconds old.
    pub async fn after(
        &self,
        known: &Tables,
        delivery: &Delivery,
        caller: &Caller,
    ) -> Result<Tables, Unavailable> {
        self.fresh(delivery, caller, |age, held| age < AT_MOST_EVERY || !Arc::ptr_eq(held, known)).await
    }

    /// What is held, where that `will_do`; else what Airtable says now. One asks, others wait for it.
    async fn fresh(
        &self,
        delivery: &Delivery,
        caller: &Caller,
        will_do: impl Fn(Duration, &Tables) -> bool,
    ) -> Result<Tables, Unavailable> {
        let waited = tokio::time::timeout_at(caller.deadline, self.held.lock()).await;
        let mut held = waited.map_err(|_| Unavailable("others wait for it as well".to_owned()))?;
        if let Some((_, tables)) = held.as_ref().filter(|(since, tables)| will_do(since.elapsed(), tables)) {
            return Ok(tables.clone());
        }
        let asked = Instant::now();
        let tables = Arc::new(self.read(delivery, caller).await.map_err(Unavailable)?);
        *held = Some((asked, tables.clone()));
        Ok(tables)
    }

    async fn read(&self, delivery: &Delivery, caller: &Caller) -> Result<Vec<Table>, String> {
        #[derive(Deserialize)]
        struct Listed {
            tables: Vec<Table>,
        }
        let request = Request::get(self.target.clone());
        let answer = delivery.send(&request, Care::Read, caller).await.map_err(|error| error.to_string())?;
        if !answer.status.is_success() {
            let kind = answer.error_type().unwrap_or_default();
            return Err(format!("Airtable answers {} {kind}", answer.status.as_u16()).trim_end().to_owned());
        }
        let listed: Listed = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("Airtable's answer is none: {error}"))?;
        Ok(listed.tables)
    }
}
