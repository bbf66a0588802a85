//! A walk: pages of a list that are read only to find the record behind which it goes on. Pure.

use std::mem;

use serde::{Deserialize, Serialize};

use super::page::Page;

/// Of a page of Airtable's.
pub const LARGEST_PAGE: u32 = 100;

/// How far a walk has come; at first at the beginning of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// The page to read next.
    pub next: Spot,
    /// The page on which the record was when it was given, once that one is passed.
    pub given: Option<Spot>,
}

/// Where a page begins in one iteration of Airtable's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// Airtable's offset; none at the beginning.
    pub theirs: Option<String>,
    /// How many records come before it.
    pub before: usize,
}

impl Walk {
    /// From a page that is known already.
    pub fn from(next: Spot) -> Self {
        Self { next, given: None }
    }

    /// Goes by `page`, which has not the record that was given at `position`; false where that was the last one.
    pub fn passes(&mut self, page: &Page, position: usize) -> bool {
        let before = self.next.before.saturating_add(page.len());
        let passed = mem::replace(&mut self.next, Spot { theirs: page.offset.clone(), before });
        if self.given.is_none() && before >= position.max(1) {
            self.given = Some(passed);
        }
        self.next.theirs.is_some()
    }
}

impl Spot {
    /// How large a page to read here: largest ones, and one that ends at `position`, so that the next one begins behind it.
    pub fn size(&self, position: usize) -> u32 {
        match position.saturating_sub(self.before) {
            0 => LARGEST_PAGE,
            left => u32::try_from(left).unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::{Value, json};

    use super::*;
    use crate::answer::Answer;

    fn page(count: usize, offset: Option<&str>) -> Page {
        let records: Vec<Value> = (0..count).map(|number| json!({"id": format!("rec{number}")})).collect();
        Page::of(&Answer::json(StatusCode::OK, &json!({"records": records, "offset": offset}))).unwrap()
    }

    #[test]
    fn a_walk_ends_a_page_where_the_record_was_and_knows_it_when_it_has_passed() {
        let mut walk = Walk::default();
        assert_eq!(walk.next.size(130), 100);
        assert!(walk.passes(&page(100, Some("a")), 130));
        assert_eq!((walk.next.size(130), &walk.given), (30, &None));
        assert!(walk.passes(&page(30, Some("b")), 130));
        let given = Spot { theirs: Some("a".to_owned()), before: 100 };
        assert_eq!((walk.next.size(130), walk.given.as_ref()), (LARGEST_PAGE, Some(&given)));
        assert!(!walk.passes(&page(7, None), 130));
        assert_eq!(walk.given, Some(given));
    }
}
