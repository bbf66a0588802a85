//! `Workflow`: a definition of sagas, and the worker that executes their steps.

use std::collections::BTreeSet;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    airtable_base::Endpoint,
    condition::Condition,
    reference::{NameRef, SecretKeyRef},
    step::Step,
    workload::Workload,
};

/// What is wanted of a workflow.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[kube(
    group = "pyairtable.dev",
    version = "v1alpha1",
    kind = "Workflow",
    plural = "workflows",
    namespaced,
    status = "WorkflowStatus",
    shortname = "awf",
    category = "pyairtable",
    derive = "PartialEq",
    doc = "A definition of sagas with the worker that executes their steps.",
    scale(spec_replicas_path = ".spec.worker.replicas", status_replicas_path = ".status.replicas", label_selector_path = ".status.selector"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Steps", type_ = "integer", json_path = ".status.stepCount"),
    printcolumn(name = "Revision", type_ = "string", json_path = ".status.currentRevision"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,50}[a-z0-9])?$')").message("metadata.name must be a DNS label of at most 52 characters that begins with a letter, since the worker's Service is named after it")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.triggers)").message("spec.triggers is not supported by this version: remove it and create Sagas that name the workflow in workflowRef"))]
#[x_kube(validation = Rule::new("has(self.triggers) || !(has(self.concurrencyPolicy) || has(self.startingDeadlineSeconds) || has(self.successfulSagasHistoryLimit) || has(self.failedSagasHistoryLimit) || has(self.suspend))").message("concurrencyPolicy, startingDeadlineSeconds, suspend and the history limits belong to triggers, which this version does not support: remove them"))]
#[x_kube(validation = Rule::new("!(has(self.worker) && has(self.worker.external)) || (has(oldSelf.worker) && has(oldSelf.worker.external))").message("spec.worker.external can't be added later, since the worker that is deployed has the ledger: create another Workflow"))]
pub struct WorkflowSpec {
    /// The worker's pods; the built-in worker with one pod when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("!has(self.replicas) || self.replicas <= 1 || has(self.image)").message("spec.worker.replicas above 1 is not supported by the built-in worker of this version, since its ledger is a file of one pod: set it to 0 or 1, or use an image of your own"))]
    pub worker: Option<Workload>,
    /// What starts a saga, beside people and programs that create one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggers: Option<Triggers>,
    /// Holds the triggers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// What happens when a trigger fires while a saga of the workflow runs: `Allow` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_policy: Option<ConcurrencyPolicy>,
    /// Seconds after its time during which a missed start is still made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub starting_deadline_seconds: Option<i64>,
    /// How many succeeded sagas are kept; 3 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub successful_sagas_history_limit: Option<i32>,
    /// How many compensated sagas are kept; 3 when absent. Stalled ones are always kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub failed_sagas_history_limit: Option<i32>,
    /// What a saga of this workflow does.
    pub saga_template: SagaTemplate,
}

/// The definition of a saga.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.steps.all(s, !has(s.dependsOn) || s.dependsOn.all(d, self.steps.exists(t, t.name == d)))").message("dependsOn names a step that does not exist: use names of steps of this list"))]
pub struct SagaTemplate {
    /// The steps. One without `dependsOn` follows the one before it.
    #[schemars(length(min = 1, max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub steps: Vec<Step>,
    /// How many steps may be under way at once; no bound but `dependsOn` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    pub parallelism: Option<i32>,
    /// Seconds after which a saga that has not succeeded is compensated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub active_deadline_seconds: Option<i32>,
    /// Seconds that the compensation may take before a person is asked; no bound when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub compensation_deadline_seconds: Option<i32>,
    /// Seconds after its end at which a saga is deleted; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub ttl_seconds_after_finished: Option<i32>,
}

impl SagaTemplate {
    /// Names of the bases that the steps use, in both directions.
    pub fn bases(&self) -> BTreeSet<&str> {
        let undone = self.steps.iter().filter_map(|step| step.compensation.as_ref()?.action.as_ref());
        let actions = self.steps.iter().map(|step| &step.action).chain(undone);
        actions.filter_map(|action| Some(action.base_ref.as_ref()?.name.as_str())).collect()
    }
}

/// What starts a saga.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Triggers {
    /// By the clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub schedules: Vec<Schedule>,
    /// By records of a base.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub records: Vec<RecordTrigger>,
    /// By a signed HTTP request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub webhooks: Vec<WebhookTrigger>,
}

/// A start by the clock.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// When, in the five fields of cron.
    #[schemars(length(min = 9, max = 100))]
    pub schedule: String,
    /// Time zone of the schedule by its IANA name; UTC when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: Option<String>,
}

/// A start by records of a base.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RecordTrigger {
    /// The base.
    pub base_ref: NameRef,
    /// The table, by id or name.
    #[schemars(length(min = 1, max = 255))]
    pub table: String,
    /// Which changes start a saga.
    #[schemars(length(min = 1, max = 2))]
    pub on: Vec<RecordChange>,
    /// Only records for which this formula of Airtable holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub filter_by_formula: Option<String>,
}

/// A change of a record.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordChange {
    /// It was created.
    Created,
    /// It was updated.
    Updated,
}

/// A start by a signed HTTP request.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct WebhookTrigger {
    /// Name of the webhook, the last part of its path.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// The key that signs the requests.
    pub key_secret_ref: SecretKeyRef,
}

/// What happens when a trigger fires while a saga of the workflow runs.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConcurrencyPolicy {
    /// Both run.
    Allow,
    /// The new one is not started.
    Forbid,
    /// The running one is cancelled, then the new one starts.
    Replace,
}

/// What was found of a workflow.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowStatus {
    /// The `metadata.generation` that the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Reconciling and Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Where the worker answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// The `ControllerRevision` that holds the current definition; a saga keeps the one it started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_revision: Option<String>,
    /// Number of steps of the definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_count: Option<i32>,
    /// Pods of the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Pods of the worker that are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Label selector of the worker's pods, for autoscalers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
}
