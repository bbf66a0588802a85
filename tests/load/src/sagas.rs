//! Sagas by the operator: many at once for the rate, one after the other for the latency.

use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

use crds::{Saga, Workflow};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::{Value, json};

use crate::{Error, process, server};

const NAMESPACE: &str = "bench";
/// Clients that create sagas.
const CREATORS: usize = 16;
/// Sagas run singly for the latency of a step.
const SINGLE: usize = 40;
/// The longest a round may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// What a round came to.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Sagas per second.
    pub sagas: f64,
    /// Writes per second, as the API server counted them.
    pub writes: f64,
    /// Writes for each saga, its creation included.
    pub writes_per_saga: f64,
    /// Median milliseconds of a step of sagas that run alone, from the write of its intent to that of its result as a watch
    /// sees them: all but the worker's own work, which is nothing here.
    pub step_p50: f64,
    /// The same, 99th percentile of all these steps.
    pub step_p99: f64,
    /// Seconds of CPU that the operator used.
    pub cpu: f64,
    /// Resident memory of the operator after the round, in MiB.
    pub rss: f64,
}

/// Namespaces, and a workflow for each number of steps.
pub async fn prepare(client: &Client, worker: &str) -> Result<(), Error> {
    let apply = PatchParams::apply("bench").force();
    for name in [NAMESPACE, "ceiling"] {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        Api::<Namespace>::all(client.clone()).patch(name, &apply, &Patch::Apply(namespace)).await?;
    }
    for steps in [3, 5] {
        let step = |index: usize| json!({ "name": format!("step-{index}"), "action": { "operation": "wait", "input": { "seconds": 0 } }, "compensation": { "policy": "None" } });
        let workflow = json!({
            "apiVersion": "pyairtable.dev/v1alpha1", "kind": "Workflow", "metadata": { "name": workflow(steps) },
            "spec": { "worker": { "external": { "url": worker } }, "sagaTemplate": { "steps": (0..steps).map(step).collect::<Vec<Value>>() } },
        });
        let api: Api<Workflow> = Api::namespaced(client.clone(), NAMESPACE);
        api.patch(&self::workflow(steps), &apply, &Patch::Apply(workflow)).await?;
    }
    let warm: Vec<String> = (0..8).map(|index| format!("warm-{index}")).collect();
    all_at_once(client, 3, &warm).await?;
    remove_all(client).await
}

/// One round: `count` sagas of `steps` steps at once, then some singly.
pub async fn round(client: &Client, steps: usize, count: usize, operator: u32) -> Result<Round, Error> {
    let names: Vec<String> = (0..count).map(|index| format!("run-{steps}-{index}")).collect();
    let (cpu, writes) = (process::cpu(operator)?, server::writes(client).await?);
    let seconds = all_at_once(client, steps, &names).await?.whole.as_secs_f64();
    // Finalizers and events may come a moment after the last end.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let writes = server::writes(client).await? - writes;
    let cpu = process::cpu(operator)? - cpu;
    let rss = process::rss(operator)?;
    remove_all(client).await?;
    let mut latencies = Vec::new();
    for index in 0..SINGLE {
        latencies.extend(all_at_once(client, steps, &[format!("single-{steps}-{index}")]).await?.steps);
    }
    remove_all(client).await?;
    if latencies.len() != SINGLE * steps {
        return Err(format!("the watch saw {} steps of {}", latencies.len(), SINGLE * steps).into());
    }
    latencies.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let count = count as f64;
    Ok(Round {
        sagas: count / seconds,
        writes: writes / seconds,
        writes_per_saga: writes / count,
        step_p50: latencies[latencies.len() / 2],
        step_p99: latencies[latencies.len() * 99 / 100],
        cpu,
        rss,
    })
}

fn workflow(steps: usize) -> String {
    format!("steps-{steps}")
}

/// How long sagas took.
struct Took {
    /// From the first creation to the last end.
    whole: Duration,
    /// Milliseconds of each step, of all sagas together.
    steps: Vec<f64>,
}

/// Creates the sagas and waits for their ends; fails when one does not succeed.
async fn all_at_once(client: &Client, steps: usize, names: &[String]) -> Result<Took, Error> {
    let api: Api<Saga> = Api::namespaced(client.clone(), NAMESPACE);
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let ends = tokio::spawn(ends(api.clone(), names.iter().cloned().collect(), ready));
    is_ready.await.map_err(|_| "the watch of sagas ended early")?;
    let begun = Instant::now();
    stream::iter(names)
        .map(|name| {
            let api = api.clone();
            async move {
                let saga: Saga = serde_json::from_value(json!({
                    "apiVersion": "pyairtable.dev/v1alpha1", "kind": "Saga", "metadata": { "name": name },
                    "spec": { "workflowRef": { "name": workflow(steps) } },
                }))?;
                api.create(&PostParams::default(), &saga).await.map(drop).map_err(Error::from)
            }
        })
        .buffer_unordered(CREATORS)
        .try_collect::<()>()
        .await?;
    let (last, steps) =
        tokio::time::timeout(PATIENCE, ends).await.map_err(|_| "sagas did not end in time")???;
    Ok(Took { whole: last - begun, steps })
}

/// Waits until every saga of `open` has ended: when the last did, and the milliseconds from each progress to the next.
async fn ends(
    api: Api<Saga>,
    mut open: BTreeSet<String>,
    ready: tokio::sync::oneshot::Sender<()>,
) -> Result<(Instant, Vec<f64>), Error> {
    let mut ready = Some(ready);
    let mut last: HashMap<String, (String, Instant)> = HashMap::new();
    let mut steps = Vec::new();
    let mut events = watcher(api, watcher::Config::default()).default_backoff().boxed();
    while let Some(event) = events.try_next().await? {
        let saga = match event {
            watcher::Event::InitDone => {
                let _heard = ready.take().map(|ready| ready.send(()));
                continue;
            }
            watcher::Event::Apply(saga) | watcher::Event::InitApply(saga) => saga,
            _ => continue,
        };
        let (name, now) = (saga.name_any(), Instant::now());
        let status = saga.status.unwrap_or_default();
        if let Some(progress) = status.progress.filter(|_| open.contains(&name)) {
            match last.insert(name.clone(), (progress.clone(), now)) {
                Some((before, since)) if before != progress => {
                    steps.push((now - since).as_secs_f64() * 1000.0);
                }
                // The same step goes on.
                Some((_, since)) => drop(last.insert(name.clone(), (progress, since))),
                None => {}
            }
        }
        if status.completion_time.is_some() && open.remove(&name) {
            if status.state.as_deref() != Some("Succeeded") {
                return Err(format!("saga {name} ended as {:?}", status.state).into());
            }
            if open.is_empty() {
                return Ok((now, steps));
            }
        }
    }
    Err("the watch of sagas ended".into())
}

async fn remove_all(client: &Client) -> Result<(), Error> {
    let api: Api<Saga> = Api::namespaced(client.clone(), NAMESPACE);
    api.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
    let begun = Instant::now();
    while !api.list_metadata(&ListParams::default().limit(1)).await?.items.is_empty() {
        if begun.elapsed() > PATIENCE {
            return Err("sagas were not deleted in time".into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
