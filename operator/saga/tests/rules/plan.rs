//! What is a plan and what is not.

use saga::{Limits, MAX_STEPS, Plan, Policy, Step};

use crate::run::{POLICY, a_step};

fn error(steps: Vec<Step>, limits: Limits) -> String {
    Plan::new(steps, limits).unwrap_err().to_string()
}

fn error_of(action: Policy) -> String {
    error(vec![Step { action, ..a_step("a", &[]) }], Limits::default())
}

#[test]
fn a_plan_keeps_the_order_given() {
    let plan = Plan::new(vec![a_step("z", &["a"]), a_step("a", &[])], Limits::default()).unwrap();
    let names: Vec<&str> = plan.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["z", "a"]);
}

#[test]
fn a_plan_has_at_least_one_step_and_not_too_many() {
    let many = |count| (0..count).map(|place| a_step(&format!("s{place}"), &[])).collect::<Vec<_>>();
    assert!(Plan::new(many(MAX_STEPS), Limits::default()).is_ok());
    assert_eq!(error(many(MAX_STEPS + 1), Limits::default()), "steps: there are 65, must be 1 to 64");
    assert_eq!(error(vec![], Limits::default()), "steps: there are 0, must be 1 to 64");
}

#[test]
fn names_are_unique_and_not_empty() {
    let twice = vec![a_step("a", &[]), a_step("a", &[])];
    assert_eq!(error(twice, Limits::default()), "steps: name \"a\" is used more than once, must be unique");
    assert_eq!(error(vec![a_step("", &[])], Limits::default()), "steps[0].name: is empty, must be a name");
}

#[test]
fn needs_are_steps() {
    let unknown = vec![a_step("a", &["b"])];
    assert_eq!(error(unknown, Limits::default()), "step \"a\": needs \"b\", which is not a step");
}

#[test]
fn needs_do_not_run_in_a_circle() {
    let circle = vec![a_step("a", &[]), a_step("b", &["c", "a"]), a_step("c", &["b"])];
    assert_eq!(
        error(circle, Limits::default()),
        "steps [\"b\", \"c\"]: wait for each other in a circle, needs must be acyclic"
    );
    assert!(error(vec![a_step("a", &["a"])], Limits::default()).contains("circle"));
}

#[test]
fn numbers_out_of_range_are_named() {
    assert_eq!(
        error_of(Policy { timeout_seconds: 0, ..POLICY }),
        "step \"a\": action.timeout_seconds: is 0, must be at least 1"
    );
    assert_eq!(
        error_of(Policy { max_backoff_seconds: 0, ..POLICY }),
        "step \"a\": action.max_backoff_seconds: is 0, must be at least initial_backoff_seconds"
    );
    assert_eq!(
        error_of(Policy { backoff_factor_percent: 99, ..POLICY }),
        "step \"a\": action.backoff_factor_percent: is 99, must be at least 100"
    );
    assert_eq!(
        error_of(Policy { jitter_percent: 101, ..POLICY }),
        "step \"a\": action.jitter_percent: is 101, must be at most 100"
    );
    let limits = Limits { compensation_deadline_seconds: Some(0), ..Limits::default() };
    assert_eq!(
        error(vec![a_step("a", &[])], limits),
        "limits.compensation_deadline_seconds: is 0, must be at least 1"
    );
}
