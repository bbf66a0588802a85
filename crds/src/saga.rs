//! `Saga`: one run, whose status is its journal.

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{condition::Condition, reference::NameRef, step::Step};

/// What is wanted of a run. Once created, only `suspend`, `cancellation`, `repairs` and `ttlSecondsAfterFinished` may change.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[kube(
    group = "pyairtable.dev",
    version = "v1alpha1",
    kind = "Saga",
    plural = "sagas",
    namespaced,
    status = "SagaStatus",
    shortname = "sg",
    category = "pyairtable",
    derive = "PartialEq",
    doc = "One run of steps, each with its compensation: it ends Succeeded, or Compensated with every effect undone. The status is its journal: a Saga restored without it does not start again.",
    selectable = ".spec.workflowRef.name",
    selectable = ".status.state",
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Progress", type_ = "string", json_path = ".status.progress"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Succeeded')].reason"
    ),
    printcolumn(name = "Waiting-On", type_ = "string", json_path = ".status.waitingOn"),
    printcolumn(name = "Workflow", type_ = "string", json_path = ".spec.workflowRef.name", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Succeeded')].message",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.workflowRef) != has(self.steps)").message("a saga has exactly one of workflowRef and steps"))]
#[x_kube(validation = Rule::new("has(self.steps) == has(self.workerRef)").message("workerRef names the Workflow whose worker does inline steps: give it with steps and only then"))]
#[x_kube(validation = Rule::new("!has(self.steps) || self.steps.all(s, !has(s.dependsOn) || s.dependsOn.all(d, self.steps.exists(t, t.name == d)))").message("dependsOn names a step that does not exist: use names of steps of this list"))]
#[x_kube(validation = Rule::new("has(self.workflowRef) == has(oldSelf.workflowRef) && has(self.workerRef) == has(oldSelf.workerRef) && has(self.steps) == has(oldSelf.steps) && has(self.parameters) == has(oldSelf.parameters) && has(self.parallelism) == has(oldSelf.parallelism) && has(self.activeDeadlineSeconds) == has(oldSelf.activeDeadlineSeconds) && has(self.compensationDeadlineSeconds) == has(oldSelf.compensationDeadlineSeconds)").message("a saga can't be changed once created, but for suspend, cancellation, repairs and ttlSecondsAfterFinished: create another Saga"))]
#[x_kube(validation = Rule::new("!has(oldSelf.cancellation) || has(self.cancellation)").message("spec.cancellation can't be taken back: the saga is being compensated already"))]
#[x_kube(validation = Rule::new("!has(oldSelf.repairs) || (has(self.repairs) && oldSelf.repairs.all(r, self.repairs.exists(s, s == r)))").message("spec.repairs is append-only: keep the entries that are there and add a new one with a new id"))]
pub struct SagaSpec {
    /// The Workflow whose definition and worker are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.workflowRef can't be changed: create another Saga"))]
    pub workflow_ref: Option<NameRef>,
    /// The Workflow whose worker does the inline `steps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.workerRef can't be changed: create another Saga"))]
    pub worker_ref: Option<NameRef>,
    /// The steps, instead of those of a Workflow. One without `dependsOn` follows the one before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.steps can't be changed once the saga is created: create another Saga"))]
    pub steps: Option<Vec<Step>>,
    /// Values for `${parameters.NAME}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::any_object")]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.parameters can't be changed once the saga is created: create another Saga"))]
    pub parameters: Option<Map<String, Value>>,
    /// How many steps may be under way at once, instead of what the Workflow says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.parallelism can't be changed once the saga is created: create another Saga"))]
    pub parallelism: Option<i32>,
    /// Seconds after which a saga that has not succeeded is compensated, instead of what the Workflow says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.activeDeadlineSeconds can't be changed once the saga is created: cancel it or create another Saga"))]
    pub active_deadline_seconds: Option<i32>,
    /// Seconds that the compensation may take before a person is asked, instead of what the Workflow says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.compensationDeadlineSeconds can't be changed once the saga is created: create another Saga"))]
    pub compensation_deadline_seconds: Option<i32>,
    /// Seconds after its end at which the saga is deleted, instead of what the Workflow says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub ttl_seconds_after_finished: Option<i32>,
    /// Starts no further attempt, in either direction; calls under way end. The deadline counts anew on resume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// Ends the saga: nothing new is done, what was done is undone. Can't be taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.cancellation can't be changed: the saga is being compensated already"))]
    pub cancellation: Option<Cancellation>,
    /// What a person decided about steps whose compensation is stuck, or waits for its next attempt. Entries are added, never changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    pub repairs: Vec<Repair>,
}

/// Why a saga is to end.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Cancellation {
    /// Why, for those who read the history.
    #[schemars(length(min = 1, max = 256))]
    pub reason: String,
}

