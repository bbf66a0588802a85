//! A definition as the core's plan: names resolved, absent numbers filled in. Pure.

use std::collections::BTreeSet;

use crds::{
    Saga,
    step::{CompensationPolicy, RetryPolicy, Step},
    workflow::SagaTemplate,
};
use saga::{Compensation, Limits, Plan, PlanError, Policy};

/// Seconds of an attempt, in both directions, when nothing else is said.
const TIMEOUT_SECONDS: i32 = 30;
/// Attempts of an action when nothing else is said.
const ACTION_ATTEMPTS: i32 = 3;
/// Compensation is tried for ever when nothing else is said: what was done is not forgotten.
const UNLIMITED: i32 = 0;

/// Why a definition makes no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The steps do not fit together.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// An expression that can't be read.
    #[error("step {step:?}: {source}")]
    Expression {
        /// The step.
        step: String,
        /// What is wrong.
        source: expression::Error,
    },
    /// An expression that names what does not exist when the step begins.
    #[error("step {step:?}: ${{{path}}}: {problem}")]
    Reference {
        /// The step.
        step: String,
        /// The expression.
        path: String,
        /// What is wrong, and what would be right.
        problem: &'static str,
    },
}

/// What a saga does: its own steps, or those of `template`, with its own numbers where it has some.
pub fn definition(saga: &Saga, template: Option<&SagaTemplate>) -> Option<SagaTemplate> {
    let spec = &saga.spec;
    let steps = spec.steps.clone().or_else(|| template.map(|template| template.steps.clone()))?;
    let of = |own: Option<i32>, general: fn(&SagaTemplate) -> Option<i32>| {
        own.or_else(|| template.and_then(general))
    };
    Some(SagaTemplate {
        steps,
        parallelism: of(spec.parallelism, |template| template.parallelism),
        active_deadline_seconds: of(spec.active_deadline_seconds, |template| {
            template.active_deadline_seconds
        }),
        compensation_deadline_seconds: of(spec.compensation_deadline_seconds, |template| {
            template.compensation_deadline_seconds
        }),
        ttl_seconds_after_finished: of(spec.ttl_seconds_after_finished, |template| {
            template.ttl_seconds_after_finished
        }),
    })
}

/// The plan of a definition; `key` spreads the pauses of runs, the uid of the saga.
pub fn of_template(definition: &SagaTemplate, key: &str) -> Result<Plan, Error> {
    let steps = &definition.steps;
    let needs = |index: usize| match (&steps[index].depends_on, index.checked_sub(1)) {
        (Some(needs), _) => needs.clone(),
        (None, Some(before)) => vec![steps[before].name.clone()],
        (None, None) => Vec::new(),
    };
    let planned = steps.iter().enumerate().map(|(index, step)| of_step(step, needs(index))).collect();
    let plan = Plan::new(planned, limits(definition))?.keyed(key);
    for step in steps {
        check_expressions(step, &plan)?;
    }
    Ok(plan)
}

fn limits(definition: &SagaTemplate) -> Limits {
    Limits {
        active_deadline_seconds: definition.active_deadline_seconds.map(unsigned),
        compensation_deadline_seconds: definition.compensation_deadline_seconds.map(unsigned),
        parallelism: definition.parallelism.map_or(0, unsigned),
    }
}

fn of_step(step: &Step, needs: Vec<String>) -> saga::Step {
    let compensation = step.compensation.as_ref();
    let has_effect =
        !step.action.only_reads() && compensation.is_some_and(|it| it.policy != CompensationPolicy::None);
    saga::Step {
        name: step.name.clone(),
        needs,
        compensation: if has_effect { Compensation::Undo } else { Compensation::Nothing },
        action: policy(step.timeout_seconds, step.retry_policy.as_ref(), ACTION_ATTEMPTS),
        undo: policy(
            compensation.and_then(|it| it.timeout_seconds),
            compensation.and_then(|it| it.retry_policy.as_ref()),
            UNLIMITED,
        ),
    }
}

fn policy(timeout: Option<i32>, retry: Option<&RetryPolicy>, attempts: i32) -> Policy {
    let retry = retry.cloned().unwrap_or_default();
    let initial = unsigned(retry.initial_backoff_seconds.unwrap_or(1));
    Policy {
        timeout_seconds: unsigned(timeout.unwrap_or(TIMEOUT_SECONDS)),
        max_attempts: unsigned(retry.max_attempts.unwrap_or(attempts)),
        initial_backoff_seconds: initial,
        max_backoff_seconds: unsigned(retry.max_backoff_seconds.unwrap_or(60)).max(initial),
        backoff_factor_percent: unsigned(retry.backoff_factor_percent.unwrap_or(200)),
        jitter_percent: unsigned(retry.jitter_percent.unwrap_or(20)),
    }
}

