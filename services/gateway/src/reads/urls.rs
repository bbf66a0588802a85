//! The URLs of attachments: Airtable's are remembered while they live, and clients get the gateway's own.
//!
//! What is remembered holds until the table is written to, by this gateway or heard of by it: not by another replica, as
//! answers do. Past that it is good for whoever can't get a newer one.

mod gone;

use std::{
    borrow::Cow,
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lru::LruCache;
use tokio::time::Instant;

use self::gone::Gone;
use super::{
    Reads,
    marks::{Marks, Reading},
    page,
    scope::Scope,
};
use crate::{
    answer::Answer,
    delivery::{Undelivered, retry::Care, upstream::Request},
    links::{
        Links, Wanted,
        cells::{self, Attachment, Size},
        reference::Reference,
    },
    queue::caller::Caller,
    route,
};

/// Airtable's URLs live for two hours; whoever follows one should have time to.
const LIFE: Duration = Duration::from_mins(110);
/// Attachments whose URLs are remembered, of about 2 KiB each.
const MOST: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// Airtable's URLs of attachments, by the ids of the record and the attachment.
pub struct Urls {
    links: Option<Links>,
    known: Mutex<LruCache<String, Known>>,
    gone: Mutex<Gone>,
}

/// What an answer said of an attachment.
struct Known {
    seen: Reading,
    urls: Vec<(Size, Box<str>)>,
}

/// A URL of Airtable's that still leads to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    pub url: String,
    /// Whether nothing was written since that may have taken the attachment out of its cell.
    pub holds: bool,
    seen: Reading,
}

impl Urls {
    /// No URLs yet; they are replaced in answers by `links`, where there are any.
    pub fn new(links: Option<Links>) -> Self {
        Self { links, known: Mutex::new(LruCache::new(MOST)), gone: Mutex::new(Gone::new()) }
    }

    /// A read of `target` begins, which may tell of attachments.
    pub fn reading(&self, target: &str, marks: &mut Marks, now: Instant) -> Option<Reading> {
        self.links.as_ref()?;
        let table = route::table(target)?.into_owned();
        Some(marks.read(&Scope::Table(table), now))
    }

    fn known(&self) -> MutexGuard<'_, LruCache<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gone(&self) -> MutexGuard<'_, Gone> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reads {
    /// What makes the gateway's own URLs, where that is wanted.
    pub fn links(&self) -> Option<&Links> {
        self.0.urls.links.as_ref()
    }

    /// Reads a record for the URLs of its attachments, which are known then; with what says when it was read.
    pub async fn read_attachments(
        &self,
        base: &str,
        reference: &Reference<'_>,
        caller: &Caller,
    ) -> Result<(Answer, Option<Reading>), Undelivered> {
        let [table, record] = [reference.table, reference.record].map(route::encoded);
        let request = Request::get(format!("/v0/{base}/{table}/{record}"));
        let seen = self.0.urls.reading(&request.target, &mut self.board().marks, Instant::now());
        let answer = self.0.delivery.send(&request, Care::Read, caller).await?;
        if answer.status.is_success() {
            self.0.urls.known().pop(&key(reference.record, reference.attachment));
        }
        self.with_links(&request.target, seen.clone(), answer.clone());
        Ok((answer, seen))
    }

    /// Where the file is now, as far as that is known.
    pub fn present(&self, reference: &Reference<'_>) -> Option<Present> {
        let mut known = self.0.urls.known();
        let found = known.get(&key(reference.record, reference.attachment))?;
        let is_alive = found.seen.begun().elapsed() < LIFE;
        let url = found.url(reference.size).filter(|_| is_alive)?;
        let (url, seen) = (url.to_owned(), found.seen.clone());
        drop(known);
        Some(Present { url, holds: self.board().marks.holds(&seen), seen })
    }

    /// Whether the file was gone when it was looked for of late.
    pub fn is_gone(&self, reference: &Reference<'_>) -> bool {
        let board = self.board();
        self.0.urls.gone().has(reference, &board.marks, Instant::now())
    }

    /// The record that was read then has no such file.
    pub fn note_gone(&self, reference: &Reference<'_>, seen: Option<Reading>) {
        if let Some(seen) = seen {
            self.0.urls.gone().note(reference, seen);
        }
    }

    /// This URL of Airtable's leads nowhere; a newer one may be known by now.
    pub fn forget_url(&self, reference: &Reference<'_>, present: &Present) {
        let (mut known, key) = (self.0.urls.known(), key(reference.record, reference.attachment));
        if known.peek(&key).is_some_and(|found| found.url(reference.size) == Some(&present.url)) {
            known.pop(&key);
        }
    }

    /// The answer with the URLs that are `wanted`.
    pub fn wanted(&self, wanted: Wanted, target: &str, seen: Option<Reading>, answer: Answer) -> Answer {
        match wanted {
            Wanted::Links => self.with_links(target, seen, answer),
            Wanted::Airtables => answer,
        }
    }

    /// The answer to a request for `target` with the gateway's own URLs of attachments, where that is wanted; Airtable's are known from
    /// then on where it was `seen` by a read.
    fn with_links(&self, target: &str, seen: Option<Reading>, answer: Answer) -> Answer {
        let (Some(links), Some(table)) = (self.links(), route::table(target)) else { return answer };
        if !answer.status.is_success() {
            return answer;
        }
        let before = answer.body.clone();
        let found = cells::find(&before);
        if found.is_empty() {
            return answer;
        }
        if let Some(seen) = seen {
            self.remember(links, &seen, &found);
        }
        let Some(signer) = links.signer() else { return answer };
        let id = self.board().marks.table_id(&table);
        let table = id.map_or(table, Cow::from);
        let body = cells::replace(&before, &found, |attachment, place| {
            let reference = Reference {
                table: &table,
                record: &attachment.record,
                attachment: &attachment.id,
                size: place.size,
                file_name: &attachment.file_name,
            };
            signer.url(&place.url, &reference.named())
        });
        match body {
            Some(body) => page::resized(answer, body),
            None => answer,
        }
    }

    fn remember(&self, links: &Links, seen: &Reading, found: &[Attachment<'_>]) {
        let mut known = self.0.urls.known();
        for attachment in found {
            let good = attachment.urls.iter().filter(|place| links.hosts().url(&place.url).is_some());
            let urls = good.map(|place| (place.size, Box::from(&*place.url))).collect();
            known.put(key(&attachment.record, &attachment.id), Known { seen: seen.clone(), urls });
        }
    }
}

impl Present {
    /// What says when it was read.
    pub fn seen(self) -> Reading {
        self.seen
    }
}

impl Known {
    fn url(&self, size: Size) -> Option<&str> {
        let (_, url) = self.urls.iter().find(|(known, _)| *known == size)?;
        Some(url)
    }
}

/// All ids are equally long.
fn key(record: &str, attachment: &str) -> String {
    format!("{record}{attachment}")
}
