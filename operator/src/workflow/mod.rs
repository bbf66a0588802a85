//! `Workflow`: observe, validate, build, apply, status. This file is the driver alone.

pub(crate) mod build;
pub mod hold;
mod observe;
pub mod revision;
mod status;
mod validate;

use std::sync::Arc;

use crds::Workflow;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ControllerRevision;
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams},
    runtime::controller::Action,
};

use crate::{
    apply, base,
    conditions::Verdict,
    context::Context,
    pass::{self, Error},
    status as write,
};

pub use build::{audience, endpoint, worker_name};

/// One pass.
pub async fn reconcile(workflow: Arc<Workflow>, ctx: Arc<Context>) -> Result<Action, Error> {
    pass::counted("Workflow", &ctx, Box::pin(pass(&workflow, &ctx))).await
}

async fn pass(workflow: &Workflow, ctx: &Context) -> Result<Verdict, Error> {
    let is_going = workflow.metadata.deletion_timestamp.is_some();
    let under_way = hold::under_way(workflow, ctx.sagas.state().iter().map(AsRef::as_ref));
    if under_way == 0 && hold::is_held(workflow) {
        hold::release(workflow, ctx).await?;
    }
    if is_going && under_way == 0 {
        return Ok(Verdict::Ready);
    }
    let observed = observe::before(workflow, ctx);
    let valid = validate::validate(workflow, &observed, under_way);
    let revision = revision::build(workflow).map_err(apply::Error::from)?;
    let children = build::plan(workflow, &ctx.config)
        .map(|plan| plan.build())
        .transpose()
        .map_err(apply::Error::from)?;
    let applied = async {
        let (applied, _) = apply::apply(&ctx.client, &revision).await?;
        if applied == apply::Applied::Written {
            prune(workflow, ctx).await?;
        }
        match children {
            None => Ok(None),
            Some(children) => children.apply(&ctx.client).await.map(Some),
        }
    };
    let deployed = match Box::pin(applied).await {
        Err(error @ (apply::Error::Api { .. } | apply::Error::Taken { .. })) => {
            return status::refused(workflow, &error, ctx).await;
        }
        other => other?,
    };
    base::build::token_reviewers(ctx).await?;
    let seen = observe::after(workflow, deployed.as_ref(), ctx).await?;
    let (status, verdict) = status::status(workflow, valid, deployed.as_ref(), &seen, Timestamp::now());
    write::conclude(workflow, status, ctx).await?;
    Ok(verdict)
}

/// Deletes old definitions, after a new one came.
async fn prune(workflow: &Workflow, ctx: &Context) -> Result<(), apply::Error> {
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
