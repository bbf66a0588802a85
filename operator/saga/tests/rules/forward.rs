//! The way forward: starts, results, retries.

use saga::{Event, Limits, Phase, Plan, State, start, step};

use crate::run::{Run, a_step, at, at_millisecond, busy, chain, done, refused, unknown};

#[test]
fn one_transition_carries_the_result_of_a_step_and_the_intent_of_the_next() {
    let mut run = Run::of(chain());
    assert_eq!(run.calls(), ["do a1"]);
    run.reports("a", 1, done());
    assert_eq!((run.state("a"), run.calls()), (State::Done, vec!["do b1".to_owned()]));
}

#[test]
fn a_run_succeeds_when_its_last_step_is_done() {
    let mut run = Run::with_done(&["a", "b"]);
    assert_eq!(run.phase(), Phase::Running);
    run.reports("c", 1, done());
    assert_eq!((run.phase(), run.progress.finished_at, run.wake), (Phase::Succeeded, Some(at(0)), None));
}

#[test]
fn steps_that_need_the_same_step_start_together_and_one_that_needs_both_waits() {
    let steps = vec![a_step("a", &[]), a_step("b", &["a"]), a_step("c", &["a"]), a_step("d", &["b", "c"])];
    let mut run = Run::of(Plan::new(steps, Limits::default()).unwrap());
    run.reports("a", 1, done());
    assert_eq!(run.calls(), ["do b1", "do c1"]);
    run.reports("c", 1, done());
    assert_eq!(run.calls(), ["do b1"]);
    run.reports("b", 1, done());
    assert_eq!(run.calls(), ["do d1"]);
}

#[test]
fn a_resting_step_holds_its_place_among_the_parallel_ones() {
    let steps = vec![a_step("a", &[]), a_step("b", &[]), a_step("c", &[])];
    let mut run = Run::of(Plan::new(steps, Limits { parallelism: 2, ..Limits::default() }).unwrap());
    assert_eq!(run.calls(), ["do a1", "do b1"]);
    run.reports("a", 1, busy(None));
    assert_eq!(run.calls(), ["do b1"]);
    run.reports("b", 1, done());
    assert_eq!(run.calls(), ["do c1"]);
}

#[test]
fn after_a_restart_the_same_calls_come_out_again() {
    let run = Run::with_done(&["a"]);
    let again = step(&run.plan, &run.progress, Event::Tick, at(5));
    assert_eq!(again.progress, run.progress);
    assert_eq!(again.commands, saga::commands(&run.plan, &run.progress));
    assert_eq!(again.commands.len(), 1);
}

#[test]
fn an_attempt_that_was_turned_away_is_not_the_first_that_was_sent() {
    let mut run = Run::of(chain());
    let first = |run: &Run| run.of_step("a").first_sent_at;
    assert_eq!(first(&run), Some(at(0)));
    run.reports("a", 1, busy(Some(10)));
    run.ticks_at(at(10));
    assert_eq!((run.calls(), first(&run)), (vec!["do a2".to_owned()], Some(at(10))));
    run.reports("a", 2, unknown());
    run.ticks_at(at(20));
    run.reports("a", 3, busy(Some(10)));
    run.ticks_at(at(40));
    assert_eq!(
        (run.calls(), first(&run)),
        (vec!["do a4".to_owned()], Some(at(10))),
        "the second may have had its effect"
    );
}

#[test]
fn an_unknown_outcome_is_tried_again_after_a_rest_and_the_first_time_is_kept() {
    let mut run = Run::of(chain());
    run.reports("a", 1, unknown());
    assert_eq!((run.state("a"), run.wake), (State::Resting { attempt: 1, until: at(1) }, Some(at(1))));
    run.ticks_at(at(1));
    assert_eq!(run.calls(), ["do a2"]);
    assert_eq!(run.of_step("a").first_sent_at, Some(at(0)));
    assert!(run.of_step("a").doubtful);
}

#[test]
fn a_call_counts_as_unknown_only_when_its_deadline_has_passed() {
    let plan = chain();
    let mut run = Run::of(plan);
    run.ticks_at(at_millisecond(29_999));
    assert_eq!(run.calls(), ["do a1"]);
    run.ticks_at(at(30));
    assert!(run.of_step("a").doubtful);
    assert_eq!(run.of_step("a").reason.as_deref(), Some("NoAnswer"));
}

#[test]
fn times_are_whole_seconds_and_never_too_early() {
    let plan = chain();
    let next = step(&plan, &start(&plan, at_millisecond(1)), Event::Tick, at_millisecond(1));
    assert_eq!(next.progress.started_at, at(0));
    assert_eq!(next.progress.steps["a"].state, State::Doing { attempt: 1, deadline: at(31) });
    assert_eq!(next.progress.steps["a"].first_sent_at, Some(at(0)));
}

#[test]
fn a_busy_worker_is_left_alone_for_as_long_as_it_asks_but_no_longer_than_an_hour() {
    let mut run = Run::of(chain());
    run.reports("a", 1, busy(Some(20)));
    assert_eq!(run.wake, Some(at(20)));
    let mut run = Run::of(chain());
    run.reports("a", 1, busy(Some(i64::MAX)));
    assert_eq!(run.wake, Some(at(3600)));
    assert!(!run.of_step("a").doubtful);
}

#[test]
fn a_late_success_of_an_earlier_attempt_counts_since_the_key_is_the_same() {
    let mut resting = Run::of(chain());
    resting.reports("a", 1, unknown());
    resting.reports("a", 1, done());
    assert_eq!(resting.calls(), ["do b1"]);

    let mut calling = Run::of(chain());
    calling.reports("a", 1, unknown());
    calling.ticks_at(at(1));
    calling.reports("a", 1, done());
    assert_eq!(calling.calls(), ["do b1"]);
}

#[test]
fn any_other_late_report_changes_nothing() {
    let mut run = Run::of(chain());
    run.reports("a", 1, unknown());
    run.ticks_at(at(1));
    let before = run.progress.clone();
    for (step, attempt, report) in [
        ("a", 1, refused()),
        ("a", 1, unknown()),
        ("a", 3, done()),
        ("a", 0, done()),
        ("b", 1, done()),
        ("x", 1, done()),
    ] {
        run.reports(step, attempt, report);
        assert_eq!(run.progress, before);
    }
    run.undo_reports("a", 2, done());
    assert_eq!(run.progress, before);
}

#[test]
fn outputs_of_an_action_are_kept() {
    let mut run = Run::of(chain());
    let outputs = Some("{\"recordId\":\"rec1\"}".to_owned());
    run.reports("a", 1, saga::Report::Succeeded { outputs: outputs.clone() });
    assert_eq!(run.of_step("a").outputs, outputs);
}

#[test]
fn nothing_changes_after_the_end() {
    let mut run = Run::with_done(&["a", "b", "c"]);
    let end = run.progress.clone();
    run.is_cancelled();
    run.take(&Event::Suspend);
    run.ticks_at(at(1_000_000));
    assert_eq!(run.progress, end);
}
