//! How long one request may compute.

use std::time::{Duration, Instant};

use airtable::Error;

/// Where a request writes, the others wait for it meanwhile.
const TIME: Duration = Duration::from_secs(10);

/// When the computing of a request ends: one for all of it, whatever it computes.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// That of a request which begins to compute now.
    pub fn of_request() -> Self {
        Self(Instant::now() + TIME)
    }

    /// One that is over.
    #[cfg(test)]
    pub fn over() -> Self {
        Self(Instant::now())
    }

    /// Whether there is time left.
    pub fn is_ahead(self) -> bool {
        Instant::now() < self.0
    }

    /// Refuses once the time is over: what was computed after that is wrong.
    pub fn check(self) -> Result<(), Error> {
        if self.is_ahead() {
            return Ok(());
        }
        let seconds = TIME.as_secs();
        Err(Error::InvalidRequestBecause(format!(
            "formulas of this request take longer than {seconds} s: ask for fewer records or simpler formulas"
        )))
    }
}

#[cfg(test)]
#[path = "deadline_tests.rs"]
mod tests;
