//! Runs one saga of a workflow and tells whether it succeeded: what `helm test` does.

use std::{path::PathBuf, time::Duration};

use crds::{Saga, SagaSpec, reference::NameRef};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ObjectMeta, PostParams},
};
use serde_json::{Map, Value};

/// Pause between two looks.
const PERIOD: Duration = Duration::from_millis(500);
/// Seconds after which an ended saga is deleted.
const KEPT: i32 = 600;

/// Which saga to run.
#[derive(Debug, Clone, clap::Args)]
pub struct Smoke {
    /// Kubeconfig of the cluster; in a pod its ServiceAccount is used instead
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Namespace of the workflow
    #[arg(long, value_name = "NAMESPACE")]
    pub namespace: String,
    /// The workflow to run
    #[arg(long, value_name = "NAME")]
    pub workflow: String,
    /// Parameters of the saga, a JSON object
    #[arg(long, value_name = "JSON", value_parser = object)]
    pub parameters: Option<Map<String, Value>>,
    /// Seconds to wait for its end
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub timeout_seconds: u64,
}

/// Why the saga did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No cluster.
    #[error(transparent)]
    Cluster(#[from] crate::Error),
    /// The API server refused something.
    #[error("saga of workflow {workflow}: {source}")]
    Api {
        /// The workflow.
        workflow: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// It ended otherwise.
    #[error("saga {name} ended {state}: {why}")]
    Ended {
        /// The saga.
        name: String,
        /// How it ended.
        state: String,
        /// The message of its condition.
        why: String,
    },
    /// It did not end.
    #[error("saga {name} has not ended in {seconds} s, it waits for: {waiting_on}")]
    Late {
        /// The saga.
        name: String,
        /// How long was waited.
        seconds: u64,
        /// What it waits for.
        waiting_on: String,
    },
}

/// Creates the saga and waits until it has succeeded.
pub async fn run(smoke: &Smoke) -> Result<(), Error> {
    let config = crate::kube_config(smoke.kubeconfig.as_deref()).await?;
    let failed = |source| Error::Api { workflow: smoke.workflow.clone(), source: Box::new(source) };
    let client = Client::try_from(config).map_err(failed)?;
    let api: Api<Saga> = Api::namespaced(client, &smoke.namespace);
    let mut saga = api.create(&PostParams::default(), &wanted(smoke)).await.map_err(failed)?;
    let name = saga.name_any();
    tracing::info!(name, workflow = smoke.workflow, "created");
    let ended = tokio::time::timeout(Duration::from_secs(smoke.timeout_seconds), async {
        while !has_ended(&saga) {
            tokio::time::sleep(PERIOD).await;
            let before = progress(&saga);
            saga = api.get(&name).await?;
            if progress(&saga) != before {
                tracing::info!(name, state = state(&saga), progress = progress(&saga), "saga");
            }
        }
        Ok(())
    });
    let Ok(looked) = ended.await else {
        let waiting_on = saga.status.and_then(|status| status.waiting_on);
        let waiting_on = waiting_on.unwrap_or_else(|| "the operator".to_owned());
        return Err(Error::Late { name, seconds: smoke.timeout_seconds, waiting_on });
    };
    looked.map_err(failed)?;
    if state(&saga) == "Succeeded" {
        return Ok(());
    }
    let why = saga.status.as_ref().and_then(|status| status.conditions.first());
    let why = why.map(|condition| condition.message.clone()).unwrap_or_default();
    Err(Error::Ended { state: state(&saga).to_owned(), name, why })
}

fn wanted(smoke: &Smoke) -> Saga {
    Saga {
        metadata: ObjectMeta { generate_name: Some("smoke-".to_owned()), ..ObjectMeta::default() },
        spec: SagaSpec {
            workflow_ref: Some(NameRef { name: smoke.workflow.clone() }),
            parameters: smoke.parameters.clone(),
            ttl_seconds_after_finished: Some(KEPT),
            ..SagaSpec::default()
        },
        status: None,
    }
}

/// A saga that is invalid never starts and so never completes.
fn has_ended(saga: &Saga) -> bool {
    let is_complete = saga.status.as_ref().is_some_and(|status| status.completion_time.is_some());
    is_complete || state(saga) == "Invalid"
}

fn state(saga: &Saga) -> &str {
    saga.status.as_ref().and_then(|status| status.state.as_deref()).unwrap_or("Pending")
}

fn progress(saga: &Saga) -> Option<String> {
    saga.status.as_ref()?.progress.clone()
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("expected a JSON object: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn saga(status: &Value) -> Saga {
        serde_json::from_value(json!({"metadata": {}, "spec": {}, "status": status})).unwrap()
    }

    #[test]
    fn an_invalid_saga_has_ended_and_one_that_compensates_has_not() {
        assert!(has_ended(&saga(&json!({"state": "Invalid"}))));
        assert!(!has_ended(&saga(&json!({"state": "Compensating"}))));
        assert!(has_ended(&saga(&json!({"state": "Succeeded", "completionTime": "2026-01-01T00:00:00Z"}))));
    }

    #[test]
    fn parameters_are_an_object() {
        assert_eq!(object(r#"{"a": 1}"#).unwrap()["a"], 1);
        assert!(object("[1]").unwrap_err().contains("expected a JSON object"));
    }
}
