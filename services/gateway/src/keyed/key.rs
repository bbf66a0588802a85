//! The `Idempotency-Key` of a request.

use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};

use crate::answer::Answer;

const LONGEST: usize = 256;
/// How far a client's clock may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(1);

/// What a client says about a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub name: String,
    /// When the client first used it.
    pub since: Option<Timestamp>,
}

/// Why a key is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("Idempotency-Key: not 1 to {LONGEST} visible ASCII characters, once")]
    Name,
    #[error("Idempotency-Since: not a time as in RFC 3339, once, for example 2026-11-21T09:00:00Z")]
    Since,
    #[error("Idempotency-Since: more than {} s ahead of the gateway's clock", AHEAD.as_secs())]
    Ahead,
}

impl Key {
    /// The key in `headers`, if there is one, by a clock that says `now`.
    pub fn of(headers: &HeaderMap, now: Timestamp) -> Result<Option<Self>, Invalid> {
        let Some(name) = only(headers, "idempotency-key", Invalid::Name)? else { return Ok(None) };
        Self::new(name.to_str().map_err(|_| Invalid::Name)?, headers, now).map(Some)
    }

    /// The key `name`, with `Idempotency-Since` from `headers`, by a clock that says `now`.
    pub fn new(name: &str, headers: &HeaderMap, now: Timestamp) -> Result<Self, Invalid> {
        if !(1..=LONGEST).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Invalid::Name);
        }
        let since = only(headers, "idempotency-since", Invalid::Since)?.map(time).transpose()?;
        // With a later one every record that is there would be older than the key.
        if since.is_some_and(|since| since.duration_since(now) > AHEAD) {
            return Err(Invalid::Ahead);
        }
        Ok(Self { name: name.to_owned(), since })
    }
}

impl Key {
    /// The same key of a client that has its own. No other can name it: no key has a space.
    #[must_use]
    pub fn of_client(self, client: &str) -> Self {
        Self { name: format!("{client} {}", self.name), ..self }
    }
}

/// The one value of a header: of two, nobody knows which is meant.
fn only<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
    otherwise: Invalid,
) -> Result<Option<&'a HeaderValue>, Invalid> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_none() { Ok(first) } else { Err(otherwise) }
}

fn time(value: &HeaderValue) -> Result<Timestamp, Invalid> {
    value.to_str().ok().and_then(|text| text.parse().ok()).ok_or(Invalid::Since)
}

impl From<Invalid> for Answer {
    fn from(invalid: Invalid) -> Self {
        let kind = match invalid {
            Invalid::Name => "IDEMPOTENCY_KEY_INVALID",
            Invalid::Since | Invalid::Ahead => "IDEMPOTENCY_SINCE_INVALID",
        };
        Self::error(StatusCode::UNPROCESSABLE_ENTITY, kind, &invalid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn key(pairs: &[(&'static str, &'static str)]) -> Result<Option<Key>, Invalid> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Key::of(&headers, "2026-11-21T09:00:00Z".parse().unwrap())
    }

    #[test]
    fn of_two_keys_or_times_none_is_taken() {
        let (name, since) = (("idempotency-key", "a"), ("idempotency-since", "2026-11-21T08:00:00Z"));
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&[name, since]).unwrap().unwrap().name, "a");
        assert_eq!(key(&[name, ("idempotency-key", "b")]), Err(Invalid::Name));
        assert_eq!(key(&[name, since, since]), Err(Invalid::Since));
    }

    #[test]
    fn a_time_may_be_ahead_as_far_as_clocks_differ() {
        let at = |since| key(&[("idempotency-key", "a"), ("idempotency-since", since)]);
        assert!(at("2026-11-21T09:01:00Z").is_ok());
        assert_eq!(at("2026-11-21T09:01:01Z"), Err(Invalid::Ahead));
        assert_eq!(at("2099-01-01T00:00:00Z"), Err(Invalid::Ahead));
    }
}
