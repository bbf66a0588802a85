//! Logs and metrics of a service: JSON lines on standard error, Prometheus metrics in a registry of its own.
//!
//! A leaf: it knows neither HTTP nor Kubernetes. Secrets never reach it, since callers log names, not values.

mod fields;
pub mod logs;
pub mod metrics;

pub use logs::Logs;
