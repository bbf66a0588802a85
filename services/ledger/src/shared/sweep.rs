//! Forgets what is old, step by step, and that it was forgotten.

use jiff::Timestamp;

use super::{
    Shared,
    table::{Claiming, Row},
};
use crate::{
    Error, Intent,
    decide::{Change, is_forgettable},
};

/// How many keys one step looks at, and how much of entries it reads, so that others get their turn in between and it is
/// here in time.
const STEP: usize = 100;
const BYTES: usize = 1 << 20;

impl Shared {
    /// Forgets entries, and epochs; returns how many entries.
    pub async fn sweep(
        &self,
        older_than: Timestamp,
        is_over: impl Fn(&Intent) -> bool,
    ) -> Result<u64, Error> {
        let (mut forgotten, mut kept, mut missed) = (0, 0, 0);
        loop {
            let connection = self.connected().await?;
            let mut old = self.0.table.old(&connection, older_than, kept, STEP).await?;
            if old.is_empty() {
                break;
            }
            old.truncate(first(&self.0.table.sizes(&connection, &old).await?));
            let (read, _) = self.read(&connection, &old).await?;
            let is_old = |row: &Row| {
                let forgettable = |entry| is_forgettable(entry, older_than, &is_over);
                !self.is_claimed(&row.claim) && row.entry.as_ref().is_some_and(forgettable)
            };
            let change = |row| if is_old(row) { Change::Remove } else { Change::Keep };
            let changes: Vec<Change> = read.rows.iter().map(change).collect();
            let gone = changes.iter().filter(|change| **change == Change::Remove).count();
            let swept = (gone > 0).then_some(older_than);
            if self.0.table.write(&connection, &read, &changes, Claiming::Leave, swept).await? {
                forgotten += gone as u64;
                kept += old.len() - gone;
            } else {
                missed += 1;
            }
            if missed > super::MOST_TRIES {
                return Err(Error::Store {
                    why: "others changed what was to be swept all the time".to_owned(),
                });
            }
        }
        while self.0.table.forget_epochs(&self.connected().await?, older_than, STEP).await? > 0 {}
        Ok(forgotten)
    }
}

/// How many entries of these sizes one step reads: one at least.
fn first(sizes: &[usize]) -> usize {
    let mut bytes = 0;
    let fits = |size: &&usize| {
        bytes += **size;
        bytes <= BYTES
    };
    sizes.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_reads_what_fits_and_something_always() {
        for (sizes, expected) in
            [(vec![], 1), (vec![8 * BYTES, 1], 1), (vec![BYTES / 2, BYTES / 2, 1], 2), (vec![1; STEP], STEP)]
        {
            assert_eq!(first(&sizes), expected, "{sizes:?}");
        }
    }
}
