//! Every decision by table, and the promises of the ledger by property.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn intent(fingerprint: &str) -> Intent {
    Intent { at: at(1), fingerprint: fingerprint.to_owned(), note: json!("first") }
}

fn done(fingerprint: &str) -> Entry {
    Entry::Done { at: at(1), fingerprint: fingerprint.to_owned(), outcome: json!("out") }
}

fn closed(outcome: Option<Value>) -> Entry {
    Entry::Closed { at: at(1), outcome }
}

fn key(entry: Option<Entry>) -> Key {
    Key { entry, claimed: false, forgotten: None }
}

fn claimed(entry: Entry) -> Key {
    Key { entry: Some(entry), claimed: true, forgotten: None }
}

fn forgotten(since: i64) -> Key {
    Key { entry: None, claimed: false, forgotten: Some(at(since)) }
}

#[test]
fn a_beginning_is_decided_by_the_entry() {
    let kept =
        |at_second| Entry::Intent(Intent { at: at(at_second), fingerprint: "a".into(), note: json!(9) });
    let Entry::Intent(since_two) = kept(2) else { unreachable!() };
    let Entry::Intent(adopted) = kept(1) else { unreachable!() };
    let cases = [
        ("unknown", key(None), Change::Put(kept(7)), Begin::Fresh(())),
        ("forgotten", forgotten(2), Change::Put(kept(2)), Begin::Interrupted((), since_two)),
        ("in flight", claimed(Entry::Intent(intent("a"))), Change::Keep, Begin::InFlight),
        ("in flight, other work", claimed(Entry::Intent(intent("b"))), Change::Keep, Begin::InFlight),
        (
            "interrupted",
            key(Some(Entry::Intent(intent("a")))),
            Change::Keep,
            Begin::Interrupted((), intent("a")),
        ),
        ("interrupted, other work", key(Some(Entry::Intent(intent("b")))), Change::Keep, Begin::Reused),
        (
            "interrupted, unknown work",
            key(Some(Entry::Intent(intent("")))),
            Change::Put(kept(1)),
            Begin::Interrupted((), adopted),
        ),
        ("done", key(Some(done("a"))), Change::Keep, Begin::Done(json!("out"))),
        ("done, other work", key(Some(done("b"))), Change::Keep, Begin::Reused),
        ("done, unknown work", key(Some(done(""))), Change::Keep, Begin::Done(json!("out"))),
        ("closed", key(Some(closed(None))), Change::Keep, Begin::Closed(None)),
        ("closed when done", key(Some(closed(Some(json!(1))))), Change::Keep, Begin::Closed(Some(json!(1)))),
    ];
    for (name, key, change, answer) in cases {
        assert_eq!(begin(key, "a".into(), json!(9), at(7)), (change, answer), "{name}");
    }
}

#[test]
fn a_closing_is_decided_by_the_entry() {
    let found = |outcome| Change::Put(Entry::Closed { at: at(7), outcome });
    let unknown = Intent { at: at(2), fingerprint: String::new(), note: Value::Null };
    let cases = [
        ("unknown", key(None), found(None), Close::Closed(None)),
        (
            "forgotten",
            forgotten(2),
            Change::Put(Entry::Intent(unknown.clone())),
            Close::Interrupted((), unknown),
        ),
        ("in flight", claimed(Entry::Intent(intent("a"))), Change::Keep, Close::InFlight),
        (
            "interrupted",
            key(Some(Entry::Intent(intent("a")))),
            Change::Keep,
            Close::Interrupted((), intent("a")),
        ),
        ("done", key(Some(done("a"))), found(Some(json!("out"))), Close::Closed(Some(json!("out")))),
        ("closed", key(Some(closed(Some(json!(1))))), Change::Keep, Close::Closed(Some(json!(1)))),
    ];
    for (name, key, change, answer) in cases {
        assert_eq!(close(key, at(7)), (change, answer), "{name}");
    }
}

#[test]
fn only_what_is_interrupted_is_taken_up_again() {
    let interrupted = key(Some(Entry::Intent(intent("a"))));
    assert_eq!(resume(interrupted), Resume::Interrupted((), intent("a")));
    for (key, look) in [
        (key(None), Look::Unknown),
        (claimed(Entry::Intent(intent("a"))), Look::InFlight),
        (key(Some(done("a"))), Look::Done(json!("out"))),
        (key(Some(closed(None))), Look::Closed(None)),
    ] {
        assert_eq!(resume(key), Resume::Not(look));
    }
}

#[test]
fn a_look_tells_a_claimed_intent_from_an_interrupted_one() {
    assert_eq!(look(key(None)), Look::Unknown);
    assert_eq!(look(claimed(Entry::Intent(intent("a")))), Look::InFlight);
    assert_eq!(look(key(Some(Entry::Intent(intent("a"))))), Look::Interrupted(intent("a")));
    assert_eq!(look(key(Some(done("a")))), Look::Done(json!("out")));
    assert_eq!(look(key(Some(closed(None)))), Look::Closed(None));
}

