//! The ledger of several processes, in a Valkey or Redis: they read, decide, and write where nothing changed meanwhile.

mod holder;
mod keeper;
mod sweep;
mod table;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use tokio::time::Instant;
use valkey::{Connection, Valkey};

pub use self::holder::{Holding, Token, Watch};
use self::{
    holder::Holder,
    table::{Claiming, Snapshot, Table},
};
use crate::{
    Error, Intent, Size,
    claim::Lease,
    decide::{Change, Entry},
    turn::{Decided, Decision, Keys, Known, Stand},
};

/// How often a decision is made anew because somebody else was faster.
const MOST_TRIES: u32 = 20;
/// Nobody's key: none holds a space but those of records.
const NOBODYS: &str = "a check";
/// How many keys are looked at in one call.
const STEP: usize = 100;

/// A ledger in a store; clones share it.
#[derive(Clone)]
pub struct Shared(Arc<Inner>);

struct Inner {
    store: Valkey,
    table: Table,
    holder: Arc<Holder>,
    /// How far the clock of the store is ahead of that of this process, and since when it lost nothing as far as this
    /// process knows; milliseconds.
    ahead: AtomicI64,
    born: AtomicI64,
}

impl Shared {
    /// The ledger of `base` in `store`, within a Tokio runtime. Claims are held for `lease` at a time.
    pub fn new(store: Valkey, base: &str, lease: Duration, now: Timestamp) -> Self {
        let (table, holder) = (Table::new(base), Holder::new(lease));
        tokio::spawn(keeper::keep(store.clone(), table.clone(), holder.clone()));
        let born = millis(now).into();
        Self(Arc::new(Inner { store, table, holder, ahead: AtomicI64::default(), born }))
    }

