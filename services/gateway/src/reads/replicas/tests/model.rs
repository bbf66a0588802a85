//! Against models that look at the history of events alone.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 4] = ["a", "b", "c", "unknown"];

/// A write under way of a replica.
struct Flight {
    replica: usize,
    writing: Writing,
    entry: Entry,
}

#[derive(Debug, Clone)]
enum Event {
    Read(usize, usize),
    Begin(usize, usize),
    /// The oldest write under way, with or without an effect.
    End(bool),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0..2usize, 0..NAMES.len()).prop_map(|(replica, name)| Event::Read(replica, name)),
        2 => (0..2usize, 0..NAMES.len()).prop_map(|(replica, name)| Event::Begin(replica, name)),
        2 => any::<bool>().prop_map(Event::End),
    ];
    prop::collection::vec(event, 1..30)
}

/// Whether a write to the one may change the other.
fn is_linked(one: &str, other: &str) -> bool {
    one == other || [one, other].contains(&"unknown") || ![one, other].contains(&"c")
}

/// What the store says to each replica of each table.
async fn told<const N: usize>(all: &[Replica; N]) -> HashMap<(usize, &'static str), Told> {
    let mut told = HashMap::new();
    for (number, replica) in all.iter().enumerate() {
        for name in NAMES {
            told.insert((number, name), replica.told(&scope(name)).await);
        }
    }
    told
}

/// The same as for the marks of one process, and as exact.
async fn an_answer_holds_until_a_write_of_any_replica_has_ended(
    server: &Server,
    events: Vec<Event>,
) -> Result<(), TestCaseError> {
    let mut all = replicas::<2>(server, LONG).await;
    let mut readings: Vec<(usize, usize, &str, Reading)> = Vec::new();
    let mut under_way: Vec<(usize, &str, Flight)> = Vec::new();
    let mut ended: Vec<(usize, &str)> = Vec::new();
    for (time, event) in events.into_iter().enumerate() {
        match event {
            Event::Read(replica, name) => {
                readings.push((time, replica, NAMES[name], all[replica].read(&scope(NAMES[name])).await));
            }
            Event::Begin(replica, name) => {
                let (writing, entry) = all[replica].begin(Touch::Table(NAMES[name].to_owned())).await;
                under_way.push((time, NAMES[name], Flight { replica, writing, entry }));
            }
            Event::End(has_effect) if !under_way.is_empty() => {
                let (_, name, flight) = under_way.remove(0);
                let end = if has_effect { End::Done } else { End::WithoutEffect };
                all[flight.replica].end((flight.writing, flight.entry), end).await;
                ended.extend(has_effect.then_some((time, name)));
            }
            Event::End(_) => (),
        }
        let told = told(&all).await;
        for (begun, replica, name, reading) in &readings {
            let (it, told) = (&all[*replica], &told[&(*replica, *name)]);
            let holds = !ended.iter().any(|(end, other)| end > begun && is_linked(name, other));
            let mut around = under_way.iter().filter(|(_, other, _)| is_linked(name, other));
            prop_assert_eq!(it.holds(reading, told), holds, "{} read at {} by {}", name, begun, replica);
            prop_assert_eq!(it.is_unsettled(reading, told), around.clone().next().is_some());
            let may_be_joined = it.marks.may_be_joined(reading) && told.may_be_joined(reading.told());
            if holds && around.all(|(start, _, _)| start < begun) {
                prop_assert!(may_be_joined || it.is_unsettled(reading, told));
            } else {
                prop_assert!(!may_be_joined);
            }
        }
    }
    Ok(())
}

#[derive(Debug, Clone)]
enum Change {
    Read(usize, usize),
    Begin(usize, usize),
    /// Begins a write to the schema that makes the link, or takes it away.
    Relink(usize),
    /// The oldest write under way, whose replica may never tell of it.
    End {
        is_told: bool,
    },
    /// A replica asks for the tables.
    Ask(usize),
    /// The oldest answer to that, with the tables as they were when it was asked for.
    Answer,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        4 => (0..3usize, 0..NAMES.len()).prop_map(|(replica, name)| Change::Read(replica, name)),
        3 => (0..3usize, 0..NAMES.len()).prop_map(|(replica, name)| Change::Begin(replica, name)),
        2 => (0..3usize).prop_map(Change::Relink),
        4 => prop::bool::weighted(0.8).prop_map(|is_told| Change::End { is_told }),
        2 => (0..3usize).prop_map(Change::Ask),
        2 => Just(Change::Answer),
    ];
    prop::collection::vec(change, 1..40)
}

