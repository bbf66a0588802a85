//! Several operations that become durable together: rows of the three tables, read and written.

use std::{fmt::Display, ops::Bound};

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use redb::{
    ReadableTable as _, ReadableTableMetadata as _, StorageError, Table, TableDefinition, Value,
    WriteTransaction,
};

use crate::{
    Error, Intent,
    claimed::Claimed,
    decide::{Change, Entry, is_forgettable},
    store::storage,
};

/// Key to [`Entry`] as JSON.
const ENTRIES: TableDefinition<&str, &[u8]> = TableDefinition::new("entries");
/// Key to the highest epoch, and when it was first seen in milliseconds since 1970.
const EPOCHS: TableDefinition<&str, (i64, i64)> = TableDefinition::new("epochs");
/// `born`, `horizon` and `checked` in milliseconds since 1970.
const TIMES: TableDefinition<&str, i64> = TableDefinition::new("times");
/// What is written only to see whether there is room for it.
const PROBES: TableDefinition<(), &[u8]> = TableDefinition::new("probes");
/// Bytes of a probe: as much as a kept answer may take, twice. Less fits into pages that are free in a full file.
const PROBE: usize = 64 << 10;

/// How long a write that was done only to see whether it can be done says that it can.
const CHECKED: SignedDuration = SignedDuration::from_secs(10);

/// How many keys one step of a sweep looks at, so that others get their turn in between.
const STEP: usize = 1000;

/// The open write transaction.
pub struct Transaction<'a> {
    write: WriteTransaction,
    file: &'a str,
    dirty: bool,
    spoiled: Option<Error>,
}

/// The part of a table that one step of a sweep looked at.
pub struct Swept {
    pub forgotten: u64,
    /// The key to go on after; none at the end of the table.
    pub next: Option<String>,
}

/// The tables that grow.
#[derive(Debug, Clone, Copy)]
pub enum Growing {
    Entries,
    Epochs,
}

impl<'a> Transaction<'a> {
    pub fn new(write: WriteTransaction, file: &'a str) -> Self {
        Self { write, file, dirty: false, spoiled: None }
    }

    pub fn entry(&self, key: &str) -> Result<Option<Entry>, Error> {
        let table = self.write.open_table(ENTRIES).map_err(|error| self.fault(error))?;
        let Some(bytes) = table.get(key).map_err(|error| self.fault(error))? else { return Ok(None) };
        serde_json::from_slice(bytes.value()).map(Some).map_err(|error| Error::Damaged {
            file: self.file.to_owned(),
            why: format!("the entry of key {key} is not readable: {error}"),
        })
    }

    pub fn apply(&mut self, key: &str, change: Change) -> Result<(), Error> {
        let entry = match change {
            Change::Keep => return Ok(()),
            Change::Remove => None,
            Change::Put(entry) => Some(serde_json::to_vec(&entry).map_err(|error| self.fault(error))?),
        };
        self.dirty = true;
        let mut table = self.write.open_table(ENTRIES).map_err(|error| self.fault(error))?;
        match &entry {
            None => table.remove(key).map(drop),
            Some(bytes) => table.insert(key, bytes.as_slice()).map(drop),
        }
        .map_err(|error| self.fault(error))
    }

    pub fn epoch(&self, key: &str) -> Result<Option<i64>, Error> {
        let table = self.write.open_table(EPOCHS).map_err(|error| self.fault(error))?;
        let row = table.get(key).map_err(|error| self.fault(error))?;
        Ok(row.map(|row| row.value().0))
    }

    pub fn put_epoch(&mut self, key: &str, epoch: i64, now: Timestamp) -> Result<(), Error> {
        self.dirty = true;
        let mut table = self.write.open_table(EPOCHS).map_err(|error| self.fault(error))?;
        table.insert(key, (epoch, now.as_millisecond())).map(drop).map_err(|error| self.fault(error))
    }

    /// When the file was born; that is `now` for a file that doesn't say.
    pub fn birth(&mut self, now: Timestamp) -> Result<Timestamp, Error> {
        if self.time("born")?.is_none() {
            self.put_time("born", now)?;
        }
        Ok(self.time("born")?.unwrap_or(now))
    }

    /// Of keys first used before this time the ledger may know nothing: its birth, or the last sweep's limit.
    pub fn horizon(&self) -> Result<Timestamp, Error> {
        Ok(self.time("horizon")?.max(self.time("born")?).unwrap_or(Timestamp::MIN))
    }