/// The schema of the resource admits no negative number.
fn unsigned(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn check_expressions(step: &Step, plan: &Plan) -> Result<(), Error> {
    let done_before = done_before(plan, &step.name);
    let unreadable = |source| Error::Expression { step: step.name.clone(), source };
    let compensation = step.compensation.as_ref().and_then(|it| it.action.as_ref());
    for (action, may_use_outputs) in
        std::iter::once((&step.action, false)).chain(compensation.map(|it| (it, true)))
    {
        for path in expression::references(&action.input.clone().into()).map_err(unreadable)? {
            let wrong =
                |problem| Error::Reference { step: step.name.clone(), path: path.to_string(), problem };
            let mut names = path.names();
            match names.next().unwrap_or_default() {
                "parameters" => {}
                "outputs" if may_use_outputs => {}
                "steps" => match names.next() {
                    Some(name) if (may_use_outputs && name == step.name) || done_before.contains(name) => {}
                    _ => {
                        return Err(wrong(
                            "names a step that is not done before this one: add it to dependsOn, or correct the name",
                        ));
                    }
                },
                _ => {
                    return Err(wrong(
                        "begins with neither parameters nor steps (nor outputs, in a compensation)",
                    ));
                }
            }
        }
    }
    Ok(())
}

/// The steps that are done before `step` begins, over all its needs; each is looked at once.
fn done_before<'a>(plan: &'a Plan, step: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = plan.step(step).map(|step| step.name.as_str()).into_iter().collect();
    while let Some(next) = open.pop() {
        let needs = plan.step(next).map(|step| step.needs.as_slice()).unwrap_or_default();
        open.extend(needs.iter().map(String::as_str).filter(|need| found.insert(*need)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(yaml: &str) -> SagaTemplate {
        serde_saphyr::from_str(yaml).unwrap()
    }

    const CHAIN: &str = "
steps:
- {name: first, action: {operation: http.request, input: {url: 'http://a'}}, compensation: {policy: None}}
- {name: second, action: {operation: wait, input: {seconds: 0}}}
- {name: third, dependsOn: [], action: {operation: wait, input: {seconds: 0}}}
";

    #[test]
    fn a_step_without_depends_on_follows_the_one_before() {
        let plan = of_template(&template(CHAIN), "uid").unwrap();
        assert_eq!(plan.steps[1].needs, ["first"]);
        assert!(plan.steps[2].needs.is_empty());
    }

    #[test]
    fn an_expression_may_use_only_what_is_done_before() {
        let bad = CHAIN.replace(
            "seconds: 0}}}\n- {name: third",
            "seconds: '${steps.third.outputs.x}'}}}\n- {name: third",
        );
        let error = of_template(&template(&bad), "uid").unwrap_err().to_string();
        assert!(error.contains("second") && error.contains("steps.third"), "{error}");
    }

    #[test]
    fn a_dense_plan_is_checked_at_once() {
        let mut dense = template(CHAIN);
        let step = dense.steps[1].clone();
        dense.steps = (0..50)
            .map(|index| Step {
                name: format!("step-{index}"),
                depends_on: Some(
                    (index.max(16) - 16..index).map(|before| format!("step-{before}")).collect(),
                ),
                ..step.clone()
            })
            .collect();
        dense.steps[49].action.input.insert("seconds".to_owned(), "${steps.typo.outputs.x}".into());
        assert!(of_template(&dense, "uid").unwrap_err().to_string().contains("steps.typo"));
    }

    #[test]
    fn numbers_of_the_saga_come_before_those_of_the_workflow() {
        let mut workflow = template(CHAIN);
        workflow.active_deadline_seconds = Some(60);
        workflow.parallelism = Some(2);
        let mut saga = Saga::new("run", crds::SagaSpec::default());
        saga.spec.active_deadline_seconds = Some(5);
        let merged = definition(&saga, Some(&workflow)).unwrap();
        assert_eq!((merged.active_deadline_seconds, merged.parallelism), (Some(5), Some(2)));
    }
}
