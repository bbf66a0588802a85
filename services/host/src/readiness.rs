//! Named conditions that must hold before a service takes traffic; `/ready` reports each by name.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use serde::Serialize;

type Check =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Option<String>, String>> + Send>> + Send + Sync>;

/// How long one check may take before it counts as failed: well under the 1 s default of a kubelet's probe.
const CHECK_TIMEOUT: Duration = Duration::from_millis(800);

/// The checks of a service. Without checks it is ready.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: BTreeMap<&'static str, Check>,
}

/// What `/ready` answers: `{"ready": false, "checks": {"upstream": "connection refused"}}`, `"ok"` where it holds,
/// `"ok, but …"` where it holds and something is amiss all the same.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Report {
    /// True when every check holds.
    pub ready: bool,
    /// `ok`, `ok, but …`, or why not, by the name of the check.
    pub checks: BTreeMap<&'static str, String>,
}

impl Readiness {
    /// Adds a check; the message of its error is shown to whoever asks, so it carries no secret.
    #[must_use]
    pub fn check<F>(self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.remark(name, move || {
            let checked = check();
            async move { checked.await.map(|()| None) }
        })
    }

    /// Adds a check that may have something to say although it holds.
    #[must_use]
    pub fn remark<F>(mut self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Option<String>, String>> + Send + 'static,
    {
        self.checks.insert(name, Arc::new(move || Box::pin(check())));
        self
    }

    /// Runs every check at once.
    pub async fn report(&self) -> Report {
        let runs = self.checks.iter().map(|(name, check)| async move {
            let verdict = tokio::time::timeout(CHECK_TIMEOUT, check()).await;
            (
                *name,
                verdict.unwrap_or_else(|_| Err(format!("no answer within {} ms", CHECK_TIMEOUT.as_millis()))),
            )
        });
        let verdicts = futures::future::join_all(runs).await;
        let ready = verdicts.iter().all(|(_, verdict)| verdict.is_ok());
        let said = |verdict| match verdict {
            Ok(None) => "ok".to_owned(),
            Ok(Some(amiss)) => format!("ok, but {amiss}"),
            Err(why) => why,
        };
        let checks = verdicts.into_iter().map(|(name, verdict)| (name, said(verdict))).collect();
        Report { ready, checks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_failing_check_is_named_and_spoils_readiness() {
        let readiness = Readiness::default()
            .check("store", || async { Ok(()) })
            .check("upstream", || async { Err("connection refused".to_owned()) });
        let report = readiness.report().await;
        assert!(!report.ready);
        assert_eq!(report.checks["store"], "ok");
        assert_eq!(report.checks["upstream"], "connection refused");
    }

    #[tokio::test]
    async fn a_check_that_holds_may_say_what_is_amiss_all_the_same() {
        let readiness =
            Readiness::default().remark("clients", || async { Ok(Some("one key is gone".to_owned())) });
        let report = readiness.report().await;
        assert!(report.ready);
        assert_eq!(report.checks["clients"], "ok, but one key is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_fails() {
        let readiness = Readiness::default().check("store", std::future::pending);
        assert_eq!(readiness.report().await.checks["store"], "no answer within 800 ms");
    }
}
