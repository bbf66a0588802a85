//! Lists page by page, with the gateway's own offsets: they go on where Airtable's have been forgotten.
//!
//! Where Airtable does not know an iterator any more, or nobody knows Airtable's offset, the list is begun again and read
//! up to the record that was given last; where that one is gone, up to where it was. A walk that is cut short goes on
//! where it was when the same page is asked for again.

use std::mem;

use airtable::{Error, id::Kind};
use http::StatusCode;

use super::{
    form,
    offset::Offset,
    page::{self, Page},
    places::{Place, Places},
    question::List,
    walk::{LARGEST_PAGE, Spot, Walk},
};
use crate::{
    answer::Answer,
    delivery::{Delivery, Undelivered, retry::Care, upstream::Request},
    queue::caller::Caller,
};

/// The way to pages of records.
pub struct Pages {
    delivery: Delivery,
    places: Places,
}

/// A page that a client asks for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    request: &'a Request,
    list: &'a List,
    caller: &'a Caller,
}

/// A page that was read in order to find where to go on.
struct Walked {
    answer: Answer,
    page: Page,
    spot: Spot,
}

impl Pages {
    /// Pages that come by `delivery`, after places that are known.
    pub fn new(delivery: Delivery, places: Places) -> Self {
        Self { delivery, places }
    }

    /// The page that `request` asks for, which is `list`.
    pub async fn read(&self, request: &Request, list: &List, caller: &Caller) -> Result<Answer, Undelivered> {
        let asked = Asked { request, list, caller };
        let Some(text) = &list.offset else {
            let answer = self.send(request, asked).await?;
            return Ok(self.passed_on(answer, list, &beginning(), 0).await);
        };
        let Some(offset) = Offset::read(text, &list.fingerprint) else { return Ok(invalid(text)) };
        let walk = match self.places.find(text).await {
            Some(Place::Reached(theirs)) => {
                let answer = self.send(&form::page(request, Some(&theirs), None), asked).await?;
                if !page::is_offset_gone(&answer) {
                    let before = offset.position;
                    return Ok(self.passed_on(answer, list, &offset, before).await);
                }
                None
            }
            Some(Place::OnTheWay(walk)) => Some(walk),
            None => None,
        };
        self.walk(asked, text, &offset, walk).await
    }

    /// Reads the list up to where `offset` is, from where `begun` is or from its beginning, and the page after that.
    async fn walk(
        &self,
        asked: Asked<'_>,
        text: &str,
        offset: &Offset,
        begun: Option<Walk>,
    ) -> Result<Answer, Undelivered> {
        let (mut is_resumed, mut walk) = (begun.is_some(), begun.unwrap_or_default());
        let position = usize::try_from(offset.position).unwrap_or(usize::MAX);
        tracing::debug!(position, from = walk.next.before, "an iteration that is gone is begun again");
        loop {
            let answer = self.page_at(&walk.next, position, asked).await?;
            if page::is_offset_gone(&answer) && mem::take(&mut is_resumed) {
                walk = Walk::default();
                continue;
            }
            let Some(page) = Page::of(&answer) else { return Ok(answer) };
            if let Some(place) = page.place(&offset.record) {
                let walked = Walked { answer, page, spot: walk.next };
                return self.go_on(asked, walked, place + 1, offset).await;
            }
            drop(answer);
            if !walk.passes(&page, position) {
                break;
            }
            self.places.keep(text, Place::OnTheWay(walk.clone())).await;
        }
        // The record is gone, and with it the list is one shorter than it was there.
        let Some(spot) = walk.given else { return Ok(last_page()) };
        let answer = self.page_at(&spot, position, asked).await?;
        let Some(page) = Page::of(&answer) else { return Ok(answer) };
        let from = position.saturating_sub(1).saturating_sub(spot.before);
        self.go_on(asked, Walked { answer, page, spot }, from, offset).await
    }

    /// What follows the first `from` records of a page: the rest of it, or the next one.
    async fn go_on(
        &self,
        asked: Asked<'_>,
        walked: Walked,
        from: usize,
        offset: &Offset,
    ) -> Result<Answer, Undelivered> {
        let Walked { answer, page, spot } = walked;
        let list = asked.list;
        let wanted =
            list.page_size.as_ref().and_then(serde_json::Value::as_u64).unwrap_or(LARGEST_PAGE.into());
        let wanted = usize::try_from(wanted.clamp(1, LARGEST_PAGE.into())).unwrap_or(1);
        let (rest, position) = (page.len().saturating_sub(from), count(spot.before.saturating_add(from)));
        let place = match page.offset.clone() {
            None if rest == 0 => return Ok(last_page()),
            Some(theirs) if rest == 0 => {
                // No room is waited for while this one has some.
                drop(answer);
                let answer = self.send(&form::page(asked.request, Some(&theirs), None), asked).await?;
                return Ok(self.passed_on(answer, list, offset, position).await);
            }
            None if rest <= wanted => return Ok(page::part(answer, from, wanted, None)),
            Some(theirs) if rest <= wanted => Place::Reached(theirs),
            // Airtable's offset is behind the whole page, of which there is more to give.
            _ => Place::OnTheWay(Walk::from(spot)),
        };
        let ours = ours(list, offset, &page.part(from, wanted), position);
        self.places.keep(&ours, place).await;
        Ok(page::part(answer, from, wanted, Some(&ours)))
    }

    /// A page of Airtable's with our offset, given after so many records.
    async fn passed_on(&self, answer: Answer, list: &List, previous: &Offset, before: u32) -> Answer {
        if !page::may_go_on(&answer) {
            return answer;
        }
        let Some(page) = Page::of(&answer) else { return answer };
        let Some(theirs) = &page.offset else { return answer };
        let ours = ours(list, previous, &page, before);
        self.places.keep(&ours, Place::Reached(theirs.clone())).await;
        page::with_offset(answer, theirs, &ours)
    }

    /// The page at `spot` of a walk to `position`.
    async fn page_at(&self, spot: &Spot, position: usize, asked: Asked<'_>) -> Result<Answer, Undelivered> {
        self.send(&form::page(asked.request, spot.theirs.as_deref(), Some(spot.size(position))), asked).await
    }

    async fn send(&self, request: &Request, asked: Asked<'_>) -> Result<Answer, Undelivered> {
        self.delivery.send(&form::sendable(request, asked.list), Care::Read, asked.caller).await
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
