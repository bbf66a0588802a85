//! `/attachments/…`: files of attachments under URLs that don't expire, streamed from where Airtable keeps them.
//!
//! Who has such a URL may read the file, as with Airtable's own. Where the file is now, an answer said of late, or the record
//! is read for it; there is no copy of the file here.

mod content;
mod turns;

use std::time::Duration;

use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use prometheus::IntCounterVec;
use telemetry::metrics::Metrics as Registry;
use tokio::time::Instant;

use self::{
    content::{Content, Fetched, unavailable},
    turns::Turns,
};
use crate::{
    Gateway,
    answer::Answer,
    config::Error,
    delivery::retry::Outcome,
    links::{cells::Size, reference::Reference},
    queue::caller::Caller,
    reads::Present,
};

/// How long somebody waits for a record to be read, those before it included.
const DEADLINE: Duration = Duration::from_mins(1);
/// So long caches may say that a file is gone, which comes back where somebody undoes what was done.
const GONE: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// Serves the files of attachments.
pub struct Attachments {
    content: Content,
    turns: Turns,
    requests: IntCounterVec,
}

/// The route.
pub fn routes() -> Router<Gateway> {
    let path = "/attachments/{table}/{record}/{attachment}/{size}/{mac}/{name}";
    Router::new().route(path, get(serve))
}

type Parts = Path<(String, String, String, String, String, String)>;

async fn serve(State(gateway): State<Gateway>, Path(parts): Parts, headers: HeaderMap) -> Response {
    let (table, record, attachment, size, mac, file_name) = &parts;
    let reference = |size| Reference { table, record, attachment, size, file_name };
    let reference = Size::named(size).map(reference).zip(gateway.reads().links());
    let signed = reference.map(|(reference, links)| (reference, links.verifies(&reference, mac)));
    let (outcome, response) = match signed {
        None | Some((_, Some(false))) => ("forged", Answer::not_found().into_response()),
        Some((_, None)) => ("unavailable", unavailable("this gateway has no keys for links").into_response()),
        Some((reference, Some(true))) => {
            match gateway.attachments().answer(&gateway, &reference, &headers).await {
                Ok(response) if response.status() == StatusCode::NOT_MODIFIED => ("notModified", response),
                Ok(response) => ("served", response),
                Err(answer) if answer.status == StatusCode::NOT_FOUND => ("gone", answer.into_response()),
                Err(answer) => ("unavailable", answer.into_response()),
            }
        }
    };
    gateway.attachments().requests.with_label_values(&[outcome]).inc();
    let mut response = response;
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(no_store);
    response
}

impl Attachments {
    /// Nothing is fetched yet.
    ///
    /// # Errors
    /// When the client for Airtable's content can't be made, or the metrics are there already.
    pub fn new(registry: &Registry) -> Result<Self, Error> {
        let requests = registry.counter(
            "gateway_attachments_total",
            "Requests for files of attachments, by what became of them: served, notModified, forged, gone, unavailable.",
            &["outcome"],
        )?;
        for outcome in ["served", "notModified", "forged", "gone", "unavailable"] {
            requests.with_label_values(&[outcome]);
        }
        let content = Content::new().map_err(Error::Upstream)?;
        Ok(Self { content, turns: Turns::new(), requests })
    }

    async fn answer(
        &self,
        gateway: &Gateway,
        reference: &Reference<'_>,
        headers: &HeaderMap,
    ) -> Result<Response, Answer> {
        let (reads, deadline) = (gateway.reads(), Instant::now() + DEADLINE);
        // A URL of Airtable's may die before its time: then there is another one.
        if let Some(present) = reads.present(reference).filter(|present| present.holds)
            && let Fetched::Response(response) = self.fetch(gateway, reference, &present, headers).await?
        {
            return Ok(response);
        }
        let present = self.newest(gateway, reference, deadline).await?;
        match self.fetch(gateway, reference, &present, headers).await? {
            Fetched::Response(response) => Ok(response),
            Fetched::Gone if present.holds => {
                reads.note_gone(reference, Some(present.seen()));
                Err(gone())
            }
            Fetched::Gone => Err(unavailable("its URL has ended, and no newer one can be had")),
        }
    }

    async fn fetch(
        &self,
        gateway: &Gateway,
        reference: &Reference<'_>,
        present: &Present,
        headers: &HeaderMap,
    ) -> Result<Fetched, Answer> {
        let reads = gateway.reads();
        // It was one when it was remembered.
        let url = reads.links().and_then(|links| links.hosts().url(&present.url)).ok_or_else(gone)?;
        let fetched = self.content.fetch(url, reference, headers).await?;
        if let Fetched::Gone = fetched {
            reads.forget_url(reference, present);
        }
        Ok(fetched)
    }

    /// Where the file is by what somebody else has learned, or else by its record.
    async fn newest(
        &self,
        gateway: &Gateway,
        reference: &Reference<'_>,
        deadline: Instant,
    ) -> Result<Present, Answer> {
        let reads = gateway.reads();
        let known = || match reads.present(reference).filter(|present| present.holds) {
            None if reads.is_gone(reference) => Some(Err(gone())),
            present => present.map(Ok),
        };
        let late = || unavailable("too many others wait as well");
        if let Some(known) = known() {
            return known;
        }
        let Some(_turn) = self.turns.of(reference.record, deadline).await else {
            return reads.present(reference).ok_or_else(late);
        };
        if let Some(known) = known() {
            return known;
        }
        let Some(_place) = self.turns.read(deadline).await else {
            return reads.present(reference).ok_or_else(late);
        };
        read(gateway, reference, deadline).await
    }
}

/// Where the file is by the record as it is now; by what was known before where that can't be read.
async fn read(gateway: &Gateway, reference: &Reference<'_>, deadline: Instant) -> Result<Present, Answer> {
    let reads = gateway.reads();
    let known = reads.present(reference);
    let caller = Caller::background(deadline);
    let refusal = match reads.read_attachments(gateway.base(), reference, &caller).await {
        Ok((answer, seen)) => {
            let outcome = Outcome::of_answer(&answer);
            if outcome == Outcome::Ok
                && let Some(present) = reads.present(reference)
            {
                return Ok(present);
            }
            let is_proof = outcome == Outcome::Refused && gateway.health().verdict().is_ok();
            if outcome == Outcome::Ok || is_proof {
                reads.note_gone(reference, seen);
                return Err(gone());
            }
            unavailable(&format!("Airtable answers {}", answer.status.as_u16()))
        }
        Err(undelivered) => undelivered.into(),
    };
    known.ok_or(refusal)
}

/// 404 of a good link.
fn gone() -> Answer {
    Answer::not_found().with(header::CACHE_CONTROL, GONE)
}
