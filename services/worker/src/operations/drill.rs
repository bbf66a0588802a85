//! `fail`: fails as told, to show what a saga does then.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{contract::Problem, outcome::Failure};

/// The input.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fail {
    #[serde(rename = "as")]
    how: How,
    /// How many first attempts fail; all where it is absent.
    attempts: Option<u32>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum How {
    Refused,
    Unavailable,
    Unknown,
    Hang,
}

/// Reads the input.
pub fn parse(input: Value) -> Result<Fail, Problem> {
    super::read("fail", input)
}

impl Fail {
    /// Fails, or succeeds without outputs once the attempts that fail are over.
    pub async fn run(&self, attempt: u32) -> Result<Value, Failure> {
        if self.attempts.is_some_and(|attempts| attempt > attempts) {
            return Ok(json!({}));
        }
        let problem = Problem::new("Drill", format!("attempt {attempt} fails as told"));
        match self.how {
            How::Refused => Err(Failure::Refused(problem)),
            How::Unavailable => Err(Failure::Later(problem, Duration::from_secs(1))),
            How::Unknown => Err(Failure::Unknown(problem)),
            How::Hang => std::future::pending().await,
        }
    }
}
