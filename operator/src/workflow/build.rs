//! The worker of a workflow: what shall be deployed, as a function of the workflow. Pure.

use std::collections::BTreeMap;

use crds::Workflow;
use kube::{Resource as _, ResourceExt as _};
use serde_json::{Value, json};

use crate::{
    base::GATEWAY_AUDIENCE,
    config::Config,
    workload::{LEDGER_FOLDER, Memory, Plan},
};

/// Port of a worker.
pub const WORKER_PORT: u16 = 8010;
const TOKEN_FOLDER: &str = "/var/run/pyairtable";

/// Name of a workflow's worker and of all that belongs to it.
pub fn worker_name(workflow: &str) -> String {
    format!("{workflow}-worker")
}

/// Audience of the tokens that this one worker accepts.
pub fn audience(namespace: &str, workflow: &str) -> String {
    format!("worker.pyairtable.dev/{namespace}/{workflow}")
}

/// Where the worker answers.
pub fn endpoint(workflow: &Workflow) -> Option<String> {
    let external = workflow.spec.worker.as_ref().and_then(|worker| worker.external.as_ref());
    match external {
        Some(external) => Some(external.url.trim_end_matches('/').to_owned()),
        None => Some(format!(
            "http://{}.{}.svc:{WORKER_PORT}",
            worker_name(&workflow.name_any()),
            workflow.namespace()?
        )),
    }
}

/// The worker to deploy; none when it runs elsewhere.
pub fn plan(workflow: &Workflow, config: &Config) -> Option<Plan> {
    let workload = workflow.spec.worker.clone().unwrap_or_default();
    if workload.external.is_some() {
        return None;
    }
    let namespace = workflow.namespace()?;
    let name = workflow.name_any();
    let is_built_in = workload.image.is_none();
    let settings = settings(&namespace, &name, config);
    let env = settings.iter().map(|(key, value)| (key.to_uppercase().replace('-', "_"), value.clone()));
    let args = std::iter::once("worker".to_owned())
        .chain(settings.iter().map(|(key, value)| format!("--{key}={value}")));
    Some(Plan {
        tls_port: None,
        owner: workflow.controller_owner_ref(&())?,
        component: "worker",
        port: WORKER_PORT,
        image: config.workloads_image.clone(),
        pull_policy: config.image_pull_policy.clone(),
        // A worker of somebody else's is told the same by the environment, where it may look or not.
        args: if is_built_in { args.collect() } else { Vec::new() },
        env: if is_built_in { BTreeMap::new() } else { env.collect() },
        volumes: vec![gateway_token()],
        mounts: vec![json!({ "name": "gateway-token", "mountPath": TOKEN_FOLDER, "readOnly": true })],
        memory: Memory::File,
        workload,
        files: BTreeMap::new(),
        volume_is_owned: true,
        callers: vec![json!({
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": config.namespace } },
            "podSelector": { "matchLabels": { "app.kubernetes.io/component": "operator" } },
        })],
        name: worker_name(&name),
        instance: name,
        namespace,
    })
}

fn settings(namespace: &str, name: &str, config: &Config) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("listen", format!("0.0.0.0:{WORKER_PORT}")),
        ("ledger", format!("{LEDGER_FOLDER}/worker.redb")),
        ("gateway-token-file", format!("{TOKEN_FOLDER}/gateway-token")),
        ("audience", audience(namespace, name)),
    ];
    if let Some(account) = &config.service_account {
        settings.push(("operator", format!("system:serviceaccount:{}:{account}", config.namespace)));
    }
    settings
}

/// A token for gateways, made and renewed by the kubelet.
fn gateway_token() -> Value {
    json!({
        "name": "gateway-token",
        "projected": {
            "defaultMode": 0o440,
            "sources": [{ "serviceAccountToken": { "path": "gateway-token", "audience": GATEWAY_AUDIENCE, "expirationSeconds": 3600 } }],
        },
    })
}
