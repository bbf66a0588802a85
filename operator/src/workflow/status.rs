//! The status of a workflow, from what was declared, deployed and seen. Pure, but for `refused`.

use crds::{Workflow, WorkflowStatus, airtable_base::Endpoint, reason::Reason};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::{Error, endpoint, observe::Seen, revision};
use crate::{
    apply,
    conditions::{Verdict, of_verdict},
    context::Context,
    status::conclude,
    workload::{Deployed, health, selector_text},
};

/// The status and the verdict that it carries. What is invalid comes first, then the pods, the worker, the bases.
pub fn status(
    workflow: &Workflow,
    valid: Verdict,
    deployed: Option<&Deployed>,
    seen: &Seen,
    now: Timestamp,
) -> (WorkflowStatus, Verdict) {
    let before = workflow.status.clone().unwrap_or_default();
    let health = deployed.map(|deployed| health::judge(&deployed.deployment, &seen.pods));
    let pods = health.as_ref().map_or(Verdict::Ready, |health| health.verdict.clone());
    let verdict = match (valid, pods, &seen.worker) {
        (invalid @ Verdict::Stalled(..), ..) => invalid,
        (_, pods @ (Verdict::Stalled(..) | Verdict::Reconciling(..)), _) => pods,
        (_, _, None) => {
            Verdict::Reconciling(Reason::PodsNotReady, "the worker is scaled to 0 pods".to_owned())
        }
        (_, _, Some(Err(_))) if deployed.is_some_and(|it| health::is_just_available(&it.deployment, now)) => {
            let message = "the worker's pods are ready, and its service is not reachable yet".to_owned();
            Verdict::Reconciling(Reason::PodsNotReady, message)
        }
        (_, _, Some(Err(why))) => {
            Verdict::Stalled(Reason::WorkerUnreachable, format!("the worker does not answer: {why}"))
        }
        (valid, _, Some(Ok(()))) => valid,
    };
    let template = &workflow.spec.saga_template;
    let status = WorkflowStatus {
        observed_generation: workflow.metadata.generation,
        conditions: of_verdict(&verdict, &before.conditions, workflow.metadata.generation, now),
        endpoint: endpoint(workflow).map(|url| Endpoint { url }),
        current_revision: Some(revision::name(&workflow.name_any(), template)),
        step_count: i32::try_from(template.steps.len()).ok(),
        replicas: health.as_ref().map(|health| health.replicas),
        ready_replicas: health.as_ref().map(|health| health.ready),
        selector: deployed.map(|_| selector_text("worker", &workflow.name_any())),
    };
    (status, verdict)
}

/// Says that the API server refused a child; the next pass tries again.
pub async fn refused(workflow: &Workflow, error: &apply::Error, ctx: &Context) -> Result<Verdict, Error> {
    let verdict = Verdict::Stalled(Reason::ApplyFailed, error.to_string());
    let mut status = workflow.status.clone().unwrap_or_default();
    status.observed_generation = workflow.metadata.generation;
    status.conditions =
        of_verdict(&verdict, &status.conditions, workflow.metadata.generation, Timestamp::now());
    conclude(workflow, status, ctx).await?;
    Ok(verdict)
}
