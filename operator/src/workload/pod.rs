//! The Deployment of a workload with its pod. Pure.

use serde_json::{Value, json};

use super::{FILES_FOLDER, LEDGER_FOLDER, Memory, Plan, resources};

/// User and group of every process.
const UID: i64 = 65532;

/// The most that a ledger without a volume of its own may take of the node's disk; a pod that takes more is evicted.
const LEDGER_LIMIT: &str = "1Gi";

/// How long a pod that others stand in for serves on once it shall end: nodes take a moment to route to the others.
const FAREWELL_SECONDS: u32 = 3;

/// The Deployment.
pub(super) fn deployment(plan: &Plan) -> Value {
    let strategy = match plan.memory {
        Memory::File | Memory::NewStore => json!({ "type": "Recreate" }),
        Memory::Store => {
            json!({ "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 0, "maxSurge": 1 } })
        }
    };
    json!({
        "metadata": plan.metadata(true),
        "spec": {
            "replicas": plan.workload.replicas(),
            "revisionHistoryLimit": 2,
            "strategy": strategy,
            "selector": { "matchLabels": plan.selector() },
            "template": { "metadata": { "labels": plan.labels() }, "spec": pod(plan) },
        },
    })
}

fn pod(plan: &Plan) -> Value {
    let mut pod = json!({
        "serviceAccountName": plan.name,
        "automountServiceAccountToken": true,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": UID, "runAsGroup": UID, "fsGroup": UID, "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "containers": [container(plan)],
        "volumes": volumes(plan),
    });
    // Whatever the number of pods, so that a change of it replaces none.
    if plan.memory != Memory::File {
        pod["topologySpreadConstraints"] =
            json!(["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map(|key| spread(plan, key)));
    }
    pod
}

/// A wish, not a condition: on a single node all pods run there.
fn spread(plan: &Plan, topology: &str) -> Value {
    json!({
        "maxSkew": 1,
        "topologyKey": topology,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": { "matchLabels": plan.selector() },
        "matchLabelKeys": ["pod-template-hash"],
    })
}

fn container(plan: &Plan) -> Value {
    let env: Vec<Value> =
        plan.env.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let probe = |period: u32, failures: u32| json!({ "httpGet": { "path": "/health", "port": "http" }, "periodSeconds": period, "timeoutSeconds": 2, "failureThreshold": failures });
    let port = |name: &str, number: u16| json!({ "name": name, "containerPort": number, "protocol": "TCP" });
    let mut mounts = Vec::new();
    if plan.memory == Memory::File {
        mounts.push(json!({ "name": "ledger", "mountPath": LEDGER_FOLDER }));
    }
    if !plan.files.is_empty() {
        mounts.push(json!({ "name": "files", "mountPath": FILES_FOLDER, "readOnly": true }));
    }
    mounts.extend(plan.mounts.iter().cloned());
    let mut container = json!({
        "name": plan.component,
        "image": plan.workload.image.as_ref().unwrap_or(&plan.image),
        "imagePullPolicy": plan.pull_policy,
        "args": plan.args,
        "env": env,
        "ports": std::iter::once(port("http", plan.port)).chain(plan.tls_port.map(|number| port("https", number))).collect::<Vec<_>>(),
        "resources": resources(plan.workload.resources.as_ref()),
        "startupProbe": probe(1, 60),
        "livenessProbe": probe(10, 3),
        "readinessProbe": probe(2, 2),
        "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] },
        },
        "volumeMounts": mounts,
    });
    if plan.memory != Memory::File {
        container["lifecycle"] = json!({ "preStop": { "sleep": { "seconds": FAREWELL_SECONDS } } });
    }
    container
}

fn volumes(plan: &Plan) -> Vec<Value> {
    let mut volumes = Vec::new();
    if plan.memory == Memory::File {
        volumes.push(match plan.workload.storage {
            Some(_) => json!({ "name": "ledger", "persistentVolumeClaim": { "claimName": plan.name } }),
            None => json!({ "name": "ledger", "emptyDir": { "sizeLimit": LEDGER_LIMIT } }),
        });
    }
    if !plan.files.is_empty() {
        volumes.push(json!({ "name": "files", "configMap": { "name": plan.name } }));
    }
    volumes.extend(plan.volumes.iter().cloned());
    volumes
}
