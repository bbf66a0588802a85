//! Proves which table a record is in. A record never moves to another one, so what is proven stays so.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::decide::Proof;
use crate::{answer::Answer, delivery::Delivery, keyed::records, queue::caller::Caller};

/// Most records kept; then it begins anew.
const MOST: usize = 10_000;

/// The records proven so far, with the ids of their tables.
#[derive(Default)]
pub struct Proven(Mutex<HashSet<(String, String)>>);

impl Proven {
    /// Whether the records of `proof` are where it says, in the base with the id `base`; an answer where they are not,
    /// as of records that are not there, or where nobody can tell now.
    pub async fn prove(
        &self,
        proof: &Proof,
        base: &str,
        delivery: &Delivery,
        caller: &Caller,
    ) -> Result<(), Answer> {
        for table in &proof.tables {
            let mut open = self.open(table, &proof.records);
            if !open.is_empty() {
                let path = format!("/v0/{base}/{table}");
                let found = records::with_ids(delivery, &path, &open, false, caller)
                    .await
                    .map_err(|why| unproven(&why))?;
                self.keep(table, found.into_iter().map(|record| record.id));
                open = self.open(table, &open);
            }
            if open.is_empty() {
                return Ok(());
            }
        }
        Err(airtable::Error::ModelIdNotFound("Record").into())
    }

    fn open(&self, table: &str, records: &[String]) -> Vec<String> {
        let proven = self.proven();
        let is_open = |record: &&String| !proven.contains(&(table.to_owned(), (*record).clone()));
        records.iter().filter(is_open).cloned().collect()
    }

    fn keep(&self, table: &str, records: impl Iterator<Item = String>) {
        let mut proven = self.proven();
        if proven.len() > MOST {
            proven.clear();
        }
        proven.extend(records.map(|record| (table.to_owned(), record)));
    }

    fn proven(&self) -> MutexGuard<'_, HashSet<(String, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unproven(why: &str) -> Answer {
    let message =
        format!("this client's rights need the table of a record, which can't be found out now: {why}");
    Answer::later("GATEWAY_RECORD_UNPROVEN", &message, 5)
}
