//! Files that are known to be gone, so that a dead link is not looked for at each request. No clock, no locks.

use std::{num::NonZeroUsize, time::Duration};

use lru::LruCache;
use tokio::time::Instant;

use super::super::marks::{Marks, Reading};
use crate::links::reference::Reference;

/// Others may put a file back without being heard of.
const LONGEST: Duration = Duration::from_mins(10);
/// Files that are remembered, of about 200 bytes each.
const MOST: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// By what their links name.
pub struct Gone(LruCache<String, Reading>);

impl Gone {
    /// None yet.
    pub fn new() -> Self {
        Self(LruCache::new(MOST))
    }

    /// This read did not come to the file.
    pub fn note(&mut self, reference: &Reference<'_>, seen: Reading) {
        self.0.put(key(reference), seen);
    }

    /// Whether it was gone of late, and nothing was written since that may have brought it back.
    pub fn has(&mut self, reference: &Reference<'_>, marks: &Marks, now: Instant) -> bool {
        let seen = self.0.get(&key(reference));
        seen.is_some_and(|seen| now.saturating_duration_since(seen.begun()) < LONGEST && marks.holds(seen))
    }
}

/// With the table: by its old name a record is not found, by its id it is.
fn key(reference: &Reference<'_>) -> String {
    let Reference { table, record, attachment, size, .. } = reference;
    format!("{table}/{record}/{attachment}/{}", size.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        links::cells::Size,
        reads::scope::{Scope, Touch},
    };

    #[test]
    fn a_file_is_gone_for_ten_minutes_or_until_its_table_is_written() {
        let table = || "Deals".to_owned();
        let (mut gone, mut marks, now) = (Gone::new(), Marks::default(), Instant::now());
        let file = Reference {
            table: "Deals",
            record: "rec1",
            attachment: "att1",
            size: Size::Small,
            file_name: "a.png",
        };
        assert!(!gone.has(&file, &marks, now));
        gone.note(&file, marks.read(&Scope::Table(table()), now));
        assert!(gone.has(&file, &marks, now + LONGEST - Duration::from_secs(1)));
        assert!(!gone.has(&file, &marks, now + LONGEST));
        for other in [Reference { table: "tbl1", ..file }, Reference { size: Size::Full, ..file }] {
            assert!(!gone.has(&other, &marks, now), "{other:?}");
        }
        marks.changed(&Touch::Table(table()));
        assert!(!gone.has(&file, &marks, now));
    }
}
