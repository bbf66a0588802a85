//! The `Idempotency-Key` of a request.

use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;

use crate::answer::Answer;

const LONGEST: usize = 256;

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
    #[error("Idempotency-Key: not 1 to {LONGEST} visible ASCII characters")]
    Name,
    #[error("Idempotency-Since: not a time as in RFC 3339, for example 2026-11-21T09:00:00Z")]
    Since,
}

impl Key {
    /// The key in `headers`, if there is one.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, Invalid> {
        let Some(name) = headers.get("idempotency-key") else { return Ok(None) };
        Self::new(name.to_str().map_err(|_| Invalid::Name)?, headers).map(Some)
    }

    /// The key `name`, with `Idempotency-Since` from `headers`.
    pub fn new(name: &str, headers: &HeaderMap) -> Result<Self, Invalid> {
        if !(1..=LONGEST).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Invalid::Name);
        }
        let since = headers.get("idempotency-since").map(time).transpose()?;
        Ok(Self { name: name.to_owned(), since })
    }
}

fn time(value: &HeaderValue) -> Result<Timestamp, Invalid> {
    value.to_str().ok().and_then(|text| text.parse().ok()).ok_or(Invalid::Since)
}

impl From<Invalid> for Answer {
    fn from(invalid: Invalid) -> Self {
        let kind = match invalid {
            Invalid::Name => "IDEMPOTENCY_KEY_INVALID",
            Invalid::Since => "IDEMPOTENCY_SINCE_INVALID",
        };
        Self::error(StatusCode::UNPROCESSABLE_ENTITY, kind, &invalid.to_string())
    }
}
