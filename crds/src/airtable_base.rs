//! `AirtableBase`: one base of Airtable, and the gateway in front of it.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    base_schema::{DesiredSchema, Drift},
    base_urls::{Attachments, Webhook},
    condition::Condition,
    reference::{SecretKeyRef, ServiceAccountRef, UrlSecretRef},
    url_rules::is_url,
    workload::Workload,
};

/// What is wanted of a base.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[kube(
    group = "pyairtable.dev",
    version = "v1alpha1",
    kind = "AirtableBase",
    plural = "airtablebases",
    namespaced,
    status = "AirtableBaseStatus",
    shortname = "abase",
    category = "pyairtable",
    derive = "PartialEq",
    doc = "A base of Airtable with a gateway of its own: queueing, retries, exactly-once writes and rights of clients.",
    selectable = ".spec.baseId",
    scale(spec_replicas_path = ".spec.gateway.replicas", status_replicas_path = ".status.replicas", label_selector_path = ".status.selector"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Base", type_ = "string", json_path = ".spec.baseId"),
    printcolumn(name = "Tables", type_ = "integer", json_path = ".status.tableCount"),
    printcolumn(name = "Schema", type_ = "string", json_path = ".status.conditions[?(@.type=='SchemaMatches')].reason", priority = 1),
    printcolumn(name = "Gateway", type_ = "string", json_path = ".status.gateway.url", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,50}[a-z0-9])?$')").message("metadata.name must be a DNS label of at most 52 characters that begins with a letter, since the gateway's Service is named after it")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.tls) && has(self.gateway) && has(self.gateway.external))").message("spec.tls is for a gateway that the operator deploys: remove it, or remove spec.gateway.external"))]
#[x_kube(validation = Rule::new("has(self.store) || !has(self.gateway) || !has(self.gateway.replicas) || self.gateway.replicas <= 1").message("spec.gateway.replicas above 1 needs spec.store, where the pods keep budget and ledger together: set spec.store.urlSecretRef, or replicas to 0 or 1"))]
#[x_kube(validation = Rule::new("!(has(self.store) && has(self.gateway) && has(self.gateway.external))").message("spec.store is for a gateway that the operator deploys: remove it, or remove spec.gateway.external"))]
#[x_kube(validation = Rule::new("!(has(self.store) && has(self.gateway) && has(self.gateway.storage))").message("spec.gateway.storage has no use with spec.store, which has the ledger: remove one of them"))]
#[x_kube(validation = Rule::new("!(has(self.attachments) && has(self.gateway) && has(self.gateway.external))").message("spec.attachments is for a gateway that the operator deploys: remove it, or remove spec.gateway.external"))]
#[x_kube(validation = Rule::new("!(has(self.cache) && has(self.cache.webhook) && has(self.gateway) && has(self.gateway.external))").message("spec.cache.webhook is for a gateway that the operator deploys: remove it, or remove spec.gateway.external"))]
#[x_kube(validation = Rule::new("!(has(self.cache) && has(self.cache.webhook) && has(self.gateway) && has(self.gateway.replicas) && self.gateway.replicas > 1)").message("spec.cache.webhook is for a gateway of one pod, since two would replace each other's webhook: remove it, or set spec.gateway.replicas to 0 or 1"))]
#[x_kube(validation = Rule::new("!(has(self.gateway) && has(self.gateway.external)) || (has(oldSelf.gateway) && has(oldSelf.gateway.external))").message("spec.gateway.external can't be added later, since the gateway that is deployed has the ledger: create another AirtableBase"))]
pub struct AirtableBaseSpec {
    /// Id of the base: `app` and 14 letters or digits. It can't be changed.
    #[schemars(length(min = 17, max = 17), pattern(r"^app[A-Za-z0-9]{14}$"))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.baseId can't be changed, since the ledger belongs to the base: create another AirtableBase"))]
    pub base_id: String,
    /// Where the personal access token or OAuth token for the base is.
    pub token_secret_ref: SecretKeyRef,
    /// URL of the Airtable API; `https://api.airtable.com` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 8, max = 512))]
    #[x_kube(validation = Rule::new(is_url()).message("spec.endpoint must be http:// or https:// and a host, without a user, ? and #, for example https://api.airtable.com"))]
    pub endpoint: Option<String>,
    /// The budget of requests; Airtable's own limits when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Caching of reads; each goes to Airtable when absent. Reads that are asked for at once travel once in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// Attachments under URLs of the gateway's own; under Airtable's, which die after two hours, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Attachments>,
    /// How writes that carry an `Idempotency-Key` are found again when their answers are lost; by their cells when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<Idempotency>,
    /// The gateway's pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Workload>,
    /// Valkey or Redis, where all pods of the gateway keep budget, ledger and what was written; without it these are one pod's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<Store>,
    /// Serves the gateway over TLS as well, on port 443 of its Service: for clients whose host name can't be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Who may call the gateway, beside the workers of workflows that use the base.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub clients: Vec<Client>,
    /// The tables and fields that the base should have. What is not named here is left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<DesiredSchema>,
    /// What becomes of the gateway's volume when the base is deleted: `Delete` when absent. Airtable's data is never touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

/// A server of Valkey or Redis.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Store {
    /// Where its URL is: `redis://` or `rediss://`, `[USER:PASSWORD@]HOST[:PORT][/DATABASE]`. A changed password is taken up
    /// without a restart. Another server is another ledger: scale the gateway to 0 before.
    pub url_secret_ref: UrlSecretRef,
}

