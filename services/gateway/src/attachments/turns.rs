//! Whose turn it is to read a record for its attachments: one at a time for each record, and few at a time in all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::{
    sync::{Mutex as Turn, OwnedMutexGuard, Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

/// Records that are read at a time.
const READS: usize = 8;
/// Records that somebody waits for.
const MOST: usize = 1024;

/// The turns of all records.
pub struct Turns {
    records: Mutex<HashMap<String, Weak<Turn<()>>>>,
    reads: Semaphore,
}

impl Turns {
    /// Nobody waits.
    pub fn new() -> Self {
        Self { records: Mutex::default(), reads: Semaphore::new(READS) }
    }

    /// The turn of one who wants a file of `record`; none where it does not come until `deadline`, or too many wait.
    pub async fn of(&self, record: &str, deadline: Instant) -> Option<OwnedMutexGuard<()>> {
        let turn = self.turn(record)?;
        timeout_at(deadline, turn.lock_owned()).await.ok()
    }

    /// A place among those that read; none where there is none until `deadline`.
    pub async fn read(&self, deadline: Instant) -> Option<SemaphorePermit<'_>> {
        timeout_at(deadline, self.reads.acquire()).await.ok()?.ok()
    }

    fn turn(&self, record: &str) -> Option<Arc<Turn<()>>> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = records.get(record).and_then(Weak::upgrade) {
            return Some(turn);
        }
        if records.len() >= MOST {
            records.retain(|_, turn| turn.strong_count() > 0);
        }
        if records.len() >= MOST {
            return None;
        }
        let turn = Arc::default();
        records.insert(record.to_owned(), Arc::downgrade(&turn));
        Some(turn)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn those_of_one_record_wait_for_each_other_until_their_deadline_and_others_do_not() {
        let (turns, deadline) = (Turns::new(), Instant::now() + Duration::from_mins(1));
        let first = turns.of("rec1", deadline).await;
        assert!(first.is_some() && turns.of("rec2", deadline).await.is_some());
        assert!(turns.of("rec1", deadline).await.is_none());
        assert_eq!(Instant::now(), deadline);
        drop(first);
        assert!(turns.of("rec1", deadline).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn few_read_at_a_time() {
        let (turns, deadline) = (Turns::new(), Instant::now() + Duration::from_mins(1));
        let mut reading = Vec::new();
        for _ in 0..READS {
            reading.extend(turns.read(deadline).await);
        }
        assert!(turns.read(deadline).await.is_none());
        assert_eq!((reading.len(), Instant::now()), (READS, deadline));
        reading.pop();
        assert!(turns.read(deadline).await.is_some());
    }

    #[tokio::test]
    async fn records_that_nobody_waits_for_any_more_make_room() {
        let (turns, now) = (Turns::new(), Instant::now());
        let mut taken = Vec::new();
        for number in 0..MOST {
            taken.extend(turns.of(&format!("rec{number}"), now).await);
        }
        assert_eq!(taken.len(), MOST);
        assert!(turns.of("another", now).await.is_none());
        taken.pop();
        assert!(turns.of("another", now).await.is_some());
    }
}
