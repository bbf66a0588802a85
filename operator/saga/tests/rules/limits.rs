//! Deadlines of the run and its suspension.

use saga::{Cause, Event, Limits, Phase, Repair, State};

use crate::run::{Run, at, busy, done, limited, refused, unknown};

const ACTIVE: Limits =
    Limits { active_deadline_seconds: Some(20), compensation_deadline_seconds: None, parallelism: 0 };
const COMPENSATION: Limits =
    Limits { active_deadline_seconds: None, compensation_deadline_seconds: Some(20), parallelism: 0 };

#[test]
fn a_run_turns_back_when_its_active_deadline_passes() {
    let mut run = Run::of(limited(ACTIVE));
    assert_eq!(run.wake, Some(at(20)));
    run.ticks_at(at(20));
    assert_eq!(run.progress.unwinding.as_ref().unwrap().cause, Cause::DeadlineExceeded);
    assert_eq!(run.calls(), ["do a1"]);
    run.reports("a", 1, done());
    assert_eq!(run.calls(), ["undo a1"]);
}

#[test]
fn the_active_deadline_does_not_stop_a_compensation() {
    let mut run = Run::of(limited(ACTIVE));
    run.reports("a", 1, done());
    run.reports("b", 1, refused());
    run.ticks_at(at(25));
    assert_eq!((run.phase(), run.calls()), (Phase::Compensating, vec!["undo a1".to_owned()]));
}

#[test]
fn a_run_that_is_done_at_its_deadline_has_succeeded() {
    let mut run = Run::of(limited(ACTIVE));
    run.ticks_at(at(19));
    for step in ["a", "b"] {
        run.reports(step, 1, done());
    }
    let last =
        Event::Reported { step: "c".to_owned(), direction: saga::Direction::Do, attempt: 1, report: done() };
    let late = saga::step(&run.plan, &run.progress, last, at(21));
    assert_eq!(saga::phase(&run.plan, &late.progress), Phase::Succeeded);
}

#[test]
fn when_the_compensation_deadline_passes_a_person_must_decide() {
    let mut run = Run::of(limited(COMPENSATION));
    run.reports("a", 1, done());
    run.reports("b", 1, done());
    run.reports("c", 1, refused());
    run.undo_reports("b", 1, busy(Some(600)));
    assert_eq!(run.wake, Some(at(20)));
    run.ticks_at(at(20));
    assert_eq!((run.phase(), run.state("b"), run.state("a")), (Phase::Stuck, State::Stuck, State::Done));
}

#[test]
fn a_call_under_way_at_the_compensation_deadline_is_awaited() {
    let mut run = Run::of(limited(COMPENSATION));
    run.reports("a", 1, done());
    run.reports("b", 1, refused());
    run.ticks_at(at(25));
    assert_eq!(run.calls(), ["undo a1"]);
    run.undo_reports("a", 1, unknown());
    assert_eq!(run.phase(), Phase::Stuck);
}

#[test]
fn a_repair_gives_the_compensation_fresh_time() {
    let mut run = Run::of(limited(COMPENSATION));
    run.reports("a", 1, done());
    run.reports("b", 1, refused());
    run.undo_reports("a", 1, busy(Some(600)));
    run.ticks_at(at(500));
    run.is_repaired("a", Repair::Retry);
    run.undo_reports("a", 1, unknown());
    assert_eq!(
        (run.phase(), run.state("a")),
        (Phase::Compensating, State::UndoResting { attempt: 1, until: at(501) })
    );
}

#[test]
fn a_suspended_run_ends_its_calls_and_starts_no_others() {
    let mut run = Run::of(limited(ACTIVE));
    run.take(&Event::Suspend);
    assert_eq!((run.phase(), run.calls()), (Phase::Suspended, vec!["do a1".to_owned()]));
    run.reports("a", 1, done());
    assert!(run.calls().is_empty() && run.wake.is_none());
}

#[test]
fn deadlines_of_the_run_do_not_pass_while_suspended_and_count_anew_afterwards() {
    let mut run = Run::of(limited(ACTIVE));
    run.take(&Event::Suspend);
    run.reports("a", 1, busy(None));
    run.ticks_at(at(1000));
    assert_eq!((run.phase(), run.progress.unwinding.as_ref()), (Phase::Suspended, None));
    run.take(&Event::Resume);
    assert_eq!(run.calls(), ["do a2"]);
    assert_eq!(run.wake, Some(at(1020)));
}

#[test]
fn a_suspended_run_undoes_nothing_until_it_is_resumed() {
    let mut run = Run::of(limited(COMPENSATION));
    run.reports("a", 1, done());
    run.take(&Event::Suspend);
    run.reports("b", 1, refused());
    run.ticks_at(at(1000));
    assert!(run.calls().is_empty());
    run.take(&Event::Resume);
    assert_eq!(run.calls(), ["undo a1"]);
}

#[test]
fn a_suspended_run_with_nothing_left_to_do_ends() {
    let mut run = Run::of(limited(ACTIVE));
    run.take(&Event::Suspend);
    run.reports("a", 1, refused());
    assert_eq!(run.phase(), Phase::Compensated);
}

#[test]
fn a_stuck_run_stays_stuck_while_suspended_and_a_retry_waits_for_the_resume() {
    let mut run = Run::of(limited(COMPENSATION));
    run.reports("a", 1, done());
    run.reports("b", 1, refused());
    run.undo_reports("a", 1, refused());
    run.take(&Event::Suspend);
    assert_eq!(run.phase(), Phase::Stuck);
    run.is_repaired("a", Repair::Retry);
    assert_eq!((run.phase(), run.calls().len()), (Phase::Suspended, 0));
    run.take(&Event::Resume);
    assert_eq!(run.calls(), ["undo a1"]);
}

#[test]
fn a_resume_of_a_run_that_is_not_suspended_does_not_move_its_deadline() {
    let mut run = Run::of(limited(ACTIVE));
    run.ticks_at(at(15));
    run.take(&Event::Resume);
    run.ticks_at(at(20));
    assert_eq!(run.progress.unwinding.as_ref().unwrap().cause, Cause::DeadlineExceeded);
}
