//! `AirtableBase`: observe, validate, build, apply, status. This file is the driver alone.

pub(crate) mod build;
pub mod observe;
mod status;
mod validate;

use std::{sync::Arc, time::Instant};

use crds::AirtableBase;
use jiff::Timestamp;
use kube::runtime::controller::Action;

use crate::{
    apply,
    conditions::Verdict,
    context::{Context, LATER, SOON},
    status as write,
};

pub use build::{GATEWAY_AUDIENCE, GATEWAY_PORT, endpoint, gateway_name};

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
pub async fn reconcile(base: Arc<AirtableBase>, ctx: Arc<Context>) -> Result<Action, Error> {
    if let Some(not_yet) = ctx.not_yet() {
        return Ok(not_yet);
    }
    let begun = Instant::now();
    // Large, since it holds every child at once; the futures around it stay small.
    let done = Box::pin(pass(&base, &ctx)).await;
    let outcome = match &done {
        Ok(Verdict::Ready) => "done",
        Ok(_) => "waiting",
        Err(_) => "error",
    };
    ctx.report.pass("AirtableBase", begun, outcome);
    done.map(|verdict| Action::requeue(if verdict == Verdict::Ready { LATER } else { SOON }))
}

async fn pass(base: &AirtableBase, ctx: &Context) -> Result<Verdict, Error> {
    if base.metadata.deletion_timestamp.is_some() {
        return Ok(Verdict::Ready);
    }
    let observed = observe::before(base, ctx).await?;
    let valid = validate::validate(base, &observed);
    let deployed = match build::plan(base, &observed, &ctx.config) {
        None => None,
        Some(plan) => Some(plan.build().map_err(apply::Error::from)?.apply(&ctx.client).await),
    };
    let deployed = match deployed {
        Some(Err(error @ (apply::Error::Api { .. } | apply::Error::Taken { .. }))) => {
            return status::refused(base, &error, ctx).await;
        }
        other => other.transpose()?,
    };
    build::token_reviewers(ctx).await?;
    let seen = observe::after(base, deployed.as_ref(), ctx).await?;
    let (status, verdict) = status::status(base, valid, deployed.as_ref(), &seen, Timestamp::now());
    write::conclude(base, status, ctx).await?;
    Ok(verdict)
}
