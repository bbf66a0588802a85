//! The simulator's API as its clients meet it, in process.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod attachments;
mod comments;
mod listing;
mod notifications;
mod payloads;
mod protocol;
mod records;
mod running;
mod schema;
mod support;
mod webhooks;
