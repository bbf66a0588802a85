//! `Saga`: observe, validate, step, write, dispatch. This file is the driver alone.
//!
//! Guarantee: no call leaves before the journal holds it, and no journal is written over one that this process has not
//! seen. So a crash at any point, a stale watch and a second operator lead to the same calls with the same keys.

mod answer;
mod call;
mod closing;
mod dispatch;
mod journal;
pub mod live;
mod observe;
pub mod plan;
mod status;
mod trace;
mod turn;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crds::Saga;
use jiff::{SignedDuration, Timestamp};
use kube::{ResourceExt as _, runtime::controller::Action};

use crate::{
    context::{Context, SOON},
    status as write,
};
use observe::Trouble;
pub use observe::known_bases;
use turn::Turn;

/// Pause while another controller is about to write what the saga needs.
const PAUSE: SignedDuration = SignedDuration::from_millis(300);

/// Why a pass failed; it is repeated after a pause.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A read failed.
    #[error("read: {0}")]
    Read(#[source] kube::Error),
    /// The journal could not be written.
    #[error("journal: {0}")]
    Journal(#[source] write::Error),
    /// Finalizer or marker could not be written.
    #[error("metadata: {0}")]
    Metadata(#[source] kube::Error),
}

/// What a pass came to.
enum Outcome {
    /// Nothing more to do until something happens.
    Done,
    /// Look again at this time at the latest.
    At(Timestamp),
    /// The object was not the newest: look again at once.
    Stale,
    /// Look again soon.
    Waiting,
}

/// One pass.
pub async fn reconcile(seen: Arc<Saga>, ctx: Arc<Context>) -> Result<Action, Error> {
    if let Some(not_yet) = ctx.not_yet() {
        return Ok(not_yet);
    }
    let begun = Instant::now();
    let done = pass(&seen, &ctx).await;
    let (label, action) = match &done {
        Ok(Outcome::Done) => ("done", Action::await_change()),
        Ok(Outcome::At(time)) => ("waiting", Action::requeue(until(*time))),
        Ok(Outcome::Stale) => ("stale", Action::requeue(Duration::from_millis(20))),
        Ok(Outcome::Waiting) => ("waiting", Action::requeue(SOON)),
        Err(_) => ("error", Action::await_change()),
    };
    ctx.report.pass("Saga", begun, label);
    done.map(|_| action)
}

/// The pause until `time`, a little more than nothing, since times in journals are whole seconds.
fn until(time: Timestamp) -> Duration {
    Duration::try_from(time.duration_since(Timestamp::now()))
        .unwrap_or_default()
        .max(Duration::from_millis(10))
}

async fn pass(seen: &Saga, ctx: &Context) -> Result<Outcome, Error> {
    let Some(uid) = seen.uid() else { return Ok(Outcome::Done) };
    if ctx.live.is_doubtful(&uid) {
        // A pause, so that two processes that both think they are in charge do not outbid each other all the time.
        let outcome = refresh(seen, ctx).await?;
        return Ok(if matches!(outcome, Outcome::Stale) {
            Outcome::At(Timestamp::now() + PAUSE)
        } else {
            outcome
        });
    }
    let saga = ctx.live.newest(&uid, seen);
    if saga.status.as_ref().is_some_and(|status| status.completion_time.is_some()) {
        ctx.live.settle(&uid, seen);
    }
    if let Some(ended) = closing::of_ended(&saga) {
        return closing::close(&saga, ended, ctx).await;
    }
    match observe::observe(&saga, ctx).await.map_err(Error::Read)? {
        Err(Trouble::Wait) => Ok(Outcome::At(Timestamp::now() + PAUSE)),
        Err(trouble @ Trouble::Of(..)) => halted(&saga, &trouble, ctx).await,
        Ok(observed) => {
            let now = Timestamp::now();
            match turn::turn(&saga, &observed, &ctx.live.inbox(&uid), &ctx.identity, now) {
                Err(trouble) => halted(&saga, &trouble, ctx).await,
                Ok(turn) => carry_out(saga, observed, turn, ctx).await,
            }
        }
    }
}

/// The journal first, then finalizer and marker, then the calls.
async fn carry_out(
    saga: Saga,
    observed: observe::Observed,
    turn: Turn,
    ctx: &Context,
) -> Result<Outcome, Error> {
    let uid = saga.uid().unwrap_or_default();
    fail::fail_point!("operator::before-intent", |_| std::process::abort());
    let written = match write::write(&ctx.once, &saga, &turn.status).await {
        Ok(written) => written,
        Err(write::Error::Stale) => return refresh(&saga, ctx).await,
        Err(error) => {
            ctx.report.write("Saga", "status", "error");
            return Err(Error::Journal(error));
        }
    };
    fail::fail_point!("operator::after-intent", |_| std::process::abort());
    ctx.live.taken(&uid, &turn.taken);
    let mut current = saga;
    if let Some(written) = written {
        ctx.report.write("Saga", "status", "written");
        status::announce(&current, &written, ctx);
        ctx.live.keep(&uid, &written);
        current = written;
    }
    if let Some(broken) = &turn.broken {
        ctx.metrics.invariant_violations.with_label_values(&[broken]).inc();
    }
    if !turn.commands.is_empty() {
        closing::hold_what_undoes(&current, &observed, ctx).await?;
        match closing::mark_started(&current, ctx).await {
            Ok(marked) => current = marked,
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
                return refresh(&current, ctx).await;
            }
            Err(error) => return Err(Error::Metadata(error)),
        }
        dispatch::dispatch(&current, &observed, &turn, ctx);
    }
    if let Some(ended) = closing::of_ended(&current) {
        return closing::close(&current, ended, ctx).await;
    }
    Ok(turn.wake.map_or(Outcome::Done, Outcome::At))
}

/// Forgets what was known of the object and reads it again.
async fn refresh(saga: &Saga, ctx: &Context) -> Result<Outcome, Error> {
    ctx.report.write("Saga", "status", "stale");
    let api: kube::Api<Saga> =
        kube::Api::namespaced(ctx.client.clone(), &saga.namespace().unwrap_or_default());
    let uid = saga.uid().unwrap_or_default();
    match api.get_opt(&saga.name_any()).await.map_err(Error::Read)? {
        Some(fresh) if fresh.uid().as_ref() == Some(&uid) => {
            ctx.live.keep(&uid, &fresh);
            Ok(Outcome::Stale)
        }
        _ => {
            ctx.live.forget(&uid);
            Ok(Outcome::Done)
        }
    }
}

/// Says what keeps the saga from going on; it is looked at again, since most of it can be mended.
async fn halted(saga: &Saga, trouble: &Trouble, ctx: &Context) -> Result<Outcome, Error> {
    if closing::let_go(saga, trouble, ctx).await? {
        return Ok(Outcome::Done);
    }
    let status = status::halted(saga, trouble, Timestamp::now());
    match write::write(&ctx.once, saga, &status).await {
        Ok(Some(written)) => {
            ctx.report.write("Saga", "status", "written");
            status::announce(saga, &written, ctx);
            ctx.live.keep(&saga.uid().unwrap_or_default(), &written);
            Ok(Outcome::Waiting)
        }
        Ok(None) => Ok(Outcome::Waiting),
        Err(write::Error::Stale) => refresh(saga, ctx).await,
        Err(error) => Err(Error::Journal(error)),
    }
}
