//! The Deployment of a workload with its pod. Pure.

use serde_json::{Value, json};

use super::{FILES_FOLDER, LEDGER_FOLDER, Plan, resources};

/// User and group of every process.
const UID: i64 = 65532;

/// The most that a ledger without a volume of its own may take of the node's disk; a pod that takes more is evicted.
const LEDGER_LIMIT: &str = "1Gi";

/// The Deployment. Its pods are replaced, never doubled: the ledger is a file and the budget of a base is in memory.
pub(super) fn deployment(plan: &Plan) -> Value {
    json!({
        "metadata": plan.metadata(true),
        "spec": {
            "replicas": plan.workload.replicas(),
            "revisionHistoryLimit": 2,
            "strategy": { "type": "Recreate" },
            "selector": { "matchLabels": plan.selector() },
            "template": { "metadata": { "labels": plan.labels() }, "spec": pod(plan) },
        },
    })
}

fn pod(plan: &Plan) -> Value {
    json!({
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
    })
}

fn container(plan: &Plan) -> Value {
    let env: Vec<Value> =
        plan.env.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let probe = |period: u32, failures: u32| json!({ "httpGet": { "path": "/health", "port": "http" }, "periodSeconds": period, "timeoutSeconds": 2, "failureThreshold": failures });
    let port = |name: &str, number: u16| json!({ "name": name, "containerPort": number, "protocol": "TCP" });
    let mut mounts = vec![json!({ "name": "ledger", "mountPath": LEDGER_FOLDER })];
    if !plan.files.is_empty() {
        mounts.push(json!({ "name": "files", "mountPath": FILES_FOLDER, "readOnly": true }));
    }
    mounts.extend(plan.mounts.iter().cloned());
    json!({
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
    })
}

fn volumes(plan: &Plan) -> Vec<Value> {
    let ledger = match plan.workload.storage {
        Some(_) => json!({ "name": "ledger", "persistentVolumeClaim": { "claimName": plan.name } }),
        None => json!({ "name": "ledger", "emptyDir": { "sizeLimit": LEDGER_LIMIT } }),
    };
    let mut volumes = vec![ledger];
    if !plan.files.is_empty() {
        volumes.push(json!({ "name": "files", "configMap": { "name": plan.name } }));
    }
    volumes.extend(plan.volumes.iter().cloned());
    volumes
}
