//! The ledger's keys in the store, and the scripts that read and write them.

use std::{sync::LazyLock, time::Duration};

use jiff::Timestamp;
use uuid::Uuid;
use valkey::{Connection, Script, cmd};

use super::{holder::Held, millis, time};
use crate::{
    Error,
    decide::{Change, Entry},
};

static READ: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("read.lua")));
static WRITE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("write.lua")));
static KEEP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("keep.lua")));
static FENCE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("fence.lua")));
static CHECK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("check.lua")));
static EPOCHS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("epochs.lua")));
static SIZES: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("sizes.lua")));
static CLAIMS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("claims.lua")));

/// Length of the version before each entry, which no two writes share.
const VERSION: usize = 32;

/// Where a ledger is in a store.
#[derive(Debug, Clone)]
pub struct Table {
    prefix: String,
}

/// What was read at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// By the clock of the store.
    pub now: Timestamp,
    /// Since when nothing was lost.
    pub born: Timestamp,
    /// The later of that and the limit of the last sweep.
    pub horizon: Timestamp,
    pub rows: Vec<Row>,
    /// Both as they were read.
    times: [String; 2],
}

/// A key at that moment.
#[derive(Debug)]
pub struct Row {
    pub key: String,
    pub entry: Option<Entry>,
    /// Whose claim it is; empty where it is nobody's.
    pub claim: String,
    version: String,
}

/// What becomes of the claim of the first key.
#[derive(Debug, Clone, Copy)]
pub enum Claiming<'a> {
    Leave,
    Take(&'a str, Duration),
    GiveUp,
}

impl Table {
    /// The ledger of a base.
    pub fn new(base: &str) -> Self {
        Self { prefix: format!("pyairtable:{{{base}}}:ledger:") }
    }

    fn name(&self, what: &str) -> String {
        format!("{}{what}", self.prefix)
    }

    /// Entry and claim of `key`.
    fn pair(&self, key: &str) -> [String; 2] {
        [format!("{}entry:{key}", self.prefix), format!("{}claim:{key}", self.prefix)]
    }

