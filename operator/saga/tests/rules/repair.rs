//! Undoing that needs a person, and what the person can do.

use saga::{Phase, Repair, State};

use crate::run::{Run, at, done, refused, unknown};

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

#[test]
fn only_a_stuck_step_can_be_repaired() {
    let mut run = stuck();
    let before = run.progress.clone();
    for verb in [Repair::Retry, Repair::Skip, Repair::Resolve] {
        run.is_repaired("a", verb);
        run.is_repaired("c", verb);
        run.is_repaired("x", verb);
    }
    assert_eq!(run.progress, before);
}
