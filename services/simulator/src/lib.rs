//! Airtable offline: its Web API over an in-memory world, with its limits, and with faults on demand.

mod access;
mod account;
mod admin;
mod admin_access;
mod admin_page;
mod api;
mod aside;
mod attachments;
mod audit;
mod base_info;
mod behaviour;
mod body;
mod calendar;
mod call;
mod cells;
mod comments;
mod computed;
mod config;
mod deadline;
mod dependencies;
mod derived;
mod directory;
mod display;
mod enterprise;
mod fault_kind;
mod faults;
mod field_options;
mod fixture;
mod held;
mod html;
mod iterators;
mod journal;
mod limits;
mod links;
mod listing;
mod mentions;
mod meta;
mod meta_call;
mod new_schema;
mod order;
mod outbound;
mod records;
mod render;
mod result;
mod schema_changes;
mod secret;
mod seen;
mod sharing;
mod snapshot;
mod state;
mod transaction;
mod typical;
mod views;
mod webhooks;
mod workspaces;
mod world;
mod writes;

use std::{future::Future, io, path::Path, time::Duration};

use auth::{Key, Keys, SecretFile};
use axum::{
    Router,
    middleware::from_fn,
    routing::{Route, any},
};
use host::{Readiness, Service};
use telemetry::metrics::Metrics;
use tokio::{net::TcpListener, sync::oneshot};
use tower::layer::layer_fn;

pub use behaviour::Behaviour;
pub use config::{Config, Limits};
pub use fixture::Fixture;
pub use limits::Allowed;
pub use state::State;

/// Longest time until an answer begins; faults may hold one back for long.
const TIMEOUT: Duration = Duration::from_mins(5);

/// Why the simulator does not start or ends early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The fixture cannot be used.
    #[error(transparent)]
    Fixture(#[from] fixture::Error),
    /// The snapshot cannot be read or written.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// The file with the token for `/admin` can't be read.
    #[error("admin token: {0}")]
    AdminToken(#[from] auth::Error),
    /// A metric is registered twice.
    #[error("metrics: {0}")]
    Metrics(#[from] telemetry::metrics::Error),
    /// TLS can't be served.
    #[error(transparent)]
    Tls(#[from] host::tls::Error),
    /// The address cannot be listened on, or the server failed.
    #[error("listen on {listen}: {error}")]
    Listen {
        /// The address.
        listen: std::net::SocketAddr,
        /// Why.
        error: io::Error,
    },
}

/// A simulator in this process that holds `fixture`, for tests of its clients.
///
/// # Errors
/// When the fixture does not fit together, or `metrics` belongs to another simulator already.
pub fn start(fixture: Fixture, behaviour: Behaviour, metrics: &Metrics) -> Result<State, Error> {
    Ok(State::new(fixture.into_world()?, None, behaviour, metrics)?)
}

/// The API under `/v0` and the simulator's own endpoints under `/admin`.
pub fn router(state: State) -> Router {
    routes(state, None)
}

/// As [`router`]; `/admin` only for who has the token in this file.
///
/// # Errors
/// When the file can't be read or holds no token.
pub fn guarded(state: State, admin_token_file: &Path) -> Result<Router, Error> {
    Ok(routes(state, Some(admins(admin_token_file)?)))
}

fn routes(state: State, admins: Option<Keys>) -> Router {
    let own = admin::routes(admins).merge(attachments::serve::routes());
    own.layer(from_fn(aside::answer))
        .route("/v0/{*path}", any(api::serve).layer(layer_fn(host::for_browsers::<Route>)))
        .fallback(api::serve)
        .with_state(state)
}

/// Serves until `shutdown` resolves; the last snapshot is written after the last answer.
///
/// # Errors
/// See [`Error`].
pub async fn run(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    let metrics = Metrics::new();
    let fixture = match &config.fixture {
        Some(path) => Fixture::read(path)?,
        None => Fixture::sample()?,
    };
    let snapshot = config.snapshot.as_deref().map(snapshot::Snapshot::read).transpose()?.flatten();
    let tokens = config.tokens.iter().filter(|token| !token.is_empty()).cloned().collect();
    let limited = config.limits == Limits::Airtable;
    let behaviour = Behaviour {
        tokens,
        limited,
        allowed: limited.then(|| config.allowed()),
        public_url: config.public_url.clone(),
        private_urls: config.private_urls,
        notification_backoff: Some(Duration::from_millis(config.notification_backoff_ms)),
    };
    let state = State::new(fixture.into_world()?, snapshot, behaviour, &metrics)?;
    attachments::fetch::begin(&state);
    webhooks::delivery::begin(&state);
    let admins = config.admin_token_file.as_deref().map(admins).transpose()?;
    let listen = config.host.listen;
    let failed = |error| Error::Listen { listen, error };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    tracing::info!(listen = %listener.local_addr().unwrap_or(listen), limits = ?config.limits, admin_needs_token = admins.is_some(), "simulating Airtable");
    let service = Service {
        app: routes(state.clone(), admins).into(),
        readiness: Readiness::default(),
        metrics,
        limits: host::Limits { body_bytes: api::BODY_BYTES, timeout: TIMEOUT, ..host::Limits::default() },
        tls: config.host.tls.listen().await?,
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let keeper = config.snapshot.clone().map(|path| tokio::spawn(snapshot::keep(state, path, stopped)));
    let served = host::serve(listener, service, config.host.grace(), shutdown).await.map_err(failed);
    drop(stop);
    if let Some(keeper) = keeper {
        keeper.await.map_err(|error| failed(io::Error::other(error)))??;
    }
    served
}

/// The key in this file, which is read now to say early what is wrong with it.
fn admins(file: &Path) -> Result<Keys, auth::Error> {
    SecretFile::new(file).read()?;
    Ok(Keys::from_iter([Key::new("admin", file)]))
}
