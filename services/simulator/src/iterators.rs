//! Listings that span pages: which records are still to come, kept for a while.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use airtable::{Error, id::Kind};
use jiff::{SignedDuration, Timestamp};

use crate::world::new_id;

/// An iteration that nobody continued for so long is forgotten. Airtable speaks of minutes.
const LIFE: SignedDuration = SignedDuration::from_mins(10);

/// Most records that all iterations together remember; the oldest iterations go first.
const MOST_IDS: usize = 500_000;

/// The iterations that go on.
#[derive(Debug, Default)]
pub struct Iterators(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_id: HashMap<String, Iteration>,
    oldest_first: VecDeque<String>,
    ids_held: usize,
}

#[derive(Debug)]
struct Iteration {
    table: String,
    records: Arc<[String]>,
    used: Timestamp,
}

impl Iterators {
    /// Keeps the records of a listing of `table`; answers the iterator's id.
    pub fn begin(&self, table: &str, records: Arc<[String]>, now: Timestamp) -> String {
        let id = new_id(Kind::Iterator);
        let mut kept = self.kept();
        kept.ids_held += records.len();
        kept.oldest_first.push_back(id.clone());
        kept.by_id.insert(id.clone(), Iteration { table: table.to_owned(), records, used: now });
        while kept.ids_held > MOST_IDS && kept.oldest_first.len() > 1 {
            if let Some(oldest) = kept.oldest_first.pop_front() {
                kept.forget(&oldest);
            }
        }
        id
    }

    /// The iterator, its records and the place where to go on: `itr…/rec…`, the second being the first of the next page.
    pub fn resume(
        &self,
        offset: &str,
        table: &str,
        now: Timestamp,
    ) -> Result<(String, Arc<[String]>, usize), Error> {
        let (iterator, record) = offset
            .split_once('/')
            .filter(|(iterator, record)| Kind::Iterator.names(iterator) && record.starts_with("rec"))
            .ok_or_else(|| Error::InvalidOffset(offset.to_owned()))?;
        let mut kept = self.kept();
        let iteration = kept.by_id.get_mut(iterator).ok_or(Error::IteratorNotAvailable)?;
        if iteration.table != table || now.duration_since(iteration.used) > LIFE {
            return Err(Error::IteratorNotAvailable);
        }
        iteration.used = now;
        let place =
            iteration.records.iter().position(|id| id == record).ok_or(Error::IteratorNotAvailable)?;
        Ok((iterator.to_owned(), iteration.records.clone(), place))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget(&mut self, id: &str) {
        if let Some(iteration) = self.by_id.remove(id) {
            self.ids_held -= iteration.records.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn an_iteration_goes_on_at_the_named_record_and_ends_with_its_life() {
        let iterators = Iterators::default();
        let id = iterators.begin("tbl", ["rec1", "rec2", "rec3"].map(str::to_owned).into(), NOW);
        let offset = format!("{id}/rec2");
        assert_eq!(iterators.resume(&offset, "tbl", NOW).unwrap().2, 1);
        assert_eq!(iterators.resume(&offset, "tblOther", NOW), Err(Error::IteratorNotAvailable));
        assert_eq!(iterators.resume(&offset, "tbl", NOW + LIFE * 2), Err(Error::IteratorNotAvailable));
        assert_eq!(iterators.resume("5", "tbl", NOW), Err(Error::InvalidOffset("5".into())));
    }

    #[test]
    fn the_oldest_iterations_go_first_when_memory_is_full() {
        let iterators = Iterators::default();
        let many = || vec!["rec1".to_owned(); MOST_IDS / 2].into();
        let first = iterators.begin("tbl", many(), NOW);
        let second = iterators.begin("tbl", many(), NOW);
        iterators.begin("tbl", many(), NOW);
        assert!(iterators.resume(&format!("{first}/rec1"), "tbl", NOW).is_err());
        assert!(iterators.resume(&format!("{second}/rec1"), "tbl", NOW).is_ok());
    }
}
