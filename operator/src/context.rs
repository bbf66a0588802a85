//! What a pass of a controller may touch.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crds::{AirtableBase, Saga, Workflow};
use kube::{
    Client,
    runtime::{controller::Action, reflector::Store},
};

use crate::{
    config::Config, failures::Failures, metrics::Metrics, report::Report, saga::live::Live, tokens::Tokens,
};

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
    /// The sagas as watched.
    pub sagas: Store<Saga>,
    /// True once the first lists of all three kinds are read; before, what is missing may only not have been read yet.
    pub is_synced: Arc<AtomicBool>,
    /// Passes that failed.
    pub failures: Failures,
    /// Sagas under way in this process.
    pub live: Live,
}

impl Context {
    /// The pause of a pass that came before the first lists were read.
    pub fn not_yet(&self) -> Option<Action> {
        (!self.is_synced.load(Ordering::Acquire)).then(|| Action::requeue(Duration::from_millis(200)))
    }
}

/// Pause before another look at something that is not ready yet.
pub const SOON: Duration = Duration::from_secs(5);
/// Pause before another look at something that is ready.
pub const LATER: Duration = Duration::from_mins(1);
