//! `Workflow`: observe, validate, build, apply, status. This file is the driver alone.

pub(crate) mod build;
mod observe;
pub mod revision;
mod status;
mod validate;

use std::{sync::Arc, time::Instant};

use crds::Workflow;
use jiff::Timestamp;
use kube::runtime::controller::Action;

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
    if workflow.metadata.deletion_timestamp.is_some() {
        return Ok(Verdict::Ready);
    }
    let observed = observe::before(workflow, ctx);
    let valid = validate::validate(workflow, &observed);
    let revision = revision::build(workflow).map_err(apply::Error::from)?;
    let children = build::plan(workflow, &ctx.config)
        .map(|plan| plan.build())
        .transpose()
        .map_err(apply::Error::from)?;
    let applied = async {
        apply::apply(&ctx.client, &revision).await?;
        match children {
            None => Ok(None),
            Some(children) => children.apply(&ctx.client).await.map(Some),
        }
    };
    let deployed = match Box::pin(applied).await {
        Err(error @ apply::Error::Api { .. }) => return status::refused(workflow, &error, ctx).await,
        other => other?,
    };
    base::build::token_reviewers(ctx).await?;
    let seen = observe::after(workflow, deployed.as_ref(), ctx).await?;
    let (status, verdict) = status::status(workflow, valid, deployed.as_ref(), &seen, Timestamp::now());
    write::conclude(workflow, status, ctx).await?;
    Ok(verdict)
}
