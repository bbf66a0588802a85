//! Reads what a base depends on, and how its gateway fares. No writes.

use std::collections::BTreeMap;

use crds::{
    AirtableBase, Workflow,
    airtable_base::{Table, Tls},
    reference::SecretKeyRef,
};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, Secret},
};
use kube::{Api, ResourceExt as _, api::ListParams};
use serde::Deserialize;
use serde_json::Value;

use super::build;
use crate::{
    conditions::cut,
    context::Context,
    digest::sha256,
    http::{self, plain},
    workload::{Deployed, selector_text},
};

/// Keys of a Secret of type `kubernetes.io/tls`.
pub const TLS_KEYS: [&str; 2] = ["tls.crt", "tls.key"];
/// The most tables kept in a status.
const MOST_TABLES: usize = 100;
/// The longest name of a table kept in a status, in characters.
const LONGEST_NAME: usize = 255;
/// The largest report of a gateway's readiness, in bytes.
const MOST_REPORT_BYTES: usize = 64 * 1024;
/// The largest schema, in bytes. Who names an external gateway chooses what it answers, and the operator's memory is everybody's.
const MOST_SCHEMA_BYTES: usize = 8 * 1024 * 1024;

/// Read before anything is built.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// By `name/key` of each Secret that the base names: is it there.
    pub secrets: BTreeMap<String, SecretState>,
    /// Names of the workflows of the namespace that use the base.
    pub workflows: Vec<String>,
    /// The gateway as it is deployed; read only where it has a store.
    pub deployment: Option<Deployment>,
}

/// What was found of a key of a Secret; never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretState {
    /// There, and not empty.
    Present,
    /// The Secret is there, the key is not, or it is empty.
    KeyMissing,
    /// No such Secret.
    Missing,
}

/// Read after the children were applied.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Pods of the gateway; read only while not all are ready.
    pub pods: Vec<Pod>,
    /// What the gateway says of itself; none while it has no ready pod.
    pub gateway: Option<Gateway>,
}

/// What the gateway says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gateway {
    /// It serves; with the tables found, or why they could not be read.
    Ready(Result<Tables, String>),
    /// It says what is missing: the message of each check that fails.
    NotReady(Vec<String>),
    /// No answer.
    Unreachable(String),
}

/// The schema of the base in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// The first tables.
    pub tables: Vec<Table>,
    /// How many there are.
    pub count: i32,
    /// SHA-256 of the schema as Airtable gives it.
    pub hash: String,
    /// The tables as Airtable gives them.
    pub schema: Value,
}

/// Where the gateway answers, and the operator's token for it.
pub struct Access {
    /// Base URL.
    pub url: String,
    /// None where the operator has no `ServiceAccount`, or an external gateway wants none.
    pub token: Option<String>,
}

/// Secrets and workflows.
pub async fn before(base: &AirtableBase, ctx: &Context) -> Result<Observed, kube::Error> {
    let namespace = base.namespace().unwrap_or_default();
    let api: Api<Secret> = Api::namespaced(ctx.client.clone(), &namespace);
    let mut secrets = BTreeMap::new();
    for reference in secret_refs(base) {
        secrets.insert(key_of(&reference), look_at(&api, &reference).await?);
    }
    let uses = |workflow: &Workflow| {
        workflow.namespace().as_deref() == Some(&namespace)
            && workflow.spec.saga_template.bases().contains(base.name_any().as_str())
    };
    let mut workflows: Vec<String> = ctx
        .workflows
        .state()
        .iter()
        .filter(|workflow| uses(workflow))
        .map(|workflow| workflow.name_any())
        .collect();
    workflows.sort();
    let deployments: Api<Deployment> = Api::namespaced(ctx.client.clone(), &namespace);
    let deployment = match base.spec.store {
        Some(_) => deployments.get_opt(&build::gateway_name(&base.name_any())).await?,
        None => None,
    };
    Ok(Observed { secrets, workflows, deployment })
}

