//! Holds a workflow or a base that is being deleted until the sagas that use it have ended: worker and gateway undo them.
//!
//! The finalizer is there only while sagas are under way, so that deleting anything else waits for nobody.

use std::fmt::Debug;

use crds::{AirtableBase, GROUP, HOLD_FINALIZER, Saga, Workflow, reason::Reason};
use kube::{
    Api, Resource, ResourceExt as _,
    api::{Patch, PatchParams},
    core::NamespaceResourceScope,
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{conditions::Verdict, context::Context};

/// Field manager of the finalizer alone, so that it comes and goes without a look at anybody else's.
const MANAGER: &str = "pyairtable-operator-hold";

/// True when the object can't go away.
pub fn is_held(object: &impl Resource) -> bool {
    object.meta().finalizers.iter().flatten().any(|name| name == HOLD_FINALIZER)
}

/// How many sagas that may have effects use the workflow: its definition, or its worker alone.
pub fn of_workflow<'a>(workflow: &Workflow, sagas: impl IntoIterator<Item = &'a Saga>) -> usize {
    sagas.into_iter().filter(|saga| names(saga, workflow) && may_have_effects(saga)).count()
}

/// How many sagas that may have effects use the base, or may use it: `bases_of` tells the names of the bases that a
/// saga's definition uses, and none while the definition is not known.
pub fn of_base<'a>(
    base: &AirtableBase,
    sagas: impl IntoIterator<Item = &'a Saga>,
    bases_of: impl Fn(&Saga) -> Option<Vec<String>>,
) -> usize {
    let uses = |saga: &Saga| {
        saga.metadata.namespace == base.metadata.namespace
            && may_have_effects(saga)
            && serves(base, saga)
            && bases_of(saga).is_none_or(|names| names.contains(&base.name_any()))
    };
    sagas.into_iter().filter(|saga| uses(saga)).count()
}

/// True unless the base is going and the saga began later: that one waits for the next base of this name, else new sagas
/// could keep a base for ever.
pub fn serves(base: &AirtableBase, saga: &Saga) -> bool {
    let began = saga.status.as_ref().and_then(|status| status.start_time);
    base.metadata.deletion_timestamp.as_ref().is_none_or(|going| began.is_some_and(|began| began <= going.0))
}

fn names(saga: &Saga, workflow: &Workflow) -> bool {
    let reference = saga.spec.workflow_ref.as_ref().or(saga.spec.worker_ref.as_ref());
    saga.metadata.namespace == workflow.metadata.namespace
        && reference.is_some_and(|reference| Some(&reference.name) == workflow.metadata.name.as_ref())
}

/// True when calls may have been made, and the end is not written.
pub fn may_have_effects(saga: &Saga) -> bool {
    saga.status.as_ref().is_some_and(|status| status.start_time.is_some() && status.completion_time.is_none())
}

/// What an object says that is being deleted and held.
pub fn verdict(under_way: usize) -> Verdict {
    let message =
        format!("is being deleted once the sagas that use it have ended: {under_way} are under way");
    Verdict::Reconciling(Reason::SagasUnderWay, message)
}

/// Holds the object. One that is going already can't be held any more, which is no error.
pub async fn hold<K>(object: &K, ctx: &Context) -> Result<(), kube::Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    if is_held(object) {
        return Ok(());
    }
    patch(object, &[HOLD_FINALIZER], ctx).await
}

/// Lets the object go.
pub async fn release<K>(object: &K, ctx: &Context) -> Result<(), kube::Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    patch(object, &[], ctx).await
}

async fn patch<K>(object: &K, finalizers: &[&str], ctx: &Context) -> Result<(), kube::Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let api: Api<K> = Api::namespaced(ctx.client.clone(), &object.namespace().unwrap_or_default());
    let kind = K::kind(&());
    // The uid keeps an apply from making a new object where this one is gone.
    let patch = json!({
        "apiVersion": format!("{GROUP}/{}", K::version(&())), "kind": kind,
        "metadata": { "uid": object.uid(), "finalizers": finalizers },
    });
    let params = PatchParams::apply(MANAGER).force();
    let written = api.patch_metadata(&object.name_any(), &params, &Patch::Apply(patch)).await;
    ctx.report.write(&kind, "metadata", if written.is_ok() { "written" } else { "error" });
    match written {
        Ok(_) => Ok(()),
        // Gone, another of that name, or being deleted.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409 | 422) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workflow() -> Workflow {
        serde_json::from_value(json!({
            "metadata": {"name": "orders", "namespace": "shop"}, "spec": {"sagaTemplate": {"steps": []}},
        }))
        .unwrap()
    }

    fn saga(namespace: &str, spec: &serde_json::Value, status: &serde_json::Value) -> Saga {
        serde_json::from_value(json!({
            "metadata": {"name": "run", "namespace": namespace}, "spec": spec, "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_workflow_is_used_by_the_sagas_that_have_begun_and_not_ended() {
        let (by_definition, by_worker) =
            (json!({"workflowRef": {"name": "orders"}}), json!({"workerRef": {"name": "orders"}}));
        let begun = json!({"startTime": "2026-01-01T00:00:00Z"});
        let ended = json!({"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:01Z"});
        for (saga, wanted) in [
            (saga("shop", &by_definition, &begun), 1),
            (saga("shop", &by_worker, &begun), 1),
            (saga("shop", &by_definition, &ended), 0),
            (saga("shop", &by_definition, &json!(null)), 0),
            (saga("other", &by_definition, &begun), 0),
            (saga("shop", &json!({"workflowRef": {"name": "invoices"}}), &begun), 0),
        ] {
            assert_eq!(of_workflow(&workflow(), [&saga]), wanted, "{saga:?}");
        }
    }

    #[test]
    fn a_base_is_used_by_sagas_whose_definition_names_it_or_is_not_known() {
        let base: AirtableBase = serde_json::from_value(json!({
            "metadata": {"name": "crm", "namespace": "shop"},
            "spec": {"baseId": "appCRM00000000001", "tokenSecretRef": {"name": "token"}},
        }))
        .unwrap();
        let spec = json!({"workflowRef": {"name": "orders"}});
        let begun = json!({"startTime": "2026-01-01T00:00:00Z"});
        let ended = json!({"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:01Z"});
        let names = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        for (saga, bases, wanted) in [
            (saga("shop", &spec, &begun), names(&["erp", "crm"]), 1),
            (saga("shop", &spec, &begun), None, 1),
            (saga("shop", &spec, &begun), names(&["erp"]), 0),
            (saga("shop", &spec, &ended), None, 0),
            (saga("other", &spec, &begun), names(&["crm"]), 0),
        ] {
            assert_eq!(of_base(&base, [&saga], |_| bases.clone()), wanted, "{saga:?} {bases:?}");
        }
        let begun = saga("shop", &spec, &begun);
        for (deleted, wanted) in [("2026-01-01T00:00:00Z", 1), ("2025-12-31T23:59:59Z", 0)] {
            let mut base = base.clone();
            base.metadata.deletion_timestamp = serde_json::from_value(json!(deleted)).unwrap();
            assert_eq!(
                of_base(&base, [&begun], |_| None),
                wanted,
                "a saga that began after {deleted} is not waited for"
            );
        }
    }
}
