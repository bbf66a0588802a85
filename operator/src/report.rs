//! The only place that records events and counts the outcome of a pass.

use std::time::Instant;

use crds::reason::Reason;
use kube::{
    Client, Resource, ResourceExt as _,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use crate::{conditions::cut, metrics::Metrics};

/// The longest note that an event takes, in characters; the API's bound is 1 kB.
const LONGEST_NOTE: usize = 900;

/// Records events and outcomes.
#[derive(Clone)]
pub struct Report {
    recorder: Recorder,
    metrics: Metrics,
}

impl Report {
    /// A reporter in the name of this process.
    pub fn new(client: Client, identity: &str, metrics: Metrics) -> Self {
        let reporter =
            Reporter { controller: "pyairtable-operator".to_owned(), instance: Some(identity.to_owned()) };
        Self { recorder: Recorder::new(client, reporter), metrics }
    }

    /// Records an event; one that can't be recorded is logged, since nothing depends on it.
    pub async fn event<K: Resource<DynamicType = ()>>(
        &self,
        object: &K,
        warning: bool,
        reason: Reason,
        note: &str,
    ) {
        let event = Event {
            type_: if warning { EventType::Warning } else { EventType::Normal },
            reason: reason.as_str().to_owned(),
            note: Some(cut(note, LONGEST_NOTE)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        let name = object.name_any();
        tracing::info!(kind = %K::kind(&()), name, namespace = object.namespace(), %reason, note, "event");
        if let Err(error) = self.recorder.publish(&event, &object.object_ref(&())).await {
            tracing::warn!(name, %reason, %error, "event could not be recorded");
        }
    }

    /// Counts a pass that began at `begun`.
    pub fn pass(&self, kind: &str, begun: Instant, outcome: &str) {
        self.metrics.reconciles.with_label_values(&[kind, outcome]).inc();
        self.metrics.reconcile_seconds.with_label_values(&[kind]).observe(begun.elapsed().as_secs_f64());
    }

    /// Counts a write.
    pub fn write(&self, kind: &str, part: &str, outcome: &str) {
        self.metrics.writes.with_label_values(&[kind, part, outcome]).inc();
    }
}
