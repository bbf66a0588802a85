//! The ledger of one process: a file, or memory.

use std::{path::Path, sync::Arc};

use jiff::Timestamp;

use crate::{
    Error, Intent, Size,
    claim::Lease,
    claimed::Claimed,
    store::Store,
    transaction::{Growing, Transaction},
    turn::{Decision, Keys, Known},
    writer::Writer,
};

/// The file and its writer; clones share them. The last one dropped closes the file.
#[derive(Clone)]
pub struct Local {
    writer: Arc<Writer>,
    claimed: Claimed,
    born: Timestamp,
    path: Option<Arc<Path>>,
}

impl Local {
    /// Opens the file at `path`, creates it where it is missing; without a path it is in memory.
    pub fn open(path: Option<&Path>, now: Timestamp) -> Result<Self, Error> {
        let (store, born) = Store::open(path, now)?;
        let writer = Writer::start(store, path).map_err(|_| Error::Stopped)?;
        Ok(Self { writer: Arc::new(writer), claimed: Claimed::default(), born, path: path.map(Into::into) })
    }

    pub fn born(&self) -> Timestamp {
        self.born
    }

    pub async fn horizon(&self) -> Result<Timestamp, Error> {
        self.write(|transaction| transaction.horizon()).await
    }

    /// Resolves when the writer has ended.
    pub async fn stopped(&self) {
        self.writer.ended().await;
    }

    /// Decides in the next transaction; the claim is taken in the same turn, so that no two get it.
    pub async fn turn<T: Send + 'static>(&self, keys: Keys, decision: impl Decision<T>) -> Result<T, Error> {
        let claimed = self.claimed.clone();
        self.write(move |transaction| {
            let Keys { key, names } = keys;
            let entries: Result<_, Error> = names.iter().map(|name| transaction.entry(name)).collect();
            let known = Known {
                entry: transaction.entry(&key)?,
                claimed: claimed.contains(&key),
                horizon: transaction.horizon()?,
                names: entries?,
            };
            let decided = decision(known, &mut |()| Lease::Local(claimed.take(&key)))?;
            for (name, change) in names.iter().zip(decided.names) {
                transaction.apply(name, change)?;
            }
            transaction.apply(&key, decided.change)?;
            Ok(decided.answer)
        })
        .await
    }

    /// After a write that failed, proves by a larger one that there is room again: nobody else may try meanwhile.
    pub async fn check(&self, now: Timestamp) -> Result<(), Error> {
        if self.writer.has_failed() {
            self.write(|transaction| transaction.probe(true)).await?;
            self.write(|transaction| transaction.probe(false)).await?;
            self.writer.is_proven();
        }
        self.write(move |transaction| transaction.check(now)).await
    }

    pub async fn size(&self) -> Result<Size, Error> {
        let keys = self.write(|transaction| transaction.keys()).await?;
        let bytes = self.path.as_deref().and_then(|path| std::fs::metadata(path).ok()).map(|file| file.len());
        Ok(Size { keys, bytes })
    }

    /// The highest epoch seen before for `key`; `epoch` is remembered where it is higher.
    pub async fn fence(&self, key: &str, epoch: i64, now: Timestamp) -> Result<Option<i64>, Error> {
        let key = key.to_owned();
        self.write(move |transaction| {
            let seen = transaction.epoch(&key)?;
            if seen.is_none_or(|seen| seen < epoch) {
                transaction.put_epoch(&key, epoch, now)?;
            }
            Ok(seen)
        })
        .await
    }

    /// Forgets entries, and epochs; returns how many entries.
    pub async fn sweep(
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

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.run(work).await
    }
}
