//! One line in the log for each write: who asked for what, and how it ended.

use http::Method;

use crate::{answer::Answer, delivery::Undelivered};

/// A write that is under way; one that is dropped before it ended is told as well.
pub struct Write {
    client: String,
    method: Method,
    /// Percent-encoded, without query: base, table and, where it names one, record.
    path: String,
    /// Its `Idempotency-Key`, where it has one.
    key: Option<String>,
    has_ended: bool,
}

impl Write {
    /// Of this client.
    pub fn new(client: &str, method: &Method, path: &str, key: Option<&str>) -> Self {
        Self {
            client: client.to_owned(),
            method: method.clone(),
            path: path.to_owned(),
            key: key.map(str::to_owned),
            has_ended: false,
        }
    }

    /// With this answer, or without one.
    pub fn ended(mut self, outcome: &Result<Answer, Undelivered>) {
        self.has_ended = true;
        let Self { client, method, path, key, .. } = &self;
        match outcome {
            Ok(answer) => {
                let refused = !answer.status.is_success();
                let (status, error) =
                    (answer.status.as_u16(), refused.then(|| answer.error_type()).flatten());
                tracing::info!(client, %method, path, key, status, error, "a write");
            }
            Err(why) => tracing::info!(client, %method, path, key, %why, "a write without an answer"),
        }
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        let Self { client, method, path, key, has_ended } = self;
        if !*has_ended {
            tracing::info!(client, %method, path, key, "a write that nobody waits for any more");
        }
    }
}