/// Whatever each replica knows of the tables, and whether it lives to tell: nothing is given that a write changed.
async fn no_answer_is_given_that_a_write_changed(
    server: &Server,
    changes: Vec<Change>,
) -> Result<(), TestCaseError> {
    let mut all = replicas::<3>(server, LONG).await;
    let mut is_joined = true;
    let mut readings: Vec<(usize, usize, &str, Reading)> = Vec::new();
    let mut under_way: Vec<(Option<&str>, Flight)> = Vec::new();
    // With the tables that it changed; none: all of them.
    let mut effects: Vec<(usize, Option<Vec<&str>>)> = Vec::new();
    let mut asked: Vec<(usize, Reading, bool)> = Vec::new();
    for (time, change) in changes.into_iter().enumerate() {
        match change {
            Change::Read(replica, name) => {
                readings.push((time, replica, NAMES[name], all[replica].read(&scope(NAMES[name])).await));
            }
            Change::Begin(replica, name) => {
                let (writing, entry) = all[replica].begin(Touch::Table(NAMES[name].to_owned())).await;
                under_way.push((Some(NAMES[name]), Flight { replica, writing, entry }));
            }
            Change::Relink(replica) => {
                let (writing, entry) = all[replica].begin(Touch::Everything).await;
                under_way.push((None, Flight { replica, writing, entry }));
            }
            Change::End { is_told } if !under_way.is_empty() => {
                let (name, Flight { replica, writing, entry }) = under_way.remove(0);
                is_joined ^= name.is_none();
                effects.push((time, name.map(|name| changed_with(name, is_joined))));
                if is_told {
                    all[replica].end((writing, entry), End::Done).await;
                } else {
                    all[replica].marks.end(writing, End::Done);
                }
            }
            Change::Ask(replica) => {
                let reading = all[replica].read(&Scope::Schema).await;
                asked.push((replica, reading, is_joined));
            }
            Change::Answer if !asked.is_empty() => {
                let (replica, reading, is_joined) = asked.remove(0);
                all[replica].learn(&reading, tables(is_joined)).await;
            }
            Change::End { .. } | Change::Answer => (),
        }
        let told = told(&all).await;
        for (begun, replica, name, reading) in &readings {
            let (it, told) = (&all[*replica], &told[&(*replica, *name)]);
            let is_changed =
                |tables: &Option<Vec<&str>>| tables.as_ref().is_none_or(|tables| tables.contains(name));
            if effects.iter().any(|(end, tables)| end > begun && is_changed(tables)) {
                let is_given = it.holds(reading, told) && !it.is_unsettled(reading, told);
                prop_assert!(!is_given, "{} read at {} by {}", name, begun, replica);
            }
        }
    }
    Ok(())
}

/// The tables that a write to one changes.
fn changed_with(name: &'static str, is_joined: bool) -> Vec<&'static str> {
    match name {
        "unknown" => NAMES.to_vec(),
        "a" | "b" if is_joined => vec!["a", "b", "unknown"],
        other => vec![other, "unknown"],
    }
}

fn many_times<T: std::fmt::Debug>(
    what: impl Strategy<Value = T>,
    holds: &impl AsyncFn(&Server, T) -> Result<(), TestCaseError>,
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = Server::start();
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 48, ..ProptestConfig::default() });
    runner.run(&what, |case| runtime.block_on(holds(&server, case))).unwrap();
}

#[test]
fn an_answer_holds_in_each_replica_until_a_write_of_any_has_ended() {
    many_times(events(), &an_answer_holds_until_a_write_of_any_replica_has_ended);
}

#[test]
fn no_replica_gives_what_another_changed_whatever_it_knows_of_the_tables() {
    many_times(changes(), &no_answer_is_given_that_a_write_changed);
}
