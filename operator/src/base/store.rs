//! The store of a base: how its gateway is led to it, and whether the pods that run use the same one. Pure.

use crds::{AirtableBase, reference::SecretKeyRef};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::SecretVolumeSource};
use serde_json::{Value, json};

use crate::workload::Memory;

const VOLUME: &str = "store";
const FOLDER: &str = "/var/run/store";
/// Where the URL is in the container.
pub const URL_FILE: &str = "/var/run/store/url";

/// The volume with the URL, and where it is mounted. It is optional, so that the pod starts without the Secret.
pub fn volume(of: &SecretKeyRef) -> (Value, Value) {
    let items = json!([{ "key": of.key(), "path": "url" }]);
    let secret = json!({ "secretName": of.name, "optional": true, "defaultMode": 0o440, "items": items });
    let mount = json!({ "name": VOLUME, "mountPath": FOLDER, "readOnly": true });
    (json!({ "name": VOLUME, "secret": secret }), mount)
}

/// Where the gateway of `base` has what it must not forget, while `live` is its Deployment.
pub fn memory(base: &AirtableBase, live: Option<&Deployment>) -> Memory {
    let Some(store) = &base.spec.store else { return Memory::File };
    let is_used =
        live.is_none_or(|live| uses(live, &store.url_secret_ref.with_key()) && !is_taken_over(live));
    if is_used { Memory::Store } else { Memory::NewStore }
}

fn uses(live: &Deployment, store: &SecretKeyRef) -> bool {
    let pod = live.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let volumes = pod.and_then(|pod| pod.volumes.as_deref()).unwrap_or_default();
    let secret =
        volumes.iter().find(|volume| volume.name == VOLUME).and_then(|volume| volume.secret.as_ref());
    let is_same = |secret: &SecretVolumeSource| {
        let keys = secret.items.iter().flatten().map(|item| item.key.as_str());
        secret.secret_name.as_deref() == Some(&store.name) && keys.eq([store.key()])
    };
    secret.is_some_and(is_same)
}

/// Whether pods without the store, or with another one, may still run: a Deployment that recreates makes no new pod before
/// the last old one has ended.
fn is_taken_over(live: &Deployment) -> bool {
    let strategy = live.spec.as_ref().and_then(|spec| spec.strategy.as_ref());
    if strategy.and_then(|strategy| strategy.type_.as_deref()) != Some("Recreate") {
        return false;
    }
    let status = live.status.clone().unwrap_or_default();
    let is_current = status.observed_generation.unwrap_or(0) >= live.metadata.generation.unwrap_or(0);
    let (all, updated) = (status.replicas.unwrap_or(0), status.updated_replicas.unwrap_or(0));
    !(is_current && updated > 0 && updated == all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(spec: &str) -> AirtableBase {
        let yaml = format!(
            "{{apiVersion: pyairtable.dev/v1alpha1, kind: AirtableBase, metadata: {{name: crm}}, \
             spec: {{baseId: appCRM00000000001, tokenSecretRef: {{name: token}}{spec}}}}}"
        );
        serde_saphyr::from_str(&yaml).unwrap()
    }

    /// A Deployment of three pods, of which so many are of the present template.
    fn live(store: Option<&str>, strategy: &str, updated: i32, observed: i64) -> Deployment {
        let volumes =
            store.map(|name| volume(&SecretKeyRef { name: name.to_owned(), key: Some("url".to_owned()) }).0);
        serde_json::from_value(json!({
            "metadata": {"generation": 2},
            "spec": {"replicas": 3, "selector": {}, "strategy": {"type": strategy},
                "template": {"spec": {"containers": [], "volumes": volumes.into_iter().collect::<Vec<_>>()}}},
            "status": {"observedGeneration": observed, "replicas": 3, "updatedReplicas": updated},
        }))
        .unwrap()
    }

    #[test]
    fn pods_that_do_not_share_a_store_never_run_beside_others_that_do() {
        let shared = base(", store: {urlSecretRef: {name: valkey}}");
        let of = |live: Deployment| memory(&shared, Some(&live));
        assert_eq!(memory(&shared, None), Memory::Store, "nothing runs yet");
        assert_eq!(of(live(None, "Recreate", 3, 2)), Memory::NewStore, "files until now");
        assert_eq!(of(live(Some("valkey"), "Recreate", 3, 1)), Memory::NewStore, "told, and not done yet");
        assert_eq!(of(live(Some("valkey"), "Recreate", 0, 2)), Memory::NewStore, "old pods end");
        assert_eq!(of(live(Some("valkey"), "Recreate", 3, 2)), Memory::Store, "all pods are new");
        assert_eq!(of(live(Some("valkey"), "RollingUpdate", 1, 1)), Memory::Store, "only the image changes");
        assert_eq!(
            of(live(Some("other"), "RollingUpdate", 3, 2)),
            Memory::NewStore,
            "another store until now"
        );
        assert_eq!(memory(&base(""), Some(&live(Some("valkey"), "RollingUpdate", 3, 2))), Memory::File);
    }
}
