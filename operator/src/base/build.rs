//! The gateway of a base: what shall be deployed, as a function of the base. Pure.

use std::collections::BTreeMap;

use crds::{
    AirtableBase,
    airtable_base::{Client, DeletionPolicy},
};
use kube::{Resource as _, ResourceExt as _};
use serde_json::{Map, Value, json};

use super::{
    observe::{Observed, TLS_KEYS},
    schema, store, urls,
};
use crate::{
    config::Config,
    quantity,
    workflow::worker_name,
    workload::{FILES_FOLDER, LEDGER_FOLDER, Memory, Plan},
};

/// Port of a gateway.
pub const GATEWAY_PORT: u16 = 8002;
/// Audience of the ServiceAccount tokens that every gateway accepts, from workers and from declared clients.
pub const GATEWAY_AUDIENCE: &str = "gateway.pyairtable.dev";
/// Port of a gateway's container for TLS.
const TLS_PORT: u16 = 8443;
const TLS_FOLDER: &str = "/var/run/tls";
const TOKEN_FOLDER: &str = "/var/run/airtable";
const KEYS_FOLDER: &str = "/var/run/client-keys";

/// Name of a base's gateway and of all that belongs to it.
pub fn gateway_name(base: &str) -> String {
    format!("{base}-gateway")
}

/// Audience of the operator's own tokens for one gateway: it is a client of them all, and an image of somebody's own
/// must not be able to use what it is sent elsewhere.
pub fn audience(namespace: &str, base: &str) -> String {
    format!("{GATEWAY_AUDIENCE}/{namespace}/{base}")
}

/// Where the gateway answers.
pub fn endpoint(base: &AirtableBase) -> Option<String> {
    let external = base.spec.gateway.as_ref().and_then(|gateway| gateway.external.as_ref());
    match external {
        Some(external) => Some(external.url.trim_end_matches('/').to_owned()),
        None => Some(format!(
            "http://{}.{}.svc:{GATEWAY_PORT}",
            gateway_name(&base.name_any()),
            base.namespace()?
        )),
    }
}

/// The gateway to deploy; none when it runs elsewhere.
pub fn plan(base: &AirtableBase, observed: &Observed, config: &Config) -> Option<Plan> {
    let workload = base.spec.gateway.clone().unwrap_or_default();
    if workload.external.is_some() {
        return None;
    }
    let namespace = base.namespace()?;
    let name = gateway_name(&base.name_any());
    let (volumes, mounts) = volumes(base);
    let memory = store::memory(base, observed.deployment.as_ref());
    Some(Plan {
        namespace: namespace.clone(),
        owner: base.controller_owner_ref(&())?,
        component: "gateway",
        instance: base.name_any(),
        port: GATEWAY_PORT,
        tls_port: base.spec.tls.as_ref().map(|_| TLS_PORT),
        image: config.workloads_image.clone(),
        pull_policy: config.image_pull_policy.clone(),
        args: args(base, &namespace, memory),
        env: BTreeMap::new(),
        volumes,
        mounts,
        memory,
        workload,
        files: [("clients.json".to_owned(), clients(base, &namespace, observed, config).to_string())].into(),
        volume_is_owned: base.spec.deletion_policy != Some(DeletionPolicy::Retain),
        callers: Vec::new(),
        name,
    })
}

fn args(base: &AirtableBase, namespace: &str, memory: Memory) -> Vec<String> {
    let limit = base.spec.rate_limit.clone().unwrap_or_default();
    let mut args = vec![
        "gateway".to_owned(),
        format!("--listen=0.0.0.0:{GATEWAY_PORT}"),
        format!(
            "--upstream={}",
            base.spec.endpoint.as_deref().unwrap_or("https://api.airtable.com").trim_end_matches('/')
        ),
        format!("--base={}", base.spec.base_id),
        format!("--token-file={TOKEN_FOLDER}/token"),
        format!("--clients-file={FILES_FOLDER}/clients.json"),
        format!("--audience={GATEWAY_AUDIENCE}"),
        format!("--audience={}", audience(namespace, &base.name_any())),
        match base.spec.store {
            Some(_) => format!("--store-url-file={}", store::URL_FILE),
            None => format!("--ledger={LEDGER_FOLDER}/gateway.redb"),
        },
    ];
    args.extend(limit.requests_per_second.map(|n| format!("--requests-per-second={n}")));
    args.extend(limit.lockout_seconds.map(|n| format!("--lockout-seconds={n}")));
    args.extend(base.spec.idempotency.as_ref().map(|it| format!("--key-field={}", it.key_field)));
    if base.spec.tls.is_some() {
        let [chain, key] = TLS_KEYS.map(|key| format!("{TLS_FOLDER}/{key}"));
        args.push(format!("--tls-listen=0.0.0.0:{TLS_PORT}"));
        args.extend([format!("--tls-cert-file={chain}"), format!("--tls-key-file={key}")]);
    }
    if let Some(cache) = &base.spec.cache {
        args.push(format!("--cache-ttl-seconds={}", cache.ttl_seconds));
        let stale = cache.stale_while_revalidate_seconds;
        args.extend(stale.map(|n| format!("--cache-stale-while-revalidate-seconds={n}")));
        args.extend(cache.stale_if_error_seconds.map(|n| format!("--cache-stale-if-error-seconds={n}")));
        args.extend(cache.webhook.iter().flat_map(|webhook| urls::of_webhook(webhook, memory)));
    }
    args.extend(base.spec.attachments.iter().flat_map(urls::of_attachments));
    args.extend(memory_limit(base).map(|bytes| format!("--memory-bytes={bytes}")));
    args
}