/// Every key of a Secret that the base names, the token first.
pub fn secret_refs(base: &AirtableBase) -> impl Iterator<Item = SecretKeyRef> {
    let clients = base.spec.clients.iter().filter_map(|client| client.key_secret_ref.as_ref());
    let external = base.spec.gateway.as_ref().and_then(|gateway| gateway.external.as_ref());
    let elsewhere = external.and_then(|external| external.token_secret_ref.as_ref());
    let pair = |tls: &Tls| {
        let name = tls.secret_name.clone();
        TLS_KEYS.map(|key| SecretKeyRef { name: name.clone(), key: Some(key.to_owned()) })
    };
    let certificate = base.spec.tls.as_ref().map(pair).into_iter().flatten();
    let store = base.spec.store.as_ref().map(|store| store.url_secret_ref.with_key());
    let signs = base.spec.attachments.as_ref().map(|attachments| attachments.key_secret_ref.clone());
    let named = std::iter::once(&base.spec.token_secret_ref).chain(elsewhere).chain(clients).cloned();
    named.chain(certificate).chain(store).chain(signs)
}

/// How a key of a Secret is named in [`Observed::secrets`].
pub fn key_of(reference: &SecretKeyRef) -> String {
    format!("{}/{}", reference.name, reference.key())
}

async fn look_at(api: &Api<Secret>, reference: &SecretKeyRef) -> Result<SecretState, kube::Error> {
    let Some(secret) = api.get_opt(&reference.name).await? else { return Ok(SecretState::Missing) };
    let value = secret.data.as_ref().and_then(|data| data.get(reference.key()));
    let is_there = value.is_some_and(|value| !value.0.trim_ascii().is_empty());
    Ok(if is_there { SecretState::Present } else { SecretState::KeyMissing })
}

/// Pods and the gateway itself.
pub async fn after(
    base: &AirtableBase,
    deployed: Option<&Deployed>,
    ctx: &Context,
) -> Result<Seen, kube::Error> {
    let Some(deployed) = deployed else {
        return Ok(Seen { pods: Vec::new(), gateway: asked(base, ctx).await? });
    };
    let status = deployed.deployment.status.clone().unwrap_or_default();
    let is_ready = status.ready_replicas.unwrap_or(0) > 0;
    let all_ready = is_ready && status.unavailable_replicas.unwrap_or(0) == 0;
    let pods = if all_ready { Vec::new() } else { pods(base, ctx).await? };
    let gateway = if is_ready { asked(base, ctx).await? } else { None };
    Ok(Seen { pods, gateway })
}

async fn asked(base: &AirtableBase, ctx: &Context) -> Result<Option<Gateway>, kube::Error> {
    match access(base, ctx).await? {
        None => Ok(None),
        Some(access) => Ok(Some(ask(&access, ctx).await)),
    }
}

/// Access to the gateway of a base, deployed or external.
pub async fn access(base: &AirtableBase, ctx: &Context) -> Result<Option<Access>, kube::Error> {
    let Some(url) = build::endpoint(base) else { return Ok(None) };
    let is_external = base.spec.gateway.as_ref().is_some_and(|gateway| gateway.external.is_some());
    let token = if is_external {
        external_token(base, ctx).await?
    } else {
        ctx.tokens.get(&build::audience(&base.namespace().unwrap_or_default(), &base.name_any())).await?
    };
    Ok(Some(Access { url, token }))
}

async fn pods(base: &AirtableBase, ctx: &Context) -> Result<Vec<Pod>, kube::Error> {
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &base.namespace().unwrap_or_default());
    let params = ListParams::default().labels(&selector_text("gateway", &base.name_any()));
    Ok(api.list(&params).await?.items)
}

async fn external_token(base: &AirtableBase, ctx: &Context) -> Result<Option<String>, kube::Error> {
    let external = base.spec.gateway.as_ref().and_then(|gateway| gateway.external.as_ref());
    match external.and_then(|external| external.token_secret_ref.as_ref()) {
        None => Ok(None),
        Some(reference) => read_secret(ctx, &base.namespace().unwrap_or_default(), reference).await,
    }
}

/// The value of a key of a Secret.
pub async fn read_secret(
    ctx: &Context,
    namespace: &str,
    reference: &SecretKeyRef,
) -> Result<Option<String>, kube::Error> {
    let api: Api<Secret> = Api::namespaced(ctx.client.clone(), namespace);
    let secret = api.get_opt(&reference.name).await?;
    let value = secret.and_then(|secret| secret.data?.remove(reference.key()));
    Ok(value.map(|value| String::from_utf8_lossy(&value.0).trim().to_owned()))
}

