//! Creates and upserts under keys that are on their way: their records may be there before anybody knows whose they are.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use airtable::{Cells, id::Kind};
use tokio::{sync::Notify, time::Instant};

use super::{
    cells::{Likeness, PlainText, closest},
    write::Create,
};

/// The writes under way; clones share them.
#[derive(Clone, Default)]
pub struct Flights(Arc<Shared>);

#[derive(Default)]
struct Shared {
    board: Mutex<Board>,
    landed: Notify,
}

#[derive(Default)]
struct Board {
    /// How many have departed so far.
    departed: u64,
    /// The number of a departure, and what it may bring.
    by_key: HashMap<String, (u64, Create)>,
}

/// A write under way, until this is dropped: then the ledger knows its records, or that its end is unknown.
pub struct Flight {
    flights: Flights,
    key: String,
    number: u64,
}

impl Flights {
    /// `key` is about to send what may create the records of `create`.
    pub fn depart(&self, key: &str, create: Create) -> Flight {
        let mut board = self.board();
        board.departed += 1;
        let number = board.departed;
        board.by_key.insert(key.to_owned(), (number, create));
        Flight { flights: self.clone(), key: key.to_owned(), number }
    }

    /// How many have departed so far: a record that is there now is of none that departs later.
    pub fn departed(&self) -> u64 {
        self.board().departed
    }

    /// Whether a record of `table` with these cells may be of another key's write under way, one of the first
    /// `departed`.
    pub fn may_bring(&self, key: &str, table: &str, found: &Cells, departed: u64) -> bool {
        let board = self.board();
        board.by_key.iter().any(|(other, (number, create))| {
            other != key
                && *number <= departed
                && may_be_same(table, &create.table)
                && closest(create, found, &PlainText::default()) <= Likeness::Unclear
        })
    }

    /// Waits until one of them lands, at most until `deadline`; false when it is over.
    pub async fn wait(&self, deadline: Instant) -> bool {
        // The pause is for one that landed before this began to wait.
        let pause = Instant::now() + std::time::Duration::from_secs(1);
        let landed = tokio::time::timeout_at(deadline.min(pause), self.0.landed.notified()).await;
        landed.is_ok() || Instant::now() < deadline
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Two paths of tables name different ones for sure only where both name them by id.
pub fn may_be_same(one: &str, other: &str) -> bool {
    let is_id = |path: &str| path.rsplit('/').next().is_some_and(|table| Kind::Table.names(table));
    one == other || !is_id(one) || !is_id(other)
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut board = self.flights.board();
        // Another one may have departed under the key, where the claim of this one ran out.
        if board.by_key.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            board.by_key.remove(&self.key);
        }
        drop(board);
        self.flights.0.landed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cells(name: &str) -> Cells {
        serde_json::from_value(json!({"Name": name})).unwrap()
    }

    fn create(table: &str) -> Create {
        let table = format!("/v0/appAAAAAAAAAAAAAA/{table}");
        Create { table, records: vec![cells("A")], single: true, typecast: false, by_field_id: false }
    }

    #[test]
    fn a_create_under_way_may_bring_records_like_its_own_to_other_keys() {
        let (flights, table) = (Flights::default(), create("Deals").table);
        let flight = flights.depart("other", create("Deals"));
        assert!(flights.may_bring("mine", &table, &cells("A"), 1));
        assert!(!flights.may_bring("mine", &table, &cells("B"), 1));
        assert!(!flights.may_bring("other", &table, &cells("A"), 1));
        drop(flight);
        assert!(!flights.may_bring("mine", &table, &cells("A"), 1));
    }

    #[test]
    fn one_that_lands_leaves_the_next_one_of_its_key_under_way() {
        let (flights, table) = (Flights::default(), create("Deals").table);
        let first = flights.depart("other", create("Deals"));
        let second = flights.depart("other", create("Deals"));
        drop(first);
        assert!(flights.may_bring("mine", &table, &cells("A"), 2));
        drop(second);
        assert!(!flights.may_bring("mine", &table, &cells("A"), 2));
    }

    #[test]
    fn what_departs_later_did_not_bring_what_is_there_already() {
        let (flights, table) = (Flights::default(), create("Deals").table);
        let seen = flights.departed();
        let _flight = flights.depart("other", create("Deals"));
        assert!(!flights.may_bring("mine", &table, &cells("A"), seen));
        assert!(flights.may_bring("mine", &table, &cells("A"), flights.departed()));
    }

    #[test]
    fn tables_are_told_apart_by_their_ids_only() {
        let flights = Flights::default();
        let _flight = flights.depart("other", create("tblAAAAAAAAAAAAAA"));
        for (table, expected) in [("tblAAAAAAAAAAAAAA", true), ("tblBBBBBBBBBBBBBB", false), ("Deals", true)]
        {
            let table = create(table).table;
            assert_eq!(flights.may_bring("mine", &table, &cells("A"), 1), expected, "{table}");
        }
    }
}
