//! What to do after a request was sent: pure.

use std::time::Duration;

use http::{Method, StatusCode, header::RETRY_AFTER};

use super::upstream::Trip;
use crate::answer::Answer;

/// How often a request is sent again after failures.
const MOST_RETRIES: u32 = 4;
/// The longest pause, whatever the upstream asks for: longer than any request waits.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// What an answer, or the lack of one, means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx
    Ok,
    /// Other 4xx: nothing happened.
    Refused,
    /// 5xx, 408, and what is no answer of Airtable's API (3xx): anything may have happened.
    Failed,
    /// 429 for too many requests in a second: nothing happened.
    RateLimited,
    /// 429 for the month's quota: nothing happened, and nothing will.
    Quota,
    /// 401: Airtable refuses the gateway's token; nothing happened.
    Unauthorized,
    /// No connection: nothing happened.
    NotSent,
    /// No answer: anything may have happened.
    Lost,
    /// A read, for whose answer there was no room.
    Dropped,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Ok,
        Self::Refused,
        Self::Failed,
        Self::RateLimited,
        Self::Quota,
        Self::Unauthorized,
        Self::NotSent,
        Self::Lost,
        Self::Dropped,
    ];

    /// What `sent` means.
    pub fn of(sent: &Trip) -> Self {
        match sent {
            Trip::NotSent(_) => Self::NotSent,
            Trip::Lost(_) => Self::Lost,
            Trip::Dropped => Self::Dropped,
            Trip::Answered(answer) => Self::of_answer(answer),
        }
    }

    /// What `answer` means.
    pub fn of_answer(answer: &Answer) -> Self {
        match answer.status {
            status if status.is_success() => Self::Ok,
            StatusCode::REQUEST_TIMEOUT => Self::Failed,
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::TOO_MANY_REQUESTS => match answer.error_type().as_deref() {
                Some("PUBLIC_API_BILLING_LIMIT_EXCEEDED") => Self::Quota,
                _ => Self::RateLimited,
            },
            status if status.is_client_error() => Self::Refused,
            _ => Self::Failed,
        }
    }

    /// Its name as a label of metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::RateLimited => "rateLimited",
            Self::Quota => "quota",
            Self::Unauthorized => "unauthorized",
            Self::NotSent => "notSent",
            Self::Lost => "lost",
            Self::Dropped => "dropped",
        }
    }
}

/// How careful to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// Changes nothing: may be sent again freely.
    Read,
    /// Sent again only where the time before it provably had no effect.
    Write,
    /// The same, under a key: where its answer is lost, the ledger finds out.
    Keyed,
    /// The same, to find out: not in company of others.
    Repeat,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// This is the answer.
    Deliver,
    /// Wait out the lock-out, then send again.
    LockedOut,
    /// Send again with a token that Airtable takes.
    AnotherToken,
    /// Send again after a pause.
    Again(Duration),
}

/// What to do after `sent` was the `retries`-th retry; `jitter` is from 0 to 1.
pub fn next(sent: &Trip, care: Care, retries: u32, jitter: f64) -> Next {
    let again = || {
        if retries < MOST_RETRIES { Next::Again(pause(sent, retries, jitter)) } else { Next::Deliver }
    };
    match (Outcome::of(sent), care) {
        (Outcome::RateLimited, _) => Next::LockedOut,
        (Outcome::Unauthorized, _) => Next::AnotherToken,
        (Outcome::NotSent, _) | (Outcome::Lost, Care::Read) => again(),
        (Outcome::Failed, Care::Read) if is_transient(sent) => again(),
        _ => Next::Deliver,
    }
}

fn is_transient(sent: &Trip) -> bool {
    matches!(sent, Trip::Answered(answer) if matches!(answer.status.as_u16(), 408 | 500 | 502 | 503 | 504))
}

