//! The body of a call to a worker, as the step contract has it. Pure.

use crds::{
    SagaStatus,
    step::{Action, CompensationPolicy, Step},
};
use jiff::Timestamp;
use saga::Command;
use serde_json::{Map, Value, json};

use super::observe::Observed;

/// Why a call can't be made: the step is refused without one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An expression leads to nothing.
    #[error("input: {0}")]
    Expression(#[from] expression::Error),
    /// No such step in the definition.
    #[error("the definition has no step {0:?}")]
    Step(String),
}

/// The body, or that the base of the step is not there yet (`None`): that is not the step's fault.
pub fn body(
    command: &Command,
    observed: &Observed,
    parameters: Option<&Map<String, Value>>,
    status: &SagaStatus,
) -> Result<Option<Value>, Refusal> {
    let (name, attempt, deadline, first_sent_at) = parts(command);
    let step = observed
        .definition
        .steps
        .iter()
        .find(|step| step.name == name)
        .ok_or_else(|| Refusal::Step(name.to_owned()))?;
    let scope = scope(parameters, status);
    let Some(action) = resolved(&step.action, observed, |input| expression::resolve(input, &scope))? else {
        return Ok(None);
    };
    let Some(compensation) = compensation(step, &scope, observed)? else { return Ok(None) };
    let mut body = json!({
        "attempt": attempt,
        "epoch": status.epoch,
        "firstSentAt": first_sent_at,
        "deadline": deadline,
        "action": action,
        "compensation": compensation,
    });
    if let Command::Undo { action_first_sent_at, .. } = command {
        body["actionFirstSentAt"] = json!(action_first_sent_at);
    }
    Ok(Some(body))
}

/// Step, attempt, deadline and time of the first attempt.
pub fn parts(command: &Command) -> (&str, u32, Timestamp, Timestamp) {
    match command {
        Command::Do { step, attempt, deadline, first_sent_at }
        | Command::Undo { step, attempt, deadline, first_sent_at, .. } => {
            (step, *attempt, *deadline, *first_sent_at)
        }
    }
}

/// What expressions may name: parameters, and the outputs of steps that are done.
fn scope(parameters: Option<&Map<String, Value>>, status: &SagaStatus) -> Value {
    let steps: Map<String, Value> = status
        .steps
        .iter()
        .filter_map(|own| Some((own.name.clone(), json!({ "outputs": own.outputs.as_ref()? }))))
        .collect();
    json!({ "parameters": parameters.cloned().unwrap_or_default(), "steps": steps })
}

fn compensation(step: &Step, scope: &Value, observed: &Observed) -> Result<Option<Value>, Refusal> {
    let Some(compensation) = &step.compensation else { return Ok(Some(json!({ "policy": "None" }))) };
    Ok(match (compensation.policy, &compensation.action) {
        (CompensationPolicy::Explicit, Some(action)) => {
            // The worker knows more of the action's outputs than the journal, so that they are filled in there.
            let but_outputs = |input: &Value| expression::resolve_all_but("outputs", input, scope);
            resolved(action, observed, but_outputs)?
                .map(|action| json!({ "policy": "Explicit", "action": action }))
        }
        (policy, _) => Some(json!({ "policy": policy })),
    })
}

/// An action with its input filled in and its base found.
fn resolved(
    action: &Action,
    observed: &Observed,
    fill: impl Fn(&Value) -> Result<Value, expression::Error>,
) -> Result<Option<Value>, Refusal> {
    let mut call =
        json!({ "operation": action.operation, "input": fill(&Value::Object(action.input.clone()))? });
    if let Some(base) = &action.base_ref {
        let Some((url, id)) = observed.bases.get(&base.name) else { return Ok(None) };
        call["base"] = json!({ "name": base.name, "url": url, "id": id });
    }
    Ok(Some(call))
}
