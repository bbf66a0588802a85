//! Closes a key: its write is never sent from now on, and what had been done under it is found out.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, uri::PathAndQuery};
use ledger::{Claim, Close, Intent};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Idempotency, claims,
    find_out::Found,
    key::Key,
    note::{self, Note},
    outcome::{self, in_flight, unavailable, unknown},
};
use crate::{
    answer::Answer,
    delivery::{
        retry::{self, Care},
        upstream::Request,
    },
    queue::caller::Caller,
    route::{self, Target},
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
    let sent = as_sent(&wire.path)?;
    let path = route::clean(sent.path());
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
        target: route::with_query(path, sent.query()),
        headers,
        body: Bytes::copy_from_slice(text.as_bytes()),
    }))
}

/// Path and query as a request line can carry them: what else would be in them, a URL parser drops or resolves, and the
/// write would go to another place than was looked at.
fn as_sent(path: &str) -> Result<PathAndQuery, NoWrite> {
    let why = "path: not as a request line has it: percent-encode all that is not allowed there, as # is";
    if path.contains('#') { Err(invalid(why)) } else { path.parse().map_err(|_| invalid(why)) }
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
    pub async fn close(self: &Arc<Self>, key: Key, write: Option<Request>, caller: Caller) -> Answer {
        let this = self.clone();
        let work = host::spawn(async move { this.close_now(&key, write, &caller).await });
        work.await.unwrap_or_else(|error| unknown(&error.to_string()))
    }

    async fn close_now(&self, key: &Key, write: Option<Request>, caller: &Caller) -> Answer {
        match self.ledger().close(&key.name, key.since, self.ledger().now()).await {
            Ok(Close::Closed(outcome)) => outcome::closing(outcome.as_ref()),
            Ok(Close::InFlight) => in_flight(),
            Ok(Close::Interrupted(claim, intent)) => {
                self.close_interrupted(claim, &intent, write, caller).await
            }
            Err(error) => unavailable(&error),
        }
    }

    async fn close_interrupted(
        &self,
        claim: Claim,
        intent: &Intent,
        write: Option<Request>,
        caller: &Caller,
    ) -> Answer {
        // What an earlier close was told may be wrong; what was sent is kept with its fingerprint.
        let is_meant = |note: &Note| {
            let said = write.as_ref().filter(|_| intent.fingerprint.is_empty()).map(note::fingerprint);
            said.is_none() || said == note.request().as_ref().map(note::fingerprint)
        };
        let note = match (Note::of(intent).filter(is_meant), write) {
            (Some(note), _) => Some(note),
            (None, None) => None,
            // Forgotten: what was sent under the key was over when it was swept, or when the ledger was lost.
            (None, Some(write)) => match self.ledger().horizon().await {
                Ok(horizon) => {
                    let note = Note::new(&write, horizon);
                    // For who settles it where it can't be found out.
                    if let Err(error) = claim.note(note.value()).await {
                        return unavailable(&error);
                    }
                    Some(note)
                }
                Err(error) => return unavailable(&error),
            },
        };
        let request = note.as_ref().and_then(Note::request);
        let _flight = request.as_ref().and_then(|request| self.depart_again(&claim, request));
        let found = match note {
            Some(mut note) => self.find_out(&claim, &mut note, intent.at, caller).await,
            None => Found::Unknowable(
                "the ledger is younger than the key, and does not know what was sent under it".to_owned(),
            ),
        };
        let (names, outcome) = match found {
            Found::Done(answer) => {
                let names = request.map(|request| claims::names(&request, &answer));
                (names.unwrap_or_default(), Some(outcome::keep(&answer)))
            }
            Found::Absent | Found::Refused(_) => (Vec::new(), None),
            Found::Unknown(why) => return unknown(&why),
            Found::Unknowable(why) => (Vec::new(), Some(outcome::keep_unknowable(&why))),
        };
        let now = self.ledger().now();
        match claim.owning(names).close(outcome.clone(), now).await {
            Ok(()) => outcome::closing(outcome.as_ref()),
            Err(error @ ledger::Error::Taken { .. }) => unknown(&error.to_string()),
            Err(error) => unavailable(&error),
        }
    }
}

#[cfg(test)]
#[path = "closing_tests.rs"]
mod tests;
