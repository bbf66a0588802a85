//! One request to Airtable and its answer; no retries, no waiting.

use std::{str::FromStr, time::Duration};

use auth::Secret;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri, header,
    uri::{Authority, InvalidUri, Scheme},
};
use http_body_util::Full;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use reqwest::Url;

use super::{
    connector::Connector,
    receive::{Purpose, receive},
};
use crate::{answer::Answer, answers::Answers};

/// How long Airtable may take for an answer; after that it is lost.
pub const TIMEOUT: Duration = Duration::from_mins(1);
/// Shorter than what servers keep idle connections for, so that few requests meet a connection just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// A connection reads at most so much at once, for which it needs as much memory beside that of the answer.
const READ_AT_ONCE: usize = 64 << 10;
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("pyairtable-compose-gateway/", env!("CARGO_PKG_VERSION")));
const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");

/// A request for Airtable.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// Path and query as the client sent them, percent-encoded.
    pub target: String,
    /// What may be passed on of the client's headers, see [`super::headers::asked`].
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
    /// A read that Airtable answered, for whose answer there was no room.
    Dropped,
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
            .http1_max_buf_size(READ_AT_ONCE)
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

    /// Sends `request` once, with `token`, and takes its answer in for `purpose` where `answers` have room for it. `begun` hears
    /// of the answer's status before that.
    pub async fn send(
        &self,
        request: &Request,
        token: &Secret,
        (answers, purpose): (&Answers, Purpose),
        begun: impl FnOnce(StatusCode),
    ) -> Trip {
        let message = match self.message(request, token) {
            Ok(message) => message,
            Err(error) => return Trip::NotSent(error.to_string()),
        };
        let exchange = async {
            match self.client.request(message).await {
                Ok(response) => {
                    begun(response.status());
                    receive(response, answers, purpose).await
                }
                Err(error) if error.is_connect() => Trip::NotSent(describe(&error)),
                Err(error) => Trip::Lost(describe(&error)),
            }
        };
        let late = |_| Trip::Lost(format!("no answer within {} s", TIMEOUT.as_secs()));
        tokio::time::timeout(TIMEOUT, exchange).await.unwrap_or_else(late)
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

/// The error and its causes.
pub fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
