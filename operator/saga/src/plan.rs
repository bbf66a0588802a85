//! What a run shall do: its steps, their order, and how patiently each is tried.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

/// The most steps a plan may have; the journal of more would not fit the object that keeps it.
pub const MAX_STEPS: usize = 64;

/// A valid plan; made by [`Plan::new`] only. It does not change while its run lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The steps in the order given, which decides between steps that are ready at once.
    pub steps: Vec<Step>,
    /// What bounds the run as a whole.
    pub limits: Limits,
    /// Spreads the waits of runs that share a plan; the run's uid. See [`Plan::keyed`].
    pub key: String,
}

/// One action, what it waits for, and how it is undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Unique in the plan.
    pub name: String,
    /// Names of the steps that must be done before this one starts.
    pub needs: Vec<String>,
    /// Whether there is anything to undo.
    pub compensation: Compensation,
    /// How the action is tried.
    pub action: Policy,
    /// How the compensation is tried.
    pub undo: Policy,
}

/// Whether a step leaves anything that must be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compensation {
    /// Declared as having nothing to undo: a read, or an effect that is meant to stay.
    Nothing,
    /// Undone whenever the action may have had an effect.
    Undo,
}

/// How patiently a call is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Seconds until an unanswered attempt counts as unknown; at least 1.
    pub timeout_seconds: u32,
    /// Attempts in all; 0 means unlimited.
    pub max_attempts: u32,
    /// Seconds of rest after the first attempt.
    pub initial_backoff_seconds: u32,
    /// The longest rest in seconds; at least the first.
    pub max_backoff_seconds: u32,
    /// Growth of the rest from attempt to attempt in percent; at least 100 (constant), 200 doubles.
    pub backoff_factor_percent: u32,
    /// How much of a rest may be cut off at random, in percent; at most 100.
    pub jitter_percent: u32,
}

/// What bounds the run as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Seconds of activity (since start or last resume) after which the run unwinds; at least 1.
    pub active_deadline_seconds: Option<u32>,
    /// Seconds of unwinding after which an undo is no longer tried but waits for a person; at least 1.
    pub compensation_deadline_seconds: Option<u32>,
    /// Steps that may be started and unsettled at once; 0 means unlimited. Undoing is always one at a time.
    pub parallelism: u32,
}

/// Why steps and limits do not make a plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Too few or too many steps.
    #[error("steps: there are {count}, must be 1 to {MAX_STEPS}")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// A name that is empty.
    #[error("steps[{index}].name: is empty, must be a name")]
    Unnamed {
        /// The step's place in the list.
        index: usize,
    },
    /// Two steps of one name.
    #[error("steps: name {name:?} is used more than once, must be unique")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A need that no step satisfies.
    #[error("step {step:?}: needs {need:?}, which is not a step")]
    UnknownNeed {
        /// The step that needs it.
        step: String,
        /// What it needs.
        need: String,
    },
    /// Steps that wait for each other.
    #[error("steps {steps:?}: wait for each other in a circle, needs must be acyclic")]
    Cycle {
        /// The steps that could never start.
        steps: Vec<String>,
    },
    /// A number out of its range.
    #[error("{field}: is {value}, must be {expected}")]
    Range {
        /// Where the number stands.
        field: String,
        /// The number.
        value: u32,
        /// What it would have to be.
        expected: &'static str,
    },
}

impl Plan {
    /// A plan of these steps, in this order; an error when they could not all run.
    pub fn new(steps: Vec<Step>, limits: Limits) -> Result<Self, PlanError> {
        if steps.is_empty() || steps.len() > MAX_STEPS {
            return Err(PlanError::Count { count: steps.len() });
        }
        check_names(&steps)?;
        check_acyclic(&steps)?;
        for step in &steps {
            check_policy(&step.name, "action", step.action)?;
            check_policy(&step.name, "undo", step.undo)?;
        }
        check_deadline("limits.active_deadline_seconds", limits.active_deadline_seconds)?;
        check_deadline("limits.compensation_deadline_seconds", limits.compensation_deadline_seconds)?;
        Ok(Self { steps, limits, key: String::new() })
    }

    /// The same plan for the run of this key, so that runs that fail together do not all come back together.
    #[must_use]
    pub fn keyed(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    /// The step of this name.
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// What names an action for ever, over all attempts and both directions: `{key}/{step}`.
    pub fn step_key(&self, step: &str) -> String {
        format!("{}/{step}", self.key)
    }
}

fn check_names(steps: &[Step]) -> Result<(), PlanError> {
    let mut names = BTreeSet::new();
    for (index, step) in steps.iter().enumerate() {
        if step.name.is_empty() {
            return Err(PlanError::Unnamed { index });
        }
        if !names.insert(step.name.as_str()) {
            return Err(PlanError::Duplicate { name: step.name.clone() });
        }
    }
    for step in steps {
        if let Some(need) = step.needs.iter().find(|need| !names.contains(need.as_str())) {
            return Err(PlanError::UnknownNeed { step: step.name.clone(), need: need.clone() });
        }
    }
    Ok(())
}

/// Takes away what could start, again and again; what is left waits for itself.
fn check_acyclic(steps: &[Step]) -> Result<(), PlanError> {
    let mut waiting: BTreeMap<&str, &[String]> =
        steps.iter().map(|step| (step.name.as_str(), step.needs.as_slice())).collect();
    loop {
        let ready: Vec<&str> = waiting
            .iter()
            .filter(|(_, needs)| needs.iter().all(|need| !waiting.contains_key(need.as_str())))
            .map(|(name, _)| *name)
            .collect();
        if waiting.is_empty() {
            return Ok(());
        }
        if ready.is_empty() {
            return Err(PlanError::Cycle { steps: waiting.into_keys().map(str::to_owned).collect() });
        }
        for name in ready {
            waiting.remove(name);
        }
    }
}

fn check_policy(step: &str, part: &str, policy: Policy) -> Result<(), PlanError> {
    let faults = [
        (policy.timeout_seconds == 0, "timeout_seconds", policy.timeout_seconds, "at least 1"),
        (
            policy.max_backoff_seconds < policy.initial_backoff_seconds,
            "max_backoff_seconds",
            policy.max_backoff_seconds,
            "at least initial_backoff_seconds",
        ),
        (
            policy.backoff_factor_percent < 100,
            "backoff_factor_percent",
            policy.backoff_factor_percent,
            "at least 100",
        ),
        (policy.jitter_percent > 100, "jitter_percent", policy.jitter_percent, "at most 100"),
    ];
    match faults.into_iter().find(|(wrong, ..)| *wrong) {
        None => Ok(()),
        Some((_, field, value, expected)) => {
            Err(PlanError::Range { field: format!("step {step:?}: {part}.{field}"), value, expected })
        }
    }
}

fn check_deadline(field: &str, seconds: Option<u32>) -> Result<(), PlanError> {
    match seconds {
        Some(0) => Err(PlanError::Range { field: field.to_owned(), value: 0, expected: "at least 1" }),
        _ => Ok(()),
    }
}
