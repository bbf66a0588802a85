//! Prometheus metrics: a registry and constructors that register what they make.

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
    core::{Collector, Desc},
    proto::MetricFamily,
};

/// Bounds in seconds for calls that take between a millisecond and the two minutes a queue may hold them.
pub const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

/// The metrics of one process.
///
/// Cloning is cheap and shares the registry. Two metrics of one name in a registry are a defect of the program,
/// found at start-up by [`Metrics::counter`] and its siblings.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    registry: Registry,
}

/// A metric that cannot be registered: its name is taken or not a Prometheus name.
pub type Error = prometheus::Error;

impl Metrics {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// A counter by labels, registered.
    pub fn counter(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
        self.registry.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    /// A gauge by labels, registered.
    pub fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        let metric = IntGaugeVec::new(Opts::new(name, help), labels)?;
        self.registry.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    /// A gauge that is read when it is asked for, and costs nothing before that; registered.
    pub fn read(
        &self,
        name: &str,
        help: &str,
        read: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Result<(), Error> {
        self.registry.register(Box::new(Read { gauge: IntGauge::new(name, help)?, read }))
    }

    /// A histogram of seconds by labels, with the bounds of [`SECONDS`], registered.
    pub fn seconds(&self, name: &str, help: &str, labels: &[&str]) -> Result<HistogramVec, Error> {
        self.histogram(name, help, labels, SECONDS)
    }

    /// A histogram by labels, with the upper bounds of its buckets in rising order, registered.
    pub fn histogram(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        bounds: &[f64],
    ) -> Result<HistogramVec, Error> {
        let opts = HistogramOpts::new(name, help).buckets(bounds.to_vec());
        let metric = HistogramVec::new(opts, labels)?;
        self.registry.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    /// Everything in Prometheus' text format.
    pub fn text(&self) -> Result<String, Error> {
        let mut buffer = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer).into_owned())
    }
}

/// A gauge and where its value is.
struct Read<F> {
    gauge: IntGauge,
    read: F,
}

impl<F: Fn() -> i64 + Send + Sync> Collector for Read<F> {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.gauge.set((self.read)());
        self.gauge.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    };

    use super::*;

    #[test]
    fn what_is_registered_is_exposed() {
        let metrics = Metrics::new();
        let calls = metrics.counter("calls_total", "Calls.", &["verb"]).unwrap();
        calls.with_label_values(&["get"]).inc();
        assert!(metrics.text().unwrap().contains("calls_total{verb=\"get\"} 1"));
    }

    #[test]
    fn what_is_read_is_read_anew_each_time() {
        let (metrics, value) = (Metrics::new(), Arc::new(AtomicI64::new(1)));
        let read = value.clone();
        metrics.read("depth", "Depth.", move || read.load(Ordering::Relaxed)).unwrap();
        assert!(metrics.text().unwrap().contains("\ndepth 1"));
        value.store(2, Ordering::Relaxed);
        assert!(metrics.text().unwrap().contains("\ndepth 2"));
    }

    #[test]
    fn a_name_is_taken_once() {
        let metrics = Metrics::new();
        metrics.gauge("depth", "Depth.", &[]).unwrap();
        assert!(metrics.gauge("depth", "Depth.", &[]).is_err());
    }
}
