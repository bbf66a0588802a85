//! What a gateway and a worker have in common: replicas, image, resources, storage.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reference::External;

/// Compute resources of the container.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// The least that is reserved, by resource name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::quantities")]
    pub requests: BTreeMap<String, Value>,
    /// The most that is allowed, by resource name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::quantities")]
    pub limits: BTreeMap<String, Value>,
}

/// A volume for the ledger. Without it the ledger outlives the container but not the pod.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Size of the volume in mebibytes.
    #[schemars(range(min = 16, max = 1_048_576))]
    pub size_mebibytes: i32,
    /// Its storage class; the cluster's default class when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
}

/// The workload that the operator deploys, or where to find one that runs already.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.external) || !(has(self.replicas) || has(self.image) || has(self.resources) || has(self.storage))").message("external names a service that runs elsewhere: remove replicas, image, resources and storage, or remove external"))]
pub struct Workload {
    /// Number of pods: 1 when absent, 0 to pause it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub replicas: Option<i32>,
    /// Image instead of the built-in one; it serves the same contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// Compute resources of the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Volume for the ledger, so that it outlives the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// A service that runs elsewhere; nothing is deployed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
}

impl Workload {
    /// The number of pods wanted.
    pub fn replicas(&self) -> i32 {
        self.replicas.unwrap_or(1)
    }
}