/// A person's decision about a step whose compensation is stuck, or waits for its next attempt; it waits itself while an
/// attempt is under way.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Repair {
    /// Identifies the entry, for example a time or a ticket.
    #[schemars(length(min = 1, max = 63))]
    pub id: String,
    /// The step.
    #[schemars(length(min = 1, max = 63))]
    pub step: String,
    /// Retry, Skip or Resolve.
    pub verb: RepairVerb,
    /// Who decided.
    #[schemars(length(min = 1, max = 128))]
    pub actor: String,
    /// Why.
    #[schemars(length(min = 1, max = 256))]
    pub reason: String,
}

/// What to do with a step whose compensation does not get on.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepairVerb {
    /// Compensate again at once, with fresh attempts.
    Retry,
    /// Leave the effect and go on with the other steps; the saga then ends Failed.
    Skip,
    /// Somebody has undone it by hand; go on with the other steps.
    Resolve,
}

/// The journal of a run.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct SagaStatus {
    /// The `metadata.generation` that the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Succeeded; Suspended and Stalled while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// For display, derived from the rest: Pending, Running, Suspended, Compensating, Succeeded, Compensated, Stuck, Failed or Invalid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// For display: steps whose effect is there, of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// For display: the one thing that the saga waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_on: Option<String>,
    /// Grows when another operator process takes the saga over; workers refuse calls of a lower one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// The operator process that drives the saga.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// The `ControllerRevision` with the definition that the saga started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// When the saga started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::optional_date_time")]
    pub start_time: Option<Timestamp>,
    /// Since when the deadline counts; absent while suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::optional_date_time")]
    pub active_since: Option<Timestamp>,
    /// When the saga ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::optional_date_time")]
    pub completion_time: Option<Timestamp>,
    /// Why and since when the saga is being undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwinding: Option<Unwinding>,
    /// The number that the next step to start gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_sequence: Option<i32>,
    /// The steps, in the order of the definition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub steps: Vec<StepStatus>,
    /// Repairs that were taken note of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    pub repairs: Vec<RepairStatus>,
}

/// Why and since when a saga is being undone.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Unwinding {
    /// `StepFailed`, `Cancelled`, `DeadlineExceeded` or `Deleted`.
    pub cause: String,
    /// The step that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The reason given with a cancellation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it began.
    #[schemars(schema_with = "crate::schema::date_time")]
    pub since: Timestamp,
}

/// Where a step stands.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Its action is under way.
    Running,
    /// Its action waits for another attempt.
    Waiting,
    /// Its action is done.
    Succeeded,
    /// Its action failed.
    Failed,
    /// Its compensation is under way.
    Compensating,
    /// Its compensation waits for another attempt.
    CompensationWaiting,
    /// Its effect is undone.
    Compensated,
    /// Its compensation can't go on without a person.
    Stuck,
    /// A person decided to leave its effect.
    Skipped,
}

/// What is known of a step.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct StepStatus {
    /// Name of the step.
    pub name: String,
    /// Where it stands.
    pub state: StepState,
    /// Its place in the order of starts; compensation goes backwards by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i32>,
    /// The attempt under way, or the last one, of the current direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i32>,
    /// Running, Compensating: when the attempt counts as lost. Waiting: when the next one begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::optional_date_time")]
    pub due: Option<Timestamp>,
    /// When the first attempt of the current direction was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::optional_date_time")]
    pub first_sent_at: Option<Timestamp>,
    /// When the first attempt of the action was decided, once the compensation has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::optional_date_time")]
    pub action_first_sent_at: Option<Timestamp>,
    /// Attempts of the current direction that the worker turned away without an effect; they count towards no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned_away: Option<i32>,
    /// An attempt ended without an answer, so that its effect is possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubtful: Option<bool>,
    /// Why the last attempt did not succeed, in CamelCase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the action gave, at most 1 kB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::any_object")]
    pub outputs: Option<Map<String, Value>>,
}

/// A repair that was taken note of.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RepairStatus {
    /// Id of the entry in `spec.repairs`.
    pub id: String,
    /// `RepairApplied` or `RepairRefused`.
    pub result: String,
    /// When.
    #[schemars(schema_with = "crate::schema::date_time")]
    pub time: Timestamp,
}
