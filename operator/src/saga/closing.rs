//! Finalizer, marker and end of life: a saga is held while it may have effects, and let go when it has ended.

use std::collections::BTreeMap;

use crds::{
    Condition, SAGA_FINALIZER, STARTED_ANNOTATION, Saga, condition,
    reason::Reason,
    saga::{Repair, RepairVerb, StepState, StepStatus},
};
use jiff::{SignedDuration, Timestamp};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    runtime::reflector::ObjectRef,
};
use serde_json::{Value, json};

use super::{
    Error, Outcome,
    observe::{Observed, Trouble},
    refresh,
};
use crate::{apply::MANAGER, context::Context, hold};

/// When a saga ended.
pub(super) fn of_ended(saga: &Saga) -> Option<Timestamp> {
    saga.status.as_ref()?.completion_time
}

/// Lets an ended saga go: takes the finalizer away, and deletes it when its time is over.
pub(super) async fn close(saga: &Saga, ended: Timestamp, ctx: &Context) -> Result<Outcome, Error> {
    let mut current = saga.clone();
    if saga.finalizers().iter().any(|name| name == SAGA_FINALIZER) {
        match release(saga, ctx).await {
            Ok(released) => current = released,
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(gone(saga, ctx)),
            Err(kube::Error::Api(status)) if status.code == 409 => return refresh(saga, ctx).await,
            Err(error) => return Err(Error::Metadata(error)),
        }
        ctx.live.keep(&saga.uid().unwrap_or_default(), &current);
        count(&current, ctx);
    }
    if current.metadata.deletion_timestamp.is_some() {
        return Ok(gone(saga, ctx));
    }
    let Some(ttl) = ttl(&current, ctx) else { return Ok(Outcome::Done) };
    let due = ended.checked_add(SignedDuration::from_secs(i64::from(ttl))).unwrap_or(Timestamp::MAX);
    if due > Timestamp::now() {
        return Ok(Outcome::At(due));
    }
    let exactly_this = Preconditions { uid: saga.uid(), resource_version: None };
    let params = DeleteParams { preconditions: Some(exactly_this), ..DeleteParams::background() };
    match api(saga, ctx).delete(&saga.name_any(), &params).await {
        Ok(_) => Ok(gone(saga, ctx)),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(gone(saga, ctx)),
        Err(error) => Err(Error::Metadata(error)),
    }
}

/// Puts finalizer and marker on a saga that is about to make its first call, unless they are there.
pub(super) async fn mark_started(saga: &Saga, ctx: &Context) -> Result<Saga, kube::Error> {
    let uid = saga.uid().unwrap_or_default();
    let is_marked = saga.annotations().get(STARTED_ANNOTATION) == Some(&uid);
    let is_held = saga.finalizers().iter().any(|name| name == SAGA_FINALIZER);
    // A finalizer can't be added any more once the object is being deleted.
    if is_marked && (is_held || saga.metadata.deletion_timestamp.is_some()) {
        return Ok(saga.clone());
    }
    let mut finalizers = saga.finalizers().to_vec();
    if !is_held && saga.metadata.deletion_timestamp.is_none() {
        finalizers.push(SAGA_FINALIZER.to_owned());
    }
    let marked = patch(saga, &finalizers, json!({ STARTED_ANNOTATION: uid }), ctx).await?;
    ctx.live.keep(&uid, &marked);
    Ok(marked)
}

/// Holds the workflow whose worker the saga is about to call, and the bases whose gateways that one will call.
pub(super) async fn hold_what_undoes(saga: &Saga, observed: &Observed, ctx: &Context) -> Result<(), Error> {
    let namespace = saga.namespace().unwrap_or_default();
    let reference = saga.spec.workflow_ref.as_ref().or(saga.spec.worker_ref.as_ref());
    let workflow = reference.and_then(|it| ctx.workflows.get(&ObjectRef::new(&it.name).within(&namespace)));
    if let Some(workflow) = workflow {
        hold::hold(workflow.as_ref(), ctx).await.map_err(Error::Metadata)?;
    }
    for name in observed.bases.keys() {
        if let Some(base) = ctx.bases.get(&ObjectRef::new(name).within(&namespace)) {
            hold::hold(base.as_ref(), ctx).await.map_err(Error::Metadata)?;
        }
    }
    Ok(())
}

