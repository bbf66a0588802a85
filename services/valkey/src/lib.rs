//! A connection to Valkey or Redis that keeps itself: made when it is needed, made anew when it broke.
//!
//! The URL is in a file, since it may hold a password: `redis://[user[:password]@]host[:port][/db]`, `rediss://…` for TLS with
//! the system's roots, or `unix:///path?db=…&user=…&pass=…`. The file is read again for each new connection. Every call ends
//! within [`LIMIT`] for connecting and [`LIMIT`] for the answer, and says in its [`Error`] whether anything may have been done.
//!
//! For `rediss` the program must have installed a TLS provider for `rustls`.

mod connection;
mod error;
mod keep;
mod script;
mod source;
#[cfg(feature = "testing")]
pub mod testing;

pub use connection::{Connection, LIMIT};
pub use error::Error;
pub use keep::Valkey;
pub use redis::{Cmd, FromRedisValue, ToRedisArgs, cmd};
pub use script::Script;
pub use source::Source;
