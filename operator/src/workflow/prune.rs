//! Deletes the definitions that nobody needs any more.

use crds::Workflow;
use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams},
};

use super::revision;
use crate::{apply, context::Context};

/// Deletes old definitions, after a new one came.
pub async fn prune(workflow: &Workflow, ctx: &Context) -> Result<(), apply::Error> {
    let api: Api<ControllerRevision> =
        Api::namespaced(ctx.client.clone(), &workflow.namespace().unwrap_or_default());
    let failed = |source| apply::Error::Api {
        kind: "ControllerRevision".to_owned(),
        name: workflow.name_any(),
        source: Box::new(source),
    };
    let ours = ListParams::default().labels(&revision::selector(&workflow.name_any()));
    let found = api.list(&ours).await.map_err(failed)?.items;
    let sagas = ctx.sagas.state();
    for name in revision::superfluous(workflow, &found, sagas.iter().map(AsRef::as_ref)) {
        match api.delete(&name, &DeleteParams::background()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}