    /// What is known of `keys`.
    pub async fn read(&self, connection: &Connection, keys: &[String]) -> Result<Snapshot, Error> {
        let mut names = vec![self.name("times")];
        names.extend(keys.iter().flat_map(|key| self.pair(key)));
        let read: Vec<Option<String>> = connection.script(&READ, &names, &[connection.run_id()]).await?;
        let mut read = read.into_iter().map(Option::unwrap_or_default);
        let (now, born, horizon) = (read.next(), read.next(), read.next());
        let (born, horizon) = (born.unwrap_or_default(), horizon.unwrap_or_default());
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            rows.push(Row::read(key, &read.next().unwrap_or_default(), read.next().unwrap_or_default())?);
        }
        let known = time(&born)?;
        let limit = if horizon.is_empty() { known } else { time(&horizon)? };
        Ok(Snapshot {
            now: time(&now.unwrap_or_default())?,
            born: known,
            horizon: limit.max(known),
            rows,
            times: [born, horizon],
        })
    }

    /// Writes `changes` of the keys in their order; `false` where anything of what was read has changed since, and nothing
    /// was written. `swept` is the limit of a sweep.
    pub async fn write(
        &self,
        connection: &Connection,
        read: &Snapshot,
        changes: &[Change],
        claiming: Claiming<'_>,
        swept: Option<Timestamp>,
    ) -> Result<bool, Error> {
        let mut names = vec![self.name("times"), self.name("ages"), self.name("claims")];
        names.extend(read.rows.iter().flat_map(|row| self.pair(&row.key)));
        let (claim, token, lease) = match claiming {
            Claiming::Leave => ("", "", Duration::ZERO),
            Claiming::Take(token, lease) => ("take", token, lease),
            Claiming::GiveUp => ("giveUp", "", Duration::ZERO),
        };
        let [born, horizon] = &read.times;
        let next = swept.map(|swept| millis(swept.max(read.horizon)).to_string()).unwrap_or_default();
        let mut values = vec![connection.run_id().to_owned(), born.clone(), horizon.clone(), next];
        values.extend([claim.to_owned(), token.to_owned(), lease.as_millis().to_string()]);
        for (row, change) in read.rows.iter().zip(changes) {
            values.extend([row.key.clone(), row.version.clone(), row.claim.clone()]);
            values.extend(written(change)?);
        }
        let is_written: u8 = connection.script(&WRITE, &names, &values).await?;
        Ok(is_written == 1)
    }

    /// Holds `claims` for another `lease`, or gives them up where that is zero; whether each was held.
    pub async fn keep(
        &self,
        connection: &Connection,
        claims: &[Held],
        lease: Duration,
    ) -> Result<Vec<bool>, Error> {
        let mut names = vec![self.name("claims")];
        let mut values = vec![lease.as_millis().to_string()];
        for (token, key) in claims {
            let [_, claim] = self.pair(key);
            names.push(claim);
            values.extend([key.to_string(), token.to_string()]);
        }
        let held: Vec<u8> = connection.script(&KEEP, &names, &values).await?;
        Ok(held.into_iter().map(|held| held == 1).collect())
    }

    /// The keys that are claimed.
    pub async fn claimed(&self, connection: &Connection) -> Result<Vec<String>, Error> {
        Ok(connection.script::<Vec<String>>(&CLAIMS, &[self.name("claims")], &[""; 0]).await?)
    }

    /// Keys whose entries are from before `older_than`, the oldest first, after so many.
    pub async fn old(
        &self,
        connection: &Connection,
        older_than: Timestamp,
        after: usize,
        most: usize,
    ) -> Result<Vec<String>, Error> {
        let mut old = cmd("ZRANGEBYSCORE");
        old.arg(self.name("ages")).arg("-inf").arg(format!("({}", millis(older_than)));
        old.arg("LIMIT").arg(after).arg(most);
        Ok(connection.command(&old).await?)
    }

    /// How many bytes the entries of `keys` have.
    pub async fn sizes(&self, connection: &Connection, keys: &[String]) -> Result<Vec<usize>, Error> {
        let names: Vec<String> = keys.iter().map(|key| self.pair(key)).map(|[entry, _]| entry).collect();
        Ok(connection.script(&SIZES, &names, &[""; 0]).await?)
    }

    /// How many entries there are.
    pub async fn count(&self, connection: &Connection) -> Result<u64, Error> {
        Ok(connection.command(cmd("ZCARD").arg(self.name("ages"))).await?)
    }

    /// The highest epoch seen before for `key`; `epoch` is remembered where it is higher.
    pub async fn fence(
        &self,
        connection: &Connection,
        key: &str,
        epoch: i64,
        now: Timestamp,
    ) -> Result<Option<i64>, Error> {
        let values = [key.to_owned(), epoch.to_string(), millis(now).to_string()];
        let names = [self.name("epochs"), self.name("epoch-ages")];
        Ok(connection.script(&FENCE, &names, &values).await?)
    }

    /// Forgets at most `most` epochs first seen before `older_than`; how many.
    pub async fn forget_epochs(
        &self,
        connection: &Connection,
        older_than: Timestamp,
        most: usize,
    ) -> Result<usize, Error> {
        let names = [self.name("epochs"), self.name("epoch-ages"), self.name("times")];
        let values = [millis(older_than).to_string(), most.to_string()];
        Ok(connection.script(&EPOCHS, &names, &values).await?)
    }

    /// Proves that it can be written, and that nothing is thrown away; nobody has the key `nobodys`.
    pub async fn check(&self, connection: &Connection, nobodys: &str) -> Result<(), Error> {
        let [entry, claim] = self.pair(nobodys);
        let names = [self.name("times"), self.name("ages"), entry, claim];
        let policy: String = connection.script(&CHECK, &names, &[""; 0]).await?;
        let why = || {
            format!("it throws keys away when its memory is full ({policy}): set maxmemory-policy noeviction")
        };
        if policy.is_empty() { Ok(()) } else { Err(Error::Store { why: why() }) }
    }
}

impl Row {
    fn read(key: &str, stored: &str, claim: String) -> Result<Self, Error> {
        let damaged = |why: String| Error::Damaged { file: "in the store".to_owned(), why };
        let (version, entry) = stored.split_at_checked(VERSION).unwrap_or((stored, ""));
        let entry = if stored.is_empty() {
            None
        } else {
            let read = serde_json::from_str(entry);
            Some(read.map_err(|error| damaged(format!("the entry of key {key} is not readable: {error}")))?)
        };
        Ok(Self { key: key.to_owned(), entry, claim, version: version.to_owned() })
    }
}

/// What becomes of an entry, its new value, and when it is from.
fn written(change: &Change) -> Result<[String; 3], Error> {
    let none = String::new;
    let entry = match change {
        Change::Keep => return Ok(["keep".to_owned(), none(), none()]),
        Change::Remove => return Ok(["remove".to_owned(), none(), none()]),
        Change::Put(entry) => entry,
    };
    let json = serde_json::to_string(entry).map_err(|error| Error::Store { why: error.to_string() })?;
    let value = format!("{}{json}", Uuid::new_v4().simple());
    Ok(["put".to_owned(), value, millis(entry.at()).to_string()])
}
