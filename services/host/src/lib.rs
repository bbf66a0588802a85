//! Runs an app, the routes of axum, as a service: `/health`, `/ready`, `/metrics`, security headers, limits, logs, shutdown.
//!
//! The lifetime of a server is an argument: [`serve`] returns once `shutdown` resolved and what was in flight
//! is answered, or the grace period is over.
//!
//! Every line logged while a request is served carries its ids. What goes on after the answer, or must not end when the
//! client goes away, is started by [`spawn`], or awaited by [`persist`], and keeps them:
//!
//! ```text
//! {"level":"INFO","message":"step", …, "span":{"request_id":"5f3c…","trace_id":"4bf9…","method":"PUT","route":"/v1/…","name":"request"}}
//! ```

mod app;
mod ids;
mod layers;
mod persist;
pub mod readiness;
mod server;
pub mod shutdown;
pub mod tls;

use std::{future::Future, io, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use telemetry::metrics::Metrics;
use tokio::{net::TcpListener, sync::watch};

pub use app::App;
pub use ids::spawn;
pub use layers::{Limits, for_browsers};
pub use persist::{Persistent, persist};
pub use readiness::Readiness;

/// What every service takes on its command line.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// Address to listen on, for example 0.0.0.0:8002
    #[arg(long, env = "LISTEN", value_name = "ADDR")]
    pub listen: std::net::SocketAddr,
    /// Log filter, for example info,gateway=debug
    #[arg(long, env = "LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
    /// Log text for people instead of JSON
    #[arg(long, env = "LOG_TEXT")]
    pub log_text: bool,
    /// Seconds that requests in flight have to end after SIGTERM
    #[arg(long, env = "SHUTDOWN_GRACE_SECONDS", default_value_t = 25, value_name = "SECONDS")]
    pub shutdown_grace_seconds: u64,
    /// TLS beside the plain port.
    #[command(flatten)]
    pub tls: tls::Config,
}

impl Config {
    /// Starts the logs as configured.
    pub fn start_logs(&self, service: &'static str) {
        telemetry::Logs { filter: self.log.clone(), json: !self.log_text }.start(service);
    }

    /// The grace period after the shutdown signal.
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_seconds)
    }
}

/// A service that is ready to run.
pub struct Service {
    /// What the service answers by, without `/health`, `/ready` and `/metrics`.
    pub app: App,
    /// What must hold before traffic is sent here.
    pub readiness: Readiness,
    /// The registry behind `/metrics`; the HTTP metrics are added to it.
    pub metrics: Metrics,
    /// Bounds on requests and connections.
    pub limits: Limits,
    /// Where the same is served over TLS.
    pub tls: Option<tls::Listener>,
}

impl Service {
    /// The whole: the service's routes, the three of the host, and the layers around them.
    ///
    /// # Errors
    /// When a metric of the host is already in the registry.
    pub fn into_app(self) -> Result<App, telemetry::metrics::Error> {
        let http = layers::HttpMetrics::register(&self.metrics)?;
        let host = Router::new()
            .route("/health", get(|| async { Json(serde_json::json!({"status": "ok"})) }))
            .route("/ready", get(ready).with_state(self.readiness))
            .route("/metrics", get(metrics).with_state(self.metrics));
        let app = App { routes: self.app.routes.merge(host), ..self.app };
        Ok(layers::wrap(app, http, self.limits))
    }
}

/// Serves until `shutdown` resolves and requests in flight have ended, at most `grace` longer.
///
/// # Errors
/// When a metric is registered twice.
pub async fn serve(
    listener: TcpListener,
    mut service: Service,
    grace: Duration,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (tls, limits) = (service.tls.take(), service.limits);
    if let Some(tls) = &tls {
        let certificate = tls.certificate();
        service.readiness = service.readiness.check("tls", move || std::future::ready(certificate.verdict()));
    }
    let app = service.into_app().map_err(io::Error::other)?;
    let (stop, stopping) = watch::channel(false);
    let listeners = server::Server::new(app, limits, stopping);
    let served = async {
        let encrypted = async {
            if let Some(tls) = tls {
                listeners.accept(tls.tcp, Some(tls.acceptor)).await;
            }
        };
        tokio::join!(listeners.accept(listener, None), encrypted);
        drop(listeners);
        stop.closed().await;
    };
    let out_of_grace = async {
        shutdown.await;
        stop.send_replace(true);
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        () = served => (),
        () = out_of_grace => {
            tracing::warn!(grace_seconds = grace.as_secs(), "requests were still in flight when the grace period ended");
        }
    }
    Ok(())
}

async fn ready(State(readiness): State<Readiness>) -> impl IntoResponse {
    let report = readiness.report().await;
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report))
}

async fn metrics(State(metrics): State<Metrics>) -> impl IntoResponse {
    match metrics.text() {
        Ok(text) => ([("content-type", "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
