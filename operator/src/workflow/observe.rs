//! Reads what a workflow depends on, and how its worker fares. No writes.

use crds::{
    AirtableBase, Workflow,
    condition::{ConditionStatus, READY},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt as _, api::ListParams, runtime::reflector::ObjectRef};

use crate::{
    context::Context,
    http::{self, plain},
    workload::{Deployed, selector_text},
};

/// A base that the workflow uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedBase {
    /// Its name.
    pub name: String,
    /// Why it can't be used; none when it is ready.
    pub trouble: Option<String>,
}

/// What was found after the children were applied.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Pods of the worker; read only while not all are ready.
    pub pods: Vec<Pod>,
    /// What the worker says of itself; none while it has no ready pod.
    pub worker: Option<Result<(), String>>,
}

/// The bases that the workflow uses, from the watch.
pub fn before(workflow: &Workflow, ctx: &Context) -> Vec<UsedBase> {
    let namespace = workflow.namespace().unwrap_or_default();
    let look = |name: String| {
        let base = ctx.bases.get(&ObjectRef::new(&name).within(&namespace));
        UsedBase { trouble: trouble(&name, base.as_deref()), name }
    };
    workflow.spec.saga_template.bases().into_iter().map(str::to_owned).map(look).collect()
}

fn trouble(name: &str, base: Option<&AirtableBase>) -> Option<String> {
    let Some(base) = base else {
        return Some(format!("AirtableBase {name} does not exist in this namespace: create it"));
    };
    let conditions = base.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    match conditions.iter().find(|condition| condition.r#type == READY) {
        Some(ready) if ready.status == ConditionStatus::True => None,
        Some(ready) => Some(format!("AirtableBase {name} is not ready: {}", ready.message)),
        None => Some(format!("AirtableBase {name} has not been looked at yet")),
    }
}

/// Pods and the worker itself.
pub async fn after(
    workflow: &Workflow,
    deployed: Option<&Deployed>,
    ctx: &Context,
) -> Result<Seen, kube::Error> {
    let Some(url) = super::endpoint(workflow) else { return Ok(Seen::default()) };
    let Some(deployed) = deployed else {
        return Ok(Seen { pods: Vec::new(), worker: Some(ask(&url, ctx).await) });
    };
    let status = deployed.deployment.status.clone().unwrap_or_default();
    let is_ready = status.ready_replicas.unwrap_or(0) > 0;
    let all_ready = is_ready && status.unavailable_replicas.unwrap_or(0) == 0;
    let pods = if all_ready { Vec::new() } else { pods(workflow, ctx).await? };
    Ok(Seen { pods, worker: if is_ready { Some(ask(&url, ctx).await) } else { None } })
}

async fn pods(workflow: &Workflow, ctx: &Context) -> Result<Vec<Pod>, kube::Error> {
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &workflow.namespace().unwrap_or_default());
    let params = ListParams::default().labels(&selector_text("worker", &workflow.name_any()));
    Ok(api.list(&params).await?.items)
}

/// Asks `/ready`; a worker that does not serve it (404) is judged by its answering at all.
async fn ask(url: &str, ctx: &Context) -> Result<(), String> {
    let probe = ctx.http.get(format!("{url}/ready")).timeout(http::PROBE);
    let response = probe.send().await.map_err(|error| plain(&error))?;
    match response.status().as_u16() {
        200..=299 | 404 => Ok(()),
        status => Err(format!("/ready answers {status}")),
    }
}