#[derive(Deserialize)]
struct ReadyReport {
    #[serde(default)]
    ready: bool,
    #[serde(default)]
    checks: BTreeMap<String, String>,
}

async fn ask(access: &Access, ctx: &Context) -> Gateway {
    match ready_report(&access.url, ctx).await {
        Err(why) => Gateway::Unreachable(why),
        Ok(report) if report.ready => Gateway::Ready(tables(access, ctx).await),
        Ok(report) => Gateway::NotReady(failing(report.checks)),
    }
}

/// The checks that keep it from being ready: one that holds says `ok`, or `ok, but …`.
pub fn failing(checks: BTreeMap<String, String>) -> Vec<String> {
    checks.into_values().filter(|check| check != "ok" && !check.starts_with("ok, but ")).collect()
}

async fn ready_report(url: &str, ctx: &Context) -> Result<ReadyReport, String> {
    let probe = ctx.http.get(format!("{url}/ready")).timeout(http::PROBE);
    let response = probe.send().await.map_err(|error| plain(&error))?;
    let status = response.status();
    let body = http::body(response, MOST_REPORT_BYTES).await.map_err(|error| error.to_string())?;
    serde_json::from_slice(&body)
        .map_err(|_| format!("/ready answers {status} with something else than a report"))
}

/// The schema of the base, read anew.
pub async fn tables(access: &Access, ctx: &Context) -> Result<Tables, String> {
    let request =
        ctx.http.get(format!("{}/api/airtable/tables", access.url)).header("cache-control", "no-cache");
    let request = request.bearer_auth(access.token.as_deref().unwrap_or_default());
    let response = request.send().await.map_err(|error| plain(&error))?;
    let status = response.status();
    if !status.is_success() {
        return Err(format!("the gateway answered {status} for the tables"));
    }
    let body = http::body(response, MOST_SCHEMA_BYTES).await.map_err(|error| error.to_string())?;
    listed(&body).map(in_short)
}

/// The tables in an answer. It may come from anywhere: the resource names who answers.
fn listed(body: &[u8]) -> Result<Vec<Value>, String> {
    #[derive(Deserialize)]
    struct Schema {
        tables: Vec<Value>,
    }
    let schema: Schema =
        serde_json::from_slice(body).map_err(|error| format!("the schema is no list of tables: {error}"))?;
    Ok(schema.tables)
}

/// The tables, and what a status keeps of them.
fn in_short(tables: Vec<Value>) -> Tables {
    let text = |value: &Value| cut(value.as_str().unwrap_or_default(), LONGEST_NAME);
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let short = |table: &Value| Table {
        id: text(&table["id"]),
        name: text(&table["name"]),
        fields: number(table["fields"].as_array().map_or(0, Vec::len)),
    };
    Tables {
        tables: tables.iter().take(MOST_TABLES).map(short).collect(),
        count: number(tables.len()),
        hash: sha256(&serde_json::to_vec(&tables).unwrap_or_default()),
        schema: tables.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_kept_in_short_and_its_hash_shows_a_change() {
        let one = in_short(vec![json!({"id": "tbl1", "name": "Deals", "fields": [{}, {}]})]);
        assert_eq!(one.tables, [Table { id: "tbl1".into(), name: "Deals".into(), fields: 2 }]);
        let other = in_short(vec![json!({"id": "tbl1", "name": "Deals", "fields": [{}]})]);
        assert_ne!(one.hash, other.hash);
    }

    #[test]
    fn an_answer_that_is_no_schema_is_told_and_ends_nothing() {
        for body in
            ["[]", "\"x\"", "1", "null", "{}", r#"{"tables": 1}"#, r#"{"tables": {"a": []}}"#, "<html>", ""]
        {
            let told = listed(body.as_bytes()).unwrap_err();
            assert!(told.starts_with("the schema is no list of tables: "), "{body}: {told}");
        }
        let odd = in_short(listed(br#"{"tables": [1, null, {"id": [], "fields": "x"}]}"#).unwrap());
        assert_eq!(odd.count, 3);
    }
}
