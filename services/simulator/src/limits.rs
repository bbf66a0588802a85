//! Airtable's limits: requests a second for each base and for the user, silence after too many, and a monthly quota.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use airtable::Error;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How long the window is, counted back from each arrival.
const WINDOW: Duration = Duration::from_secs(1);

/// What is allowed. `null` or absent is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Allowed {
    /// Requests a second to one base.
    pub per_base: Option<usize>,
    /// Requests a second of the user to all of them; here every token is of one user.
    pub per_user: Option<usize>,
    /// How long who sent too many is refused.
    #[serde(default = "half_a_minute")]
    pub lockout_seconds: u64,
    /// Calls for records of all bases of a workspace in a calendar month (UTC).
    pub monthly_calls: Option<u64>,
}

/// What arrived lately, and in this month.
#[derive(Debug)]
pub struct Limits {
    pub allowed: Allowed,
    bases: HashMap<String, Arrivals>,
    user: Arrivals,
    month: String,
    used: HashMap<String, u64>,
}

/// Where a call goes.
pub struct Bound<'a> {
    pub base: Option<&'a str>,
    /// The workspace whose quota it uses; `None` for the meta API, which has none.
    pub quota_of: Option<&'a str>,
}

#[derive(Debug, Default)]
struct Arrivals {
    recent: VecDeque<Instant>,
    locked_until: Option<Instant>,
}

impl Allowed {
    /// As Airtable has it in every plan.
    pub fn as_airtable() -> Self {
        Self { per_base: Some(5), per_user: Some(50), lockout_seconds: half_a_minute(), monthly_calls: None }
    }

    /// Everything.
    pub fn unlimited() -> Self {
        Self { per_base: None, per_user: None, ..Self::as_airtable() }
    }
}

impl Limits {
    pub fn new(allowed: Allowed) -> Self {
        let (bases, used) = (HashMap::new(), HashMap::new());
        Self { allowed, bases, user: Arrivals::default(), month: String::new(), used }
    }

    /// Whether a call that arrives `now` is let in. Calls during the lock-out do not prolong it, and use no quota.
    pub fn admit(&mut self, bound: &Bound<'_>, now: Instant, date: Timestamp) -> Result<(), Error> {
        let lockout = Duration::from_secs(self.allowed.lockout_seconds);
        let by_user = self.allowed.per_user.is_none_or(|most| self.user.admit(most, lockout, now));
        let by_base = match (bound.base, self.allowed.per_base) {
            (Some(base), Some(most)) => {
                self.bases.entry(base.to_owned()).or_default().admit(most, lockout, now)
            }
            _ => true,
        };
        if !by_user || !by_base {
            return Err(Error::RateLimitReached);
        }
        bound.quota_of.map_or(Ok(()), |workspace| self.count(workspace, date))
    }

    /// Calls for records in this month, by workspace.
    pub fn used(&self) -> &HashMap<String, u64> {
        &self.used
    }

    fn count(&mut self, workspace: &str, date: Timestamp) -> Result<(), Error> {
        let month = date.strftime("%Y-%m").to_string();
        if month != self.month {
            self.month = month;
            self.used.clear();
        }
        let used = self.used.entry(workspace.to_owned()).or_default();
        if self.allowed.monthly_calls.is_some_and(|most| *used >= most) {
            return Err(Error::BillingLimitExceeded);
        }
        *used += 1;
        Ok(())
    }
}

impl Arrivals {
    fn admit(&mut self, most: usize, lockout: Duration, now: Instant) -> bool {
        if self.locked_until.is_some_and(|until| now < until) {
            return false;
        }
        self.locked_until = None;
        while self.recent.front().is_some_and(|earliest| now.duration_since(*earliest) >= WINDOW) {
            self.recent.pop_front();
        }
        if self.recent.len() >= most {
            self.locked_until = Some(now + lockout);
            self.recent.clear();
            return false;
        }
        self.recent.push_back(now);
        true
    }
}

fn half_a_minute() -> u64 {
    30
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn to(base: &str) -> Bound<'_> {
        Bound { base: Some(base), quota_of: Some("wsp1") }
    }

    fn lets_in(limits: &mut Limits, base: &str, now: Instant) -> bool {
        limits.admit(&to(base), now, Timestamp::UNIX_EPOCH).is_ok()
    }

    #[test]
    fn five_requests_pass_in_any_second_and_the_sixth_locks_the_base_for_thirty() {
        let mut limits = Limits::new(Allowed::as_airtable());
        let begin = Instant::now();
        for request in 0..5 {
            assert!(lets_in(&mut limits, "app1", begin + MS * 100 * request));
        }
        let sixth = begin + MS * 999;
        assert!(!lets_in(&mut limits, "app1", sixth));
        assert!(lets_in(&mut limits, "app2", sixth), "another base is not concerned");
        assert!(
            !lets_in(&mut limits, "app1", sixth + MS * 29_999),
            "still locked, and not prolonged by this"
        );
        assert!(lets_in(&mut limits, "app1", sixth + MS * 30_000));
    }

    #[test]
    fn the_window_slides() {
        let mut limits = Limits::new(Allowed::as_airtable());
        let begin = Instant::now();
        for request in 0..50 {
            assert!(lets_in(&mut limits, "app1", begin + MS * 200 * request), "request {request}");
        }
    }

    #[test]
    fn the_user_has_fifty_a_second_over_all_bases() {
        let mut limits = Limits::new(Allowed::as_airtable());
        let now = Instant::now();
        for request in 0..50 {
            assert!(lets_in(&mut limits, &format!("app{request}"), now), "request {request}");
        }
        assert!(!lets_in(&mut limits, "app99", now));
        let meta = Bound { base: None, quota_of: None };
        assert_eq!(limits.admit(&meta, now, Timestamp::UNIX_EPOCH), Err(Error::RateLimitReached));
    }

    #[test]
    fn the_quota_is_of_a_workspace_and_a_month_and_the_meta_api_is_free() {
        let mut limits = Limits::new(Allowed { monthly_calls: Some(2), ..Allowed::unlimited() });
        let (now, date) = (Instant::now(), Timestamp::UNIX_EPOCH);
        let other = Bound { base: Some("app3"), quota_of: Some("wsp2") };
        let meta = Bound { base: Some("app1"), quota_of: None };
        assert_eq!(limits.admit(&to("app1"), now, date), Ok(()));
        assert_eq!(limits.admit(&to("app2"), now, date), Ok(()));
        assert_eq!(limits.admit(&to("app1"), now, date), Err(Error::BillingLimitExceeded));
        assert_eq!(limits.admit(&other, now, date), Ok(()));
        assert_eq!(limits.admit(&meta, now, date), Ok(()));
        let next_month = date + jiff::SignedDuration::from_hours(24 * 31);
        assert_eq!(limits.admit(&to("app1"), now, next_month), Ok(()));
    }
}
