//! The definition of a workflow under a name made of its content, so that a saga keeps the one it started with. Pure.

use std::collections::BTreeSet;

use crds::{Saga, Workflow, workflow::SagaTemplate};
use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::{Resource as _, ResourceExt as _};
use serde_json::json;

use crate::{digest::sha256, hold, workload::MANAGED_BY};

/// Old definitions kept although no saga under way uses them, as many as a Deployment keeps of its own.
const KEPT: usize = 10;

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

/// The labels of the definitions of `workflow`, as a selector.
pub fn selector(workflow: &str) -> String {
    format!("app.kubernetes.io/managed-by={MANAGED_BY},app.kubernetes.io/instance={workflow}")
}

/// Names of the definitions that can go: neither the current one, nor one of a saga under way, nor one of the newest.
pub fn superfluous<'a>(
    workflow: &Workflow,
    found: &[ControllerRevision],
    sagas: impl IntoIterator<Item = &'a Saga>,
) -> Vec<String> {
    let used: BTreeSet<&str> = sagas
        .into_iter()
        .filter(|saga| saga.metadata.namespace == workflow.metadata.namespace && hold::may_have_effects(saga))
        .filter_map(|saga| saga.status.as_ref()?.revision.as_deref())
        .collect();
    let current = name(&workflow.name_any(), &workflow.spec.saga_template);
    let mut old: Vec<&ControllerRevision> = found
        .iter()
        .filter(|revision| {
            let name = revision.name_any();
            name != current && !used.contains(name.as_str())
        })
        .collect();
    old.sort_by_key(|revision| std::cmp::Reverse(revision.revision));
    old.into_iter().skip(KEPT).map(kube::ResourceExt::name_any).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_definitions_that_no_saga_under_way_uses_can_go() {
        let workflow: Workflow = serde_json::from_value(json!({
            "metadata": {"name": "orders", "namespace": "shop"}, "spec": {"sagaTemplate": {"steps": []}},
        }))
        .unwrap();
        let saga = |revision: &str, ended: Option<&str>| -> Saga {
            serde_json::from_value(json!({
                "metadata": {"name": "run", "namespace": "shop"}, "spec": {},
                "status": {"startTime": "2026-01-01T00:00:00Z", "completionTime": ended, "revision": revision},
            }))
            .unwrap()
        };
        let mut found: Vec<ControllerRevision> = (1..=14)
            .map(|number| ControllerRevision {
                metadata: kube::api::ObjectMeta {
                    name: Some(format!("orders-{number}")),
                    ..Default::default()
                },
                revision: number,
                ..Default::default()
            })
            .collect();
        found.push(ControllerRevision { revision: 0, ..build(&workflow).unwrap() });
        let sagas = [saga("orders-1", None), saga("orders-2", Some("2026-01-01T00:00:01Z"))];
        assert_eq!(superfluous(&workflow, &found, &sagas), ["orders-4", "orders-3", "orders-2"]);
    }
}
