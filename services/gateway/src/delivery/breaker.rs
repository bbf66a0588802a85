//! The circuit breaker towards Airtable: pure.
//!
//! Closed, requests go through, and failures in a row are counted. Open, requests fail at once, and only the probes of
//! [`crate::delivery::health`] go through, one at a time; any answer of Airtable closes it.

use http::StatusCode;

use super::{retry::Outcome, upstream::Trip};

/// So many failures in a row open it: more than one request makes, all its retries counted.
const MOST_FAILURES: u32 = 10;

/// Whether Airtable answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// So many failures in a row so far.
    Closed {
        failures: u32,
    },
    Open,
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// What a trip says about Airtable as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It answers, be it with a refusal.
    Alive,
    /// No connection, a broken one, or a 5xx.
    Failing,
}

impl Sign {
    /// What `sent` says.
    pub fn of(sent: &Trip) -> Self {
        match (Outcome::of(sent), sent) {
            (Outcome::NotSent | Outcome::Lost, _) => Self::Failing,
            (_, Trip::Answered(answer)) if answer.status.is_server_error() && !is_own(answer.status) => {
                Self::Failing
            }
            _ => Self::Alive,
        }
    }
}

/// 507 is the gateway's own: Airtable's answer was too large.
fn is_own(status: StatusCode) -> bool {
    status == StatusCode::INSUFFICIENT_STORAGE
}

impl Breaker {
    /// The next state.
    #[must_use]
    pub fn saw(self, sign: Sign) -> Self {
        match (self, sign) {
            (_, Sign::Alive) => Self::default(),
            (Self::Closed { failures }, Sign::Failing) if failures + 1 < MOST_FAILURES => {
                Self::Closed { failures: failures + 1 }
            }
            (Self::Closed { .. } | Self::Open, Sign::Failing) => Self::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::answer::Answer;

    fn answered(status: u16) -> Trip {
        Trip::Answered(Answer::json(StatusCode::from_u16(status).unwrap(), &json!({})))
    }

    fn after(breaker: Breaker, signs: &[Sign]) -> Breaker {
        signs.iter().fold(breaker, |breaker, sign| breaker.saw(*sign))
    }

    #[test]
    fn failures_in_a_row_open_it_and_any_answer_closes_it() {
        let (ten, nine) = ([Sign::Failing; 10], [Sign::Failing; 9]);
        assert_eq!(after(Breaker::default(), &nine), Breaker::Closed { failures: 9 });
        assert_eq!(after(Breaker::default(), &ten), Breaker::Open);
        assert_eq!(after(Breaker::Open, &[Sign::Failing]), Breaker::Open);
        assert_eq!(after(Breaker::Open, &[Sign::Alive]), Breaker::default());
        let interrupted = [nine.as_slice(), &[Sign::Alive], &nine].concat();
        assert_eq!(after(Breaker::default(), &interrupted), Breaker::Closed { failures: 9 });
    }

    #[test]
    fn a_refusal_is_a_sign_of_life_and_what_does_not_answer_is_none() {
        for status in [200, 302, 400, 401, 403, 404, 408, 422, 429, 507] {
            assert_eq!(Sign::of(&answered(status)), Sign::Alive, "{status}");
        }
        for sent in [answered(500), answered(502), answered(503), answered(504)] {
            assert_eq!(Sign::of(&sent), Sign::Failing);
        }
        assert_eq!(Sign::of(&Trip::NotSent(String::new())), Sign::Failing);
        assert_eq!(Sign::of(&Trip::Lost(String::new())), Sign::Failing);
    }
}
