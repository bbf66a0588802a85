//! Speaks to the gateways of the bases: writes with the step's key, and reads.

use auth::SecretFile;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Method, RequestBuilder, header::CACHE_CONTROL};
use serde_json::Value;

use crate::{
    contract::{Base, Problem},
    failpoints,
    gateway_answer::Answer,
    http_answer::{PAUSE, body, lost, retry_after},
    outcome::Failure,
};

/// Everything but what needs no encoding in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Largest answer that is read, in bytes: 100 records of 100 kB.
const LARGEST: usize = 10 << 20;

/// A client of all gateways.
pub struct Gateways {
    client: Client,
    token: Option<SecretFile>,
}

/// On whose behalf a call is made: the step's key in the gateway's ledger, and the trace.
#[derive(Debug, Clone)]
pub struct Mark {
    /// `Idempotency-Key`.
    pub key: String,
    /// `Idempotency-Since`.
    pub since: Timestamp,
    /// `traceparent`, where the caller sent one.
    pub traceparent: Option<String>,
    /// Undoes something: goes before what waits in the gateway's queue.
    pub undoes: bool,
}

/// A write under `/v0/{base}/`.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The method.
    pub method: Method,
    /// What follows the base in the path, encoded.
    pub path: String,
    /// The JSON body.
    pub body: Option<Value>,
}

impl Write {
    /// Where it is sent, from the root of the gateway.
    pub fn target(&self, base: &Base) -> String {
        in_base(base, &self.path)
    }
}

impl Gateways {
    /// A client; `token` is sent to every gateway.
    pub fn new(client: Client, token: Option<SecretFile>) -> Self {
        Self { client, token }
    }

    /// Sends a write once for its key, however often it is called; the key in flight is waited for.
    pub async fn write(&self, base: &Base, write: &Write, mark: &Mark) -> Result<Value, Failure> {
        loop {
            let mut request = self.request(write.method.clone(), base, &write.target(base));
            if !failpoints::without_ledger() {
                request = request
                    .header("Idempotency-Key", &mark.key)
                    .header("Idempotency-Since", mark.since.to_string());
            }
            if let Some(body) = &write.body {
                request = request.json(body);
            }
            match self.send(request, mark).await?.judge() {
                Err(Failure::Accepted(wait)) => tokio::time::sleep(wait).await,
                other => return other,
            }
        }
    }

    /// Reads under `/v0/{base}/`; `body` makes it a `POST`, for `listRecords`. Sagas decide by what is read: no cache on
    /// the way may answer.
    pub async fn read(
        &self,
        base: &Base,
        path: &str,
        body: Option<&Value>,
        mark: &Mark,
    ) -> Result<Value, Failure> {
        let path = in_base(base, path);
        let request = match body {
            None => self.request(Method::GET, base, &path),
            Some(body) => self.request(Method::POST, base, &path).json(body),
        };
        self.send(request.header(CACHE_CONTROL, "no-cache"), mark).await?.judge()
    }

    /// The tables of the base, as the meta API has them.
    pub async fn tables(&self, base: &Base, mark: &Mark) -> Result<Value, Failure> {
        self.send(self.request(Method::GET, base, "/api/airtable/tables"), mark).await?.judge()
    }

    /// A request to the gateway of `base`; `target` is a path from its root.
    pub fn request(&self, method: Method, base: &Base, target: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{target}", base.url.trim_end_matches('/')));
        // What an undo writes back may be gone from its cell by then, and with it from the gateway's own URLs.
        request.header("Attachment-Urls", "airtable")
    }

    /// Sends a request with the worker's token; what the answer means is for [`Answer`] to say.
    pub async fn send(&self, request: RequestBuilder, mark: &Mark) -> Result<Answer, Failure> {
        let mut request = request;
        if let Some(token) = &self.token {
            let token = token.read().map_err(|error| {
                Failure::Later(Problem::new("GatewayToken", format!("token for the gateway: {error}")), PAUSE)
            })?;
            request = request.bearer_auth(token.expose());
        }
        if let Some(traceparent) = &mark.traceparent {
            request = request.header("traceparent", traceparent);
        }
        if mark.undoes {
            request = request.header("priority", "u=1");
        }
        let answer = request.send().await.map_err(|error| lost(&error))?;
        let (status, wait) = (answer.status(), retry_after(&answer));
        Ok(Answer { status, wait, body: body(answer, LARGEST).await? })
    }
}

/// A path in the base, from the root of the gateway.
fn in_base(base: &Base, path: &str) -> String {
    format!("/v0/{}/{path}", segment(&base.id))
}

/// Percent-encodes one segment of a path.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}
