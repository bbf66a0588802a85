//! `Cache-Control` of a request (RFC 9111), `Cache-Status` (RFC 9211) and `Age` of an answer. Pure.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::options::Trouble;
use crate::answer::Answer;

/// What a client asks of caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// How old an answer may be; zero: none but a new one will do.
    pub oldest: Duration,
    /// Whether the answer may be kept.
    pub may_keep: bool,
}

impl Wish {
    /// From the headers of a request: `no-cache`, `no-store` and `max-age=N`; what is not understood is ignored.
    pub fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        let mut wish = Self { oldest: Duration::MAX, may_keep: true };
        for directive in values.flat_map(|value| value.split(',')) {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-cache" => wish.oldest = Duration::ZERO,
                "no-store" => wish = Self { oldest: Duration::ZERO, may_keep: false },
                "max-age" => {
                    if let Ok(seconds) = value.trim().trim_matches('"').parse() {
                        wish.oldest = wish.oldest.min(Duration::from_secs(seconds));
                    }
                }
                _ => (),
            }
        }
        wish
    }

    /// Whether nothing but an answer to a request of its own will do.
    pub fn is_new_only(self) -> bool {
        self.oldest.is_zero()
    }
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Kept, and fresh for so long.
    Hit { age: Duration, ttl: Duration },
    /// Kept, and older than fresh by so much; a new one is being fetched.
    Revalidating { age: Duration, over: Duration },
    /// Kept, and older than fresh by so much; there was no new one to be had.
    InTrouble { trouble: Trouble, age: Duration, over: Duration },
    /// Airtable's.
    Forwarded { why: Forward, is_collapsed: bool },
}

/// Why a read went to Airtable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// Answers to such a read are not kept.
    Bypass,
    /// There was none.
    Miss,
    /// There was one, not fresh any more.
    Stale,
    /// The client wants a newer one.
    Request,
    /// Nobody knows what other replicas wrote: their store does not answer.
    Silence,
}

impl Status {
    /// The answer with the headers that say so.
    pub fn mark(self, answer: Answer) -> Answer {
        let answer = match self.age() {
            Some(age) => answer.with(header::AGE, age.as_secs().into()),
            None => answer,
        };
        match HeaderValue::try_from(self.text()) {
            Ok(value) => answer.with(HeaderName::from_static("cache-status"), value),
            Err(_) => answer,
        }
    }

    /// Its name as a label of metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Hit { .. } => "hit",
            Self::Revalidating { .. } => "stale",
            Self::InTrouble { trouble: Trouble::Quota, .. } => "staleQuota",
            Self::InTrouble { trouble: Trouble::Unreachable, .. } => "staleError",
            Self::Forwarded { is_collapsed: true, .. } => "collapsed",
            Self::Forwarded { why: Forward::Bypass, .. } => "bypass",
            Self::Forwarded { why: Forward::Silence, .. } => "storeUnreachable",
            Self::Forwarded { .. } => "miss",
        }
    }

    fn age(self) -> Option<Duration> {
        match self {
            Self::Hit { age, .. } | Self::Revalidating { age, .. } | Self::InTrouble { age, .. } => Some(age),
            Self::Forwarded { .. } => None,
        }
    }

    /// As the value of `Cache-Status`.
    fn text(self) -> String {
        match self {
            Self::Hit { ttl, .. } => format!("pyairtable; hit; ttl={}", ttl.as_secs()),
            Self::Revalidating { over, .. } => {
                format!("pyairtable; hit; ttl=-{}; detail=revalidating", over.as_secs())
            }
            Self::InTrouble { trouble, over, .. } => {
                let detail = match trouble {
                    Trouble::Quota => "quota",
                    Trouble::Unreachable => "unreachable",
                };
                format!("pyairtable; fwd=stale; ttl=-{}; detail={detail}", over.as_secs())
            }
            Self::Forwarded { why, is_collapsed } => {
                let why = match why {
                    Forward::Bypass => "bypass",
                    Forward::Miss => "miss",
                    Forward::Stale => "stale",
                    Forward::Request => "request",
                    Forward::Silence => "bypass; detail=store-unreachable",
                };
                format!("pyairtable; fwd={why}{}", if is_collapsed { "; collapsed" } else { "" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wish(values: &[&'static str]) -> Wish {
        let named = |value: &&'static str| (header::CACHE_CONTROL, HeaderValue::from_static(value));
        Wish::of(&values.iter().map(named).collect())
    }

    #[test]
    fn the_strictest_of_all_directives_counts() {
        assert_eq!(wish(&[]), Wish { oldest: Duration::MAX, may_keep: true });
        assert_eq!(wish(&["max-age=5, x=1", "Max-Age=\"3\""]).oldest, Duration::from_secs(3));
        assert_eq!(wish(&["No-Cache"]), Wish { oldest: Duration::ZERO, may_keep: true });
        assert_eq!(wish(&["no-store, max-age=9"]), Wish { oldest: Duration::ZERO, may_keep: false });
        assert_eq!(wish(&["max-age=soon"]).oldest, Duration::MAX);
    }

    #[test]
    fn an_answer_says_where_it_comes_from_and_how_old_it_is() {
        let seconds = Duration::from_secs;
        let said = |status: Status| {
            let headers = status.mark(Answer::json(http::StatusCode::OK, &json!({}))).headers;
            let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            (text("cache-status").unwrap(), text("age"))
        };
        let hit = Status::Hit { age: seconds(2), ttl: seconds(8) };
        assert_eq!(said(hit), ("pyairtable; hit; ttl=8".to_owned(), Some("2".to_owned())));
        let trouble = Status::InTrouble { trouble: Trouble::Quota, age: seconds(70), over: seconds(10) };
        let expected = "pyairtable; fwd=stale; ttl=-10; detail=quota";
        assert_eq!(said(trouble), (expected.to_owned(), Some("70".to_owned())));
        let joined = Status::Forwarded { why: Forward::Miss, is_collapsed: true };
        assert_eq!(said(joined), ("pyairtable; fwd=miss; collapsed".to_owned(), None));
    }
}