/// Steps that may have an effect and that nobody said by a repair to have seen to.
pub(super) fn unattended<'a>(saga: &Saga, steps: &'a [StepStatus]) -> Vec<&'a str> {
    let noted = saga.status.as_ref().map(|status| status.repairs.as_slice()).unwrap_or_default();
    let is_refused =
        |id: &str| noted.iter().any(|it| it.id == id && it.result == Reason::RepairRefused.as_str());
    let is_attended = |name: &str| {
        let sees_to_it = |it: &Repair| it.step == name && it.verb != RepairVerb::Retry && !is_refused(&it.id);
        saga.spec.repairs.iter().any(sees_to_it)
    };
    steps
        .iter()
        .filter(|step| may_have_effect(step) && !is_attended(&step.name))
        .map(|step| step.name.as_str())
        .collect()
}

/// By the journal alone, for where the definition is lost.
fn may_have_effect(step: &StepStatus) -> bool {
    match step.state {
        StepState::Pending | StepState::Compensated | StepState::Skipped => false,
        StepState::Failed => step.doubtful == Some(true),
        _ => true,
    }
}

/// Lets go a saga that is being deleted and can't go on, when it never did anything, when nobody can know what it did,
/// or when somebody has seen to each of its effects.
pub(super) async fn let_go(saga: &Saga, trouble: &Trouble, ctx: &Context) -> Result<bool, Error> {
    let Trouble::Of(_, why) = trouble else { return Ok(false) };
    let steps = saga.status.as_ref().map(|status| status.steps.as_slice()).unwrap_or_default();
    if saga.metadata.deletion_timestamp.is_none() || !unattended(saga, steps).is_empty() {
        return Ok(false);
    }
    if hold::may_have_effects(saga) {
        let note =
            format!("let go, since repairs say that its effects are seen to; it could not go on: {why}");
        ctx.report.event(saga, true, Reason::EffectsLeft, &note).await;
    }
    match release(saga, ctx).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
        Err(error) => return Err(Error::Metadata(error)),
    }
    ctx.live.forget(&saga.uid().unwrap_or_default());
    Ok(true)
}

async fn release(saga: &Saga, ctx: &Context) -> Result<Saga, kube::Error> {
    let finalizers: Vec<String> =
        saga.finalizers().iter().filter(|name| *name != SAGA_FINALIZER).cloned().collect();
    patch(saga, &finalizers, Value::Object(serde_json::Map::new()), ctx).await
}

async fn patch(
    saga: &Saga,
    finalizers: &[String],
    annotations: Value,
    ctx: &Context,
) -> Result<Saga, kube::Error> {
    let patch = json!({ "metadata": {
        "uid": saga.uid(), "resourceVersion": saga.resource_version(), "finalizers": finalizers, "annotations": annotations,
    } });
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    let written = api(saga, ctx).patch(&saga.name_any(), &params, &Patch::Merge(patch)).await;
    ctx.report.write("Saga", "metadata", if written.is_ok() { "written" } else { "error" });
    written
}

fn api(saga: &Saga, ctx: &Context) -> Api<Saga> {
    Api::namespaced(ctx.once.clone(), &saga.namespace().unwrap_or_default())
}

fn gone(saga: &Saga, ctx: &Context) -> Outcome {
    ctx.live.forget(&saga.uid().unwrap_or_default());
    Outcome::Done
}

fn ttl(saga: &Saga, ctx: &Context) -> Option<i32> {
    saga.spec.ttl_seconds_after_finished.or_else(|| {
        let namespace = saga.namespace().unwrap_or_default();
        let reference = saga.spec.workflow_ref.as_ref()?;
        let workflow = ctx.workflows.get(&ObjectRef::new(&reference.name).within(&namespace))?;
        workflow.spec.saga_template.ttl_seconds_after_finished
    })
}

/// Counts the end by the reason of `Succeeded`; called once, with the finalizer.
fn count(saga: &Saga, ctx: &Context) {
    let phase = saga.status.as_ref().and_then(|status| status.state.clone()).unwrap_or_default();
    ctx.metrics.sagas_ended.with_label_values(&[&phase]).inc();
}

/// The conditions by type.
pub(super) fn by_type(conditions: &[Condition]) -> BTreeMap<&str, &Condition> {
    let known = [condition::SUCCEEDED, condition::SUSPENDED, condition::STALLED];
    conditions
        .iter()
        .filter(|it| known.contains(&it.r#type.as_str()))
        .map(|it| (it.r#type.as_str(), it))
        .collect()
}
