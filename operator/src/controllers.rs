//! Wires the three controllers: what each watches, and when it looks again. No logic of any kind is here.

use std::{
    fmt::Debug,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
};

use crds::{AirtableBase, Saga, Workflow};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
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
use tokio::sync::{Notify, mpsc, watch};

use crate::{
    base, config::Config, context::Context, failures::Failures, http, metrics::Metrics, report::Report,
    reviewers, saga, saga::live::Live, tokens::Tokens, wait_for, workflow, workload::MANAGED_BY,
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
        let (look_again, answers) = mpsc::channel(ANSWERS);
        let live = Live::new(self.config.calls_in_flight, look_again);
        let gone = Arc::new(Notify::new());
        let (bases, bases_stream) = self.watched::<AirtableBase>(tell_of_gone(&gone));
        let (workflows, workflows_stream) = self.watched::<Workflow>(tell_of_gone(&gone));
        let (sagas, sagas_stream) = self.watched::<Saga>({
            let live = live.clone();
            move |event| live.note(event)
        });
        let ctx = match self.context(live, bases.clone(), workflows.clone(), sagas.clone()) {
            Ok(ctx) => Arc::new(ctx),
            Err(error) => return tracing::error!(%error, "no HTTP client: a defect"),
        };
        let answers =
            stream::unfold(answers, |mut answers| async move { Some((answers.recv().await?, answers)) });

        let base_controller = owns_all(Controller::for_stream(bases_stream, bases.clone()), &self)
            .watches(self.api::<Workflow>(), watcher::Config::default(), |workflow: Workflow| {
                let namespace = workflow.namespace().unwrap_or_default();
                let bases = workflow.spec.saga_template.bases();
                bases.into_iter().map(|name| ObjectRef::new(name).within(&namespace)).collect::<Vec<_>>()
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
            gone.notify_one();
        };
        tokio::join!(
            base_controller
                .run(|it, ctx| counted(it, ctx, base::reconcile), again, ctx.clone())
                .for_each(|_| async {}),
            workflow_controller
                .run(|it, ctx| counted(it, ctx, workflow::reconcile), again, ctx.clone())
                .for_each(|_| async {}),
            saga_controller
                .run(|it, ctx| counted(it, ctx, saga::reconcile), again, ctx.clone())
                .for_each(|_| async {}),
            tell,
            unbind(&gone, &ctx, wait_for(stopping)),
        );
        ctx.live.tasks.close();
    }

    fn context(
        &self,
        live: Live,
        bases: Store<AirtableBase>,
        workflows: Store<Workflow>,
        sagas: Store<Saga>,
    ) -> Result<Context, reqwest::Error> {
        let account = self.config.service_account.as_deref();
        Ok(Context {
            report: Report::new(self.client.clone(), &self.identity, self.metrics.clone()),
            tokens: Tokens::new(self.client.clone(), &self.config.namespace, account),
            client: self.client.clone(),
            once: self.once.clone(),
            config: self.config.clone(),
            identity: self.identity.clone(),
            metrics: self.metrics.clone(),
            http: http::client()?,
            is_synced: Arc::default(),
            failures: Failures::default(),
            live,
            bases,
            workflows,
            sagas,
        })
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
    /// `note` is told of every event once the store knows of it.
    fn watched<K>(
        &self,
        note: impl Fn(&watcher::Event<K>) + Send + 'static,
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
            .inspect_ok(note)
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
        .owns(of.api::<NetworkPolicy>(), ours.clone())
        .owns(of.api::<PodDisruptionBudget>(), ours)
}

/// Tells that an object is gone, or may have gone while nobody watched.
fn tell_of_gone<K>(gone: &Arc<Notify>) -> impl Fn(&watcher::Event<K>) + Send + 'static {
    let gone = gone.clone();
    move |event| {
        if matches!(event, watcher::Event::Delete(_) | watcher::Event::InitDone) {
            gone.notify_one();
        }
    }
}

/// Takes the right to review tokens from the gateways and workers that are gone: no pass comes for what is not there.
async fn unbind(gone: &Notify, ctx: &Context, stopping: impl Future<Output = ()>) {
    let unbind = async {
        loop {
            gone.notified().await;
            if ctx.not_yet().is_none()
                && let Err(error) = reviewers::bind(ctx).await
            {
                tracing::warn!(%error, "the binding of token reviewers could not be written, the next pass does it");
            }
        }
    };
    tokio::select! {
        () = unbind => {}
        () = stopping => {}
    }
}

/// Why a pass came to nothing.
#[derive(Debug, thiserror::Error)]
enum Failed<E: std::error::Error + 'static> {
    #[error(transparent)]
    Pass(E),
    /// It panicked: one object must not end what is done for all others.
    #[error("a defect of the operator, which its log tells more of")]
    Defect,
}

/// A pass; one that went well ends a row of failures.
async fn counted<K, E, P>(
    object: Arc<K>,
    ctx: Arc<Context>,
    reconcile: impl Fn(Arc<K>, Arc<Context>) -> P,
) -> Result<Action, Failed<E>>
where
    K: Resource<DynamicType = ()>,
    P: Future<Output = Result<Action, E>>,
    E: std::error::Error + 'static,
{
    let done = caught(reconcile(object.clone(), ctx.clone())).await;
    if done.is_ok() {
        ctx.failures.clear(&object.uid().unwrap_or_default());
    }
    done
}

/// The outcome of a pass. Nothing is left half changed by a panic: the next pass reads anew what it needs, and no lock stays
/// poisoned.
async fn caught<E: std::error::Error + 'static>(
    pass: impl Future<Output = Result<Action, E>>,
) -> Result<Action, Failed<E>> {
    let done = AssertUnwindSafe(pass).catch_unwind().await;
    done.map_or(Err(Failed::Defect), |done| done.map_err(Failed::Pass))
}

/// What failed is repeated after a pause that grows.
#[expect(clippy::needless_pass_by_value, reason = "the signature that a controller asks for")]
fn again<K: Resource<DynamicType = ()>, E: std::fmt::Display>(
    object: Arc<K>,
    error: &E,
    ctx: Arc<Context>,
) -> Action {
    let pause = ctx.failures.count(&object.uid().unwrap_or_default());
    tracing::warn!(kind = %K::kind(&()), name = object.name_any(), namespace = object.namespace(), %error, ?pause, "pass failed, it is repeated");
    Action::requeue(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pass_that_panics_is_one_that_failed() {
        let panics = async { panic!("a defect") };
        assert!(matches!(caught::<std::io::Error>(panics).await, Err(Failed::Defect)));
        let fails = async { Err(std::io::Error::other("no answer")) };
        assert_eq!(caught(fails).await.unwrap_err().to_string(), "no answer");
        assert!(caught::<std::io::Error>(async { Ok(Action::await_change()) }).await.is_ok());
    }
}
