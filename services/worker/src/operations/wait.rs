//! `wait`: lets time pass. A long wait is answered 202, so that no connection is held for it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{contract::Problem, outcome::Failure};

/// Waits up to this are done within the call.
const SHORT: Duration = Duration::from_secs(1);
/// The longest pause between two questions.
const ASK_AGAIN: Duration = Duration::from_mins(1);

/// The input.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    seconds: u32,
}

impl Wait {
    /// Notes when the wait is over, so that a restart does not begin it anew.
    pub fn prepare(&self, now: Timestamp) -> Result<Value, Failure> {
        let until = now.checked_add(SignedDuration::from_secs(self.seconds.into())).map_err(|error| {
            Failure::Refused(Problem::new("InvalidInput", format!("input.seconds: {error}")))
        })?;
        Ok(json!({"until": until}))
    }
}

/// Waits a short rest out; a long one is to be asked for again.
pub async fn run(note: &Value, now: Timestamp) -> Result<Value, Failure> {
    let rest = rest(note, now);
    if rest > SHORT {
        return Err(Failure::Accepted(rest.min(ASK_AGAIN)));
    }
    tokio::time::sleep(rest).await;
    Ok(json!({}))
}

/// How long the wait with this note still takes.
pub fn rest(note: &Value, now: Timestamp) -> Duration {
    let until: Option<Timestamp> =
        note.get("until").and_then(Value::as_str).and_then(|until| until.parse().ok());
    until.and_then(|until| Duration::try_from(until.duration_since(now)).ok()).unwrap_or_default()
}
