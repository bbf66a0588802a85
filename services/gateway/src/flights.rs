//! Creates under keys that are on their way: their records may be there before anybody knows whose they are.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use airtable::Cells;
use tokio::{sync::Notify, time::Instant};

use crate::{
    cells::{Likeness, closest},
    write::Create,
};

/// The creates under way; clones share them.
#[derive(Clone, Default)]
pub struct Flights(Arc<Shared>);

#[derive(Default)]
struct Shared {
    by_key: Mutex<HashMap<String, Create>>,
    landed: Notify,
}

/// A create under way, until this is dropped: then the ledger knows its records, or that its end is unknown.
pub struct Flight {
    flights: Flights,
    key: String,
}

impl Flights {
    /// `key` is about to send `create`.
    pub fn depart(&self, key: &str, create: Create) -> Flight {
        self.all().insert(key.to_owned(), create);
        Flight { flights: self.clone(), key: key.to_owned() }
    }

    /// Whether a record with these cells may be of another key's create under way.
    pub fn may_bring(&self, key: &str, found: &Cells) -> bool {
        let all = self.all();
        all.iter().any(|(other, create)| other != key && closest(create, found) <= Likeness::Unclear)
    }

    /// Waits until one of them lands, at most until `deadline`; false when it is over.
    pub async fn wait(&self, deadline: Instant) -> bool {
        // The pause is for one that landed before this began to wait.
        let pause = Instant::now() + std::time::Duration::from_secs(1);
        let landed = tokio::time::timeout_at(deadline.min(pause), self.0.landed.notified()).await;
        landed.is_ok() || Instant::now() < deadline
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Create>> {
        self.0.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flights.all().remove(&self.key);
        self.flights.0.landed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_create_under_way_may_bring_records_like_its_own_to_other_keys() {
        let cells = |name: &str| -> Cells { serde_json::from_value(json!({"Name": name})).unwrap() };
        let create = Create {
            table: String::new(),
            records: vec![cells("A")],
            single: true,
            typecast: false,
            by_field_id: false,
        };
        let flights = Flights::default();
        let flight = flights.depart("other", create);
        assert!(flights.may_bring("mine", &cells("A")));
        assert!(!flights.may_bring("mine", &cells("B")));
        assert!(!flights.may_bring("other", &cells("A")));
        drop(flight);
        assert!(!flights.may_bring("mine", &cells("A")));
    }
}
