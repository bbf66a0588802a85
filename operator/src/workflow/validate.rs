//! What about a workflow keeps it from working. Pure.

use crds::{Workflow, reason::Reason};

use super::observe::UsedBase;
use crate::{conditions::Verdict, hold, saga::plan};

/// Ready when the definition makes a plan and every base is ready; one that is going waits for its sagas.
pub fn validate(workflow: &Workflow, bases: &[UsedBase], under_way: usize) -> Verdict {
    if workflow.metadata.deletion_timestamp.is_some() {
        return hold::verdict(under_way);
    }
    if let Err(error) = plan::of_template(&workflow.spec.saga_template, "") {
        return Verdict::Stalled(Reason::Invalid, format!("spec.sagaTemplate: {error}"));
    }
    match bases.iter().find_map(|base| base.trouble.as_ref()) {
        Some(trouble) => Verdict::Reconciling(Reason::BaseNotReady, trouble.clone()),
        None => Verdict::Ready,
    }
}
