//! The keys that are claimed in a process whose ledger is its own.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

/// The set of them; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Claimed(Arc<Mutex<HashSet<Arc<str>>>>);

impl Claimed {
    pub fn contains(&self, key: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    /// Claims `key`. Only the writer calls it, and only after it found the key unclaimed.
    pub fn take(&self, key: &str) -> Taken {
        let key: Arc<str> = key.into();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        Taken { key, claimed: self.clone() }
    }
}

/// A key in the set; leaves it on drop.
#[derive(Debug)]
pub struct Taken {
    pub key: Arc<str>,
    claimed: Claimed,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.claimed.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
