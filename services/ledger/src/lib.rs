//! What was done under which key, durably: the memory that makes a repeated request take effect once.
//!
//! A key goes from unknown to begun (its intent is on disk before the work starts) to done, or to closed: never to
//! be done from now on. Begun and claimed by nobody is *interrupted*: the work may have happened, and whoever uses
//! the key next has to find out. One thread writes; what waits is committed together, with one `fsync`.

mod answer;
mod claim;
mod claimed;
mod decide;
mod error;
mod local;
mod shared;
mod store;
mod transaction;
mod turn;
mod writer;

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use valkey::Valkey;

pub use answer::{Begin, Close, Intent, Look, Resume};
pub use claim::{Claim, Hold};
use decide::Change;
pub use error::{Error, Fenced};
use local::Local;
use shared::Shared;
use turn::{Decided, Decision, Keys, Stand};

/// How long a claim in a store is held after it was renewed last, unless said otherwise.
pub const LEASE: Duration = Duration::from_secs(30);

/// A ledger; clones share it. The last one dropped closes the file.
#[derive(Clone)]
pub struct Ledger(Place);

#[derive(Clone)]
enum Place {
    /// A file of this process, or its memory.
    Local(Local),
    /// A store that other processes use as well.
    Shared(Shared),
}

/// How large a ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Keys that are not forgotten.
    pub keys: u64,
    /// Of the file, which does not shrink when keys are forgotten; none in memory, or in a store.
    pub bytes: Option<u64>,
}

impl Ledger {
    /// Opens the file at `path`, creates it where it is missing; without a path the ledger is in memory and is
    /// forgotten with the process. A new one is born `now`.
    pub fn open(path: Option<&Path>, now: Timestamp) -> Result<Self, Error> {
        Ok(Self(Place::Local(Local::open(path, now)?)))
    }

    /// The ledger of `base` in a store, for all processes that open it there; within a Tokio runtime. A claim is held for
    /// `lease` (normally [`LEASE`], the same in all of them) at a time: as long it takes until another process gets the claim of one that
    /// is gone. Where the store was started anew since it was asked last, by anybody, the ledger is born anew, since it may have lost
    /// what it knew.
    pub fn shared(store: Valkey, base: &str, lease: Duration, now: Timestamp) -> Self {
        Self(Place::Shared(Shared::new(store, base, lease, now)))
    }

    /// Now, by the clock of all that use the ledger: that of the store, as far as it was heard of, or of this machine.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Place::Local(_) => Timestamp::now(),
            Place::Shared(shared) => shared.now(),
        }
    }

    /// When the ledger was made, as far as it was heard of. Of keys first used before, it may know nothing.
    pub fn born(&self) -> Timestamp {
        match &self.0 {
            Place::Local(local) => local.born(),
            Place::Shared(shared) => shared.born(),
        }
    }

    /// Of keys first used before this time the ledger may know nothing: its birth, or the limit of its last sweep.
    pub async fn horizon(&self) -> Result<Timestamp, Error> {
        match &self.0 {
            Place::Local(local) => local.horizon().await,
            Place::Shared(shared) => shared.horizon().await,
        }
    }

    /// Resolves when the writer of the file has ended, which it does only by a panic: from then on each call is answered
    /// [`Error::Stopped`], and the process should end.
    pub async fn stopped(&self) {
        match &self.0 {
            Place::Local(local) => local.stopped().await,
            Place::Shared(_) => std::future::pending().await,
        }
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
        let begun = self.turn(Keys::one(key), Stand::Asks, move |known, lease| {
            let (change, begin) = decide::begin(known.key(since), fingerprint.clone(), note.clone(), now);
            Ok(Decided::one((change, begin.map(lease))))
        });
        Ok(begun.await?.map(|lease| Claim::new(self.clone(), lease)))
    }

    /// Closes `key`: whoever begins it from now on is told so. With `since` as for [`Ledger::begin`].
    pub async fn close(&self, key: &str, since: Option<Timestamp>, now: Timestamp) -> Result<Close, Error> {
        let closed = self.turn(Keys::one(key), Stand::Asks, move |known, lease| {
            let (change, close) = decide::close(known.key(since), now);
            Ok(Decided::one((change, close.map(lease))))
        });
        Ok(closed.await?.map(|lease| Claim::new(self.clone(), lease)))
    }

    /// Takes up `key` where it is interrupted, so that nobody else can settle it, or begin it again.
    pub async fn resume(&self, key: &str) -> Result<Resume, Error> {
        let resumed = self.turn(Keys::one(key), Stand::Asks, |known, lease| {
            Ok(Decided::one((Change::Keep, decide::resume(known.key(None)).map(lease))))
        });
        Ok(resumed.await?.map(|lease| Claim::new(self.clone(), lease)))
    }

    /// What is known of `key`, after all that was asked before.
    pub async fn look(&self, key: &str) -> Result<Look, Error> {
        let looked = self.turn(Keys::one(key), Stand::Asks, |known, _| {
            Ok(Decided::one((Change::Keep, decide::look(known.key(None)))))
        });
        looked.await
    }

    /// Proves that the ledger can be written, by a write at most every ten seconds; between them that it can be read.
    pub async fn check(&self, now: Timestamp) -> Result<(), Error> {
        match &self.0 {
            Place::Local(local) => local.check(now).await,
            Place::Shared(shared) => shared.check().await,
        }
    }

    /// How large the ledger is.
    pub async fn size(&self) -> Result<Size, Error> {
        match &self.0 {
            Place::Local(local) => local.size().await,
            Place::Shared(shared) => shared.size().await,
        }
    }

    /// Refuses an epoch below the highest seen for `key`; remembers a higher one durably before it returns.
    pub async fn fence(&self, key: &str, epoch: i64, now: Timestamp) -> Result<(), Fenced> {
        let seen = match &self.0 {
            Place::Local(local) => local.fence(key, epoch, now).await?,
            Place::Shared(shared) => shared.fence(key, epoch, now).await?,
        };
        match seen {
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
        match &self.0 {
            Place::Local(local) => local.sweep(older_than, is_over).await,
            Place::Shared(shared) => shared.sweep(older_than, is_over).await,
        }
    }

    /// What `take` makes of the intents that other processes have claimed: what may be under way there.
    pub async fn elsewhere<T>(&self, take: impl FnMut(&str, &Intent) -> Option<T>) -> Result<Vec<T>, Error> {
        match &self.0 {
            Place::Local(_) => Ok(Vec::new()),
            Place::Shared(shared) => shared.elsewhere(take).await,
        }
    }

    async fn turn<T: Send + 'static>(
        &self,
        keys: Keys,
        stand: Stand,
        decision: impl Decision<T>,
    ) -> Result<T, Error> {
        match &self.0 {
            Place::Local(local) => local.turn(keys, decision).await,
            Place::Shared(shared) => shared.turn(keys, stand, decision).await,
        }
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("born", &self.born()).finish_non_exhaustive()
    }
}