    /// Now by the clock of the store, as far as it was heard of.
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(SignedDuration::from_millis(self.0.ahead.load(Relaxed))).unwrap_or(now)
    }

    pub fn born(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.born.load(Relaxed)).unwrap_or(Timestamp::MAX)
    }

    pub async fn horizon(&self) -> Result<Timestamp, Error> {
        Ok(self.read(&self.connected().await?, &[]).await?.0.horizon)
    }

    /// Decides on what is known, and writes it where all of that still holds. In a task of its own: what was begun ends,
    /// whoever waits for it.
    pub async fn turn<T: Send + 'static>(
        &self,
        keys: Keys,
        stand: Stand,
        decision: impl Decision<T>,
    ) -> Result<T, Error> {
        let this = self.clone();
        let turned = tokio::spawn(async move { this.turn_now(keys, &stand, decision).await });
        turned.await.unwrap_or_else(|error| Err(Error::Store { why: error.to_string() }))
    }

    async fn turn_now<T>(&self, keys: Keys, stand: &Stand, decision: impl Decision<T>) -> Result<T, Error> {
        let all: Vec<String> = std::iter::once(keys.key).chain(keys.names).collect();
        for tried in 0..MOST_TRIES {
            let connection = self.connected().await?;
            let (mut read, asked) = self.read(&connection, &all).await?;
            let (known, quiet) = self.known(&mut read, stand)?;
            let (mut token, holder) = (None, &self.0.holder);
            let decided = decision(known, &mut |()| {
                let holding = holder.take(all.first().map_or("", String::as_str), asked, quiet);
                token = Some(holding.token());
                Lease::Shared(holding)
            })?;
            let Decided { change, names, answer } = decided;
            let changes: Vec<Change> = std::iter::once(change).chain(names).collect();
            let claiming = match (&token, stand) {
                (Some(token), _) => Claiming::Take(token, holder.lease()),
                (None, Stand::Settles(_)) => Claiming::GiveUp,
                (None, _) => Claiming::Leave,
            };
            let is_look = matches!(claiming, Claiming::Leave) && changes.iter().all(|it| *it == Change::Keep);
            if is_look || self.0.table.write(&connection, &read, &changes, claiming, None).await? {
                match (&token, stand) {
                    (Some(token), _) => holder.written(token),
                    (None, Stand::Settles(token)) => holder.ended(token),
                    (None, _) => (),
                }
                return Ok(answer);
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(..=u64::from(tried)))).await;
        }
        Err(Error::Store { why: "others changed the same key all the time".to_owned() })
    }

    /// What was read, for a decision; and from when on nothing of others is under way.
    fn known(&self, read: &mut Snapshot, stand: &Stand) -> Result<(Known, Timestamp), Error> {
        let mut entries = read.rows.iter_mut().map(|row| (row.entry.take(), row.claim.as_str()));
        let (entry, claim) = entries.next().unwrap_or_default();
        if stand.token().is_some_and(|token| **token != *claim) {
            return Err(Error::ClaimLost);
        }
        let claimed = self.is_claimed(claim);
        // Who held a claim that the store lost may go on until it would have run out.
        let lapsed = read.born.checked_add(self.0.holder.lease()).unwrap_or(read.born).max(read.horizon);
        let quiet = if entry.is_some() { read.now.max(lapsed) } else { lapsed };
        let names = entries.map(|(entry, _)| entry).collect();
        Ok((Known { entry, claimed, horizon: read.horizon, names }, quiet))
    }

    /// Whether somebody holds what is in the store as a claim.
    fn is_claimed(&self, claim: &str) -> bool {
        !claim.is_empty() && !self.0.holder.has_given_up(claim)
    }

    /// What `take` makes of the intents that other processes have claimed.
    pub async fn elsewhere<T>(
        &self,
        mut take: impl FnMut(&str, &Intent) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let connection = self.connected().await?;
        let mut taken = Vec::new();
        for keys in self.0.table.claimed(&connection).await?.chunks(STEP) {
            let (read, _) = self.read(&connection, keys).await?;
            for row in read.rows {
                let is_elsewhere = self.is_claimed(&row.claim) && !self.0.holder.holds(&row.claim);
                if let (true, Some(Entry::Intent(intent))) = (is_elsewhere, &row.entry) {
                    taken.extend(take(&row.key, intent));
                }
            }
        }
        Ok(taken)
    }

    pub async fn check(&self) -> Result<(), Error> {
        let connection = self.connected().await?;
        // So that its birth and its clock are known before it is used.
        self.read(&connection, &[NOBODYS.to_owned()]).await?;
        self.0.table.check(&connection, NOBODYS).await
    }

    pub async fn size(&self) -> Result<Size, Error> {
        Ok(Size { keys: self.0.table.count(&self.connected().await?).await?, bytes: None })
    }

    pub async fn fence(&self, key: &str, epoch: i64, now: Timestamp) -> Result<Option<i64>, Error> {
        self.0.table.fence(&self.connected().await?, key, epoch, now).await
    }

    async fn connected(&self) -> Result<Connection, Error> {
        Ok(self.0.store.connected().await?)
    }

    /// Reads, and sets the clock; also when it began to ask.
    async fn read(&self, connection: &Connection, keys: &[String]) -> Result<(Snapshot, Instant), Error> {
        let asked = Instant::now();
        let read = self.0.table.read(connection, keys).await?;
        let now = Timestamp::now();
        let heard = now.checked_sub(asked.elapsed() / 2).unwrap_or(now);
        self.0.ahead.store(millis(read.now) - millis(heard), Relaxed);
        self.0.born.store(millis(read.born), Relaxed);
        Ok((read, asked))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.holder.end();
    }
}

/// Rounded up: what happened within that millisecond counts as not known.
fn millis(time: Timestamp) -> i64 {
    let up = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Ceil);
    time.round(up).unwrap_or(time).as_millisecond()
}

fn time(millis: &str) -> Result<Timestamp, Error> {
    let time = millis.parse().ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    time.ok_or_else(|| Error::Store { why: format!("{millis:?} is not a time in milliseconds") })
}
