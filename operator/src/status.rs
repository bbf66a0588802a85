//! Writes a status: only when its value changed, with uid and resourceVersion, and never blindly again.

use std::fmt::Debug;

use crds::{
    AirtableBase, AirtableBaseStatus, Condition, Saga, SagaStatus, Workflow, WorkflowStatus, condition,
    condition::ConditionStatus, reason::Reason,
};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::{apply::MANAGER, context::Context};

/// Why a status was not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else wrote the object since it was read, or it is gone: look again.
    #[error("the object has changed since it was read")]
    Stale,
    /// The API server refused it or could not be reached; it may have been written all the same.
    #[error("{0}")]
    Api(Box<kube::Error>),
}

/// A kind of the operator's with its status.
pub trait Observable:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + DeserializeOwned + Clone + Debug
{
    /// Its status.
    type Status: Serialize + PartialEq + Clone;
    /// The status as read.
    fn status(&self) -> Option<&Self::Status>;
    /// The conditions of a status.
    fn conditions(status: &Self::Status) -> &[Condition];
}

macro_rules! observable {
    ($($kind:ty => $status:ty),*) => {$(
        impl Observable for $kind {
            type Status = $status;
            fn status(&self) -> Option<&$status> { self.status.as_ref() }
            fn conditions(status: &$status) -> &[Condition] { &status.conditions }
        }
    )*};
}
observable!(AirtableBase => AirtableBaseStatus, Workflow => WorkflowStatus, Saga => SagaStatus);

/// Writes `status` if it differs, as one merge patch that fails when the object is another or newer than the one read.
/// Returns the object as written, none when nothing had to be written.
pub async fn write<K: Observable>(
    client: &Client,
    object: &K,
    status: &K::Status,
) -> Result<Option<K>, Error> {
    if object.status() == Some(status) {
        return Ok(None);
    }
    let api: Api<K> = Api::namespaced(client.clone(), &object.namespace().unwrap_or_default());
    let metadata = json!({ "resourceVersion": object.resource_version(), "uid": object.uid() });
    let mut patch = json!({ "metadata": metadata, "status": serde_json::to_value(status).map_err(|error| Error::Api(Box::new(kube::Error::SerdeError(error))))? });
    clear_absent(object.status(), &mut patch["status"]);
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    match api.patch_status(&object.name_any(), &params, &Patch::Merge(&patch)).await {
        Ok(written) => Ok(Some(written)),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Err(Error::Stale),
        Err(error) => Err(Error::Api(Box::new(error))),
    }
}

/// A merge patch removes only what it names as null: names what the status had before and has no longer.
fn clear_absent<S: Serialize>(before: Option<&S>, after: &mut serde_json::Value) {
    let before = before.and_then(|before| serde_json::to_value(before).ok());
    let (Some(serde_json::Value::Object(before)), serde_json::Value::Object(after)) = (before, after) else {
        return;
    };
    for (key, value) in before {
        match after.get_mut(&key) {
            None => drop(after.insert(key, serde_json::Value::Null)),
            Some(inner) => clear_absent(Some(&value), inner),
        }
    }
}

/// Ends a pass: writes the status, and records an event for each condition that tells its reason and has another one.
pub async fn conclude<K: Observable>(object: &K, status: K::Status, ctx: &Context) -> Result<(), Error> {
    let kind = K::kind(&());
    let before = object.status().map(K::conditions).unwrap_or_default();
    let changed = changed_reasons(before, K::conditions(&status));
    match write(&ctx.once, object, &status).await {
        Ok(None) => Ok(()),
        Ok(Some(_)) => {
            ctx.report.write(&kind, "status", "written");
            for (reason, warning, message) in changed {
                ctx.report.event(object, warning, reason, &message).await;
            }
            Ok(())
        }
        Err(error) => {
            ctx.report.write(&kind, "status", if matches!(error, Error::Stale) { "stale" } else { "error" });
            Err(error)
        }
    }
}

/// The reasons of `Ready` and `SchemaMatches` with their messages, where they are others than before. A warning when the
/// resource is stalled, or its schema differs.
fn changed_reasons(before: &[Condition], after: &[Condition]) -> Vec<(Reason, bool, String)> {
    let find =
        |list: &[Condition], kind: &str| list.iter().find(|condition| condition.r#type == kind).cloned();
    let stalled =
        find(after, condition::STALLED).is_some_and(|stalled| stalled.status == ConditionStatus::True);
    let changed = |kind| {
        let now = find(after, kind)?;
        if find(before, kind).is_some_and(|old| old.reason == now.reason) {
            return None;
        }
        let reason = Reason::ALL.iter().copied().find(|reason| reason.as_str() == now.reason)?;
        let differs = kind == condition::SCHEMA_MATCHES && now.status == ConditionStatus::False;
        Some((reason, if kind == condition::READY { stalled } else { differs }, now.message))
    };
    [condition::READY, condition::SCHEMA_MATCHES].into_iter().filter_map(changed).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_gone_from_a_status_is_named_as_null() {
        let mut after = json!({"a": 1, "nested": {"x": 1}});
        clear_absent(Some(&json!({"a": 0, "b": 2, "nested": {"x": 0, "y": 2}})), &mut after);
        assert_eq!(after, json!({"a": 1, "b": null, "nested": {"x": 1, "y": null}}));
    }
}
