//! Holds a workflow that is being deleted until its sagas have ended: its worker is what undoes them.
//!
//! The finalizer is there only while sagas are under way, so that deleting anything else waits for nobody.

use crds::{GROUP, Saga, WORKFLOW_FINALIZER, Workflow};
use kube::{
    Api, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::context::Context;

/// Field manager of the finalizer alone, so that it comes and goes without a look at anybody else's.
const MANAGER: &str = "pyairtable-operator-hold";

/// True when the workflow can't go away.
pub fn is_held(workflow: &Workflow) -> bool {
    workflow.finalizers().iter().any(|name| name == WORKFLOW_FINALIZER)
}

/// How many sagas that may have effects use the workflow: its definition, or its worker alone.
pub fn under_way<'a>(workflow: &Workflow, sagas: impl IntoIterator<Item = &'a Saga>) -> usize {
    sagas.into_iter().filter(|saga| uses(saga, workflow) && may_have_effects(saga)).count()
}

fn uses(saga: &Saga, workflow: &Workflow) -> bool {
    let reference = saga.spec.workflow_ref.as_ref().or(saga.spec.worker_ref.as_ref());
    saga.metadata.namespace == workflow.metadata.namespace
        && reference.is_some_and(|reference| Some(&reference.name) == workflow.metadata.name.as_ref())
}

/// True when calls may have been made, and the end is not written.
pub fn may_have_effects(saga: &Saga) -> bool {
    saga.status.as_ref().is_some_and(|status| status.start_time.is_some() && status.completion_time.is_none())
}

/// Holds the workflow. One that is going already can't be held any more, which is no error.
pub async fn hold(workflow: &Workflow, ctx: &Context) -> Result<(), kube::Error> {
    if is_held(workflow) {
        return Ok(());
    }
    patch(workflow, &[WORKFLOW_FINALIZER], ctx).await
}

/// Lets the workflow go.
pub async fn release(workflow: &Workflow, ctx: &Context) -> Result<(), kube::Error> {
    patch(workflow, &[], ctx).await
}

async fn patch(workflow: &Workflow, finalizers: &[&str], ctx: &Context) -> Result<(), kube::Error> {
    let api: Api<Workflow> = Api::namespaced(ctx.client.clone(), &workflow.namespace().unwrap_or_default());
    // The uid keeps an apply from making a new object where this one is gone.
    let object = json!({
        "apiVersion": format!("{GROUP}/{}", Workflow::version(&())), "kind": Workflow::kind(&()),
        "metadata": { "uid": workflow.uid(), "finalizers": finalizers },
    });
    let params = PatchParams::apply(MANAGER).force();
    let written = api.patch_metadata(&workflow.name_any(), &params, &Patch::Apply(object)).await;
    ctx.report.write("Workflow", "metadata", if written.is_ok() { "written" } else { "error" });
    match written {
        Ok(_) => Ok(()),
        // Gone, another of that name, or being deleted.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409 | 422) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workflow() -> Workflow {
        serde_json::from_value(json!({
            "metadata": {"name": "orders", "namespace": "shop"}, "spec": {"sagaTemplate": {"steps": []}},
        }))
        .unwrap()
    }

    fn saga(namespace: &str, spec: &serde_json::Value, status: &serde_json::Value) -> Saga {
        serde_json::from_value(json!({
            "metadata": {"name": "run", "namespace": namespace}, "spec": spec, "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_workflow_is_used_by_the_sagas_that_have_begun_and_not_ended() {
        let (by_definition, by_worker) =
            (json!({"workflowRef": {"name": "orders"}}), json!({"workerRef": {"name": "orders"}}));
        let begun = json!({"startTime": "2026-01-01T00:00:00Z"});
        let ended = json!({"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:01Z"});
        for (saga, wanted) in [
            (saga("shop", &by_definition, &begun), 1),
            (saga("shop", &by_worker, &begun), 1),
            (saga("shop", &by_definition, &ended), 0),
            (saga("shop", &by_definition, &json!(null)), 0),
            (saga("other", &by_definition, &begun), 0),
            (saga("shop", &json!({"workflowRef": {"name": "invoices"}}), &begun), 0),
        ] {
            assert_eq!(under_way(&workflow(), [&saga]), wanted, "{saga:?}");
        }
    }
}
