//! One request to Airtable and its answer; no retries, no waiting.

use std::{str::FromStr, time::Duration};

use auth::Secret;
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri, header,
    uri::{Authority, InvalidUri, Scheme},
};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use reqwest::Url;

use super::{connector::Connector, headers};
use crate::answer::Answer;

/// How long Airtable may take for an answer; after that it is lost.
pub const TIMEOUT: Duration = Duration::from_mins(1);
/// Shorter than what servers keep idle connections for, so that few requests meet a connection just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest answer taken, in bytes: a page of 100 records with many long texts.
const LARGEST_ANSWER: usize = 64 << 20;
/// Room made for an answer before any of it is there, at most.
const LARGEST_ROOM: usize = 1 << 20;
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("pyairtable-compose-gateway/", env!("CARGO_PKG_VERSION")));
const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");

/// A request for Airtable.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// Path and query as the client sent them, percent-encoded.
    pub target: String,
    /// What may be passed on of the client's headers, see [`headers::asked`].
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    /// A GET without headers.
    pub fn get(target: String) -> Self {
        Self { method: Method::GET, target, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// A POST with a JSON body.
    pub fn post(target: String, body: &serde_json::Value) -> Self {
        let headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        Self { method: Method::POST, target, headers, body: body.to_string().into() }
    }
}

/// What became of a request.
#[derive(Debug, Clone)]
pub enum Trip {
    /// Answered, whatever the status.
    Answered(Answer),
    /// Proven not to have reached Airtable.
    NotSent(String),
    /// It may have taken effect; the answer is lost.
    Lost(String),
}

/// Airtable, or what stands for it.
pub struct Upstream {
    client: Client<Connector, Full<Bytes>>,
    scheme: Scheme,
    host: Host,
    /// Where attachments are uploaded to; Airtable has another host for them.
    content_host: Host,
    /// Put before every path.
    prefix: String,
}

/// With its port, where the URL names one.
struct Host {
    authority: Authority,
    header: HeaderValue,
}

impl FromStr for Host {
    type Err = http::Error;

    fn from_str(text: &str) -> Result<Self, http::Error> {
        Ok(Self { authority: text.parse()?, header: text.parse()? })
    }
}

impl Upstream {
    /// Airtable at `url`; a path in it is put before every path.
    pub fn new(url: &Url) -> Result<Self, String> {
        let connector = Connector::new(url.scheme() == "https")?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        let name = url.host_str().ok_or("the URL names no host")?;
        let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        let invalid = |error: http::Error| format!("{host}: {error}");
        let content_host = if name == "api.airtable.com" { "content.airtable.com" } else { &host };
        Ok(Self {
            client,
            scheme: url.scheme().parse().map_err(|error: InvalidUri| error.to_string())?,
            host: host.parse().map_err(invalid)?,
            content_host: content_host.parse().map_err(invalid)?,
            prefix: url.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Sends `request` once, with `token`.
    pub async fn send(&self, request: &Request, token: &Secret) -> Trip {
        match self.message(request, token) {
            Ok(message) => match tokio::time::timeout(TIMEOUT, self.exchange(message)).await {
                Ok(trip) => trip,
                Err(_) => Trip::Lost(format!("no answer within {} s", TIMEOUT.as_secs())),
            },
            Err(error) => Trip::NotSent(error.to_string()),
        }
    }

    async fn exchange(&self, message: http::Request<Full<Bytes>>) -> Trip {
        match self.client.request(message).await {
            Ok(response) => receive(response).await,
            Err(error) if error.is_connect() => Trip::NotSent(describe(&error)),
            Err(error) => Trip::Lost(describe(&error)),
        }
    }

    fn message(&self, request: &Request, token: &Secret) -> http::Result<http::Request<Full<Bytes>>> {
        let path = request.target.split('?').next().unwrap_or_default();
        let host = if path.ends_with("/uploadAttachment") { &self.content_host } else { &self.host };
        let target = match self.prefix.as_str() {
            "" => request.target.clone(),
            prefix => format!("{prefix}{}", request.target),
        };
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(host.authority.clone())
            .path_and_query(target);
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.expose()))?;
        authorization.set_sensitive(true);
        let mut message = http::Request::new(Full::new(request.body.clone()));
        *message.method_mut() = request.method.clone();
        *message.uri_mut() = uri.build()?;
        let mut headers = request.headers.clone();
        headers.insert(header::HOST, host.header.clone());
        headers.insert(header::AUTHORIZATION, authorization);
        headers.entry(header::ACCEPT).or_insert(ANYTHING);
        headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
        *message.headers_mut() = headers;
        Ok(message)
    }
}

async fn receive(response: http::Response<Incoming>) -> Trip {
    let status = response.status();
    let headers = headers::answered(response.headers());
    match whole(response.into_body()).await {
        Ok(Some(body)) => Trip::Answered(Answer { status, headers, body }),
        Ok(None) => Trip::Answered(too_large()),
        Err(error) => Trip::Lost(describe(&error)),
    }
}

/// A body, not copied where it came in one piece; none where it is larger than [`LARGEST_ANSWER`].
async fn whole(mut incoming: Incoming) -> hyper::Result<Option<Bytes>> {
    let announced = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
    let mut body = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        match frame?.into_data() {
            Ok(chunk) if body.len() + chunk.len() > LARGEST_ANSWER => return Ok(None),
            Ok(chunk) if body.is_empty() && incoming.is_end_stream() => return Ok(Some(chunk)),
            Ok(chunk) => {
                if body.is_empty() {
                    body.reserve(announced.min(LARGEST_ROOM));
                }
                body.extend_from_slice(&chunk);
            }
            Err(_trailers) => (),
        }
    }
    Ok(Some(body.freeze()))
}

fn too_large() -> Answer {
    let message =
        format!("Airtable's answer is larger than {LARGEST_ANSWER} bytes: ask for fewer records or fields");
    Answer::error(StatusCode::INSUFFICIENT_STORAGE, "GATEWAY_ANSWER_TOO_LARGE", &message)
}

/// The error and its causes.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
