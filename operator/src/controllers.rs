//! Wires the three controllers: what each watches, and when it looks again. No logic of any kind is here.

use std::{
    fmt::Debug,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crds::{AirtableBase, Saga, Workflow};
use futures::{StreamExt as _, stream};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
    },
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    runtime::{
        Config as ControllerConfig, Controller, Predicate as _, PredicateConfig, WatchStreamExt as _,
        controller::Action,
        predicates, reflector,
        reflector::{ObjectRef, Store},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};

use crate::{
    base,
    base::observe::bases_of,
    config::Config,
    context::{Context, http_client},
    metrics::Metrics,
    report::Report,
    saga,
    saga::live::Live,
    tokens::Tokens,
    wait_for, workflow,
    workload::MANAGED_BY,
};

/// Passes of one kind at once, for the kinds that deploy something.
const CONCURRENCY: u16 = 8;
/// Sagas with an answer that wait for their pass.
const ANSWERS: usize = 4096;

/// What the controllers are made of.
pub struct Controllers {
    /// Retries what the API server puts off.
    pub client: Client,
    /// Never retries.
    pub once: Client,
    /// As configured.
    pub config: Arc<Config>,
    /// Name of this process.
    pub identity: Arc<str>,
    /// The metrics.
    pub metrics: Metrics,
}

impl Controllers {
    /// Waits until this process leads, then runs the controllers until told to stop.
    pub async fn run(
        self,
        leading: watch::Receiver<bool>,
        synced: watch::Sender<bool>,
        stopping: watch::Receiver<bool>,
    ) {
        if self.config.no_leader_election {
            tracing::warn!("running without a lease: a second operator would do the work twice");
        }
        // A process that waits for the lease is ready as well: it can take over.
        synced.send_replace(true);
        tokio::select! {
            () = wait_for(leading) => {}
            () = wait_for(stopping.clone()) => return,
        }
        synced.send_replace(false);
        self.metrics.is_leader.with_label_values::<&str>(&[]).set(1);
        let (bases, bases_stream) = self.watched::<AirtableBase>();
        let (workflows, workflows_stream) = self.watched::<Workflow>();
        let (sagas, sagas_stream) = self.watched::<Saga>();
        let (look_again, answers) = mpsc::channel(ANSWERS);
        let http = match http_client() {
            Ok(http) => http,
            Err(error) => return tracing::error!(%error, "no HTTP client: a defect"),
        };
        let ctx = Arc::new(Context {
            report: Report::new(self.client.clone(), &self.identity, self.metrics.clone()),
            tokens: Tokens::new(
                self.client.clone(),
                &self.config.namespace,
                self.config.service_account.as_deref(),
            ),
            live: Live::new(self.config.calls_in_flight, look_again),
            client: self.client.clone(),
            once: self.once.clone(),
            config: self.config.clone(),
            identity: self.identity.clone(),
            metrics: self.metrics.clone(),
            http,
            is_synced: Arc::default(),
            bases: bases.clone(),
            workflows: workflows.clone(),
        });
        let answers =
            stream::unfold(answers, |mut answers| async move { Some((answers.recv().await?, answers)) });

        let base_controller = owns_all(Controller::for_stream(bases_stream, bases.clone()), &self)
            .watches(self.api::<Workflow>(), watcher::Config::default(), |workflow: Workflow| {
                let namespace = workflow.namespace().unwrap_or_default();
                bases_of(&workflow)
                    .into_iter()
                    .map(move |name| ObjectRef::new(&name).within(&namespace))
                    .collect::<Vec<_>>()
            })
            .with_config(ControllerConfig::default().concurrency(CONCURRENCY))
            .graceful_shutdown_on(wait_for(stopping.clone()));
        let workflow_controller =
            owns_all(Controller::for_stream(workflows_stream, workflows.clone()), &self)
                .with_config(ControllerConfig::default().concurrency(CONCURRENCY))
                .graceful_shutdown_on(wait_for(stopping.clone()));
        let saga_controller = Controller::for_stream(sagas_stream, sagas.clone())
            .reconcile_on(answers)
            .with_config(ControllerConfig::default().concurrency(self.config.saga_concurrency))
            .graceful_shutdown_on(wait_for(stopping.clone()));

        let tell = async {
            for ready in [
                bases.wait_until_ready().await,
                workflows.wait_until_ready().await,
                sagas.wait_until_ready().await,
            ] {
                if ready.is_err() {
                    return;
                }
            }
            tracing::info!("the first lists are read");
            ctx.is_synced.store(true, Ordering::Release);
            synced.send_replace(true);
        };
        tokio::join!(
            base_controller.run(base::reconcile, again, ctx.clone()).for_each(|_| async {}),
            workflow_controller.run(workflow::reconcile, again, ctx.clone()).for_each(|_| async {}),
            saga_controller.run(saga::reconcile, again, ctx.clone()).for_each(|_| async {}),
            tell,
        );
        ctx.live.tasks.close();
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        match &self.config.watch_namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    /// A store with the stream that fills it; only changes of the spec, of finalizers and of deletion lead to a pass.
    fn watched<K>(
        &self,
    ) -> (Store<K>, impl futures::Stream<Item = Result<K, watcher::Error>> + Send + 'static)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + DeserializeOwned
            + Clone
            + Debug
            + Send
            + Sync
            + 'static,
    {
        let (reader, writer) = reflector::store();
        let stream = watcher(self.api::<K>(), watcher::Config::default())
            .default_backoff()
            .modify(|object| object.managed_fields_mut().clear())
            .reflect(writer)
            .applied_objects()
            .predicate_filter(
                predicates::generation.combine(predicates::finalizers),
                PredicateConfig::default(),
            );
        (reader, stream)
    }
}

/// Lets changes of the children lead to a pass, so that drift is healed.
fn owns_all<K>(controller: Controller<K>, of: &Controllers) -> Controller<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + DeserializeOwned
        + Clone
        + Debug
        + Send
        + Sync
        + 'static,
{
    let ours = watcher::Config::default().labels(&format!("app.kubernetes.io/managed-by={MANAGED_BY}"));
    controller
        .owns(of.api::<Deployment>(), ours.clone())
        .owns(of.api::<Service>(), ours.clone())
        .owns(of.api::<ServiceAccount>(), ours.clone())
        .owns(of.api::<ConfigMap>(), ours.clone())
        .owns(of.api::<NetworkPolicy>(), ours)
}

/// What failed is repeated; the API server's trouble is everybody's, so that a fixed pause with the object's own spread is enough.
#[expect(clippy::needless_pass_by_value, reason = "the signature that a controller asks for")]
fn again<K: Resource<DynamicType = ()>, E: std::fmt::Display>(
    object: Arc<K>,
    error: &E,
    _: Arc<Context>,
) -> Action {
    let name = object.name_any();
    tracing::warn!(kind = %K::kind(&()), name, namespace = object.namespace(), %error, "pass failed, it is repeated");
    let spread =
        name.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))) % 1000;
    Action::requeue(Duration::from_millis(1000 + spread))
}
