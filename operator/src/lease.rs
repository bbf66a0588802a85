//! Leadership by a Lease: spares double work. Safety does not rest on it, but on resourceVersion and epoch.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use tokio::sync::watch;

/// Name of the Lease.
pub const NAME: &str = "pyairtable-operator";
/// How long a lease holds without renewal.
const DURATION: SignedDuration = SignedDuration::from_secs(15);
/// How long a leader goes on without having been able to renew: less than `DURATION`, so that two never overlap by clock alone.
const RENEW_WITHIN: SignedDuration = SignedDuration::from_secs(10);
/// Pause between looks.
const PERIOD: Duration = Duration::from_secs(2);

/// What to do about the lease found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Write it as ours: it is ours, free or run out.
    Take,
    /// Somebody else holds it.
    Wait,
}

/// Whether to take the lease; `seen` is when this process first saw it as it is, by its own clock, so that skew between
/// clocks can't make it look run out.
pub fn decide(lease: Option<&LeaseSpec>, me: &str, seen: Timestamp, now: Timestamp) -> Decision {
    let Some(holder) =
        lease.and_then(|lease| lease.holder_identity.as_deref()).filter(|holder| !holder.is_empty())
    else {
        return Decision::Take;
    };
    if holder == me || now.duration_since(seen) >= DURATION { Decision::Take } else { Decision::Wait }
}

/// The lease as this process writes it.
fn ours(before: Option<&LeaseSpec>, me: &str, now: Timestamp) -> LeaseSpec {
    let kept = before.filter(|lease| lease.holder_identity.as_deref() == Some(me));
    let transitions = before.and_then(|lease| lease.lease_transitions).unwrap_or(0);
    LeaseSpec {
        holder_identity: Some(me.to_owned()),
        lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
        acquire_time: kept.and_then(|lease| lease.acquire_time.clone()).or(Some(MicroTime(now))),
        renew_time: Some(MicroTime(now)),
        lease_transitions: Some(if kept.is_some() { transitions } else { transitions.saturating_add(1) }),
        ..LeaseSpec::default()
    }
}

/// A process that wants to lead.
pub struct Candidate {
    api: Api<Lease>,
    me: String,
}

impl Candidate {
    /// A candidate named `me`; `client` must not retry by itself, since a late renewal is worse than none.
    pub fn new(client: Client, namespace: &str, me: String) -> Self {
        Self { api: Api::namespaced(client, namespace), me }
    }

    /// Tries for ever; `leads` tells whether this process leads. Ends after it led and lost, for the process to end with it.
    pub async fn run(self, leads: watch::Sender<bool>) {
        let mut seen: Option<(Option<String>, Timestamp)> = None;
        let mut renewed: Option<Timestamp> = None;
        loop {
            let attempt = tokio::time::timeout(Duration::from_secs(5), self.attempt(&mut seen)).await;
            let now = Timestamp::now();
            match attempt {
                Ok(Ok(true)) => {
                    renewed = Some(now);
                    leads.send_replace(true);
                }
                Ok(Ok(false)) if renewed.is_some() => {
                    return self.lost(&leads, "another process took the lease");
                }
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "lease could not be renewed"),
                Err(_) => tracing::warn!("lease could not be renewed: no answer within 5 s"),
            }
            if renewed.is_some_and(|last| now.duration_since(last) >= RENEW_WITHIN) {
                return self.lost(&leads, "the lease could not be renewed in time");
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// Gives the lease back, so that another process need not wait for its end.
    pub async fn release(&self) -> Result<(), kube::Error> {
        let Some(mut lease) = self.api.get_opt(NAME).await? else { return Ok(()) };
        if lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()) == Some(&self.me) {
            lease.spec.get_or_insert_default().holder_identity = Some(String::new());
            self.api.replace(NAME, &PostParams::default(), &lease).await?;
        }
        Ok(())
    }

    /// A second handle on the same candidacy.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { api: self.api.clone(), me: self.me.clone() }
    }

    fn lost(&self, leads: &watch::Sender<bool>, why: &str) {
        tracing::error!(me = self.me, why, "no longer leading");
        leads.send_replace(false);
    }

    /// One look and, where decided so, one write with the version seen. True when the lease is ours.
    async fn attempt(&self, seen: &mut Option<(Option<String>, Timestamp)>) -> Result<bool, kube::Error> {
        let now = Timestamp::now();
        let found = self.api.get_opt(NAME).await?;
        let version = found.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
        let since = match seen {
            Some((same, since)) if *same == version => *since,
            _ => now,
        };
        *seen = Some((version, since));
        let spec = found.as_ref().and_then(|lease| lease.spec.as_ref());
        if decide(spec, &self.me, since, now) == Decision::Wait {
            return Ok(false);
        }
        let written = match &found {
            None => {
                let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
                let lease = Lease { metadata, spec: Some(ours(None, &self.me, now)) };
                self.api.create(&PostParams::default(), &lease).await
            }
            Some(lease) => {
                let lease = Lease { metadata: lease.metadata.clone(), spec: Some(ours(spec, &self.me, now)) };
                self.api.replace(NAME, &PostParams::default(), &lease).await
            }
        };
        match written {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn held_by(holder: &str) -> LeaseSpec {
        LeaseSpec { holder_identity: Some(holder.to_owned()), ..LeaseSpec::default() }
    }

    #[test]
    fn a_lease_of_another_is_taken_only_after_it_was_seen_unchanged_for_its_duration() {
        let lease = held_by("other");
        assert_eq!(decide(Some(&lease), "me", at(0), at(14)), Decision::Wait);
        assert_eq!(decide(Some(&lease), "me", at(0), at(15)), Decision::Take);
    }

    #[test]
    fn a_free_or_own_lease_is_taken_at_once() {
        assert_eq!(decide(None, "me", at(0), at(0)), Decision::Take);
        assert_eq!(decide(Some(&held_by("")), "me", at(0), at(0)), Decision::Take);
        assert_eq!(decide(Some(&held_by("me")), "me", at(0), at(0)), Decision::Take);
    }

    #[test]
    fn taking_it_over_is_counted_and_renewing_is_not() {
        let taken = ours(Some(&held_by("other")), "me", at(1));
        assert_eq!(taken.lease_transitions, Some(1));
        let renewed = ours(Some(&taken), "me", at(2));
        assert_eq!(renewed.lease_transitions, Some(1));
        assert_eq!(renewed.acquire_time, Some(MicroTime(at(1))));
    }
}