/// TLS of the gateway.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Name of a Secret of type `kubernetes.io/tls`, with `tls.crt` and `tls.key`, as cert-manager makes them. A changed one is
    /// taken up without a restart.
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
}

/// The budget of requests towards Airtable.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Requests per second of all clients together; 5 when absent, which is what Airtable allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub requests_per_second: Option<i32>,
    /// Seconds without any request after Airtable said 429; 30 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 600))]
    pub lockout_seconds: Option<i32>,
}

/// Caching of reads in the gateway.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.webhook) || self.ttlSeconds > 0").message("spec.cache.webhook has no use without kept answers: remove it, or set spec.cache.ttlSeconds above 0"))]
pub struct Cache {
    /// Seconds for which an answer is fresh: so old it may be where others than this gateway wrote. 0 keeps none.
    #[schemars(range(min = 0, max = 86_400))]
    pub ttl_seconds: i32,
    /// Seconds beyond that for which an old answer may be given while a new one is fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86_400))]
    pub stale_while_revalidate_seconds: Option<i32>,
    /// Seconds beyond the first for which an old answer may be given while Airtable can't be reached or fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 604_800))]
    pub stale_if_error_seconds: Option<i32>,
    /// A webhook by which the gateway hears what others change, and drops it; until its time is over it is given when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
}

/// How writes that carry an `Idempotency-Key` are found again.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Idempotency {
    /// The field, by name or id, that the gateway marks created records in, in each table that has it as a single line text.
    #[schemars(length(min = 1, max = 255))]
    pub key_field: String,
}

/// Who may call the gateway: a `ServiceAccount`, or whoever has a key.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.serviceAccountRef) != has(self.keySecretRef)").message("a client is identified by exactly one of serviceAccountRef and keySecretRef"))]
#[x_kube(validation = Rule::new("!has(self.readOnly) || !self.readOnly || !has(self.tables) || self.tables.all(table, !has(table.readOnly) || table.readOnly)").message("clients[].readOnly covers all tables: remove readOnly: false from clients[].tables, or readOnly: true from the client"))]
pub struct Client {
    /// Name of the client in logs and metrics.
    #[schemars(length(min = 1, max = 59), pattern(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The `ServiceAccount` whose tokens (audience `gateway.pyairtable.dev`) are accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_ref: Option<ServiceAccountRef>,
    /// The key that is accepted as a bearer token, as Airtable's clients send theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_secret_ref: Option<SecretKeyRef>,
    /// Only reads are allowed, in whatever table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// Share of the budget while others wait as well: so many turns for each one of a client with a share of 1, which it is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub share: Option<i32>,
    /// Only these tables are there for the client; the whole base when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub tables: Option<Vec<TableRights>>,
}

/// What a client may do in a table.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TableRights {
    /// Id of the table, which stays when it is renamed, or its name.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// Only reads are allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// Only these fields are there for the client, by id or name; all when absent. Without the others it can neither
    /// delete nor replace records, nor use views and comments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), inner(length(min = 1, max = 255)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub fields: Option<Vec<String>>,
}

/// What becomes of the gateway's volume when the base is deleted.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// The volume goes with the base.
    Delete,
    /// The volume stays; a base of the same name finds its ledger again.
    Retain,
}

/// What was found of a base.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct AirtableBaseStatus {
    /// The `metadata.generation` that the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling and Stalled; `SchemaMatches` where a schema is declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Where the gateway answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Endpoint>,
    /// The tables found, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    pub tables: Vec<Table>,
    /// Number of tables found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_count: Option<i32>,
    /// SHA-256 of the schema found, so that a change shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_hash: Option<String>,
    /// How the schema found differs from the one declared, at most 50 differences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
    /// Pods of the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Pods of the gateway that are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Label selector of the gateway's pods, for autoscalers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
}

/// Where a service answers.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Base URL.
    pub url: String,
}

/// A table found in the base.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// Id of the table, `tbl…`.
    pub id: String,
    /// Name of the table.
    pub name: String,
    /// Number of its fields.
    pub fields: i32,
}
