//! `AirtableBase`: observe, validate, build, apply, settle the schema, status. This file is the driver alone.

pub(crate) mod build;
mod drift;
pub mod observe;
mod schema;
mod status;
mod store;
mod urls;
mod validate;

use std::sync::Arc;

use crds::{AirtableBase, reason::Reason};
use jiff::Timestamp;
use kube::runtime::controller::Action;

use crate::{
    apply,
    conditions::Verdict,
    context::Context,
    hold,
    pass::{self, Error},
    reviewers, saga, status as write,
};

pub use build::{GATEWAY_AUDIENCE, GATEWAY_PORT, endpoint, gateway_name};

/// One pass.
pub async fn reconcile(base: Arc<AirtableBase>, ctx: Arc<Context>) -> Result<Action, Error> {
    pass::counted("AirtableBase", &ctx, Box::pin(pass(&base, &ctx))).await
}

async fn pass(base: &AirtableBase, ctx: &Context) -> Result<Verdict, Error> {
    let sagas = ctx.sagas.state();
    let under_way = hold::of_base(base, sagas.iter().map(AsRef::as_ref), |it| saga::known_bases(it, ctx));
    if under_way == 0 && hold::is_held(base) {
        hold::release(base, ctx).await?;
    }
    if under_way == 0 && base.metadata.deletion_timestamp.is_some() {
        return Ok(Verdict::Ready);
    }
    if let Err(wrong) = validate::urls(base) {
        return status::refused(base, Reason::Invalid, wrong, ctx).await;
    }
    let observed = observe::before(base, ctx).await?;
    let valid = validate::validate(base, &observed, under_way);
    let children = build::plan(base, &observed, &ctx.config)
        .map(|plan| plan.build())
        .transpose()
        .map_err(apply::Error::from)?;
    let applied = async {
        let deployed = match children {
            None => None,
            Some(children) => Some(children.apply("AirtableBase", ctx).await?),
        };
        reviewers::bind(ctx).await?;
        Ok(deployed)
    };
    let deployed = match Box::pin(applied).await {
        Err(error @ (apply::Error::Api { .. } | apply::Error::Taken { .. })) => {
            return status::refused(base, Reason::ApplyFailed, error.to_string(), ctx).await;
        }
        other => other?,
    };
    let mut seen = observe::after(base, deployed.as_ref(), ctx).await?;
    let settled = schema::settle(base, &mut seen, ctx).await?;
    let (mut status, verdict) = status::status(base, valid, deployed.as_ref(), &seen, Timestamp::now());
    drift::put(base, settled.as_ref(), &mut status, Timestamp::now());
    write::conclude(base, status, ctx).await?;
    Ok(verdict)
}
