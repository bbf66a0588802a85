//! The way back: what begins it, what is undone, in which order.

use saga::{Cause, Command, Compensation, Direction, Event, Limits, Phase, Plan, Repair, State, commands};

use crate::run::{Run, a_step, at, busy, chain, done, refused, unknown};

fn cause(run: &Run) -> Option<&Cause> {
    run.progress.unwinding.as_ref().map(|unwinding| &unwinding.cause)
}

#[test]
fn a_refused_step_is_not_undone_but_those_before_it_are_in_reverse_order() {
    let mut run = Run::with_done(&["a", "b"]);
    run.reports("c", 1, refused());
    assert_eq!(cause(&run), Some(&Cause::StepFailed { step: "c".to_owned() }));
    assert_eq!(run.calls(), ["undo b1"]);
    run.undo_reports("b", 1, done());
    assert_eq!(run.calls(), ["undo a1"]);
    run.undo_reports("a", 1, done());
    assert_eq!((run.phase(), run.state("c")), (Phase::Compensated, State::Failed));
}

#[test]
fn a_step_whose_outcome_is_unknown_is_undone_first() {
    let mut run = Run::with_done(&["a"]);
    for (attempt, second) in [(1, 1), (2, 3)] {
        run.reports("b", attempt, unknown());
        run.ticks_at(at(second));
    }
    run.reports("b", 3, unknown());
    assert_eq!(run.calls(), ["undo b1"]);
}

#[test]
fn a_step_refused_after_an_unknown_attempt_is_undone_as_well() {
    let mut run = Run::of(chain());
    run.reports("a", 1, unknown());
    run.ticks_at(at(1));
    run.reports("a", 2, refused());
    assert_eq!(run.calls(), ["undo a1"]);
}

#[test]
fn a_step_that_was_only_ever_turned_away_is_not_undone() {
    let mut run = Run::of(chain());
    for (attempt, second) in [(1, 1), (2, 3), (3, 7)] {
        run.reports("a", attempt, busy(None));
        run.ticks_at(at(second));
    }
    assert_eq!(run.calls(), ["do a4"], "attempts that were turned away use up no patience");
    run.reports("a", 4, busy(None));
    run.is_cancelled();
    assert_eq!((run.phase(), run.state("a")), (Phase::Compensated, State::Failed));
}

#[test]
fn undoing_follows_the_order_of_the_starts_and_not_that_of_the_plan_or_the_ends() {
    let steps = vec![a_step("late", &["early"]), a_step("early", &[]), a_step("other", &[])];
    let mut run = Run::of(Plan::new(steps, Limits::default()).unwrap());
    run.reports("early", 1, done());
    run.reports("late", 1, done());
    run.is_cancelled();
    run.reports("other", 1, done());
    let mut undone = Vec::new();
    while let Some(call) = run.calls().first().cloned() {
        let step = call["undo ".len()..call.len() - 1].to_owned();
        run.undo_reports(&step, 1, done());
        undone.push(step);
    }
    assert_eq!(undone, ["late", "other", "early"]);
}

#[test]
fn what_has_nothing_to_undo_is_passed_over() {
    let mut steps = chain().steps;
    steps[1].compensation = Compensation::Nothing;
    let mut run = Run::of(Plan::new(steps, Limits::default()).unwrap());
    run.reports("a", 1, done());
    run.reports("b", 1, done());
    run.reports("c", 1, refused());
    assert_eq!(run.calls(), ["undo a1"]);
}

#[test]
fn a_cancel_awaits_the_call_under_way_and_starts_nothing_more() {
    let mut run = Run::with_done(&["a"]);
    run.is_cancelled();
    assert_eq!((run.phase(), run.calls()), (Phase::Compensating, vec!["do b1".to_owned()]));
    run.reports("b", 1, done());
    assert_eq!(run.calls(), ["undo b1"]);
}

#[test]
fn a_cancelled_call_that_is_not_answered_is_undone_without_another_attempt() {
    let mut run = Run::with_done(&["a"]);
    run.is_cancelled();
    run.ticks_at(at(30));
    assert_eq!(run.calls(), ["undo b1"]);
}

#[test]
fn a_cancel_ends_a_rest_at_once() {
    let mut busy_run = Run::of(chain());
    busy_run.reports("a", 1, busy(None));
    busy_run.is_cancelled();
    assert_eq!(busy_run.phase(), Phase::Compensated);

    let mut unknown_run = Run::of(chain());
    unknown_run.reports("a", 1, unknown());
    unknown_run.is_cancelled();
    assert_eq!(unknown_run.calls(), ["undo a1"]);
}

#[test]
fn a_second_cause_does_not_replace_the_first() {
    let mut run = Run::with_done(&["a"]);
    run.take(&Event::Cancel { cause: Cause::Deleted });
    run.is_cancelled();
    run.reports("b", 1, refused());
    assert_eq!(cause(&run), Some(&Cause::Deleted));
}

#[test]
fn an_undo_is_tried_again_when_busy_or_unknown_and_counts_from_its_own_first_time() {
    let mut run = Run::with_done(&["a"]);
    run.ticks_at(at(7));
    run.reports("b", 1, refused());
    run.undo_reports("a", 1, busy(None));
    run.ticks_at(at(8));
    run.undo_reports("a", 2, unknown());
    run.ticks_at(at(10));
    assert_eq!(run.calls(), ["undo a3"]);
    assert_eq!(run.of_step("a").first_sent_at, Some(at(7)));
}

#[test]
fn an_undo_is_told_when_its_action_was_first_sent_also_after_a_restart_and_a_repair() {
    let mut run = Run::of(chain());
    run.ticks_at(at(5));
    run.reports("a", 1, done());
    run.ticks_at(at(9));
    run.is_cancelled();
    run.reports("b", 1, refused());
    let told = |run: &Run| match commands(&run.plan, &run.progress).as_slice() {
        [Command::Undo { first_sent_at, action_first_sent_at, .. }] => {
            (*first_sent_at, *action_first_sent_at)
        }
        other => panic!("not one undo: {other:?}"),
    };
    assert_eq!(told(&run), (at(9), at(0)));

    run.undo_reports("a", 1, refused());
    run.ticks_at(at(20));
    run.is_repaired("a", Repair::Retry);
    let written = serde_json::to_string(&run.progress).unwrap();
    run.progress = serde_json::from_str(&written).unwrap();
    assert_eq!(told(&run), (at(9), at(0)));
}

#[test]
fn an_undo_in_a_journal_that_does_not_say_when_its_action_was_sent_takes_the_start_of_the_run() {
    let mut run = Run::with_done(&["a"]);
    run.ticks_at(at(5));
    run.reports("b", 1, refused());
    run.progress.steps.get_mut("a").unwrap().action_first_sent_at = None;
    let calls = commands(&run.plan, &run.progress);
    assert!(
        matches!(calls.as_slice(), [Command::Undo { action_first_sent_at, .. }] if *action_first_sent_at == at(0))
    );
}

#[test]
fn a_late_success_of_an_earlier_undo_counts() {
    let mut run = Run::with_done(&["a"]);
    run.reports("b", 1, refused());
    run.undo_reports("a", 1, unknown());
    run.undo_reports("a", 1, done());
    assert_eq!(run.phase(), Phase::Compensated);
}

#[test]
fn a_late_report_of_the_action_does_not_touch_its_undo() {
    let mut run = Run::with_done(&["a"]);
    run.reports("b", 1, refused());
    let before = run.progress.clone();
    run.take(&Event::Reported { step: "a".to_owned(), direction: Direction::Do, attempt: 1, report: done() });
    assert_eq!(run.progress, before);
}
