//! The operator's metrics; labels are kinds, verbs and reasons, never names of objects.

use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};
use telemetry::metrics::{Error, Metrics as Registry};

/// Counters, gauges and histograms of the controllers.
#[derive(Clone)]
pub struct Metrics {
    /// Passes of a controller, by kind and outcome (`done`, `waiting`, `stale` or `error`).
    pub reconciles: IntCounterVec,
    /// Seconds of a pass, by kind.
    pub reconcile_seconds: HistogramVec,
    /// Writes to the API server, by kind, part (`status`, `metadata`, `child`) and outcome.
    pub writes: IntCounterVec,
    /// Calls to workers, by direction and outcome.
    pub calls: IntCounterVec,
    /// Seconds of a call to a worker, by direction.
    pub call_seconds: HistogramVec,
    /// Calls to workers under way.
    pub calls_in_flight: IntGaugeVec,
    /// Sagas that ended, by phase.
    pub sagas_ended: IntCounterVec,
    /// Broken invariants of the core, by name; anything but 0 is a defect.
    pub invariant_violations: IntCounterVec,
    /// 1 while this process leads.
    pub is_leader: IntGaugeVec,
}

impl Metrics {
    /// Registers all of them.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        Ok(Self {
            reconciles: registry.counter(
                "reconcile_total",
                "Passes of a controller, by kind and outcome.",
                &["kind", "outcome"],
            )?,
            reconcile_seconds: registry.seconds(
                "reconcile_duration_seconds",
                "Seconds of a pass, by kind.",
                &["kind"],
            )?,
            writes: registry.counter(
                "status_writes_total",
                "Writes to the API server, by kind, part and outcome.",
                &["kind", "part", "outcome"],
            )?,
            calls: registry.counter(
                "saga_steps_total",
                "Calls to workers, by direction and outcome.",
                &["direction", "outcome"],
            )?,
            call_seconds: registry.seconds(
                "saga_step_call_seconds",
                "Seconds of a call to a worker, by direction.",
                &["direction"],
            )?,
            calls_in_flight: registry.gauge("saga_calls_in_flight", "Calls to workers under way.", &[])?,
            sagas_ended: registry.counter("saga_ended_total", "Sagas that ended, by phase.", &["phase"])?,
            invariant_violations: registry.counter(
                "saga_invariant_violations_total",
                "Broken invariants of the core, by name; anything but 0 is a defect.",
                &["invariant"],
            )?,
            is_leader: registry.gauge("is_leader", "1 while this process leads.", &[])?,
        })
    }
}
