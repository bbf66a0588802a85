//! The definition of a workflow under a name made of its content, so that a saga keeps the one it started with. Pure.

use crds::{Workflow, workflow::SagaTemplate};
use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::{Resource as _, ResourceExt as _};
use serde_json::json;

use crate::{digest::sha256, workload::MANAGED_BY};

/// Name of the revision of this definition: the workflow's name and ten digits of the content's hash.
pub fn name(workflow: &str, template: &SagaTemplate) -> String {
    let hash = sha256(&serde_json::to_vec(template).unwrap_or_default());
    format!("{workflow}-{hash:.10}")
}

/// The current definition as a `ControllerRevision`, which the API server does not let anybody change.
pub fn build(workflow: &Workflow) -> Result<ControllerRevision, serde_json::Error> {
    let workflow_name = workflow.name_any();
    serde_json::from_value(json!({
        "metadata": {
            "name": name(&workflow_name, &workflow.spec.saga_template),
            "namespace": workflow.namespace(),
            "labels": { "app.kubernetes.io/managed-by": MANAGED_BY, "app.kubernetes.io/instance": workflow_name },
            "ownerReferences": workflow.controller_owner_ref(&()).map(|owner| vec![owner]),
        },
        "revision": workflow.metadata.generation.unwrap_or(1),
        "data": workflow.spec.saga_template,
    }))
}

/// The definition that a revision holds.
pub fn template(revision: &ControllerRevision) -> Result<SagaTemplate, serde_json::Error> {
    let data = revision.data.as_ref().map(|data| data.0.clone()).unwrap_or_default();
    serde_json::from_value(data)
}
