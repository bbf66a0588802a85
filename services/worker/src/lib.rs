//! The worker: serves the step contract with the built-in operations, each step's effect once for its key.
//!
//! `router -> step (fence, ledger) -> operations -> gateway`; an undo goes `step -> undo -> closing, restore -> gateway`.
//! What is decided is decided in `outcome`, `past` and `patience`, without I/O.

mod access;
mod before;
mod cells;
mod closing;
mod config;
mod contract;
mod failpoints;
mod gateway_answer;
mod gateway_client;
mod gateway_ledger;
mod http_answer;
mod key;
mod metrics;
mod operations;
mod outcome;
mod past;
mod patience;
mod recall;
mod restore;
mod router;
mod step;
mod sweep;
mod undo;

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use telemetry::metrics::Metrics;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

pub use config::Config;
pub use router::{State, router};

/// Largest body of a call in bytes: a gateway takes writes up to 7 MiB.
const LARGEST_CALL: usize = 8 << 20;

/// Why the worker does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody could call.
    #[error(
        "nobody may call this worker: give --audience with --operator, or --client-key-file, or for development \
         --allow-anonymous"
    )]
    NoCallers,
    /// Tokens can't be reviewed outside of a cluster.
    #[error("--audience needs a Kubernetes API server: run in a pod, or give --kubernetes-host")]
    NotInCluster,
    /// The ledger can't be opened, or has stopped.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The callers can't be identified.
    #[error(transparent)]
    Auth(#[from] auth::Error),
    /// The HTTP client can't be made.
    #[error("client for the gateways: {0}")]
    Client(String),
    /// A metric is registered twice.
    #[error("metrics: {0}")]
    Metrics(String),
    /// TLS can't be served.
    #[error(transparent)]
    Tls(#[from] host::tls::Error),
    /// The listener failed.
    #[error("{address}: {source}")]
    Listen {
        /// Where it listens.
        address: std::net::SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// Serves until `shutdown` resolves and the calls in flight have ended, those whose caller hung up as well, at most the
/// grace period longer.
///
/// # Errors
/// When something of the configuration can't be used, the listener fails, or the ledger has stopped: nothing can be done
/// without it, and only another process has one.
pub async fn run(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    let metrics = Metrics::new();
    let state = config.state(&metrics)?;
    let address = config.host.listen;
    let listen = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let (ledger, runs, grace) = (state.steps.ledger.clone(), state.runs.clone(), config.host.grace());
    let writer = ledger.clone();
    let sweeper = tokio::spawn(sweep::forever(ledger.clone()));
    let readiness = host::Readiness::default().check("ledger", move || {
        let ledger = ledger.clone();
        async move { ledger.look("ready").await.map(drop).map_err(|error| error.to_string()) }
    });
    let limits = host::Limits {
        body_bytes: LARGEST_CALL,
        timeout: step::LONGEST + Duration::from_secs(10),
        ..host::Limits::default()
    };
    let tls = config.host.tls.listen().await?;
    let service = host::Service { app: router(state).into(), readiness, metrics, limits, tls };
    let stopped = Arc::new(OnceLock::new());
    let noted = stopped.clone();
    let shutdown = async move {
        shutdown.await;
        noted.get_or_init(Instant::now);
    };
    let served = tokio::select! {
        served = host::serve(listener, service, grace, shutdown) => served,
        () = writer.stopped() => return Err(Error::Ledger(ledger::Error::Stopped)),
    };
    drain(&runs, grace.saturating_sub(stopped.get().map_or(Duration::ZERO, Instant::elapsed))).await;
    sweeper.abort();
    served.map_err(listen)
}

/// Lets runs without a caller end, so that their outcome reaches the ledger.
async fn drain(runs: &TaskTracker, rest: Duration) {
    runs.close();
    if tokio::time::timeout(rest, runs.wait()).await.is_err() {
        tracing::warn!(runs = runs.len(), "steps were still running when the grace period ended");
    }
}
