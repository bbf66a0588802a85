//! The written form of a progress, and how a damaged one is recognised.

use saga::{Progress, State, invariants::check};
use serde_json::json;

use crate::run::{Run, at, refused, unknown};

fn broken(damage: impl FnOnce(&mut Progress)) -> &'static str {
    let mut run = Run::with_done(&["a", "b"]);
    run.reports("c", 1, refused());
    assert_eq!(check(&run.plan, &run.progress), Ok(()));
    damage(&mut run.progress);
    check(&run.plan, &run.progress).unwrap_err().invariant
}

fn set(progress: &mut Progress, step: &str, state: State) {
    progress.steps.get_mut(step).unwrap().state = state;
}

#[test]
fn the_written_form_is_stable() {
    let mut run = Run::with_done(&["a"]);
    run.reports("b", 1, unknown());
    run.is_cancelled();
    assert_eq!(
        serde_json::to_value(&run.progress).unwrap(),
        json!({
            "steps": {
                "a": {"state": "Done", "sequence": 0, "firstSentAt": "2027-01-15T08:00:00Z"},
                "b": {
                    "state": {"Undoing": {"attempt": 1, "deadline": "2027-01-15T08:00:30Z"}},
                    "sequence": 1,
                    "doubtful": true,
                    "firstSentAt": "2027-01-15T08:00:00Z",
                    "actionFirstSentAt": "2027-01-15T08:00:00Z",
                    "reason": "ConnectionReset",
                    "message": "the connection was cut"
                },
                "c": {"state": "Pending"}
            },
            "startedAt": "2027-01-15T08:00:00Z",
            "activeSince": "2027-01-15T08:00:00Z",
            "unwinding": {"cause": {"Cancelled": {"reason": "changed my mind"}}, "since": "2027-01-15T08:00:00Z"},
            "nextSequence": 2
        })
    );
}

#[test]
fn a_damaged_journal_is_recognised() {
    assert_eq!(broken(|journal| drop(journal.steps.remove("a"))), "steps-match-plan");
    assert_eq!(broken(|journal| journal.next_sequence = 7), "starts-are-numbered");
    assert_eq!(broken(|journal| set(journal, "a", State::Pending)), "only-started-steps-move");
    assert_eq!(broken(|journal| journal.unwinding = None), "undo-only-while-unwinding");
    assert_eq!(broken(|journal| set(journal, "c", State::Done)), "undo-in-reverse-start-order");
    assert_eq!(broken(|journal| journal.finished_at = Some(at(0))), "ends-when-settled");
    let call = State::Undoing { attempt: 4, deadline: at(9) };
    assert_eq!(broken(|journal| set(journal, "b", call)), "attempts-are-limited");
    let call = State::Doing { attempt: 1, deadline: at(9) };
    assert_eq!(broken(|journal| set(journal, "c", call)), "actions-end-before-undo");
}