#[test]
fn a_name_is_given_to_one_owner_only() {
    let mine = Entry::Done { at: at(7), fingerprint: "me".into(), outcome: json!("me") };
    let take = Assign::Take(Change::Put(mine.clone()));
    assert_eq!(assign(None, "me", at(7)), take);
    assert_eq!(assign(Some(mine), "me", at(7)), take);
    assert_eq!(assign(Some(Entry::Intent(intent("me"))), "me", at(7)), take);
    for other in [done("other"), Entry::Intent(intent("other")), closed(None)] {
        assert_eq!(assign(Some(other), "me", at(7)), Assign::Taken);
    }
}

#[test]
fn an_intent_is_never_swept() {
    let is_forgettable = |entry: &Entry, time| is_forgettable(entry, at(time), |_| false);
    assert!(!is_forgettable(&Entry::Intent(intent("a")), 100));
    assert!(is_forgettable(&done("a"), 2));
    assert!(!is_forgettable(&done("a"), 1));
    assert!(is_forgettable(&closed(None), 2));
}

/// What callers may do with one key: requests of anybody, and of the one that holds the claim.
#[derive(Debug, Clone)]
enum Event {
    Begin { fingerprint: char, forgotten: bool },
    Close { forgotten: bool },
    Finish,
    Forget,
    SettleClosed,
    Crash,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (prop_oneof![Just('a'), Just('b')], any::<bool>())
            .prop_map(|(fingerprint, forgotten)| Event::Begin { fingerprint, forgotten }),
        any::<bool>().prop_map(|forgotten| Event::Close { forgotten }),
        Just(Event::Finish),
        Just(Event::Forget),
        Just(Event::SettleClosed),
        Just(Event::Crash),
    ]
}

fn apply(entry: &mut Option<Entry>, change: Change) {
    match change {
        Change::Keep => (),
        Change::Put(next) => *entry = Some(next),
        Change::Remove => *entry = None,
    }
}

fn end(entry: &mut Option<Entry>, settling: Settle) {
    let change = settle(entry.clone(), settling);
    apply(entry, change);
}

proptest! {
    /// Over any history of one key: one claim at a time, work only with an intent on disk, a tombstone is for ever,
    /// and an outcome is answered as it was.
    #[test]
    fn the_promises_hold_over_any_history(events in prop::collection::vec(event(), 1..40)) {
        let mut entry: Option<Entry> = None;
        let mut held = false;
        let mut was_closed = false;
        let mut outcome: Option<Value> = None;
        for (time, event) in (10_i64..).zip(events) {
            let forgotten = match event {
                Event::Begin { forgotten: true, .. } | Event::Close { forgotten: true } => Some(at(3)),
                _ => None,
            };
            let key = Key { entry: entry.clone(), claimed: held, forgotten };
            match event {
                Event::Begin { fingerprint, .. } => {
                    let (change, answer) = begin(key, fingerprint.into(), json!(time), at(time));
                    apply(&mut entry, change);
                    match answer {
                        Begin::Fresh(()) | Begin::Interrupted((), _) => {
                            prop_assert!(!held && !was_closed && outcome.is_none());
                            prop_assert!(matches!(entry, Some(Entry::Intent(_))));
                            prop_assert!(!matches!(answer, Begin::Fresh(())) || forgotten.is_none());
                            held = true;
                        }
                        Begin::Done(answered) => prop_assert_eq!(Some(answered), outcome.clone()),
                        Begin::InFlight => prop_assert!(held),
                        Begin::Closed(answered) => prop_assert!(was_closed && answered == outcome),
                        Begin::Reused => prop_assert!(!was_closed),
                    }
                }
                Event::Close { .. } => {
                    let (change, answer) = close(key, at(time));
                    apply(&mut entry, change);
                    match answer {
                        Close::Closed(answered) => {
                            prop_assert_eq!(answered, outcome.clone());
                            was_closed = true;
                        }
                        Close::Interrupted((), _) => {
                            prop_assert!(!held && !was_closed);
                            held = true;
                        }
                        Close::InFlight => prop_assert!(held),
                    }
                }
                Event::Crash => held = false,
                _ if !held => (),
                Event::Finish => {
                    outcome = Some(json!(time));
                    end(&mut entry, Settle::Finish { outcome: json!(time), now: at(time) });
                    held = false;
                }
                Event::Forget => {
                    end(&mut entry, Settle::Forget);
                    held = false;
                }
                Event::SettleClosed => {
                    outcome = Some(json!(time));
                    let closing = Settle::Close { found: outcome.clone(), now: at(time) };
                    end(&mut entry, closing);
                    was_closed = true;
                    held = false;
                }
            }
            prop_assert!(!was_closed || matches!(entry, Some(Entry::Closed { .. })), "a tombstone was lost");
        }
    }
}
