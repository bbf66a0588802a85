//! Claims: within a process, at most one holder of the right to settle a key.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Error, Ledger,
    decide::{self, Assign, Settle},
    transaction::Transaction,
};

/// The keys that are claimed in this process.
#[derive(Debug, Clone, Default)]
pub struct Claimed(Arc<Mutex<HashSet<Arc<str>>>>);

impl Claimed {
    pub fn contains(&self, key: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    /// Claims `key`. Only the writer calls it, and only after it found the key unclaimed.
    pub fn take(&self, key: &str) -> Lease {
        let key: Arc<str> = key.into();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        Lease { key, claimed: self.clone() }
    }
}

/// A key in the set of the claimed; leaves it on drop.
#[derive(Debug)]
pub struct Lease {
    key: Arc<str>,
    claimed: Claimed,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.claimed.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// The exclusive right to settle a key in this process.
///
/// Dropped unsettled, the intent stays on disk and whoever uses the key next meets it as interrupted.
#[derive(Debug)]
#[must_use = "a claim that is dropped leaves its key interrupted"]
pub struct Claim {
    ledger: Ledger,
    lease: Lease,
    names: Vec<String>,
}

impl Claim {
    pub(crate) fn new(ledger: Ledger, lease: Lease) -> Self {
        Self { ledger, lease, names: Vec::new() }
    }

    /// The key that is claimed.
    pub fn key(&self) -> &str {
        &self.lease.key
    }

    /// Keeps another JSON note with the intent, durably before it returns.
    pub async fn note(&self, note: Value) -> Result<(), Error> {
        let key = self.lease.key.clone();
        self.ledger
            .write(move |transaction| {
                let entry = transaction.entry(&key)?;
                transaction.apply(&key, decide::note(entry, note))
            })
            .await
    }

    /// Gives all of `names` to the key in the same moment as it is finished or closed. Where one is another key's already,
    /// that fails with [`Error::Taken`], and the key stays as it is. Whose a name is, [`Ledger::look`] tells, as the
    /// outcome.
    pub fn owning(self, names: Vec<String>) -> Self {
        Self { names, ..self }
    }

    /// The work took effect; `outcome` is answered to whoever begins it again.
    pub async fn finish(self, outcome: Value, now: Timestamp) -> Result<(), Error> {
        self.settle(Settle::Finish { outcome, now }).await
    }

    /// The work is proven to be without effect: the key is unknown again.
    pub async fn forget(self) -> Result<(), Error> {
        self.settle(Settle::Forget).await
    }

    /// The work must not be done from now on; `found` is what had been done.
    pub async fn close(self, found: Option<Value>, now: Timestamp) -> Result<(), Error> {
        self.settle(Settle::Close { found, now }).await
    }

    /// The lease travels with the operation, so that the key is claimed until the entry is settled, also when
    /// the caller stops waiting.
    async fn settle(self, settle: Settle) -> Result<(), Error> {
        let Self { ledger, lease, names } = self;
        ledger
            .write(move |transaction| {
                if let Some(now) = settle.gives_at() {
                    give(transaction, &names, &lease.key, now)?;
                }
                let entry = transaction.entry(&lease.key)?;
                transaction.apply(&lease.key, decide::settle(entry, settle))
            })
            .await
    }
}

/// All of `names`, or none where one is somebody else's.
fn give(
    transaction: &mut Transaction<'_>,
    names: &[String],
    owner: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let mut changes = Vec::with_capacity(names.len());
    for name in names {
        match decide::assign(transaction.entry(name)?, owner, now) {
            Assign::Take(change) => changes.push((name, change)),
            Assign::Taken => return Err(Error::Taken { name: name.clone() }),
        }
    }
    changes.into_iter().try_for_each(|(name, change)| transaction.apply(name, change))
}
