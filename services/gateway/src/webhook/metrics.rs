//! What is counted of the gateway's own webhook.

use prometheus::{IntCounterVec, IntGaugeVec};
use telemetry::metrics::{Error, Metrics as Registry};

const NONE: [&str; 0] = [];

/// What is counted; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    listening: IntGaugeVec,
    notifications: IntCounterVec,
}

impl Metrics {
    /// Registers all of them.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        let metrics = Self {
            listening: registry.gauge(
                "gateway_webhook_listening",
                "1 while changes by others are heard of by the gateway's own webhook.",
                &[],
            )?,
            notifications: registry.counter(
                "gateway_webhook_notifications_total",
                "Notifications that came, by what became of them: accepted, forged, early.",
                &["outcome"],
            )?,
        };
        metrics.listening(false);
        for outcome in ["accepted", "forged", "early"] {
            metrics.notifications.with_label_values(&[outcome]);
        }
        Ok(metrics)
    }

    /// Whether changes by others are heard of.
    pub fn listening(&self, is_so: bool) {
        self.listening.with_label_values(&NONE).set(i64::from(is_so));
    }

    /// A notification came.
    pub fn notified(&self, outcome: &str) {
        self.notifications.with_label_values(&[outcome]).inc();
    }
}
