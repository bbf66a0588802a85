//! The operator: three controllers, each in the same five stages, behind one lease.
//!
//! `observe` reads, `validate` and `build` decide, `apply` is the only writer of children, `status` the only writer of status.

pub mod apply;
pub mod base;
pub mod conditions;
pub mod config;
pub mod context;
pub mod controllers;
pub mod digest;
mod failures;
pub mod hold;
pub mod http;
pub mod lease;
pub mod metrics;
pub mod pass;
pub mod quantity;
pub mod report;
mod reviewers;
pub mod saga;
pub mod smoke;
pub mod status;
pub mod tokens;
pub mod workflow;
pub mod workload;

use std::{io, path::Path, sync::Arc, time::Duration};

use kube::{
    Client, Config as KubeConfig,
    config::{KubeConfigOptions, Kubeconfig},
};
use telemetry::metrics::Metrics as Registry;
use tokio::{net::TcpListener, sync::watch};

use config::Config;

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No cluster by kubeconfig or ServiceAccount.
    #[error("cluster: {0}: name a kubeconfig with --kubeconfig, or run in a pod")]
    Cluster(String),
    /// The address can't be listened on.
    #[error("listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A metric is registered twice, or the HTTP client can't be made: a defect.
    #[error("start: {0}")]
    Start(String),
    /// The server for health and metrics failed.
    #[error("serve: {0}")]
    Serve(io::Error),
    /// The controllers ended though nobody told them to: a defect. The process ends, so that another one can lead.
    #[error("the controllers ended: {0}")]
    Controllers(String),
}

/// Runs until `shutdown` resolves; gives the lease back then.
pub async fn run(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    let registry = Registry::new();
    let metrics = metrics::Metrics::register(&registry).map_err(|error| Error::Start(error.to_string()))?;
    let (client, once) = clients(&config).await?;
    let identity = identity(&config);
    let (stop, stopping) = watch::channel(false);
    let (leads, leading) = watch::channel(config.no_leader_election);
    let (synced, is_synced) = watch::channel(false);

    let address = config.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
    let service = host::Service {
        app: axum::Router::new().into(),
        readiness: host::Readiness::default().check("watches", move || {
            let is_synced = is_synced.clone();
            async move {
                if *is_synced.borrow() {
                    Ok(())
                } else {
                    Err("the first lists are being read, or the CustomResourceDefinitions are missing"
                        .to_owned())
                }
            }
        }),
        metrics: registry,
        limits: host::Limits::default(),
        tls: None,
    };
    let server =
        tokio::spawn(host::serve(listener, service, Duration::from_secs(5), wait_for(stopping.clone())));

    let candidate = lease::Candidate::new(once.clone(), &config.namespace, identity.clone());
    let again = candidate.again();
    let election = if config.no_leader_election { None } else { Some(tokio::spawn(candidate.run(leads))) };
    let controllers = controllers::Controllers {
        client,
        once,
        config: Arc::new(config),
        identity: identity.into(),
        metrics: metrics.clone(),
    };
    let mut running = tokio::spawn(controllers.run(leading.clone(), synced, stopping));

    let stop_election = election.as_ref().map(tokio::task::JoinHandle::abort_handle);
    let lost = async move {
        match election {
            Some(election) => drop(election.await),
            None => std::future::pending().await,
        }
    };
    let mut failure = None;
    tokio::select! {
        () = shutdown => {}
        () = lost => tracing::error!("ending, since this process no longer leads"),
        ended = &mut running => {
            let why = ended.map_or_else(|error| error.to_string(), |()| "without a reason".to_owned());
            failure = Some(Error::Controllers(why));
        }
    }
    stop.send_replace(true);
    if failure.is_none() {
        let _ended = tokio::time::timeout(Duration::from_secs(20), running).await;
    }
    // Else it would take the lease again that is given back.
    if let Some(election) = stop_election {
        election.abort();
    }
    if *leading.borrow()
        && let Err(error) = again.release().await
    {
        tracing::warn!(%error, "lease could not be given back");
    }
    let answered = tokio::time::timeout(Duration::from_secs(10), server).await;
    match (failure, answered) {
        (Some(failure), _) => Err(failure),
        (None, Ok(Ok(ended))) => ended.map_err(Error::Serve),
        (None, _) => Ok(()),
    }
}

/// A name of this process alone: a container that starts again in the same pod is another process to workers.
fn identity(config: &Config) -> String {
    let name = config.identity.as_deref().unwrap_or("operator");
    let unique = uuid::Uuid::new_v4().simple().to_string();
    format!("{name}-{unique:.8}")
}

/// Resolves when `flag` becomes true.
pub(crate) async fn wait_for(mut flag: watch::Receiver<bool>) {
    // An error means that nobody can set it any more: the process ends.
    let _set_or_gone = flag.wait_for(|set| *set).await;
}

/// A client that retries what the API server puts off, and one that does not.
async fn clients(config: &Config) -> Result<(Client, Client), Error> {
    let failed = |error: kube::Error| Error::Cluster(error.to_string());
    let mut kube = kube_config(config.kubeconfig.as_deref()).await?;
    kube.read_timeout = Some(Duration::from_secs(310));
    kube.connect_timeout = Some(Duration::from_secs(10));
    let client = Client::try_from(kube.clone()).map_err(failed)?;
    kube.default_retry = false;
    let once = Client::try_from(kube).map_err(failed)?;
    Ok((client, once))
}

/// The cluster of `kubeconfig`; without it that of the pod, or of the user's own kubeconfig.
async fn kube_config(kubeconfig: Option<&Path>) -> Result<KubeConfig, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Cluster(error.to_string());
    let Some(file) = kubeconfig else {
        return KubeConfig::infer().await.map_err(|error| failed(&error));
    };
    let read = Kubeconfig::read_from(file).map_err(|error| failed(&error))?;
    KubeConfig::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .map_err(|error| failed(&error))
}