    /// Writes the time, unless it was written just before.
    pub fn check(&mut self, now: Timestamp) -> Result<(), Error> {
        match self.time("checked")? {
            Some(before) if now.duration_since(before).abs() < CHECKED => Ok(()),
            _ => self.put_time("checked", now),
        }
    }

    /// Writes a probe, or takes it away.
    pub fn probe(&mut self, is_there: bool) -> Result<(), Error> {
        self.dirty = true;
        let mut table = self.write.open_table(PROBES).map_err(|error| self.fault(error))?;
        let bytes = vec![0; PROBE];
        let probed = if is_there { table.insert((), bytes.as_slice()) } else { table.remove(()) };
        probed.map(drop).map_err(|error| self.fault(error))
    }

    /// How many keys have an entry.
    pub fn keys(&self) -> Result<u64, Error> {
        let table = self.write.open_table(ENTRIES).map_err(|error| self.fault(error))?;
        table.len().map_err(|error| self.fault(error))
    }

    /// Forgets what was settled before `older_than`, or begun before and is over, among the next keys after `after`.
    /// What is claimed stays.
    pub fn sweep(
        &mut self,
        table: Growing,
        after: Option<&str>,
        older_than: Timestamp,
        is_over: impl Fn(&Intent) -> bool,
        claimed: &Claimed,
    ) -> Result<Swept, Error> {
        let swept = match table {
            Growing::Entries => {
                let mut table = self.write.open_table(ENTRIES).map_err(|error| self.fault(error))?;
                forget(&mut table, after, |key, bytes| {
                    let is_old = |entry| is_forgettable(&entry, older_than, &is_over);
                    !claimed.contains(key) && serde_json::from_slice(bytes).is_ok_and(is_old)
                })
            }
            Growing::Epochs => {
                let mut table = self.write.open_table(EPOCHS).map_err(|error| self.fault(error))?;
                forget(&mut table, after, |_, (_, at)| at < older_than.as_millisecond())
            }
        }
        .map_err(|error| self.fault(error))?;
        if swept.forgotten > 0 {
            let horizon = self.horizon()?.max(older_than);
            self.put_time("horizon", horizon)?;
        }
        Ok(swept)
    }

    /// An operation failed half way: nothing of the transaction becomes durable.
    pub fn spoil(&mut self, error: Error) {
        self.spoiled = Some(error);
    }

    /// Makes it durable; leaves the file alone where nothing changed.
    pub fn end(self) -> Result<(), Error> {
        let Self { write, file, dirty, spoiled } = self;
        if let Some(error) = spoiled {
            return Err(error);
        }
        if !dirty {
            return write.abort().map_err(|error| storage(file, error));
        }
        fail::fail_point!("ledger::commit-fails", |_| Err(storage(file, "a fail point said so")));
        fail::fail_point!("ledger::before-commit", |_| std::process::abort());
        write.commit().map_err(|error| storage(file, error))?;
        fail::fail_point!("ledger::after-commit", |_| std::process::abort());
        Ok(())
    }

    fn time(&self, name: &str) -> Result<Option<Timestamp>, Error> {
        let table = self.write.open_table(TIMES).map_err(|error| self.fault(error))?;
        let row = table.get(name).map_err(|error| self.fault(error))?;
        row.map(|row| Timestamp::from_millisecond(row.value())).transpose().map_err(|error| self.fault(error))
    }

    /// Rounds up: what happened within that millisecond counts as not known.
    fn put_time(&mut self, name: &str, time: Timestamp) -> Result<(), Error> {
        self.dirty = true;
        let up = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Ceil);
        let time = time.round(up).map_err(|error| self.fault(error))?;
        let mut table = self.write.open_table(TIMES).map_err(|error| self.fault(error))?;
        table.insert(name, time.as_millisecond()).map(drop).map_err(|error| self.fault(error))
    }

    fn fault(&self, why: impl Display) -> Error {
        storage(self.file, why)
    }
}

fn forget<V: Value>(
    table: &mut Table<'_, &'static str, V>,
    after: Option<&str>,
    is_old: impl Fn(&str, V::SelfType<'_>) -> bool,
) -> Result<Swept, StorageError> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let last = table.range::<&str>((from, Bound::Unbounded))?.nth(STEP - 1).transpose()?;
    let next = last.map(|(key, _)| key.value().to_owned());
    let to = next.as_deref().map_or(Bound::Unbounded, Bound::Included);
    let mut forgotten = 0;
    table.retain_in::<&str, _>((from, to), |key, value| {
        let old = is_old(key, value);
        forgotten += u64::from(old);
        !old
    })?;
    Ok(Swept { forgotten, next })
}
