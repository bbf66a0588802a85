//! The only writer of children: server-side apply, and only where the live object differs from what is wanted.

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{digest::sha256, quantity};

/// The field manager of everything the operator applies.
pub const MANAGER: &str = "pyairtable-operator";

/// The digest of what was applied last.
const APPLIED_ANNOTATION: &str = "pyairtable.dev/applied";

/// Labels that tell whose an object is.
const OWN_LABELS: [&str; 2] = ["app.kubernetes.io/managed-by", "app.kubernetes.io/instance"];

/// Why a child could not be put right.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused it or could not be reached.
    #[error("{kind} {name}: {source}")]
    Api {
        /// Kind of the child.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// Somebody else's object has the name.
    #[error(
        "{kind} {name} is there already and belongs to somebody else: rename or delete it, or give the resource another name"
    )]
    Taken {
        /// Kind of the child.
        kind: String,
        /// Its name.
        name: String,
    },
    /// It can't be written as JSON: a defect.
    #[error("can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// What became of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was as wanted; nothing was written.
    Unchanged,
    /// It was created, changed or deleted.
    Written,
}

/// Makes the child what `wanted` says: reads it, and writes where a wanted field is missing or other.
///
/// Fields that others set beside the wanted ones are left alone.
pub async fn apply<K>(client: &Client, wanted: &K) -> Result<(Applied, K), Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Serialize
        + DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let name = wanted.name_any();
    let failed =
        |source| Error::Api { kind: K::kind(&()).into_owned(), name: name.clone(), source: Box::new(source) };
    let api: Api<K> = Api::namespaced(client.clone(), &wanted.namespace().unwrap_or_default());
    let desired = marked(with_type(wanted)?);
    if let Some(live) = api.get_opt(&name).await.map_err(failed)? {
        if !is_ours(&live, wanted) {
            return Err(Error::Taken { kind: K::kind(&()).into_owned(), name });
        }
        if covers(&with_type(&live)?, &desired) {
            return Ok((Applied::Unchanged, live));
        }
    }
    let params = PatchParams::apply(MANAGER).force();
    let written = api.patch(&name, &params, &Patch::Apply(&desired)).await.map_err(failed)?;
    Ok((Applied::Written, written))
}

/// Deletes the child of this name, where there is one and it is ours.
pub async fn withdraw<K>(client: &Client, unwanted: &K) -> Result<Applied, Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let name = unwanted.name_any();
    let failed =
        |source| Error::Api { kind: K::kind(&()).into_owned(), name: name.clone(), source: Box::new(source) };
    let api: Api<K> = Api::namespaced(client.clone(), &unwanted.namespace().unwrap_or_default());
    let Some(live) = api.get_opt(&name).await.map_err(failed)?.filter(|live| is_ours(live, unwanted)) else {
        return Ok(Applied::Unchanged);
    };
    let preconditions = Preconditions { uid: live.uid(), resource_version: None };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
    match api.delete(&name, &params).await {
        Ok(_) => Ok(Applied::Written),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Applied::Unchanged),
        Err(error) => Err(failed(error)),
    }
}

/// True when the live object may be written over: it has the same owner, or is what the operator made for an owner of
/// the same name, as a retained volume is.
fn is_ours<K: Resource>(live: &K, wanted: &K) -> bool {
    let owners = |object: &K| -> Vec<String> {
        object.owner_references().iter().map(|owner| owner.uid.clone()).collect()
    };
    let (live_owners, wanted_owners) = (owners(live), owners(wanted));
    let is_labelled = OWN_LABELS.iter().all(|label| {
        live.labels().contains_key(*label) && live.labels().get(*label) == wanted.labels().get(*label)
    });
    wanted_owners.iter().any(|owner| live_owners.contains(owner)) || is_labelled
}

/// The object as JSON with `apiVersion` and `kind`, which typed objects leave out when read singly.
fn with_type<K: Resource<DynamicType = ()> + Serialize>(object: &K) -> Result<Value, serde_json::Error> {
    let mut json = serde_json::to_value(object)?;
    if let Value::Object(map) = &mut json {
        map.insert("apiVersion".to_owned(), K::api_version(&()).into());
        map.insert("kind".to_owned(), K::kind(&()).into());
    }
    Ok(json)
}

/// The object with the digest of itself, so that a field which is not wanted any more shows as a difference too.
fn marked(mut object: Value) -> Value {
    let digest = sha256(object.to_string().as_bytes());
    object["metadata"]["annotations"][APPLIED_ANNOTATION] = Value::String(digest);
    object
}

/// True when everything in `wanted` is in `live` as well; lists must agree in length and order, quantities in value.
fn covers(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| match live.get(key) {
                Some(live) => covers(live, wanted),
                None => is_empty(wanted),
            })
        }
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| covers(live, wanted))
        }
        (live, wanted) => live == wanted || quantity::same(live, wanted),
    }
}

/// The API server drops what is empty.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_empty),
        Value::Array(list) => list.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_added_is_no_difference() {
        let live = json!({"spec": {"replicas": 1, "paused": false}, "status": {"readyReplicas": 1}});
        assert!(covers(&live, &json!({"spec": {"replicas": 1}})));
        assert!(!covers(&live, &json!({"spec": {"replicas": 2}})));
        assert!(!covers(&live, &json!({"spec": {"minReadySeconds": 2}})));
    }

    #[test]
    fn a_field_that_is_not_wanted_any_more_is_a_difference() {
        let live = marked(json!({"metadata": {}, "spec": {"a": 1, "b": 2}}));
        assert!(covers(&live, &marked(json!({"metadata": {}, "spec": {"a": 1, "b": 2}}))));
        assert!(!covers(&live, &marked(json!({"metadata": {}, "spec": {"a": 1}}))));
    }

    #[test]
    fn an_object_of_somebody_else_is_not_taken_over() {
        let object = |owner: &str, labels: Value| -> ConfigMap {
            serde_json::from_value(json!({"metadata": {
                "name": "crm-gateway", "labels": labels,
                "ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": owner}],
            }}))
            .unwrap()
        };
        let ours = json!({"app.kubernetes.io/managed-by": "pyairtable-compose", "app.kubernetes.io/instance": "crm"});
        let wanted = object("a", ours.clone());
        assert!(is_ours(&object("a", json!({})), &wanted));
        assert!(is_ours(&object("an earlier owner", ours), &wanted));
        assert!(!is_ours(&object("b", json!({})), &wanted));
        assert!(!is_ours(
            &object(
                "b",
                json!({"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "crm"})
            ),
            &wanted
        ));
    }

    #[test]
    fn lists_are_compared_whole_and_quantities_by_value() {
        let live = json!({"containers": [{"name": "a", "cpu": "500m"}]});
        assert!(covers(&live, &json!({"containers": [{"name": "a", "cpu": "0.5"}]})));
        assert!(!covers(&live, &json!({"containers": []})));
        assert!(covers(&live, &json!({"labels": {}, "volumes": []})));
    }
}
