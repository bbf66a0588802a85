//! `/attachments/…`: files of attachments under URLs that don't expire, streamed from where Airtable keeps them.
//!
//! Who has such a URL may read the file, as with Airtable's own. Where the file is now, an answer said of late, or the record
//! is read for it; there is no copy of the file here.

mod content;

use std::time::Duration;

use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use prometheus::IntCounterVec;
use reqwest::Url;
use telemetry::metrics::Metrics as Registry;
use tokio::{
    sync::{Mutex, MutexGuard},
    time::Instant,
};

use self::content::{Content, Fetched, unavailable};
use crate::{
    Gateway,
    answer::Answer,
    config::Error,
    delivery::retry::Outcome,
    links::{cells::Size, reference::Reference},
    queue::caller::Caller,
    reads::Present,
};

/// How long somebody waits for a record to be read.
const DEADLINE: Duration = Duration::from_mins(1);
/// Records that are read at a time; those who want files of the same one wait for each other.
const TURNS: usize = 8;

/// Serves the files of attachments.
pub struct Attachments {
    content: Content,
    turns: [Mutex<()>; TURNS],
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
    let reference = Size::named(size)
        .map(reference)
        .filter(|reference| gateway.reads().links().is_some_and(|links| links.verifies(reference, mac)));
    let (outcome, response) = match reference {
        None => ("forged", Answer::not_found().into_response()),
        Some(reference) => match gateway.attachments().answer(&gateway, &reference, &headers).await {
            Ok(response) if response.status() == StatusCode::NOT_MODIFIED => ("notModified", response),
            Ok(response) => ("served", response),
            Err(answer) if answer.status == StatusCode::NOT_FOUND => ("gone", answer.into_response()),
            Err(answer) => ("unavailable", answer.into_response()),
        },
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
        let content = Content::new().map_err(Error::Upstream)?;
        Ok(Self { content, turns: Default::default(), requests })
    }

    async fn answer(
        &self,
        gateway: &Gateway,
        reference: &Reference<'_>,
        headers: &HeaderMap,
    ) -> Result<Response, Answer> {
        // A URL of Airtable's may have died before its time: then there is another one.
        for _ in 0..2 {
            let url = self.url(gateway, reference).await?;
            match self.content.fetch(url, reference, headers).await? {
                Fetched::Response(response) => return Ok(response),
                Fetched::Gone => gateway.reads().forget_attachment(reference),
            }
        }
        Err(Answer::not_found())
    }

    /// Where the file is now.
    async fn url(&self, gateway: &Gateway, reference: &Reference<'_>) -> Result<Url, Answer> {
        let reads = gateway.reads();
        let holding = || reads.present(reference).filter(|present| present.holds);
        let mut present = holding();
        if present.is_none() {
            let _turn = self.turn(reference).await;
            present = match holding() {
                None => Some(read(gateway, reference).await?),
                found => found,
            };
        }
        // It was one when it was remembered.
        let url = reads.links().zip(present).and_then(|(links, present)| links.hosts().url(&present.url));
        url.ok_or_else(Answer::not_found)
    }

    async fn turn(&self, reference: &Reference<'_>) -> Option<MutexGuard<'_, ()>> {
        let sum =
            reference.record.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        match self.turns.get(sum % TURNS) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        }
    }
}

/// Where the file is by the record as it is now; by what was known before where that can't be read.
async fn read(gateway: &Gateway, reference: &Reference<'_>) -> Result<Present, Answer> {
    let reads = gateway.reads();
    let known = reads.present(reference);
    let caller = Caller::background(Instant::now() + DEADLINE);
    let refusal = match reads.read_attachments(gateway.base(), reference, &caller).await {
        Ok(answer) => match Outcome::of_answer(&answer) {
            Outcome::Ok => return reads.present(reference).ok_or_else(Answer::not_found),
            Outcome::Refused if gateway.health().verdict().is_ok() => return Err(Answer::not_found()),
            _ => unavailable(&format!("Airtable answers {}", answer.status.as_u16())),
        },
        Err(undelivered) => undelivered.into(),
    };
    known.ok_or(refusal)
}
