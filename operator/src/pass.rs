//! What a pass over a resource with children comes to: its failure, how it is counted, when the next one is due.

use std::time::Instant;

use futures::future::BoxFuture;
use kube::runtime::controller::Action;

use crate::{
    apply,
    conditions::Verdict,
    context::{Context, LATER, SOON},
    status,
};

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
    Status(#[from] status::Error),
}

/// Makes a pass over a resource of this kind, once the stores hold what is there. It is boxed, since it holds every child at
/// once: the futures around it stay small.
pub async fn counted(
    kind: &'static str,
    ctx: &Context,
    pass: BoxFuture<'_, Result<Verdict, Error>>,
) -> Result<Action, Error> {
    if let Some(not_yet) = ctx.not_yet() {
        return Ok(not_yet);
    }
    let begun = Instant::now();
    let done = pass.await;
    let outcome = match &done {
        Ok(Verdict::Ready) => "done",
        Ok(_) => "waiting",
        Err(_) => "error",
    };
    ctx.report.pass(kind, begun, outcome);
    done.map(|verdict| Action::requeue(if verdict == Verdict::Ready { LATER } else { SOON }))
}
