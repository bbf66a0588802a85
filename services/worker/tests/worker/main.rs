//! The worker as its callers see it, against a scripted gateway.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod callers;
mod contract_sweep;
#[cfg(feature = "failpoints")]
mod crash;
mod lost_ledgers;
mod other_operations;
#[cfg(feature = "failpoints")]
mod promises_off;
mod service;
mod shutdown;
mod support;
mod undoing;
