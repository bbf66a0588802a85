//! Undoing that needs a person, and what the person can do.

use saga::{Event, Phase, Repair, State, Verdict, verdict};

use crate::run::{Run, at, busy, done, refused, unknown};

/// A run in which the undo of `b` was refused, while `a` still waits for its undo.
fn stuck() -> Run {
    let mut run = Run::with_done(&["a", "b"]);
    run.reports("c", 1, refused());
    run.undo_reports("b", 1, refused());
    run
}

#[test]
fn a_refused_undo_is_stuck_at_once_and_holds_up_the_rest() {
    let run = stuck();
    assert_eq!((run.phase(), run.state("b"), run.state("a")), (Phase::Stuck, State::Stuck, State::Done));
    assert!(run.calls().is_empty() && run.wake.is_none());
}

#[test]
fn an_undo_is_stuck_when_its_attempts_are_used_up() {
    let mut run = Run::with_done(&["a"]);
    run.reports("b", 1, refused());
    for (attempt, second) in [(1, 1), (2, 3), (3, 3)] {
        run.undo_reports("a", attempt, unknown());
        run.ticks_at(at(second));
    }
    assert_eq!(run.phase(), Phase::Stuck);
}

#[test]
fn a_cancel_does_not_free_a_stuck_run() {
    let mut run = stuck();
    run.is_cancelled();
    assert_eq!(run.phase(), Phase::Stuck);
}

#[test]
fn a_retry_gives_fresh_attempts_and_keeps_the_first_time() {
    let mut run = stuck();
    run.ticks_at(at(100));
    run.is_repaired("b", Repair::Retry);
    assert_eq!(run.calls(), ["undo b1"]);
    assert_eq!(run.of_step("b").first_sent_at, Some(at(0)));
    run.undo_reports("b", 1, done());
    run.undo_reports("a", 1, done());
    assert_eq!(run.phase(), Phase::Compensated);
}

#[test]
fn what_was_skipped_stays_and_the_run_ends_failed() {
    let mut run = stuck();
    run.is_repaired("b", Repair::Skip);
    assert_eq!(run.calls(), ["undo a1"]);
    run.undo_reports("a", 1, done());
    assert_eq!((run.phase(), run.state("b")), (Phase::Failed, State::Skipped));
}

#[test]
fn what_a_person_undid_counts_as_undone() {
    let mut run = stuck();
    run.is_repaired("b", Repair::Resolve);
    run.undo_reports("a", 1, done());
    assert_eq!((run.phase(), run.state("b")), (Phase::Compensated, State::Undone));
}

/// A run in which the undo of `b` rests after an attempt of unknown end, while `a` still waits for its undo.
fn resting() -> Run {
    let mut run = Run::with_done(&["a", "b"]);
    run.reports("c", 1, refused());
    run.undo_reports("b", 1, unknown());
    run
}

#[test]
fn an_undo_that_rests_is_retried_at_once_with_fresh_attempts() {
    let mut run = resting();
    run.ticks_at(at(1));
    run.undo_reports("b", 2, busy(Some(600)));
    assert!(run.calls().is_empty());
    run.is_repaired("b", Repair::Retry);
    assert_eq!((run.calls(), run.of_step("b").turned_away), (vec!["undo b1".to_owned()], 0));
    for (attempt, second) in [(1, 2), (2, 4), (3, 4)] {
        assert_eq!(run.phase(), Phase::Compensating);
        run.undo_reports("b", attempt, unknown());
        run.ticks_at(at(second));
    }
    assert_eq!(run.phase(), Phase::Stuck);
}

#[test]
fn an_effect_can_be_left_or_undone_by_hand_while_its_undo_rests() {
    for (verb, state, end) in
        [(Repair::Skip, State::Skipped, Phase::Failed), (Repair::Resolve, State::Undone, Phase::Compensated)]
    {
        let mut run = resting();
        run.is_repaired("b", verb);
        assert_eq!((run.state("b"), run.calls()), (state, vec!["undo a1".to_owned()]));
        run.undo_reports("b", 1, refused());
        run.undo_reports("a", 1, done());
        assert_eq!(run.phase(), end);
    }
}

#[test]
fn a_retry_while_suspended_waits_for_the_resume_and_can_be_followed_by_another_decision() {
    let mut run = resting();
    run.take(&Event::Suspend);
    run.is_repaired("b", Repair::Retry);
    assert!(run.calls().is_empty());
    run.is_repaired("b", Repair::Skip);
    run.take(&Event::Resume);
    assert_eq!((run.state("b"), run.calls()), (State::Skipped, vec!["undo a1".to_owned()]));
}

#[test]
fn a_repair_waits_while_the_undo_is_called() {
    let mut run = resting();
    run.ticks_at(at(1));
    for verb in [Repair::Retry, Repair::Skip, Repair::Resolve] {
        let before = run.progress.clone();
        assert_eq!(verdict(&run.progress, "b"), Verdict::Waiting);
        run.is_repaired("b", verb);
        assert_eq!(run.progress, before);
    }
    run.undo_reports("b", 2, unknown());
    assert_eq!(verdict(&run.progress, "b"), Verdict::Accepted);
}

#[test]
fn only_a_step_whose_undo_goes_on_can_be_repaired_and_one_whose_turn_comes_waits_for_it() {
    let mut run = stuck();
    let before = run.progress.clone();
    assert_eq!(verdict(&run.progress, "b"), Verdict::Accepted);
    for (step, wanted) in [("a", Verdict::Waiting), ("c", Verdict::Refused), ("x", Verdict::Refused)] {
        assert_eq!(verdict(&run.progress, step), wanted, "{step}");
        for verb in [Repair::Retry, Repair::Skip, Repair::Resolve] {
            run.is_repaired(step, verb);
        }
    }
    assert_eq!(run.progress, before);
    run.is_repaired("b", Repair::Resolve);
    assert_eq!(verdict(&run.progress, "b"), Verdict::Refused);
}