/// The memory that its container may take, in bytes, where that is said.
fn memory_limit(base: &AirtableBase) -> Option<u64> {
    quantity::whole(base.spec.gateway.as_ref()?.resources.as_ref()?.limits.get("memory")?)
}

/// The Secrets as volumes. All but the keys for links are optional, so that the pod starts without them and takes them up
/// when they come.
fn volumes(base: &AirtableBase) -> (Vec<Value>, Vec<Value>) {
    let secret = |volume: &str, name: &str, key: &str, path: &str| json!({ "name": volume, "secret": { "secretName": name, "optional": true, "defaultMode": 0o440, "items": [{ "key": key, "path": path }] } });
    let token = &base.spec.token_secret_ref;
    let mut volumes = vec![secret("token", &token.name, token.key(), "token")];
    let mut mounts = vec![json!({ "name": "token", "mountPath": TOKEN_FOLDER, "readOnly": true })];
    for client in &base.spec.clients {
        if let Some(key) = &client.key_secret_ref {
            let volume = format!("key-{}", client.name);
            volumes.push(secret(&volume, &key.name, key.key(), "key"));
            mounts.push(json!({ "name": volume, "mountPath": format!("{KEYS_FOLDER}/{}", client.name), "readOnly": true }));
        }
    }
    if let Some(tls) = &base.spec.tls {
        let items = TLS_KEYS.map(|key| json!({ "key": key, "path": key }));
        volumes.push(json!({ "name": "tls", "secret": { "secretName": tls.secret_name, "optional": true, "defaultMode": 0o440, "items": items } }));
        mounts.push(json!({ "name": "tls", "mountPath": TLS_FOLDER, "readOnly": true }));
    }
    let store = base.spec.store.as_ref().map(|store| store::volume(&store.url_secret_ref.with_key()));
    for (volume, mount) in store.into_iter().chain(base.spec.attachments.as_ref().map(urls::volume)) {
        volumes.push(volume);
        mounts.push(mount);
    }
    (volumes, mounts)
}

/// Who may call: the clients declared, the operator (it reads the schema, and writes it where the policy says so), and the workers of workflows that use the base.
fn clients(base: &AirtableBase, namespace: &str, observed: &Observed, config: &Config) -> Value {
    let account = |namespace: &str, name: &str, read_only: bool| json!({ "namespace": namespace, "name": name, "readOnly": read_only });
    let declared = |client: &Client| {
        let named = client.service_account_ref.as_ref()?;
        let of = named.namespace.as_deref().unwrap_or(namespace);
        Some(with_terms(account(of, &named.name, client.read_only.unwrap_or(false)), client))
    };
    let key = |client: &Client| {
        client.key_secret_ref.as_ref()?;
        let file = format!("{KEYS_FOLDER}/{}/key", client.name);
        let rights =
            json!({ "name": client.name, "file": file, "readOnly": client.read_only.unwrap_or(false) });
        Some(with_terms(rights, client))
    };
    let reads_only = !schema::writes(base);
    let operator = config.service_account.iter().map(|name| account(&config.namespace, name, reads_only));
    let workers = observed.workflows.iter().map(|workflow| account(namespace, &worker_name(workflow), false));
    let who = |account: Value| (format!("{}/{}", account["namespace"], account["name"]), account);
    // Each once, as the gateway takes them; what a worker needs counts more than what is declared.
    let accounts: Map<String, Value> =
        base.spec.clients.iter().filter_map(declared).chain(operator).chain(workers).map(who).collect();
    json!({
        "serviceAccounts": accounts.into_iter().map(|(_, account)| account).collect::<Vec<_>>(),
        "keys": base.spec.clients.iter().filter_map(key).collect::<Vec<_>>(),
    })
}

/// A client as the file has it, with its tables where it is limited to some, and its share of the budget.
fn with_terms(mut rights: Value, client: &Client) -> Value {
    if let Some(tables) = &client.tables {
        rights["tables"] = json!(tables);
    }
    if let Some(share) = client.share {
        rights["share"] = share.into();
    }
    rights
}
