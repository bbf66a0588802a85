//! Answers against a model: a number for each table, which only writes raise.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Tables `a` and `b` are linked, `c` is alone.
fn tables() -> Tables {
    with_link(Some("b"))
}

/// The same three, `a` with a link or without.
fn with_link(linked: Option<&str>) -> Tables {
    let link = |to: &str| json!([{"id": "fld1", "name": "l", "type": "multipleRecordLinks", "options": {"linkedTableId": to}}]);
    let table = |id: &str, linked: Option<&str>| json!({"id": id, "name": format!("name of {id}"), "primaryFieldId": "fld1", "fields": linked.map_or(json!([]), link)});
    let tables = json!([table("a", linked), table("b", None), table("c", None)]);
    Tables::of(&serde_json::from_value::<Vec<airtable::Table>>(tables).unwrap())
}

fn knowing() -> Marks {
    let mut marks = Marks::default();
    let asked = marks.read(&Scope::Schema, Instant::now());
    marks.learn(&asked, tables());
    marks
}

fn table(name: &str) -> Scope {
    Scope::Table(name.to_owned())
}

fn touch(name: &str) -> Touch {
    Touch::Table(name.to_owned())
}

/// Whether an answer to each scope holds over a write.
fn holds_over(marks: &mut Marks, touch: Touch, end: End, scopes: &[Scope]) -> Vec<bool> {
    let readings: Vec<_> = scopes.iter().map(|scope| marks.read(scope, Instant::now())).collect();
    let writing = marks.begin(touch);
    marks.end(writing, end);
    readings.iter().map(|reading| marks.holds(reading)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_write_changes_its_table_and_those_linked_by_whatever_name() {
    let scopes =
        [table("a"), table("name of b"), table("c"), Scope::AnyTable, Scope::Schema, Scope::Elsewhere];
    let holds = |touch, end| holds_over(&mut knowing(), touch, end, &scopes);
    assert_eq!(holds(touch("b"), End::Done), [false, false, true, false, true, true]);
    assert_eq!(holds(touch("name of c"), End::Done), [true, true, false, false, true, true]);
    assert_eq!(holds(touch("unknown"), End::Done), [false, false, false, false, true, true]);
    assert_eq!(holds(Touch::TableAndSchema("c".into()), End::Done), [true, true, false, false, false, true]);
    assert_eq!(holds(Touch::AllTables, End::Done), [false, false, false, false, true, true]);
    assert_eq!(holds(Touch::Everything, End::Done), [false, false, false, false, false, true]);
    assert_eq!(holds(touch("a"), End::WithoutEffect), [true; 6]);
    assert_eq!(holds(Touch::Nothing, End::Done), [true; 6]);
}

#[tokio::test(start_paused = true)]
async fn without_the_schema_a_write_to_one_table_is_one_to_all() {
    let scopes = [table("a"), table("c"), Scope::AnyTable];
    assert_eq!(holds_over(&mut Marks::default(), touch("a"), End::Done, &scopes), [false; 3]);
    let mut marks = knowing();
    marks.doubt_tables();
    assert_eq!(holds_over(&mut marks, touch("a"), End::Done, &scopes), [false; 3]);
}

#[tokio::test(start_paused = true)]
async fn tables_that_were_asked_for_before_the_schema_was_written_teach_nothing() {
    let mut marks = Marks::default();
    let asked = marks.read(&Scope::Schema, Instant::now());
    let writing = marks.begin(Touch::Everything);
    marks.end(writing, End::Done);
    marks.learn(&asked, tables());
    assert_eq!(marks.group("a"), None);
}

#[tokio::test(start_paused = true)]
async fn a_write_under_way_while_a_link_is_found_changes_what_is_linked_by_then() {
    let mut marks = Marks::default();
    let asked = marks.read(&Scope::Schema, Instant::now());
    marks.learn(&asked, with_link(None));
    let writing = marks.begin(touch("name of b"));
    let asked = marks.read(&Scope::Schema, Instant::now());
    marks.learn(&asked, tables());
    let reading = marks.read(&table("a"), Instant::now());
    assert!(marks.holds(&reading));
    marks.end(writing, End::Done);
    assert!(!marks.holds(&reading));
}

#[tokio::test(start_paused = true)]
async fn what_is_in_doubt_is_not_kept_for_a_while_also_under_another_name() {
    let (now, later) = (Instant::now(), Instant::now() + Duration::from_secs(9));
    let mut marks = Marks::default();
    let writing = marks.begin(touch("a"));
    marks.end(writing, End::Doubtful(later));
    let asked = marks.read(&Scope::Schema, now);
    marks.learn(&asked, tables());
    let (early, late) = (marks.read(&table("b"), now), marks.read(&table("b"), later));
    assert_eq!((marks.may_be_kept(&early), marks.may_be_kept(&late)), (false, true));
    assert!(marks.may_be_joined(&early));
}

#[derive(Debug, Clone)]
enum Event {
    Read(usize),
    Begin(usize),
    /// The oldest write under way, with or without an effect.
    End(bool),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0..NAMES.len()).prop_map(Event::Read),
        2 => (0..NAMES.len()).prop_map(Event::Begin),
        2 => any::<bool>().prop_map(Event::End),
    ];
    prop::collection::vec(event, 1..40)
}

const NAMES: [&str; 4] = ["a", "b", "c", "unknown"];

/// Whether a write to the one may change the other.
fn is_linked(one: &str, other: &str) -> bool {
    one == other || [one, other].contains(&"unknown") || ![one, other].contains(&"c")
}

proptest! {
    /// The model looks at the history of events alone.
    #[test]
    fn an_answer_holds_until_a_write_that_may_change_it_has_ended(events in events()) {
        let now = Instant::now();
        let mut marks = knowing();
        let mut readings: Vec<(usize, &str, Reading)> = Vec::new();
        let mut under_way: Vec<(usize, &str, Writing)> = Vec::new();
        let mut ended: Vec<(usize, &str)> = Vec::new();
        for (time, event) in events.into_iter().enumerate() {
            match event {
                Event::Read(name) => readings.push((time, NAMES[name], marks.read(&table(NAMES[name]), now))),
                Event::Begin(name) => under_way.push((time, NAMES[name], marks.begin(touch(NAMES[name])))),
                Event::End(has_effect) if !under_way.is_empty() => {
                    let (_, name, writing) = under_way.remove(0);
                    marks.end(writing, if has_effect { End::Done } else { End::WithoutEffect });
                    ended.extend(has_effect.then_some((time, name)));
                }
                Event::End(_) => (),
            }
            for (begun, name, reading) in &readings {
                let holds = !ended.iter().any(|(end, other)| end > begun && is_linked(name, other));
                let mut around = under_way.iter().filter(|(_, other, _)| is_linked(name, other));
                prop_assert_eq!(marks.holds(reading), holds, "{} read at {}", name, begun);
                prop_assert_eq!(marks.may_be_kept(reading), holds);
                prop_assert_eq!(marks.is_unsettled(reading), around.clone().next().is_some());
                if holds && around.all(|(start, _, _)| start < begun) {
                    // A refused write that began later may keep others from joining for a while; never the reverse.
                    prop_assert!(marks.may_be_joined(reading) || marks.is_unsettled(reading));
                } else {
                    prop_assert!(!marks.may_be_joined(reading));
                }
            }
        }
    }
}
