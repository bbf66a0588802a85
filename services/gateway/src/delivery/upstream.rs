//! One request to Airtable and its answer; no retries, no waiting.

use std::time::Duration;

use auth::Secret;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use reqwest::{Client, Url};

use crate::answer::Answer;

/// How long Airtable may take for an answer; after that it is lost.
pub const TIMEOUT: Duration = Duration::from_mins(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than what servers keep idle connections for, so that few requests meet a connection just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest answer taken, in bytes: a page of 100 records with many long texts.
const LARGEST_ANSWER: usize = 64 << 20;
const USER_AGENT: &str = concat!("pyairtable-compose-gateway/", env!("CARGO_PKG_VERSION"));

/// A request for Airtable.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// Path and query as the client sent them, percent-encoded.
    pub target: String,
    /// What may be passed on of the client's headers, see [`passed_on`].
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
        let headers = HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            http::HeaderValue::from_static("application/json"),
        )]);
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
    client: Client,
    origin: String,
    /// Where attachments are uploaded to; Airtable has another host for them.
    content_origin: String,
}

impl Upstream {
    /// Airtable at `url`; a path in it is put before every path.
    pub fn new(url: &Url) -> Result<Self, String> {
        let builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(USER_AGENT);
        // Without TLS there is no need of root certificates, which an image may lack.
        let builder = if url.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
        let client = builder.build().map_err(describe)?;
        let origin = url.as_str().trim_end_matches('/').to_owned();
        let content_origin = match url.host_str() {
            Some("api.airtable.com") => "https://content.airtable.com".to_owned(),
            _ => origin.clone(),
        };
        Ok(Self { client, origin, content_origin })
    }

    /// Sends `request` once, with `token`.
    pub async fn send(&self, request: &Request, token: &Secret) -> Trip {
        let path = request.target.split('?').next().unwrap_or_default();
        let origin = if path.ends_with("/uploadAttachment") { &self.content_origin } else { &self.origin };
        let sent = self
            .client
            .request(request.method.clone(), format!("{origin}{}", request.target))
            .headers(request.headers.clone())
            .bearer_auth(token.expose())
            .body(request.body.clone())
            .send()
            .await;
        match sent {
            Ok(response) => receive(response).await,
            Err(error) if error.is_connect() || error.is_builder() => Trip::NotSent(describe(error)),
            Err(error) => Trip::Lost(describe(error)),
        }
    }
}

async fn receive(mut response: reqwest::Response) -> Trip {
    let status = response.status();
    let mut headers = passed_on(response.headers());
    headers.remove(header::SET_COOKIE);
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST_ANSWER => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Trip::Answered(too_large()),
            Ok(None) => return Trip::Answered(Answer { status, headers, body: body.freeze() }),
            Err(error) => return Trip::Lost(describe(error)),
        }
    }
}

fn too_large() -> Answer {
    let message =
        format!("Airtable's answer is larger than {LARGEST_ANSWER} bytes: ask for fewer records or fields");
    Answer::error(StatusCode::INSUFFICIENT_STORAGE, "GATEWAY_ANSWER_TOO_LARGE", &message)
}

/// The error and its causes, without the URL: formulas in it may hold data.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The headers that concern the message, not the connection or the two ends of this hop.
pub fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let passes = |name: &HeaderName| !DROPPED.contains(&name.as_str()) && !named.contains(name);
    headers
        .iter()
        .filter(|(name, _)| passes(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Hop-by-hop headers, credentials, and what is between the client and this gateway only. `accept-encoding` is
/// among them since the gateway reads answers.
const DROPPED: [&str; 28] = [
    "accept-encoding",
    "attachment-urls",
    "authorization",
    "baggage",
    "connection",
    "content-length",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "idempotency-key",
    "idempotency-since",
    "keep-alive",
    "priority",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "request-timeout",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_hop_by_hop_headers_stay_here() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer client-key"),
            ("connection", "close, x-own"),
            ("x-own", "1"),
            ("cookie", "session"),
            ("x-api-version", "0.1.0"),
            ("content-type", "application/json"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let mut left: Vec<_> = passed_on(&headers).keys().map(ToString::to_string).collect();
        left.sort();
        assert_eq!(left, ["content-type", "x-api-version"]);
    }
}
