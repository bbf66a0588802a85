//! The children of a gateway or a worker: Deployment, Service, ServiceAccount, NetworkPolicy, volume, bound of evictions. Pure.
//!
//! Every pod is admitted under the `restricted` Pod Security standard.

pub mod health;
mod pod;

use std::collections::BTreeMap;

use crds::workload::{Resources, Storage, Workload};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, PersistentVolumeClaim, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use serde_json::{Value, json};

use crate::{
    apply::{self, Applied, apply, withdraw},
    context::Context,
};

/// Value of the label `app.kubernetes.io/managed-by`, by which children are watched.
pub const MANAGED_BY: &str = "pyairtable-compose";

/// What to deploy.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name of every child.
    pub name: String,
    /// Their namespace.
    pub namespace: String,
    /// The resource that they belong to.
    pub owner: OwnerReference,
    /// `gateway` or `worker`.
    pub component: &'static str,
    /// Name of the owner.
    pub instance: String,
    /// Port of the Service and of the container.
    pub port: u16,
    /// Port of the container that serves TLS; that of the Service is 443.
    pub tls_port: Option<u16>,
    /// Image, unless the resource names its own.
    pub image: String,
    /// Pull policy of the image.
    pub pull_policy: String,
    /// Arguments of the container.
    pub args: Vec<String>,
    /// Environment of the container.
    pub env: BTreeMap<String, String>,
    /// Volumes beside that of the ledger, as in a pod.
    pub volumes: Vec<Value>,
    /// Where they are mounted.
    pub mounts: Vec<Value>,
    /// Where the pods have what they must not forget.
    pub memory: Memory,
    /// Replicas, resources and storage as declared.
    pub workload: Workload,
    /// Files of the config map, if there is one.
    pub files: BTreeMap<String, String>,
    /// The volume goes with the owner.
    pub volume_is_owned: bool,
    /// Who may call, as peers of a NetworkPolicy; empty: everybody in the cluster.
    pub callers: Vec<Value>,
}

/// Where pods have what they must not forget; how they are replaced follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// In a file of one pod, and budgets in its memory: pods are replaced, never doubled.
    File,
    /// In a store that all of them share: pods are replaced one by one.
    Store,
    /// The same, but pods may run that know nothing of it: they end before any of the new ones begins.
    NewStore,
}

/// Folder of the ledger in the container.
pub const LEDGER_FOLDER: &str = "/var/lib/ledger";
/// Folder of the config map's files in the container.
pub const FILES_FOLDER: &str = "/etc/workload";

/// The children of a workload.
#[derive(Debug, Clone)]
pub struct Children {
    account: ServiceAccount,
    files: Option<ConfigMap>,
    claim: Option<PersistentVolumeClaim>,
    deployment: Deployment,
    service: Service,
    policy: NetworkPolicy,
    disruption: PodDisruptionBudget,
    /// Whether there is more than one pod, so that evictions are to be bounded.
    has_others: bool,
}

/// What the children were once they were applied.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// The Deployment as the API server has it.
    pub deployment: Deployment,
}

impl Plan {
    /// Labels that select the pods; they never change.
    pub fn selector(&self) -> BTreeMap<String, String> {
        selector(self.component, &self.instance)
    }

    /// The children.
    ///
    /// # Errors
    /// When the plan does not make valid objects, which is a defect.
    pub fn build(&self) -> Result<Children, serde_json::Error> {
        Ok(Children {
            account: serde_json::from_value(
                json!({ "metadata": self.metadata(true), "automountServiceAccountToken": false }),
            )?,
            files: self.config_map()?,
            claim: self.workload.storage.as_ref().map(|storage| self.claim(storage)).transpose()?,
            deployment: serde_json::from_value(pod::deployment(self))?,
            service: self.service()?,
            policy: self.policy()?,
            disruption: self.disruption()?,
            has_others: self.memory != Memory::File && self.workload.replicas() > 1,
        })
    }

