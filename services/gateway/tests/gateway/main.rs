//! The gateway in front of a scripted upstream, over real connections on loopback.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod attachments;
mod closing;
mod dead_links;
mod doubtful;
mod every_write;
mod exactly_once;
mod finding_out;
mod hidden;
mod key_field;
mod limited;
mod limits;
mod merging;
mod paging;
mod passing_on;
mod reads;
mod replicas;
mod restart;
mod rights;
mod room;
mod schema;
mod settling;
mod setup;
mod shared;
mod shared_ledger;
mod simulated;
mod token;
mod turns;
mod upstream;
mod webhook;
