//! How a simulator behaves beside what it holds.

use std::time::Duration;

use crate::limits::Allowed;

/// Whom it lets in, how much, and whom it calls.
#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    /// Tokens that are accepted; any that is not empty where there are none.
    pub tokens: Vec<String>,
    /// Keep Airtable's limits, or those in `allowed`.
    pub limited: bool,
    /// Other limits than Airtable's.
    pub allowed: Option<Allowed>,
    /// Where clients reach the simulator, without a slash at the end; as each says in `Host` where absent.
    pub public_url: Option<String>,
    /// Call addresses that are not public as well, for attachments and notifications.
    pub private_urls: bool,
    /// How long it takes until a notification that failed is sent again; as at Airtable where absent.
    pub notification_backoff: Option<Duration>,
}
