//! What was done under which key, durably: the memory that makes a repeated request take effect once.
//!
//! A key goes from unknown to begun (its intent is on disk before the work starts) to done, or to closed: never to
//! be done from now on. Begun and claimed by nobody is *interrupted*: the work may have happened, and whoever uses
//! the key next has to find out. One thread writes; what waits is committed together, with one `fsync`.

mod answer;
mod claim;
mod decide;
mod error;
mod store;
mod transaction;
mod writer;

use std::{path::Path, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

pub use answer::{Begin, Close, Intent, Look};
pub use claim::Claim;
use claim::{Claimed, Lease};
use decide::{Change, Key};
pub use error::{Error, Fenced};
use store::Store;
use transaction::{Growing, Transaction};
use writer::Writer;

/// A ledger; clones share it. The last one dropped closes the file.
#[derive(Clone)]
pub struct Ledger {
    writer: Arc<Writer>,
    claimed: Claimed,
    born: Timestamp,
    path: Option<Arc<Path>>,
}

/// How large a ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Keys that are not forgotten.
    pub keys: u64,
    /// Of the file, which does not shrink when keys are forgotten; none in memory.
    pub bytes: Option<u64>,
}

impl Ledger {
    /// Opens the file at `path`, creates it where it is missing; without a path the ledger is in memory and is
    /// forgotten with the process. A new one is born `now`.
    pub fn open(path: Option<&Path>, now: Timestamp) -> Result<Self, Error> {
        let (store, born) = Store::open(path, now)?;
        let writer = Writer::start(store, path).map_err(|_| Error::Stopped)?;
        Ok(Self { writer: Arc::new(writer), claimed: Claimed::default(), born, path: path.map(Into::into) })
    }

    /// When the ledger was made. Of keys first used before, it may know nothing.
    pub fn born(&self) -> Timestamp {
        self.born
    }

    /// Of keys first used before this time the ledger may know nothing: its birth, or the limit of its last sweep.
    pub async fn horizon(&self) -> Result<Timestamp, Error> {
        self.write(|transaction| transaction.horizon()).await
    }

    /// Resolves when the writer has ended, which it does only by a panic: from then on each call is answered
    /// [`Error::Stopped`], and the process should end.
    pub async fn stopped(&self) {
        self.writer.ended().await;
    }

    /// Begins the work under `key`; the intent is durable before this returns.
    ///
    /// `fingerprint` says what the work is, `note` is kept for whoever finds the work interrupted. `since` is when the
    /// caller first used the key: where that is before the ledger's birth or its last sweep, an unknown key is
    /// interrupted, with an intent of that time.
    pub async fn begin(
        &self,
        key: &str,
        fingerprint: &str,
        note: Value,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Begin, Error> {
        let fingerprint = fingerprint.to_owned();
        let begun = self.decide(key, since, move |key, lease| {
            let (change, begin) = decide::begin(key, fingerprint, note, now);
            (change, begin.map(lease))
        });
        Ok(begun.await?.map(|lease| Claim::new(self.clone(), lease)))
    }

    /// Closes `key`: whoever begins it from now on is told so. With `since` as for [`Ledger::begin`].
    pub async fn close(&self, key: &str, since: Option<Timestamp>, now: Timestamp) -> Result<Close, Error> {
        let closed = self.decide(key, since, move |key, lease| {
            let (change, close) = decide::close(key, now);
            (change, close.map(lease))
        });
        Ok(closed.await?.map(|lease| Claim::new(self.clone(), lease)))
    }

    /// What is known of `key`, after all that was asked before.
    pub async fn look(&self, key: &str) -> Result<Look, Error> {
        self.decide(key, None, |key, _| (Change::Keep, decide::look(key))).await
    }

    /// Proves that the ledger can be written, by a write at most every ten seconds; between them that it can be read.
    pub async fn check(&self, now: Timestamp) -> Result<(), Error> {
        self.write(move |transaction| transaction.check(now)).await
    }

    /// How large the ledger is.
    pub async fn size(&self) -> Result<Size, Error> {
        let keys = self.write(|transaction| transaction.keys()).await?;
        let bytes = self.path.as_deref().and_then(|path| std::fs::metadata(path).ok()).map(|file| file.len());
        Ok(Size { keys, bytes })
    }

    /// Refuses an epoch below the highest seen for `key`; remembers a higher one durably before it returns.
    pub async fn fence(&self, key: &str, epoch: i64, now: Timestamp) -> Result<(), Fenced> {
        let key = key.to_owned();
        let seen = self.write(move |transaction| {
            let seen = transaction.epoch(&key)?;
            if seen.is_none_or(|seen| seen < epoch) {
                transaction.put_epoch(&key, epoch, now)?;
            }
            Ok(seen)
        });
        match seen.await? {
            Some(seen) if seen > epoch => Err(Fenced::Older { seen }),
            _ => Ok(()),
        }
    }

    /// Forgets what was done or closed before `older_than`, and epochs first seen before it; returns how many keys.
    ///
    /// Intents are kept until somebody settles them. Keys first used before `older_than` count as not known from then
    /// on, so choose a time before which no caller repeats anything.
    pub async fn sweep(&self, older_than: Timestamp) -> Result<u64, Error> {
        self.sweep_all(older_than, |_| false).await
    }

    /// As [`Ledger::sweep`], and forgets intents of before `older_than` that `is_over` says nobody will settle. To a
    /// caller who comes back all the same they are what they were: begun, with an end nobody knows.
    pub async fn sweep_all(
        &self,
        older_than: Timestamp,
        is_over: impl Fn(&Intent) -> bool + Clone + Send + 'static,
    ) -> Result<u64, Error> {
        let entries = self.sweep_table(Growing::Entries, older_than, is_over.clone()).await?;
        self.sweep_table(Growing::Epochs, older_than, is_over).await?;
        Ok(entries)
    }

    async fn sweep_table(
        &self,
        table: Growing,
        older_than: Timestamp,
        is_over: impl Fn(&Intent) -> bool + Clone + Send + 'static,
    ) -> Result<u64, Error> {
        let mut forgotten = 0;
        let mut after: Option<String> = None;
        loop {
            let (claimed, is_over) = (self.claimed.clone(), is_over.clone());
            let step = self.write(move |transaction| {
                transaction.sweep(table, after.as_deref(), older_than, is_over, &claimed)
            });
            let swept = step.await?;
            forgotten += swept.forgotten;
            after = swept.next;
            if after.is_none() {
                return Ok(forgotten);
            }
        }
    }

    /// Applies a decision on `key`; the lease is taken in the same turn, so that no two get it.
    async fn decide<T: Send + 'static>(
        &self,
        key: &str,
        since: Option<Timestamp>,
        decision: impl FnOnce(Key, &mut dyn FnMut(()) -> Lease) -> (Change, T) + Send + 'static,
    ) -> Result<T, Error> {
        let name = key.to_owned();
        let claimed = self.claimed.clone();
        self.write(move |transaction| {
            let horizon = transaction.horizon()?;
            let key = Key {
                entry: transaction.entry(&name)?,
                claimed: claimed.contains(&name),
                forgotten: since.filter(|since| *since < horizon),
            };
            let (change, answer) = decision(key, &mut |()| claimed.take(&name));
            transaction.apply(&name, change)?;
            Ok(answer)
        })
        .await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.run(work).await
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("born", &self.born).finish_non_exhaustive()
    }
}
