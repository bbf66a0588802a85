//! Closes a key: its write is never sent from now on, and what had been done under it is found out.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use ledger::{Claim, Close, Intent};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    answer::Answer,
    find_out::Found,
    idempotency::Idempotency,
    key::Key,
    note::Note,
    outcome::{self, in_flight, unavailable, unknown},
    retry::{self, Care},
    route::{self, Target},
    upstream::Request,
};

/// The body of a close: the write that was, or would have been, sent under the key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    method: String,
    /// Path and query, as sent to the gateway.
    path: String,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// Why the body of a close is no write.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("body: not the write that the key is for: {0}")]
pub struct NoWrite(String);

/// The write in the body of a close, for the gateway of `base`; none in an empty body.
pub fn read_write(body: &Bytes, base: &str) -> Result<Option<Request>, NoWrite> {
    if body.is_empty() {
        return Ok(None);
    }
    let wire: Wire = serde_json::from_slice(body).map_err(|error| invalid(&error.to_string()))?;
    let method: Method = wire.method.parse().map_err(|_| invalid("method: not a method"))?;
    let target = route::clean(&wire.path);
    let path = target.split('?').next().unwrap_or_default();
    if route::target(path, base) != Target::Base {
        return Err(invalid(&format!("path: not a path of the base, as /v0/{base}/Deals is")));
    }
    if retry::care(&method, path) == Care::Read {
        return Err(invalid("method and path: a read, not a write"));
    }
    let mut headers = HeaderMap::new();
    if wire.body.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let text = wire.body.map(RawValue::get).unwrap_or_default();
    Ok(Some(Request {
        method,
        target: target.to_owned(),
        headers,
        body: Bytes::copy_from_slice(text.as_bytes()),
    }))
}

fn invalid(why: &str) -> NoWrite {
    NoWrite(why.to_owned())
}

impl From<NoWrite> for Answer {
    fn from(none: NoWrite) -> Self {
        Self::error(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_WRITE_INVALID", &none.to_string())
    }
}

impl Idempotency {
    /// Closes `key`. `write`: what it is for, in case the ledger does not know.
    pub async fn close(self: &Arc<Self>, key: Key, write: Option<Request>) -> Answer {
        let this = self.clone();
        let work = tokio::spawn(async move { this.close_now(&key, write).await });
        work.await.unwrap_or_else(|error| unknown(&error.to_string()))
    }

    async fn close_now(&self, key: &Key, write: Option<Request>) -> Answer {
        match self.ledger().close(&key.name, key.since, Timestamp::now()).await {
            Ok(Close::Closed(outcome)) => outcome::closing(outcome.as_ref()),
            Ok(Close::InFlight) => in_flight(),
            Ok(Close::Interrupted(claim, intent)) => self.close_interrupted(claim, &intent, write).await,
            Err(error) => unavailable(&error),
        }
    }

    async fn close_interrupted(&self, claim: Claim, intent: &Intent, write: Option<Request>) -> Answer {
        let (deadline, until) = self.deadline();
        let note = Note::of(intent).or_else(|| write.map(|write| Note::new(&write, until)));
        let found = match note {
            Some(mut note) => self.find_out(&claim, &mut note, intent.at, deadline).await,
            None => Found::Unknowable(
                "the ledger is younger than the key, and does not know what was sent under it".to_owned(),
            ),
        };
        let outcome = match found {
            Found::Done(answer) => Some(outcome::keep(&answer)),
            Found::Absent | Found::Refused(_) => None,
            Found::Unknown(why) => return unknown(&why),
            Found::Unknowable(why) => Some(outcome::keep_unknowable(&why)),
        };
        match claim.close(outcome.clone(), Timestamp::now()).await {
            Ok(()) => outcome::closing(outcome.as_ref()),
            Err(error) => unavailable(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::fingerprint;

    const BASE: &str = "appAAAAAAAAAAAAAA";

    fn read(text: &str) -> Result<Option<Request>, String> {
        let body = Bytes::copy_from_slice(text.as_bytes());
        read_write(&body, BASE).map_err(|error| error.to_string())
    }

    #[test]
    fn a_write_is_read_as_it_was_sent() {
        let text = format!(
            r#"{{"method": "POST", "path": "/v0/{BASE}/Deals", "body": {{"fields":{{"A": 1.50}}}}}}"#
        );
        let request = read(&text).unwrap().unwrap();
        let sent = Request {
            method: Method::POST,
            target: format!("/v0/{BASE}/Deals"),
            headers: HeaderMap::new(),
            body: r#"{"fields":{"A": 1.50}}"#.into(),
        };
        assert_eq!(fingerprint(&request), fingerprint(&sent));
        assert!(read("").unwrap().is_none());
    }

    #[test]
    fn what_is_no_write_to_this_base_is_named() {
        for (text, expected) in [
            ("{", "EOF"),
            (r#"{"method": "POST", "path": "/v0/appBBBBBBBBBBBBBB/Deals"}"#, "not a path of the base"),
            (r#"{"method": "GET", "path": "/v0/appAAAAAAAAAAAAAA/Deals"}"#, "a read"),
            (r#"{"method": "POST", "path": "/v0/appAAAAAAAAAAAAAA/Deals", "bodi": {}}"#, "bodi"),
        ] {
            let refusal = read(text).unwrap_err();
            assert!(refusal.contains(expected), "{refusal}");
        }
    }
}
