//! What a person is told.

use saga::{
    Event, Repair,
    explain::{Counts, counts},
};

use crate::run::{Run, at, busy, chain, done, refused, unknown};

#[test]
fn a_running_run_names_what_it_waits_for() {
    let mut run = Run::of(chain());
    assert_eq!(run.explained(), "waiting for \"a\" to be done (attempt 1 of 3, until 2027-01-15T08:00:30Z)");
    run.reports("a", 1, busy(None));
    assert_eq!(
        run.explained(),
        "waiting until 2027-01-15T08:00:01Z for \"a\" to be done after Busy (attempt 1 of 3)"
    );
    run.take(&Event::Suspend);
    assert_eq!(run.explained(), "suspended");
}

#[test]
fn a_run_on_its_way_back_says_why() {
    let mut run = Run::with_done(&["a", "b"]);
    run.reports("c", 1, refused());
    assert_eq!(
        run.explained(),
        "waiting for \"b\" to be undone (attempt 1 of 3, until 2027-01-15T08:00:30Z) because \"c\" failed (NotAllowed)"
    );
    run.undo_reports("b", 1, done());
    run.undo_reports("a", 1, done());
    assert_eq!(run.explained(), "compensated (2 undone) because \"c\" failed (NotAllowed)");
    assert_eq!(counts(&run.plan, &run.progress), Counts { done: 0, undone: 2, total: 3 });
}

#[test]
fn a_stuck_run_says_what_a_person_can_do() {
    let mut run = Run::with_done(&["a"]);
    run.is_cancelled();
    run.reports("b", 1, refused());
    run.undo_reports("a", 1, refused());
    assert_eq!(
        run.explained(),
        "undoing \"a\" needs a person (NotAllowed: the field is computed): retry, skip or resolve it"
    );
    run.is_repaired("a", Repair::Skip);
    assert_eq!(
        run.explained(),
        "ended with the effect of \"a\" left in place because it was cancelled: changed my mind"
    );
}

#[test]
fn a_failure_with_an_unknown_outcome_is_told_as_such() {
    let mut run = Run::of(chain());
    for (attempt, second) in [(1, 1), (2, 3), (3, 3)] {
        run.reports("a", attempt, unknown());
        run.ticks_at(at(second));
    }
    run.undo_reports("a", 1, done());
    assert_eq!(run.explained(), "compensated (1 undone) because \"a\" failed (its outcome is unknown)");
    assert_eq!(run.of_step("a").reason.as_deref(), Some("ConnectionReset"), "why it failed is still known");
}

#[test]
fn a_succeeded_run_counts_its_steps() {
    let run = Run::with_done(&["a", "b", "c"]);
    assert_eq!(run.explained(), "all of 3 done");
    assert_eq!(counts(&run.plan, &run.progress), Counts { done: 3, undone: 0, total: 3 });
}
