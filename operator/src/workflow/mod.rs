//! `Workflow`: observe, validate, build, apply, status. This file is the driver alone.

pub(crate) mod build;
pub mod hold;
mod observe;
pub mod revision;
mod status;
mod validate;

use std::{sync::Arc, time::Instant};

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
    context::{Context, LATER, SOON},
    status as write,
};

pub use build::{audience, endpoint, worker_name};

/// Why a pass failed; it is repeated after a pause.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A read failed.
    #[error("read: {0}")]
    Read(#[from] kube::Error),
    /// A child could not be put right.
    #[error(transparent)]
    Apply(#[from] apply::Error),
    /// The status could not be written.
    #[error("status: {0}")]
    Status(#[from] write::Error),
}

/// One pass.
pub async fn reconcile(workflow: Arc<Workflow>, ctx: Arc<Context>) -> Result<Action, Error> {
    if let Some(not_yet) = ctx.not_yet() {
        return Ok(not_yet);
    }
    let begun = Instant::now();
    // Large, since it holds every child at once; the futures around it stay small.
    let done = Box::pin(pass(&workflow, &ctx)).await;
    let outcome = match &done {
        Ok(Verdict::Ready) => "done",
        Ok(_) => "waiting",
        Err(_) => "error",
    };
    ctx.report.pass("Workflow", begun, outcome);
    done.map(|verdict| Action::requeue(if verdict == Verdict::Ready { LATER } else { SOON }))
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
