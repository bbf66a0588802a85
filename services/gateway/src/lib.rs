//! The gateway: Airtable's Web API in front of one base, without its limits.
//!
//! One direction: client and rights ([`clients`], [`rights`]), ledger ([`keyed`]) or shared reads ([`reads`]), queue and budget
//! ([`queue`]), company ([`company`]), Airtable ([`delivery`]), answer. Clients see Airtable's own bodies and statuses; what
//! the gateway adds is in headers, in the types `GATEWAY_…` and `IDEMPOTENCY_…`, and under `/api/airtable/`.

mod answer;
mod answers;
mod attachments;
mod audit;
mod clients;
mod company;
mod config;
mod crash;
mod delivery;
mod drain;
mod entries;
mod keyed;
mod links;
mod metrics;
mod platform;
mod proxy;
mod queue;
mod reads;
mod rights;
mod room;
mod route;
mod schema;
mod state;
mod store;
mod webhook;

use std::convert::Infallible;

use axum::{extract::Request, response::Response, routing::Route};
use host::{App, Readiness};
use telemetry::metrics::Metrics as Registry;
use tokio::{
    net::TcpListener,
    task::{JoinError, JoinSet},
};
use tower::{Service, layer::layer_fn};

pub use config::{Config, Error, Switch};
pub use state::Gateway;

use crate::{answer::Answer, queue::slots::Check};

/// What a gateway answers by, without the routes of the host.
pub fn app(gateway: Gateway) -> App {
    let airtable = proxy::service(gateway.clone());
    let for_browsers = watched(host::for_browsers(airtable.clone()), gateway.clone());
    let elsewhere = watched(airtable, gateway.clone());
    let watching = gateway.clone();
    let own = platform::routes()
        .merge(attachments::routes())
        .method_not_allowed_fallback(async || Answer::method_not_allowed())
        .with_state(gateway);
    let own = own.layer(layer_fn(move |route: Route| watched(route, watching.clone())));
    App::from(own.fallback_service(elsewhere)).direct("/v0/{*path}", for_browsers)
}

/// `service` which answers in time before the process ends, and tells about time and budget.
fn watched<S>(
    service: S,
    gateway: Gateway,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone,
{
    let in_time = drain::in_time(service, gateway.ended().clone());
    delivery::timing::stamped(in_time, gateway)
}

/// Serves a base until `shutdown` resolves and all who wait are answered, within the grace period.
///
/// The program must have installed a TLS provider for `rustls`.
///
/// # Errors
/// When the configuration can't work, the ledger can't be opened or has stopped, a task beside the requests panicked, or the
/// address can't be listened on.
pub async fn run(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    let registry = Registry::new();
    let gateway = Gateway::new(&config, &registry)?;
    let address = config.host.listen;
    let listen = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    tracing::info!(%address, base = gateway.base(), upstream = %config.upstream, "the gateway listens");
    let mut background = JoinSet::new();
    background.spawn(gateway.clone().watch_upstream());
    background.spawn(gateway.clone().watch_rights());
    background.spawn(gateway.clone().sweep_ledger());
    background.spawn(gateway.clone().measure_ledger());
    background.spawn(gateway.clone().keep_webhook());
    let (ledger, queue) = (gateway.idempotency().ledger().clone(), gateway.delivery().queue().clone());
    let (grace, stopping) = (config.host.grace(), gateway.clone());
    let shutdown = async move {
        shutdown.await;
        stopping.drain(grace);
    };
    let service = host::Service {
        readiness: readiness(&gateway, &config),
        app: app(gateway),
        metrics: registry,
        limits: config.http_limits(),
        tls: config.host.tls.listen().await?,
    };
    let served = tokio::select! {
        served = host::serve(listener, service, grace, shutdown) => served.map_err(listen),
        () = ledger.stopped() => Err(Error::Ledger(ledger::Error::Stopped)),
        panic = panicked(&mut background) => Err(Error::Background(panic)),
    };
    queue.settle().await;
    served
}

/// Until one of `tasks` panicked: the others go on, but nobody would do what it did. One that ended had nothing to do.
async fn panicked(tasks: &mut JoinSet<()>) -> JoinError {
    while let Some(ended) = tasks.join_next().await {
        if let Err(panic) = ended {
            return panic;
        }
    }
    std::future::pending().await
}

/// Ready: Airtable serves the base with this token, somebody can use the gateway, and ledger, store and the keys of links can be used.
fn readiness(gateway: &Gateway, config: &Config) -> Readiness {
    let (upstream, ledger, clients) = (gateway.clone(), gateway.clone(), gateway.clone());
    let readiness = Readiness::default()
        .remark("clients", move || std::future::ready(clients.gatekeeper().check()))
        .check("upstream", move || std::future::ready(upstream.health().verdict()))
        .check("ledger", move || {
            let ledger = ledger.clone();
            async move { ledger.check_ledger().await }
        });
    let readiness = match gateway.reads().links() {
        Some(_) => {
            let reads = gateway.reads().clone();
            let check = move || reads.links().map_or(Ok(()), links::Links::check);
            readiness.check("attachmentKeys", move || std::future::ready(check()))
        }
        None => readiness,
    };
    let Some(store) = gateway.store() else { return readiness };
    let slots = Check::new(store, &config.base, config.token_file.clone());
    readiness.check("store", move || {
        let slots = slots.clone();
        async move { slots.check().await }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_ends_the_gateway_and_one_that_has_nothing_to_do_does_not() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async {});
        tasks.spawn(std::future::pending());
        tasks.spawn(async {
            tokio::task::yield_now().await;
            panic!("a defect");
        });
        assert!(panicked(&mut tasks).await.is_panic());
        tasks.shutdown().await;
        assert!(futures::poll!(std::pin::pin!(panicked(&mut tasks))).is_pending());
    }
}
