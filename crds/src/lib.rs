//! The resources of `pyairtable.dev/v1alpha1` as wire types: `AirtableBase`, `Workflow` and `Saga`.
//!
//! A leaf. The types are flat, tolerant and versioned; what they mean is decided by the operator. The manifests beside
//! this crate's sources are generated from the types: `UPDATE=1 cargo test -p crds` writes them anew.

#![deny(missing_docs)]
#![expect(clippy::duplicated_attributes, reason = "each printer column of a resource names its own type")]

pub mod airtable_base;
pub mod base_schema;
pub mod base_urls;
pub mod condition;
pub mod reason;
pub mod reference;
pub mod saga;
pub mod schema;
pub mod step;
mod url_rules;
pub mod workflow;
pub mod workload;

pub use airtable_base::{AirtableBase, AirtableBaseSpec, AirtableBaseStatus};
pub use condition::Condition;
pub use saga::{Saga, SagaSpec, SagaStatus};
pub use workflow::{Workflow, WorkflowSpec, WorkflowStatus};

/// The API group, also the prefix of labels, annotations and finalizers.
pub const GROUP: &str = "pyairtable.dev";
/// Where a finished or running saga says that it has started once: the uid under which it did.
pub const STARTED_ANNOTATION: &str = "pyairtable.dev/started";
/// Held by a saga while it may have effects in the world.
pub const SAGA_FINALIZER: &str = "pyairtable.dev/compensate";
/// Held by a workflow or a base while sagas that use it are under way.
pub const HOLD_FINALIZER: &str = "pyairtable.dev/sagas";

/// The three definitions in the order in which they are installed.
pub fn all()
-> [k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition; 3] {
    use kube::CustomResourceExt as _;
    [AirtableBase::crd(), Workflow::crd(), Saga::crd()]
}
