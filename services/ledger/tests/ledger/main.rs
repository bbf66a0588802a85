//! The ledger as its users see it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod file;
mod histories;
mod promises;
mod setup;
mod several_processes;