/// What the upstream asks for, or twice as long each time, between half of it and all of it.
fn pause(sent: &Trip, retries: u32, jitter: f64) -> Duration {
    let asked = match sent {
        Trip::Answered(answer) => {
            answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok())
        }
        _ => None,
    };
    let own = || (FIRST_PAUSE * 2_u32.pow(retries)).mul_f64(0.5 + jitter / 2.0);
    asked.map_or_else(own, Duration::from_secs).min(LONGEST_PAUSE)
}

/// Which care a request needs by its method and path.
pub fn care(method: &Method, path: &str) -> Care {
    if crate::route::reads(method, path) { Care::Read } else { Care::Write }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answered(status: u16, kind: &str) -> Trip {
        let body = json!({"errors": [{"error": kind, "message": "…"}]});
        Trip::Answered(Answer::json(StatusCode::from_u16(status).unwrap(), &body))
    }

    fn is_repeated(sent: &Trip, care: Care) -> bool {
        matches!(next(sent, care, 0, 0.0), Next::Again(_))
    }

    #[test]
    fn reads_are_repeated_after_whatever_may_pass() {
        let lost = Trip::Lost(String::new());
        let not_sent = Trip::NotSent(String::new());
        for sent in
            [lost, not_sent, answered(500, "X"), answered(502, "X"), answered(503, "X"), answered(504, "X")]
        {
            assert!(is_repeated(&sent, Care::Read), "{sent:?}");
        }
        for sent in [answered(200, "X"), answered(404, "X"), answered(422, "X"), answered(501, "X")] {
            assert_eq!(next(&sent, Care::Read, 0, 0.0), Next::Deliver, "{sent:?}");
        }
    }

    #[test]
    fn writes_are_repeated_only_when_they_did_not_leave() {
        assert!(is_repeated(&Trip::NotSent(String::new()), Care::Write));
        for sent in [Trip::Lost(String::new()), answered(500, "X"), answered(502, "X"), answered(503, "X")] {
            assert_eq!(next(&sent, Care::Write, 0, 0.0), Next::Deliver, "{sent:?}");
        }
    }

    #[test]
    fn only_what_airtable_refuses_is_proof_of_no_effect() {
        for (status, outcome) in [
            (200, Outcome::Ok),
            (302, Outcome::Failed),
            (404, Outcome::Refused),
            (408, Outcome::Failed),
            (422, Outcome::Refused),
            (503, Outcome::Failed),
        ] {
            assert_eq!(Outcome::of(&answered(status, "X")), outcome, "{status}");
        }
        assert!(is_repeated(&answered(408, "X"), Care::Read));
    }

    #[test]
    fn the_rate_limit_is_waited_out_and_the_quota_is_not() {
        for care in [Care::Read, Care::Write] {
            assert_eq!(next(&answered(429, "RATE_LIMIT_REACHED"), care, 99, 0.0), Next::LockedOut);
            let quota = answered(429, "PUBLIC_API_BILLING_LIMIT_EXCEEDED");
            assert_eq!(next(&quota, care, 0, 0.0), Next::Deliver);
        }
    }

    #[test]
    fn pauses_double_vary_and_end_and_the_upstream_may_ask_for_another() {
        let failed = answered(503, "X");
        assert_eq!(next(&failed, Care::Read, 0, 1.0), Next::Again(Duration::from_millis(250)));
        assert_eq!(next(&failed, Care::Read, 3, 0.0), Next::Again(Duration::from_secs(1)));
        assert_eq!(next(&failed, Care::Read, 4, 0.0), Next::Deliver);
        let Trip::Answered(answer) = failed else { unreachable!() };
        let asks = Trip::Answered(answer.with(RETRY_AFTER, 7.into()));
        assert_eq!(next(&asks, Care::Read, 0, 0.5), Next::Again(Duration::from_secs(7)));
        let Trip::Answered(answer) = asks else { unreachable!() };
        let asks = Trip::Answered(answer.with(RETRY_AFTER, u64::MAX.into()));
        assert_eq!(next(&asks, Care::Read, 0, 0.5), Next::Again(LONGEST_PAUSE));
    }
}
