//! `Workflow`: observe, validate, build, apply, status. This file is the driver alone.

pub(crate) mod build;
mod observe;
mod prune;
pub mod revision;
mod status;
mod validate;

use std::sync::Arc;

use crds::Workflow;
use jiff::Timestamp;
use kube::runtime::controller::Action;

use crate::{
    apply,
    conditions::Verdict,
    context::Context,
    hold,
    pass::{self, Error},
    reviewers, status as write,
};

pub use build::{audience, endpoint, worker_name};

/// One pass.
pub async fn reconcile(workflow: Arc<Workflow>, ctx: Arc<Context>) -> Result<Action, Error> {
    pass::counted("Workflow", &ctx, Box::pin(pass(&workflow, &ctx))).await
}

async fn pass(workflow: &Workflow, ctx: &Context) -> Result<Verdict, Error> {
    let is_going = workflow.metadata.deletion_timestamp.is_some();
    let under_way = hold::of_workflow(workflow, ctx.sagas.state().iter().map(AsRef::as_ref));
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
            prune::prune(workflow, ctx).await?;
        }
        let deployed = match children {
            None => None,
            Some(children) => Some(children.apply("Workflow", ctx).await?),
        };
        reviewers::bind(ctx).await?;
        Ok(deployed)
    };
    let deployed = match Box::pin(applied).await {
        Err(error @ (apply::Error::Api { .. } | apply::Error::Taken { .. })) => {
            return status::refused(workflow, &error, ctx).await;
        }
        other => other?,
    };
    let seen = observe::after(workflow, deployed.as_ref(), ctx).await?;
    let (status, verdict) = status::status(workflow, valid, deployed.as_ref(), &seen, Timestamp::now());
    write::conclude(workflow, status, ctx).await?;
    Ok(verdict)
}
