//! The simulator's API as its clients meet it, in process.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod attachments;
mod comments;
mod computed;
mod decisions;
mod errors;
mod limits;
mod listing;
mod notifications;
mod pages;
mod payloads;
mod protocol;
mod records;
mod results;
mod running;
mod schema;
mod support;
mod views;
mod webhooks;
