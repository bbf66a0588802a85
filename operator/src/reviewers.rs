//! The one `ClusterRoleBinding` by which gateways and workers may review tokens.

use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{apply, base::gateway_name, context::Context, workflow::worker_name};

/// Keeps the gateways and workers of the cluster as the subjects of the binding that lets them review tokens.
///
/// The binding is one object that the chart makes; its subjects are a function of all bases and workflows, so that no
/// finalizer is needed to take one away.
pub async fn bind(ctx: &Context) -> Result<(), apply::Error> {
    let Some(name) = &ctx.config.token_reviewers else { return Ok(()) };
    let api: Api<ClusterRoleBinding> = Api::all(ctx.client.clone());
    let failed = |source| apply::Error::Api {
        kind: "ClusterRoleBinding".to_owned(),
        name: name.clone(),
        source: Box::new(source),
    };
    let Some(found) = api.get_opt(name).await.map_err(failed)? else { return Ok(()) };
    let mut wanted: Vec<(String, String)> = ctx
        .bases
        .state()
        .iter()
        .map(|base| (base.namespace().unwrap_or_default(), gateway_name(&base.name_any())))
        .collect();
    wanted.extend(
        ctx.workflows
            .state()
            .iter()
            .map(|workflow| (workflow.namespace().unwrap_or_default(), worker_name(&workflow.name_any()))),
    );
    wanted.sort();
    let mut before: Vec<(String, String)> = found
        .subjects
        .iter()
        .flatten()
        .map(|subject| (subject.namespace.clone().unwrap_or_default(), subject.name.clone()))
        .collect();
    before.sort();
    if before == wanted {
        return Ok(());
    }
    let subjects: Vec<Value> = wanted
        .iter()
        .map(|(namespace, name)| json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name }))
        .collect();
    let patch =
        json!({ "metadata": { "resourceVersion": found.metadata.resource_version }, "subjects": subjects });
    match api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await {
        // Another pass was first; it came to the same list, or the next pass will.
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        other => other.map(drop).map_err(failed),
    }
}
