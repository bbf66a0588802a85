//! `AirtableBase`: observe, validate, build, apply, status. This file is the driver alone.

pub(crate) mod build;
pub mod observe;
mod status;
mod validate;

use std::sync::Arc;

use crds::AirtableBase;
use jiff::Timestamp;
use kube::runtime::controller::Action;

use crate::{
    apply,
    conditions::Verdict,
    context::Context,
    pass::{self, Error},
    status as write,
};

pub use build::{GATEWAY_AUDIENCE, GATEWAY_PORT, endpoint, gateway_name};

/// One pass.
pub async fn reconcile(base: Arc<AirtableBase>, ctx: Arc<Context>) -> Result<Action, Error> {
    pass::counted("AirtableBase", &ctx, Box::pin(pass(&base, &ctx))).await
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
