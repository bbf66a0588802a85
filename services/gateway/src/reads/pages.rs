//! Lists page by page, with the gateway's own offsets: they go on where Airtable's have been forgotten.
//!
//! Where Airtable does not know an iterator any more, or this process does not know Airtable's offset, the list is begun
//! again and read up to the record that was given last; where that one is gone, up to where it was.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use airtable::{Error, id::Kind};
use http::StatusCode;
use lru::LruCache;

use super::{
    form,
    offset::Offset,
    page::{self, Page},
    question::List,
};
use crate::{
    answer::Answer,
    delivery::{Delivery, Undelivered, retry::Care, upstream::Request},
    queue::caller::Caller,
};

/// Offsets of Airtable that are remembered, by ours; about 200 bytes each.
const MOST_OFFSETS: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
const LARGEST_PAGE: u32 = 100;

/// The way to pages of records.
pub struct Pages {
    delivery: Delivery,
    /// By our offset.
    theirs: Mutex<LruCache<String, String>>,
}

/// A page that was read in order to find where to go on.
struct Walked {
    answer: Answer,
    page: Page,
    /// How many records came before it.
    before: usize,
}

impl Pages {
    /// Pages that come by `delivery`.
    pub fn new(delivery: Delivery) -> Self {
        Self { delivery, theirs: Mutex::new(LruCache::new(MOST_OFFSETS)) }
    }

    /// The page that `request` asks for, which is `list`.
    pub async fn read(&self, request: &Request, list: &List, caller: &Caller) -> Result<Answer, Undelivered> {
        let Some(text) = &list.offset else {
            let answer = self.send(request, list, caller).await?;
            return Ok(self.passed_on(answer, list, &beginning(), 0));
        };
        let Some(offset) = Offset::read(text, &list.fingerprint) else { return Ok(invalid(text)) };
        let theirs = self.theirs().get(text).cloned();
        if let Some(theirs) = theirs {
            let answer = self.send(&form::page(request, Some(&theirs), None), list, caller).await?;
            if !page::is_offset_gone(&answer) {
                let before = offset.position;
                return Ok(self.passed_on(answer, list, &offset, before));
            }
        }
        self.begin_again(request, list, &offset, caller).await
    }

    /// Reads the list from its beginning up to where `offset` is, and the page after that.
    async fn begin_again(
        &self,
        request: &Request,
        list: &List,
        offset: &Offset,
        caller: &Caller,
    ) -> Result<Answer, Undelivered> {
        tracing::debug!(position = offset.position, "an iteration that is gone is begun again");
        let position = usize::try_from(offset.position).unwrap_or(usize::MAX);
        let (mut theirs, mut before, mut last_given) = (None, 0, None);
        loop {
            let size = skipped_at_once(position, before);
            let asked = form::page(request, theirs.as_deref(), Some(size));
            let answer = self.send(&asked, list, caller).await?;
            let Some(page) = Page::of(&answer) else { return Ok(answer) };
            let (place, next, count) = (page.place(&offset.record), page.offset.clone(), page.len());
            let walked = Walked { answer, page, before };
            if let Some(place) = place {
                return self.go_on(request, list, walked, place + 1, offset, caller).await;
            }
            before += count;
            if last_given.is_none() && before >= position.max(1) {
                last_given = Some((asked, walked.before));
            }
            let Some(next) = next else { break };
            theirs = Some(next);
        }
        // The record is gone, and with it the list is one shorter than it was there.
        let Some((asked, before)) = last_given else { return Ok(last_page()) };
        let answer = self.send(&asked, list, caller).await?;
        let Some(page) = Page::of(&answer) else { return Ok(answer) };
        let from = position.saturating_sub(1).saturating_sub(before);
        self.go_on(request, list, Walked { answer, page, before }, from, offset, caller).await
    }

    /// What follows the first `from` records of a page: the rest of it, or the next one.
    async fn go_on(
        &self,
        request: &Request,
        list: &List,
        walked: Walked,
        from: usize,
        offset: &Offset,
        caller: &Caller,
    ) -> Result<Answer, Undelivered> {
        let Walked { answer, page, before } = walked;
        let wanted =
            list.page_size.as_ref().and_then(serde_json::Value::as_u64).unwrap_or(LARGEST_PAGE.into());
        let wanted = usize::try_from(wanted.clamp(1, LARGEST_PAGE.into())).unwrap_or(1);
        let (rest, position) = (page.len().saturating_sub(from), count(before + from));
        match page.offset.clone() {
            None if rest == 0 => Ok(last_page()),
            Some(theirs) if rest == 0 => {
                // No room is waited for while this one has some.
                drop(answer);
                let answer = self.send(&form::page(request, Some(&theirs), None), list, caller).await?;
                Ok(self.passed_on(answer, list, offset, position))
            }
            theirs => {
                let given = page.part(from, wanted);
                if rest <= wanted && theirs.is_none() {
                    return Ok(page::part(answer, from, wanted, None));
                }
                let ours = ours(list, offset, &given, position);
                // Airtable's offset is behind the whole page.
                if let Some(theirs) = theirs.filter(|_| rest <= wanted) {
                    self.theirs().put(ours.clone(), theirs);
                }
                Ok(page::part(answer, from, wanted, Some(&ours)))
            }
        }
    }

    /// A page of Airtable's with our offset, given after so many records.
    fn passed_on(&self, answer: Answer, list: &List, previous: &Offset, before: u32) -> Answer {
        if !page::may_go_on(&answer) {
            return answer;
        }
        let Some(page) = Page::of(&answer) else { return answer };
        let Some(theirs) = &page.offset else { return answer };
        let ours = ours(list, previous, &page, before);
        self.theirs().put(ours.clone(), theirs.clone());
        page::with_offset(answer, theirs, &ours)
    }

    async fn send(&self, request: &Request, list: &List, caller: &Caller) -> Result<Answer, Undelivered> {
        self.delivery.send(&form::sendable(request, list), Care::Read, caller).await
    }

    fn theirs(&self) -> MutexGuard<'_, LruCache<String, String>> {
        self.theirs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Before the first page.
fn beginning() -> Offset {
    let iteration = Offset::new_iteration(fastrand::u32(..));
    Offset { position: 0, iteration, record: "rec00000000000000".to_owned() }
}

/// The offset behind `page`, which was given after `before` records.
fn ours(list: &List, previous: &Offset, page: &Page, before: u32) -> String {
    let record = page.last().unwrap_or(&previous.record).to_owned();
    let position = before.saturating_add(count(page.len()));
    Offset { position, iteration: previous.iteration, record }.text(&list.fingerprint)
}

/// Largest pages, and one that ends where the last record was given, so that the next one begins behind it.
fn skipped_at_once(position: usize, before: usize) -> u32 {
    match position.saturating_sub(before) {
        0 => LARGEST_PAGE,
        left => count(left).min(LARGEST_PAGE),
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Nothing is left.
fn last_page() -> Answer {
    Answer::json(StatusCode::OK, &serde_json::json!({"records": []}))
}

/// Airtable's 422 for an offset that was not given for this list; what it says of one in the right shape makes clients begin
/// again.
fn invalid(offset: &str) -> Answer {
    let is_shaped = offset
        .split_once('/')
        .is_some_and(|(iterator, record)| Kind::Iterator.names(iterator) && Kind::Record.names(record));
    let error = if is_shaped { Error::IteratorNotAvailable } else { Error::InvalidOffset(offset.to_owned()) };
    error.into()
}
