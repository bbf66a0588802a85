//! The worker's metrics.

use std::time::Instant;

use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};
use telemetry::metrics::{Error, Metrics};

use crate::{contract::Answer, failpoints::Direction, operations::label};

/// Steps by operation, direction and outcome.
#[derive(Clone)]
pub struct StepMetrics {
    steps: IntCounterVec,
    seconds: HistogramVec,
    in_flight: IntGaugeVec,
}

impl StepMetrics {
    /// Registers the three.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        let direction = ["operation", "direction"];
        Ok(Self {
            steps: metrics.counter(
                "worker_steps_total",
                "Calls of the step contract answered, by operation, direction and outcome.",
                &["operation", "direction", "outcome"],
            )?,
            seconds: metrics.seconds(
                "worker_step_seconds",
                "Seconds until a call was answered.",
                &direction,
            )?,
            in_flight: metrics.gauge("worker_in_flight", "Calls being worked on.", &[])?,
        })
    }

    /// Counts a call from now until it is answered, or given up.
    pub fn begin(&self, operation: &str, direction: Direction) -> Begun {
        self.in_flight.with_label_values(&[] as &[&str]).inc();
        Begun { metrics: self.clone(), operation: label(operation), direction, since: Instant::now() }
    }
}

/// A call under way.
pub struct Begun {
    metrics: StepMetrics,
    operation: &'static str,
    direction: Direction,
    since: Instant,
}

impl Begun {
    /// Counts the answer.
    pub fn answered(self, answer: &Answer) {
        let labels = [self.operation, self.direction.name()];
        self.metrics.seconds.with_label_values(&labels).observe(self.since.elapsed().as_secs_f64());
        self.metrics.steps.with_label_values(&[labels[0], labels[1], answer.outcome()]).inc();
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.metrics.in_flight.with_label_values(&[] as &[&str]).dec();
    }
}
