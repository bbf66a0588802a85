//! A step of a saga: an action, and how to undo it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::reference::NameRef;

/// One step: an action with its compensation.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.dependsOn) || !(self.name in self.dependsOn)").message("a step can't depend on itself: remove its name from dependsOn"))]
#[x_kube(validation = Rule::new("has(self.compensation) || self.action.operation in ['airtable.get', 'airtable.find', 'wait']").message("compensation is required, so that nobody forgets it: say policy Auto, Explicit or None"))]
#[x_kube(validation = Rule::new("!has(self.compensation) || self.compensation.policy != 'Auto' || self.action.operation.startsWith('airtable.')").message("compensation policy Auto is for operations airtable.*: use Explicit with an action, or None"))]
#[x_kube(validation = Rule::new("!has(self.when)").message("steps[].when is not supported by this version: remove it"))]
#[x_kube(validation = Rule::new("!has(self.forEach)").message("steps[].forEach is not supported by this version: write one step for each item"))]
#[x_kube(validation = Rule::new("!has(self.pivot) || !self.pivot").message("steps[].pivot is not supported by this version: remove it, every step is compensated"))]
#[x_kube(validation = Rule::new("!has(self.probe)").message("steps[].probe is not supported by this version: remove it, an unknown outcome is tried again with the same key"))]
#[x_kube(validation = Rule::new("!has(self.outputs)").message("steps[].outputs is not supported by this version: remove it, use what the operation gives as steps.NAME.outputs"))]
pub struct Step {
    /// Name of the step, unique in the saga; part of the key under which its effect happens once.
    #[schemars(length(min = 1, max = 63), pattern(r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Steps that must be done before this one. Absent: the step before in the list; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 63)))]
    pub depends_on: Option<Vec<String>>,
    /// Condition in CEL under which the step is done, else it is passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub when: Option<String>,
    /// Does the step once for each item of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<ForEach>,
    /// What is done.
    pub action: Action,
    /// How it is undone. Required where the action may have an effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensation: Option<Compensation>,
    /// How to find out whether an action whose outcome is unknown has happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Action>,
    /// The point of no return: once it is done the saga only goes forward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pivot: Option<bool>,
    /// Seconds that one attempt of the action may take; 30 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub timeout_seconds: Option<i32>,
    /// How often and when the action is tried again; 3 attempts when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<RetryPolicy>,
    /// Values taken from the answer under names of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub outputs: Option<Vec<Output>>,
}

/// An operation with its input.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!self.operation.startsWith('airtable.') || has(self.baseRef)").message("operations airtable.* need baseRef: name the AirtableBase of this namespace"))]
#[x_kube(validation = Rule::new("self.operation.startsWith('airtable.') || !has(self.baseRef)").message("baseRef is only for operations airtable.*: remove it"))]
#[x_kube(validation = Rule::new("!self.operation.startsWith('airtable.') || self.operation in ['airtable.create', 'airtable.update', 'airtable.upsert', 'airtable.delete', 'airtable.get', 'airtable.find']").message("unknown operation: airtable.* knows create, update, upsert, delete, get and find"))]
pub struct Action {
    /// Name of the operation, for example `airtable.create` or `http.request`.
    #[schemars(length(min = 1, max = 63), pattern(r"^[a-z][a-zA-Z0-9]*(\.[a-z][a-zA-Z0-9]*)*$"))]
    pub operation: String,
    /// The base that an operation `airtable.*` works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_ref: Option<NameRef>,
    /// Input of the operation. Strings may hold `${parameters.NAME}` and `${steps.NAME.outputs.FIELD}`; in an explicit
    /// compensation also `${outputs.FIELD}` of the action it undoes.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "crate::schema::any_object")]
    pub input: Map<String, Value>,
}

impl Action {
    /// True when the operation only reads, so that there is nothing to undo.
    pub fn only_reads(&self) -> bool {
        matches!(self.operation.as_str(), "airtable.get" | "airtable.find" | "wait")
    }
}

/// How a step is undone.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.policy == 'Explicit') == has(self.action)").message("compensation.action belongs to policy Explicit and to no other"))]
pub struct Compensation {
    /// Auto, Explicit or None.
    pub policy: CompensationPolicy,
    /// What undoes the action, for policy Explicit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// Seconds that one attempt may take; 30 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub timeout_seconds: Option<i32>,
    /// How often and when it is tried again; without limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<RetryPolicy>,
}

/// How a step is undone.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompensationPolicy {
    /// The worker knows how: a created record is deleted, an updated one gets its fields back, a deleted one is made again.
    Auto,
    /// By an action of one's own.
    Explicit,
    /// There is nothing to undo, or it is meant to stay.
    None,
}

/// How often and when an attempt is repeated.
#[derive(Serialize, Deserialize, KubeSchema, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.initialBackoffSeconds) || !has(self.maxBackoffSeconds) || self.initialBackoffSeconds <= self.maxBackoffSeconds").message("retryPolicy.initialBackoffSeconds must not exceed maxBackoffSeconds"))]
pub struct RetryPolicy {
    /// Attempts in all, the first one included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub max_attempts: Option<i32>,
    /// Seconds before the second attempt; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub initial_backoff_seconds: Option<i32>,
    /// The longest pause in seconds; 60 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub max_backoff_seconds: Option<i32>,
    /// Growth of the pause from attempt to attempt, in percent; 200 (doubling) when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 1000))]
    pub backoff_factor_percent: Option<i32>,
    /// Up to how much of the pause is taken off at random, in percent; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub jitter_percent: Option<i32>,
}

/// Repetition over a list.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ForEach {
    /// The list, an expression in CEL.
    #[schemars(length(min = 1, max = 1024))]
    pub items: String,
    /// How many at once; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub max_parallel: Option<i32>,
}

/// A value taken from an answer.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Name of the output.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// The value, an expression in CEL over the answer.
    #[schemars(length(min = 1, max = 1024))]
    pub expression: String,
}
