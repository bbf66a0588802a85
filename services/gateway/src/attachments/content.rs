//! One file from Airtable's content host to who asked for it: streamed, never kept, and nothing that a browser would run.

use std::{io, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Url, redirect::Policy};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

use crate::{answer::Answer, links::reference::Reference};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two pieces of a file.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to take one more piece.
const PATIENCE: Duration = Duration::from_mins(1);
/// Pieces that wait for the client.
const PIECES: usize = 2;
/// Files that are under way at a time, and how long one waits for its turn.
const MOST: usize = 64;
const TURN_TIMEOUT: Duration = Duration::from_secs(30);
/// The file of an attachment never changes; a day, since it may be taken out of its cell.
const CACHE_CONTROL: &str = "public, max-age=86400, immutable";
/// Somebody's file may be a page: it gets no script and nothing of this origin.
const SECURITY_POLICY: &str = "sandbox; default-src 'none'";
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");
const PASSED_ON: [HeaderName; 6] = [
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::ACCEPT_RANGES,
    header::LAST_MODIFIED,
];

/// The way to Airtable's content.
pub struct Content {
    client: Client,
    under_way: Arc<Semaphore>,
    patience: Duration,
}

/// What became of a URL.
pub enum Fetched {
    Response(Response),
    /// It leads nowhere any more.
    Gone,
}

impl Content {
    /// A client that follows no redirect, so that nothing but the URL itself decides what is fetched.
    pub fn new() -> Result<Self, String> {
        let builder = || {
            Client::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(READ_TIMEOUT)
                .redirect(Policy::none())
        };
        // An image may lack root certificates; what is not encrypted needs none.
        let client = builder().build().or_else(|_| builder().tls_certs_only([]).build());
        let client = client.map_err(|error| error.to_string())?;
        Ok(Self { client, under_way: Arc::new(Semaphore::new(MOST)), patience: PATIENCE })
    }

    /// The file at `url`, as `asked` for: whole, a range of it, or nothing where the client has it.
    pub async fn fetch(
        &self,
        url: Url,
        reference: &Reference<'_>,
        asked: &HeaderMap,
    ) -> Result<Fetched, Answer> {
        let tag = entity_tag(reference);
        if is_known(asked, &tag) {
            return Ok(Fetched::Response(finished(
                StatusCode::NOT_MODIFIED.into_response(),
                reference,
                &tag,
            )));
        }
        let turn = timeout(TURN_TIMEOUT, self.under_way.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(unavailable("too many files are under way")) };
        let request = match range(asked, &tag) {
            Some(range) => self.client.get(url).header(header::RANGE, range),
            None => self.client.get(url),
        };
        let sent = request.send().await.map_err(|error| unavailable(&error.without_url().to_string()))?;
        match sent.status() {
            status @ (StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE) => {
                let headers = sent.headers().clone();
                let mut response = (status, body(sent, turn, self.patience)).into_response();
                response.headers_mut().insert(header::CONTENT_TYPE, OCTETS);
                for name in PASSED_ON {
                    if let Some(value) = headers.get(&name) {
                        response.headers_mut().insert(name, value.clone());
                    }
                }
                Ok(Fetched::Response(finished(response, reference, &tag)))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => {
                Ok(Fetched::Gone)
            }
            status => Err(unavailable(&format!("Airtable's content host answers {}", status.as_u16()))),
        }
    }
}

/// The body of `sent`, piece by piece. The turn ends with the last one, when the client goes away, or when it took none within
/// `patience`. A body that ends before its end is an error, so that none looks whole.
fn body(mut sent: reqwest::Response, turn: OwnedSemaphorePermit, patience: Duration) -> Body {
    let (pieces, taken) = mpsc::channel::<Option<Bytes>>(PIECES);
    host::spawn(async move {
        let _turn = turn;
        loop {
            let piece = tokio::select! {
                piece = sent.chunk() => piece,
                () = pieces.closed() => return,
            };
            let Ok(piece) = piece else { return };
            let is_end = piece.is_none();
            match timeout(patience, pieces.send(piece)).await {
                Ok(Ok(())) if !is_end => (),
                _ => return,
            }
        }
    });
    Body::from_stream(futures::stream::try_unfold(taken, |mut taken| async move {
        match taken.recv().await {
            Some(Some(piece)) => Ok(Some((piece, taken))),
            Some(None) => Ok(None),
            None => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        }
    }))
}

/// The attachment names the file, which never changes.
fn entity_tag(reference: &Reference<'_>) -> String {
    format!("\"{}-{}\"", reference.attachment, reference.size.name())
}

fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    let values = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// The range that is asked for; none where it is one of another file than this.
fn range<'a>(asked: &'a HeaderMap, tag: &str) -> Option<&'a HeaderValue> {
    let is_of_this = asked.get(header::IF_RANGE).is_none_or(|value| value.as_bytes() == tag.as_bytes());
    asked.get(header::RANGE).filter(|_| is_of_this)
}

/// The response with what it has to say to browsers and caches.
fn finished(mut response: Response, reference: &Reference<'_>, tag: &str) -> Response {
    let name = utf8_percent_encode(reference.file_name, NON_ALPHANUMERIC);
    let is_whole = response.status() != StatusCode::RANGE_NOT_SATISFIABLE;
    let headers = response.headers_mut();
    let own = [
        (header::ETAG, tag.to_owned()),
        (header::CACHE_CONTROL, if is_whole { CACHE_CONTROL } else { "no-store" }.to_owned()),
        (header::CONTENT_DISPOSITION, format!("inline; filename*=UTF-8''{name}")),
        (header::CONTENT_SECURITY_POLICY, SECURITY_POLICY.to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*".to_owned()),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin".to_owned()),
    ];
    for (name, value) in own {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    response
}

/// 503: not now.
pub fn unavailable(why: &str) -> Answer {
    Answer::later("GATEWAY_ATTACHMENT_UNAVAILABLE", &format!("the file can't be had now: {why}"), 5)
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
