//! Whether slots can be had from the store: said once when that changes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use valkey::Error;

/// Why the store gave no answer when it was asked last; none where it did.
#[derive(Debug, Default)]
pub struct CutOff(Mutex<Option<Error>>);

impl CutOff {
    /// Whether it gave none.
    pub fn is(&self) -> bool {
        self.last().is_some()
    }

    /// It gave one, or failed so.
    pub fn hear(&self, failed: Option<&Error>) {
        let mut last = self.last();
        match (&*last, failed) {
            (before, Some(error)) if before.as_ref() != Some(error) => {
                tracing::warn!(%error, "no slot is to be had from the store, nothing is sent");
            }
            (Some(_), None) => tracing::info!("slots are to be had from the store again"),
            _ => (),
        }
        *last = failed.cloned();
    }

    fn last(&self) -> MutexGuard<'_, Option<Error>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
