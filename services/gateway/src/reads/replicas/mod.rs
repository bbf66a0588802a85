//! The marks of all replicas, in their store: what another one wrote counts as if this one had.
//!
//! A write is entered before it is sent and taken out when it is over; one that nobody takes out counts as over, with an
//! effect, after the longest time that a write may take.

mod named;
mod told;

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout};
use valkey::{Connection, Error, Script, Valkey};

pub use self::{named::Named, told::Told};
use super::{marks::End, places::Places};
use crate::answer::Answer;

/// How long a read waits for what others wrote; it has the time of a queue before it.
const LOOK_WITHIN: Duration = Duration::from_millis(200);
/// Between two tries to enter a write.
const PAUSE: Duration = Duration::from_millis(200);

/// The replicas of a gateway, of which this process may be the only one; clones share the store.
#[derive(Clone)]
pub struct Replicas(Option<Arc<Shared>>);

struct Shared {
    store: Valkey,
    base: String,
    script: Script,
    keys: [String; 2],
    /// In milliseconds.
    lease: String,
}

/// A write that the store knows of; none where there is no store.
#[derive(Debug)]
pub struct Entry(Option<String>);

/// The store can't be told of a write, which was not sent therefore.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the replicas of the gateway can't be told of the write, which was not sent: {0}")]
pub struct NotTold(Error);

impl Replicas {
    /// No others.
    pub fn none() -> Self {
        Self(None)
    }

    /// Those that share `store` for `base`; no write takes longer than `longest`.
    pub fn of(store: Valkey, base: &str, longest: Duration) -> Self {
        let key = format!("pyairtable:{{{base}}}:reads");
        Self(Some(Arc::new(Shared {
            store,
            base: base.to_owned(),
            script: Script::new(include_str!("marks.lua")),
            keys: [key.clone(), format!("{key}:writers")],
            lease: longest.as_millis().to_string(),
        })))
    }

    /// Whether there is no store.
    pub fn are_none(&self) -> bool {
        self.0.is_none()
    }

    /// Where lists go on, as far as they know.
    pub fn places(&self) -> Places {
        self.0.as_ref().map_or_else(Places::own, |shared| Places::shared(shared.store.clone(), &shared.base))
    }

    /// How the marks of a read stand.
    pub async fn look(&self, at: &Named) -> Told {
        let Some(shared) = self.0.as_ref().filter(|_| !at.is_nothing()) else { return Told::Alone };
        let looked = timeout(LOOK_WITHIN, shared.look(at)).await;
        looked.unwrap_or(Err(Error::TimedOut)).unwrap_or_else(|error| {
            tracing::debug!(%error, "what other replicas wrote is not known");
            Told::Silence
        })
    }

    /// A write is about to be sent; tried until then.
    pub async fn begin(&self, to: &Named, until: Instant) -> Result<Entry, NotTold> {
        let Some(shared) = self.0.as_ref().filter(|_| !to.is_nothing()) else { return Ok(Entry(None)) };
        loop {
            match shared.call("begin", &to.texts()).await {
                Ok(writer) => return Ok(Entry(Some(writer))),
                Err(error) if Instant::now() + PAUSE >= until => return Err(NotTold(error)),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// A write ended. Where that can't be told, it counts as under way until the longest time is over.
    pub async fn end(&self, entry: Entry, to: &Named, end: End) {
        let (Some(shared), Entry(Some(writer))) = (&self.0, entry) else { return };
        let how = match end {
            End::WithoutEffect => "withoutEffect",
            End::Done => "done",
            End::Doubtful(_) => "doubtful",
        };
        let [view, fine, coarse] = to.texts();
        let ended: Result<u64, Error> =
            shared.call("end", &[view, fine, coarse, writer, how.to_owned()]).await;
        if let Err(error) = ended {
            tracing::warn!(%error, "other replicas do not know yet that a write has ended");
        }
    }

    /// Somebody else wrote.
    pub async fn changed(&self, to: &Named) -> Result<(), NotTold> {
        let Some(shared) = &self.0 else { return Ok(()) };
        shared.call::<u64>("changed", &to.texts()).await.map_err(NotTold).map(|_| ())
    }

    /// The tables have this digest, as they were asked for at `then`; false where they may be other ones by now.
    pub async fn learn(&self, then: &Told, view: &str) -> bool {
        match (&self.0, then) {
            (None, _) => true,
            (Some(shared), Told::Standing(then)) => {
                let args = [view.to_owned(), then.run.to_string(), then.tick.to_string()];
                shared.call("learn", &args).await == Ok(1)
            }
            (Some(_), _) => false,
        }
    }
}

impl Shared {
    async fn look(&self, at: &Named) -> Result<Told, Error> {
        let connection = self.store.connected().await?;
        let told: Vec<u64> = self.call_on(&connection, "look", &at.texts()).await?;
        Ok(Told::of(connection.run_id(), &told))
    }

    async fn call<T: valkey::FromRedisValue>(&self, what: &str, args: &[String]) -> Result<T, Error> {
        self.call_on(&self.store.connected().await?, what, args).await
    }

    async fn call_on<T: valkey::FromRedisValue>(
        &self,
        connection: &Connection,
        what: &str,
        args: &[String],
    ) -> Result<T, Error> {
        let head = [what, connection.run_id(), &self.lease];
        let args: Vec<&str> = head.into_iter().chain(args.iter().map(String::as_str)).collect();
        connection.script(&self.script, &self.keys, &args).await
    }
}

impl From<NotTold> for Answer {
    fn from(not_told: NotTold) -> Self {
        Self::later("GATEWAY_STORE_UNAVAILABLE", &not_told.to_string(), 5)
    }
}

#[cfg(test)]
mod tests;