    fn metadata(&self, owned: bool) -> Value {
        let mut metadata = json!({ "name": self.name, "namespace": self.namespace, "labels": self.labels() });
        if owned {
            metadata["ownerReferences"] = json!([self.owner]);
        }
        metadata
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.selector();
        labels.insert("app.kubernetes.io/managed-by".to_owned(), MANAGED_BY.to_owned());
        labels.insert("app.kubernetes.io/part-of".to_owned(), MANAGED_BY.to_owned());
        labels
    }

    fn config_map(&self) -> Result<Option<ConfigMap>, serde_json::Error> {
        if self.files.is_empty() {
            return Ok(None);
        }
        serde_json::from_value(json!({ "metadata": self.metadata(true), "data": self.files })).map(Some)
    }

    fn claim(&self, storage: &Storage) -> Result<PersistentVolumeClaim, serde_json::Error> {
        let mut spec = json!({
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": format!("{}Mi", storage.size_mebibytes) } },
        });
        if let Some(class) = &storage.storage_class_name {
            spec["storageClassName"] = json!(class);
        }
        serde_json::from_value(json!({ "metadata": self.metadata(self.volume_is_owned), "spec": spec }))
    }

    fn service(&self) -> Result<Service, serde_json::Error> {
        let plain = json!({ "name": "http", "port": self.port, "targetPort": "http", "protocol": "TCP" });
        let tls = self
            .tls_port
            .map(|_| json!({ "name": "https", "port": 443, "targetPort": "https", "protocol": "TCP" }));
        serde_json::from_value(json!({
            "metadata": self.metadata(true),
            "spec": {
                "selector": self.selector(),
                "ports": std::iter::once(plain).chain(tls).collect::<Vec<_>>(),
            },
        }))
    }

    fn policy(&self) -> Result<NetworkPolicy, serde_json::Error> {
        let ports = std::iter::once(self.port).chain(self.tls_port);
        let mut rule = json!({ "ports": ports.map(|port| json!({ "port": port, "protocol": "TCP" })).collect::<Vec<_>>() });
        if !self.callers.is_empty() {
            rule["from"] = json!(self.callers);
        }
        serde_json::from_value(json!({
            "metadata": self.metadata(true),
            "spec": {
                "podSelector": { "matchLabels": self.selector() },
                "policyTypes": ["Ingress"],
                "ingress": [rule],
            },
        }))
    }

    fn disruption(&self) -> Result<PodDisruptionBudget, serde_json::Error> {
        serde_json::from_value(json!({
            "metadata": self.metadata(true),
            "spec": { "maxUnavailable": 1, "selector": { "matchLabels": self.selector() } },
        }))
    }
}

impl Children {
    /// Writes what differs, in the order in which the pods need it, and counts it for the kind of their owner.
    pub async fn apply(self, kind: &str, ctx: &Context) -> Result<Deployed, apply::Error> {
        let Self { account, files, claim, deployment, service, policy, disruption, has_others } = self;
        let client = &ctx.client;
        let count = |applied: Applied| {
            if applied == Applied::Written {
                ctx.report.write(kind, "child", "written");
            }
        };
        count(apply(client, &account).await?.0);
        if let Some(files) = files {
            count(apply(client, &files).await?.0);
        }
        if let Some(claim) = claim {
            count(apply(client, &claim).await?.0);
        }
        count(apply(client, &policy).await?.0);
        count(apply(client, &service).await?.0);
        if has_others {
            count(apply(client, &disruption).await?.0);
        } else {
            count(withdraw(client, &disruption).await?);
        }
        let (applied, deployment) = apply(client, &deployment).await?;
        count(applied);
        Ok(Deployed { deployment })
    }
}

/// Labels that select the pods of a component of `instance`.
pub fn selector(component: &str, instance: &str) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", "pyairtable"),
        ("app.kubernetes.io/component", component),
        ("app.kubernetes.io/instance", instance),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// The selector as one string, for lists and for the scale subresource.
pub fn selector_text(component: &str, instance: &str) -> String {
    selector(component, instance)
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// Resources as in a container: as declared, else little.
fn resources(declared: Option<&Resources>) -> Value {
    let little = json!({ "requests": { "cpu": "20m", "memory": "24Mi" }, "limits": { "memory": "128Mi" } });
    declared.map_or(little, |declared| json!({ "requests": declared.requests, "limits": declared.limits }))
}

#[cfg(test)]
mod tests;
