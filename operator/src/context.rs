//! What a pass of a controller may touch.

use std::{sync::Arc, time::Duration};

use crds::{AirtableBase, Workflow};
use kube::{Client, runtime::reflector::Store};

use crate::{config::Config, metrics::Metrics, report::Report, saga::live::Live, tokens::Tokens};

/// Shared by the three controllers; cloned cheaply.
#[derive(Clone)]
pub struct Context {
    /// For reads and for children; retries by itself when the API server is overloaded.
    pub client: Client,
    /// For status and lease; never retries, since a late write is worse than none.
    pub once: Client,
    /// As configured.
    pub config: Arc<Config>,
    /// Name of this process in journals.
    pub identity: Arc<str>,
    /// Events and outcomes.
    pub report: Report,
    /// The metrics.
    pub metrics: Metrics,
    /// Tokens for gateways and workers.
    pub tokens: Tokens,
    /// Calls to gateways and workers.
    pub http: reqwest::Client,
    /// The bases as watched.
    pub bases: Store<AirtableBase>,
    /// The workflows as watched.
    pub workflows: Store<Workflow>,
    /// Sagas under way in this process.
    pub live: Live,
}

/// Pause before another look at something that is not ready yet.
pub const SOON: Duration = Duration::from_secs(5);
/// Pause before another look at something that is ready.
pub const LATER: Duration = Duration::from_mins(1);

/// The HTTP client for gateways and workers: bounded in time, never following a redirect with a token.
pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(3))
        .timeout(Duration::from_secs(20))
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(64)
        .build()
}
