//! Conditions as the Kubernetes API conventions define them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The resource is fully usable.
pub const READY: &str = "Ready";
/// The controller is still working towards the declared state.
pub const RECONCILING: &str = "Reconciling";
/// The controller can't go on by itself: somebody has to mend what the message says.
pub const STALLED: &str = "Stalled";
/// The base has the tables and fields that are declared.
pub const SCHEMA_MATCHES: &str = "SchemaMatches";
/// How a saga ended: `True` succeeded, `False` did not, `Unknown` still running.
pub const SUCCEEDED: &str = "Succeeded";
/// A saga is held by `spec.suspend`.
pub const SUSPENDED: &str = "Suspended";

/// `True`, `False` or `Unknown`.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Not known yet.
    Unknown,
}

impl From<bool> for ConditionStatus {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// One observation of the state of a resource.
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Type of the condition in CamelCase, one of each in a list.
    #[schemars(length(max = 316), pattern(r"^[A-Za-z][A-Za-z0-9]*$"))]
    pub r#type: String,
    /// True, False or Unknown.
    pub status: ConditionStatus,
    /// The `metadata.generation` that the condition was set for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When `status` last changed.
    #[schemars(schema_with = "crate::schema::date_time")]
    pub last_transition_time: Timestamp,
    /// Why, in CamelCase, from the list in the reference of reasons.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// Why, for a person: what is wrong and what to do.
    #[schemars(length(max = 32768))]
    pub message: String,
}
