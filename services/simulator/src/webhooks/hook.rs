//! A webhook: its life and its payloads.

use std::{collections::VecDeque, sync::Arc};

use airtable::{id::Kind, time};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    notifications::{Notifications, Sent},
    specification::Specification,
};
use crate::{secret::Secret, world::new_id};

/// How long a webhook lives after it was made, refreshed, or its payloads were listed; how long payloads are kept; and how
/// long after its end a webhook can still be looked at.
pub const LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Most payloads of a webhook; the oldest go.
const MOST_PAYLOADS: usize = 2_000;

/// A webhook of a base.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hook {
    pub id: String,
    /// Signs notifications.
    pub secret: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    pub specification: Specification,
    expires: Timestamp,
    /// The specification did not fit the base any more.
    invalid: bool,
    payloads: VecDeque<Arc<Payload>>,
    next: u64,
    notifications: Notifications,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    number: u64,
    time: Timestamp,
    body: Value,
}

impl Hook {
    /// A new webhook. Its URL, where there is one, is notified once to begin with.
    pub fn new(url: Option<String>, specification: Specification, now: Timestamp) -> Self {
        Self {
            id: new_id(Kind::Webhook),
            secret: Secret::random(),
            notifications: Notifications::new(url.is_some()),
            url,
            specification,
            expires: now + LIFE,
            invalid: false,
            payloads: VecDeque::new(),
            next: 1,
        }
    }

    /// Whether it hears of changes.
    pub fn is_active(&self, now: Timestamp) -> bool {
        !self.invalid && now < self.expires
    }

    /// Whether it can still be looked at.
    pub fn is_there(&self, now: Timestamp) -> bool {
        now < self.expires + LIFE
    }

    /// Prolongs its life, where it has not ended; answers its new end.
    pub fn refresh(&mut self, now: Timestamp) -> Option<String> {
        if !self.is_active(now) {
            return None;
        }
        self.expires = now + LIFE;
        Some(self.expiration())
    }

    /// When its life ends.
    pub fn expiration(&self) -> String {
        time::write(self.expires)
    }

    pub fn enable_notifications(&mut self, enable: bool) {
        self.notifications.enable(enable);
    }

    /// Adds a payload.
    pub fn add(&mut self, now: Timestamp, body: Value) {
        self.payloads.push_back(Arc::new(Payload { number: self.next, time: now, body }));
        self.next += 1;
        self.notifications.owe();
        self.payloads.drain(..self.payloads.len().saturating_sub(MOST_PAYLOADS));
    }

    /// Adds the payload that says why there will be no more.
    pub fn invalidate(&mut self, now: Timestamp, body: Value) {
        self.add(now, body);
        self.invalid = true;
    }

    /// The payloads from this number on, the number after the last of them, and whether there are more.
    pub fn list(&mut self, cursor: u64, limit: usize, now: Timestamp) -> (Vec<Value>, u64, bool) {
        self.payloads.retain(|payload| now < payload.time + LIFE);
        let mut left = self.payloads.iter().skip_while(|payload| payload.number < cursor);
        let page: Vec<_> = left.by_ref().take(limit).collect();
        let next = page.last().map_or(cursor, |payload| payload.number + 1);
        let more = left.next().is_some();
        (page.iter().map(|payload| payload.body.clone()).collect(), next, more)
    }

    /// Whether a notification is to be sent and nobody does yet; from now on somebody does.
    pub fn begin_delivery(&mut self, now: Timestamp) -> bool {
        !self.notifications.is_delivering() && self.go_on(now).is_some()
    }

    /// The number of the next payload, where there is a notification to be sent.
    pub fn go_on(&mut self, now: Timestamp) -> Option<u64> {
        // Of the payload that says that the specification is not valid a notification is sent as well.
        let may = self.url.is_some() && now < self.expires;
        self.notifications.go_on(may).then_some(self.next)
    }

    /// Remembers what became of a notification; answers whether it is to be sent again.
    pub fn sent(&mut self, sent: &Sent, now: Timestamp) -> bool {
        self.notifications.sent(sent, self.next, now)
    }

    /// As webhooks are listed.
    pub fn answer(&self, now: Timestamp) -> Value {
        json!({
            "id": self.id,
            "areNotificationsEnabled": self.notifications.enabled,
            "cursorForNextPayload": self.next,
            "isHookEnabled": self.is_active(now),
            "lastSuccessfulNotificationTime": self.notifications.last_success.map(time::write),
            "notificationUrl": self.url,
            "expirationTime": self.expiration(),
            "lastNotificationResult": self.notifications.last_result,
            "specification": self.specification,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn hook() -> Hook {
        let specification = json!({"options": {"filters": {"dataTypes": ["tableData"]}}});
        Hook::new(Some("http://x".to_owned()), serde_json::from_value(specification).unwrap(), NOW)
    }

    #[test]
    fn it_lives_for_a_week_after_the_last_refresh_and_can_be_seen_for_another() {
        let mut hook = hook();
        let second = SignedDuration::from_secs(1);
        assert!(hook.refresh(NOW + LIFE - second).is_some());
        let end = NOW + LIFE - second + LIFE;
        assert!(hook.is_active(end - second) && !hook.is_active(end));
        assert_eq!(hook.refresh(end), None, "what has ended stays so");
        assert!(hook.is_there(end + LIFE - second) && !hook.is_there(end + LIFE));
    }

    #[test]
    fn payloads_are_counted_paged_and_dropped_after_a_week_without_a_reset_of_the_count() {
        let mut hook = hook();
        for number in 1..=5 {
            hook.add(NOW, json!(number));
        }
        assert_eq!(hook.list(1, 2, NOW), (vec![json!(1), json!(2)], 3, true));
        assert_eq!(hook.list(3, 50, NOW), (vec![json!(3), json!(4), json!(5)], 6, false));
        assert_eq!(hook.list(6, 50, NOW), (vec![], 6, false));
        assert_eq!(hook.list(1, 50, NOW + LIFE), (vec![], 1, false));
        hook.add(NOW + LIFE, json!(6));
        assert_eq!(hook.list(1, 50, NOW + LIFE), (vec![json!(6)], 7, false));
    }

    #[test]
    fn old_payloads_make_room() {
        let mut hook = hook();
        for number in 1..=MOST_PAYLOADS + 3 {
            hook.add(NOW, json!(number));
        }
        assert_eq!(hook.payloads.len(), MOST_PAYLOADS);
        assert_eq!(hook.list(1, 1, NOW).0, [json!(4)]);
    }
}
