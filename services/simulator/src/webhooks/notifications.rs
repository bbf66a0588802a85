//! What is owed to the URL of a webhook, and what became of it.

use std::time::Duration;

use airtable::time;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How often a notification that failed is sent again.
const RETRIES: u32 = 13;

/// The notifications of a webhook.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notifications {
    pub enabled: bool,
    /// There is something of which none was sent yet.
    owed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success: Option<Timestamp>,
    /// As webhooks are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_result: Option<Value>,
    /// Somebody sends them.
    #[serde(skip)]
    delivering: bool,
}

/// A notification that was sent.
pub struct Sent {
    /// The number of the next payload when it was sent.
    pub mark: u64,
    /// How often it was sent before.
    pub retry: u32,
    pub took: Duration,
    /// Why it failed.
    pub error: Option<String>,
}

impl Notifications {
    /// Those of a new webhook; where it has a URL, one is sent to begin with.
    pub fn new(has_url: bool) -> Self {
        Self { enabled: has_url, owed: has_url, last_success: None, last_result: None, delivering: false }
    }

    pub fn enable(&mut self, enable: bool) {
        self.enabled = enable;
    }

    pub fn owe(&mut self) {
        self.owed = true;
    }

    pub fn is_delivering(&self) -> bool {
        self.delivering
    }

    /// Whether there is one to be sent, where that `may` be.
    pub fn go_on(&mut self, may: bool) -> bool {
        self.delivering = self.owed && self.enabled && may;
        self.delivering
    }

    /// Remembers what became of one; `next` is the number of the next payload by now. Answers whether it is to be sent again.
    pub fn sent(&mut self, sent: &Sent, next: u64, now: Timestamp) -> bool {
        let (completed, took) = (time::write(now), sent.took.as_secs_f64() * 1000.0);
        let Some(error) = &sent.error else {
            self.last_success = Some(now);
            self.owed = next != sent.mark;
            self.last_result = Some(json!({
                "success": true, "completionTimestamp": completed, "durationMs": took, "retryNumber": sent.retry,
            }));
            return false;
        };
        let again = sent.retry < RETRIES;
        if !again {
            self.owed = false;
            self.enabled = false;
        }
        self.last_result = Some(json!({
            "success": false, "error": {"message": error}, "completionTimestamp": completed, "durationMs": took,
            "retryNumber": sent.retry, "willBeRetried": again,
        }));
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn sent(mark: u64, retry: u32, error: Option<&str>) -> Sent {
        Sent { mark, retry, took: Duration::from_millis(2), error: error.map(str::to_owned) }
    }

    #[test]
    fn after_thirteen_retries_they_end() {
        let mut notifications = Notifications::new(true);
        for retry in 0..RETRIES {
            assert!(notifications.sent(&sent(1, retry, Some("no answer")), 1, NOW), "{retry}");
            assert!(notifications.go_on(true));
        }
        assert!(!notifications.sent(&sent(1, RETRIES, Some("no answer")), 1, NOW));
        assert!(!notifications.enabled && !notifications.go_on(true));
        assert_eq!(notifications.last_result.unwrap()["willBeRetried"], false);
    }

    #[test]
    fn of_what_came_while_one_was_on_its_way_another_is_sent() {
        let mut notifications = Notifications::new(true);
        notifications.owe();
        notifications.sent(&sent(1, 0, None), 2, NOW);
        assert!(notifications.go_on(true));
        notifications.sent(&sent(2, 0, None), 2, NOW);
        assert!(!notifications.go_on(true));
        assert_eq!(notifications.last_success, Some(NOW));
    }
}
