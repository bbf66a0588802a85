//! Slots of a base and of a token, kept by a store for all replicas, by its own clock.

mod check;
mod returns;

use std::{path::PathBuf, time::Duration};

use auth::SecretFile;
use tokio::time::Instant;
use valkey::{Error, Script, Valkey};

use self::returns::Names;
pub use self::{
    check::Check,
    returns::{Desk, Slot},
};
use crate::{delivery::upstream, store::Store};

/// How long a slot may lie here before its request is sent.
pub const SENT_WITHIN: Duration = Duration::from_secs(5);
/// How long a slot is held at most, where nobody gives it back: longer than its request can be on its way.
const LEASE: Duration = SENT_WITHIN.saturating_add(upstream::TIMEOUT).saturating_add(Duration::from_secs(5));
/// A replica that waits is passed over when it comes so much later than it was told to.
const GRACE: Duration = Duration::from_millis(150);

/// How many there are, and for how long they are not to be had.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    pub of_base: usize,
    pub of_token: usize,
    pub window: Duration,
    pub lease: Duration,
    pub grace: Duration,
}

impl Terms {
    /// So many in any `window`.
    pub fn new(of_base: usize, of_token: usize, window: Duration) -> Self {
        Self { of_base, of_token, window, lease: LEASE, grace: GRACE }
    }
}

/// What the store says to one who asks for a slot.
#[derive(Debug)]
pub enum Told {
    /// Here is one; so many are used.
    Taken { slot: Slot, used: usize },
    /// There may be one after this time, of which a lock-out may be the cause.
    Wait { after: Duration, used: usize, is_lockout: bool },
}

/// The slots of one base, as one replica sees them.
pub struct Slots {
    store: Valkey,
    take: Script,
    terms: Terms,
    base: String,
    token: SecretFile,
    replica: String,
    desk: Desk,
    /// The slot asked for, by its number: asked for again where no answer came.
    asked: u64,
}

impl Slots {
    /// The slots of `base` and of the token in a file. A task gives back what is not needed any more.
    pub fn new(store: &Store, base: &str, token: PathBuf, terms: Terms) -> Self {
        Self {
            store: store.valkey.clone(),
            take: Script::new(include_str!("take.lua")),
            terms,
            base: base.to_owned(),
            token: SecretFile::new(token),
            replica: format!("{}/{:016x}", store.replica, fastrand::u64(..)),
            desk: Desk::new(store.valkey.clone(), base, terms),
            asked: 0,
        }
    }

    /// Takes a slot, or hears when to ask again.
    pub async fn take(&mut self) -> Result<Told, Error> {
        let begun = Instant::now();
        let keys = keys(&self.base, &self.token);
        let [of_base, .., of_token] = keys.clone();
        let names = Names { id: format!("{}/{}", self.replica, self.asked), of_base, of_token };
        let connection = self.store.connected().await?;
        let args = [
            names.id.clone(),
            self.replica.clone(),
            connection.run_id().to_owned(),
            self.terms.of_base.to_string(),
            self.terms.of_token.to_string(),
            microseconds(self.terms.window),
            microseconds(self.terms.lease),
            microseconds(self.terms.grace),
        ];
        let (is_taken, wait, used, is_locked): (u8, u64, usize, u8) =
            connection.script(&self.take, &keys, &args).await?;
        if is_taken == 0 {
            let after = Duration::from_micros(wait);
            return Ok(Told::Wait { after, used, is_lockout: is_locked == 1 });
        }
        self.asked += 1;
        Ok(Told::Taken { slot: self.desk.slot(names, begun), used })
    }

    /// Where slots go back to.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }
}

/// What scripts look at: slots of the base, replicas that wait, replicas by their last slot, lock-out, the server's run,
/// slots of the token. Its name is a hash, since the token is secret; without a token nothing is sent.
fn keys(base: &str, token: &SecretFile) -> [String; 6] {
    let hash = token.read().map(|token| token.hash()).unwrap_or_default();
    let half = hash.first_chunk().copied().unwrap_or_default();
    let token = format!("{:032x}", u128::from_be_bytes(half));
    let [slots, waiting, served, lockout, run] =
        ["slots", "waiting", "served", "lockout", "run"].map(|what| key(base, what));
    [slots, waiting, served, lockout, run, key(&token, "slots")]
}

/// The key of `what` of a base or token; the braces put all of one into one slot of a cluster.
fn key(of: &str, what: &str) -> String {
    format!("pyairtable:{{{of}}}:{what}")
}

fn microseconds(time: Duration) -> String {
    time.as_micros().to_string()
}

#[cfg(test)]
mod tests;
