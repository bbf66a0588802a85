//! Where Airtable goes on for offsets of ours: remembered by this process, and in the store that replicas share.
//!
//! Nothing is wrong without it, only dearer: whoever does not know a place walks there.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lru::LruCache;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use valkey::{Error, Script, Valkey, cmd};

use super::walk::Walk;

/// Places that are remembered, each here and in the store; a few hundred bytes each.
const MOST: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
/// In the store. Airtable forgets iterators sooner or later; it does not say when.
const LIFETIME: Duration = Duration::from_mins(10);
/// How long a page waits for the store.
const WITHIN: Duration = Duration::from_millis(200);

/// How far an iterator of Airtable's has led towards an offset of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// Airtable's offset there.
    Reached(String),
    OnTheWay(Walk),
}

/// Places by offsets of ours.
pub struct Places {
    own: Mutex<LruCache<String, Place>>,
    shared: Option<Shared>,
}

struct Shared {
    store: Valkey,
    script: Script,
    keys: [String; 2],
}

impl Places {
    /// Of this process alone.
    pub fn own() -> Self {
        Self { own: Mutex::new(LruCache::new(MOST)), shared: None }
    }

    /// Those that replicas share in `store` for `base`.
    pub fn shared(store: Valkey, base: &str) -> Self {
        let key = format!("pyairtable:{{{base}}}:offsets");
        let keys = [key.clone(), format!("{key}:ends")];
        let shared = Shared { store, script: Script::new(include_str!("keep.lua")), keys };
        Self { shared: Some(shared), ..Self::own() }
    }

    /// The place for `ours`: as replicas know it, or else as this process does.
    pub async fn find(&self, ours: &str) -> Option<Place> {
        if let Some(shared) = &self.shared
            && let Some(place) = in_time(shared.find(ours)).await.flatten()
        {
            return Some(place);
        }
        self.remembered().get(ours).cloned()
    }

    /// From now on this is the place for `ours`.
    pub async fn keep(&self, ours: &str, place: Place) {
        self.remembered().put(ours.to_owned(), place.clone());
        if let Some(shared) = &self.shared {
            in_time(shared.keep(ours, &place, MOST.get())).await;
        }
    }

    fn remembered(&self) -> MutexGuard<'_, LruCache<String, Place>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    async fn find(&self, ours: &str) -> Result<Option<Place>, Error> {
        let [places, _] = &self.keys;
        let found: Option<Vec<u8>> = self.store.command(cmd("HGET").arg(places).arg(ours)).await?;
        // Another version of the gateway may have written it differently.
        Ok(found.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    async fn keep(&self, ours: &str, place: &Place, most: usize) -> Result<(), Error> {
        let place = serde_json::to_string(place).unwrap_or_default();
        let (lifetime, most) = (LIFETIME.as_millis().to_string(), most.to_string());
        let args = [ours, &place, &lifetime, &most];
        self.store.script::<u8>(&self.script, &self.keys, &args).await.map(|_| ())
    }
}

/// What the store did in time.
async fn in_time<T>(call: impl Future<Output = Result<T, Error>>) -> Option<T> {
    let done = timeout(WITHIN, call).await.unwrap_or(Err(Error::TimedOut));
    done.inspect_err(|error| tracing::debug!(%error, "replicas do not share where a list goes on")).ok()
}

#[cfg(test)]
mod tests;
