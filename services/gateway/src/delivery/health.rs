//! Whether Airtable serves this base: from a probe every half minute, and from what live traffic meets.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::StatusCode;
use tokio::{sync::Notify, time::Instant};

use super::{
    Undelivered,
    breaker::{Breaker, Sign},
    retry::Outcome,
    token::NoToken,
    upstream::Trip,
};
use crate::{
    metrics::Metrics,
    route::{self, Target},
    schema::Schema,
};

const EVERY: Duration = Duration::from_secs(30);
/// Between probes that were asked for by failures of live traffic, or that failed themselves.
const AT_MOST_EVERY: Duration = Duration::from_secs(2);
/// Longer than a lock-out: waiting one out says nothing about the upstream.
const DEADLINE: Duration = Duration::from_mins(1);

/// What is known of the upstream. The message begins with a reason in `CamelCase` and a colon.
pub struct Health {
    base: String,
    verdict: Mutex<Result<(), String>>,
    breaker: Mutex<Breaker>,
    doubt: Notify,
    metrics: Metrics,
}

impl Health {
    /// Nothing is known yet, which is not ready.
    pub fn new(base: &str, metrics: Metrics) -> Arc<Self> {
        let verdict = Mutex::new(Err("Starting: waiting for the first answer of Airtable".to_owned()));
        let (breaker, doubt) = (Mutex::default(), Notify::new());
        Arc::new(Self { base: base.to_owned(), verdict, breaker, doubt, metrics })
    }

    /// Ok, or why the upstream does not serve this base.
    pub fn verdict(&self) -> Result<(), String> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether requests may be sent: not while the circuit breaker is open.
    pub fn admit(&self) -> Result<(), Undelivered> {
        match *self.breaker() {
            Breaker::Closed { .. } => Ok(()),
            Breaker::Open => Err(Undelivered::Unavailable),
        }
    }

    /// `sent` became of a request to `target`. Success within the base is proof; anything doubtful asks for a probe,
    /// which decides.
    pub fn saw(&self, target: &str, sent: &Trip) {
        self.count(Sign::of(sent));
        match Outcome::of(sent) {
            Outcome::Ok if self.verdict().is_ok() => (),
            Outcome::Ok => {
                let path = target.split('?').next().unwrap_or_default();
                if route::target(path, &self.base) == Target::Base {
                    self.set(Ok(()));
                }
            }
            Outcome::Unauthorized | Outcome::NotSent | Outcome::Lost | Outcome::Failed => {
                self.doubt.notify_one();
            }
            Outcome::Refused | Outcome::RateLimited | Outcome::Quota | Outcome::Dropped => (),
        }
    }

    /// Asks for a probe before its time: what it learns may be other by now.
    pub fn ask(&self) {
        self.doubt.notify_one();
    }

    /// Probes for ever by asking for the schema.
    pub async fn watch(&self, schema: &Schema) {
        loop {
            let sent = schema.probe(Instant::now() + DEADLINE).await;
            if let Some(verdict) = self.judge(sent) {
                self.set(verdict);
            }
            tokio::time::sleep(AT_MOST_EVERY).await;
            let pause = if self.verdict().is_ok() { EVERY } else { AT_MOST_EVERY * 2 };
            let _asked_or_time = tokio::time::timeout(pause, self.doubt.notified()).await;
        }
    }

    fn count(&self, sign: Sign) {
        let mut breaker = self.breaker();
        let before = *breaker;
        *breaker = before.saw(sign);
        match (before, *breaker) {
            (Breaker::Closed { .. }, Breaker::Open) => {
                tracing::warn!(base = self.base, "Airtable does not answer, requests fail at once");
                self.metrics.circuit_open(true);
            }
            (Breaker::Open, Breaker::Closed { .. }) => {
                tracing::info!(base = self.base, "Airtable answers again");
                self.metrics.circuit_open(false);
            }
            _ => (),
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, verdict: Result<(), String>) {
        let mut current = self.verdict.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != verdict {
            match &verdict {
                Ok(()) => tracing::info!(base = self.base, "Airtable serves the base"),
                Err(why) => tracing::warn!(base = self.base, why, "Airtable does not serve the base"),
            }
            *current = verdict;
        }
    }

    /// What a probe says; none where it says nothing.
    fn judge(&self, sent: Result<Trip, Undelivered>) -> Option<Result<(), String>> {
        let verdict = match sent {
            Ok(Trip::Answered(answer)) => match answer.status {
                StatusCode::TOO_MANY_REQUESTS => return None,
                StatusCode::UNAUTHORIZED => Err("TokenRefused: Airtable refuses the token (401)".to_owned()),
                status @ (StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) => Err(format!(
                    "BaseNotFound: Airtable has no base {}, or the token is not granted it with scope \
                     schema.bases:read ({})",
                    self.base,
                    status.as_u16()
                )),
                status if status.is_success() => Ok(()),
                status => Err(format!("Unreachable: Airtable answers {}", status.as_u16())),
            },
            Ok(Trip::NotSent(why) | Trip::Lost(why)) => Err(format!("Unreachable: {why}")),
            Err(Undelivered::Token(NoToken::Missing(why))) => Err(format!("TokenMissing: {why}")),
            Ok(Trip::Dropped) | Err(_) => return None,
        };
        Some(verdict)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::answer::Answer;

    fn health() -> Arc<Health> {
        let metrics = Metrics::register(&telemetry::metrics::Metrics::new()).unwrap();
        Health::new("appAAAAAAAAAAAAAA", metrics)
    }

    fn reason(sent: Result<Trip, Undelivered>) -> Option<String> {
        let verdict = health().judge(sent)?;
        Some(verdict.map_or_else(|why| why.split(':').next().unwrap().to_owned(), |()| "ok".to_owned()))
    }

    #[test]
    fn each_failure_of_a_probe_has_its_reason() {
        let answered = |status: u16| {
            let status = StatusCode::from_u16(status).unwrap();
            reason(Ok(Trip::Answered(Answer::json(status, &json!({})))))
        };
        assert_eq!(answered(200).as_deref(), Some("ok"));
        assert_eq!(answered(401).as_deref(), Some("TokenRefused"));
        assert_eq!(answered(403).as_deref(), Some("BaseNotFound"));
        assert_eq!(answered(404).as_deref(), Some("BaseNotFound"));
        assert_eq!(answered(302).as_deref(), Some("Unreachable"));
        assert_eq!(answered(503).as_deref(), Some("Unreachable"));
        assert_eq!(answered(429), None);
        assert_eq!(reason(Ok(Trip::NotSent("refused".into()))).as_deref(), Some("Unreachable"));
        let missing = Undelivered::Token(NoToken::Missing("/token: no such file".into()));
        assert_eq!(reason(Err(missing)).as_deref(), Some("TokenMissing"));
        assert_eq!(reason(Err(Undelivered::QueueDeadline)), None);
    }

    #[test]
    fn live_success_is_proof_and_a_failure_is_only_a_doubt() {
        let (health, ok) = (health(), Trip::Answered(Answer::json(StatusCode::OK, &json!({}))));
        health.saw("/v0/meta/whoami", &ok);
        assert!(
            health.verdict().unwrap_err().starts_with("Starting: "),
            "the base may be another's all the same"
        );
        health.saw("/v0/appAAAAAAAAAAAAAA/Deals?pageSize=1", &ok);
        health.saw("/v0/appAAAAAAAAAAAAAA/Deals", &Trip::Lost(String::new()));
        assert_eq!(health.verdict(), Ok(()));
    }
}
