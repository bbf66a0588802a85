//! What is kept, against a model that keeps everything.

use std::collections::HashMap;

use http::StatusCode;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::reads::{
    marks::{End, Writing},
    scope::{Scope, Touch},
    tables::Tables,
};

const KEY: Key = [1; 32];

fn answer(body: &Value) -> Answer {
    Answer::json(StatusCode::OK, body)
}

fn kept(keep: Keep, body: &Value, later: Duration) -> Option<Found> {
    let (mut marks, mut store, now) = (Marks::default(), Store::new(1 << 20, false), Instant::now());
    let reading = marks.read(&Scope::Table("a".into()), now);
    store.keep(KEY, reading, keep, &answer(body), &marks, now);
    store.find(&KEY, &marks, &Told::Alone, now + later)
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_may_hold_attachments_is_given_for_an_hour_at_most() {
    let cell = json!({"records": [{"fields": {"Files": [{"id": "attAAAAAAAAAAAAAA", "url": "https://x"}]}}]});
    let text = json!({"fields": {"Files": "a.png (https://v5.airtableusercontent.com/x)"}});
    let (before, hour) = (Duration::from_secs(3599), Duration::from_hours(1));
    for body in [cell.clone(), text.clone()] {
        assert!(kept(Keep::AsConfigured, &body, before).is_some());
        assert!(kept(Keep::AsConfigured, &body, hour).is_none(), "{body}");
    }
    assert_eq!(
        limit(Keep::AsConfigured, cell.to_string().as_bytes(), true),
        Duration::MAX,
        "with links of ours"
    );
    assert_eq!(limit(Keep::AsConfigured, text.to_string().as_bytes(), true), hour, "a text has none");
    assert!(kept(Keep::AsConfigured, &json!({"url": "https://x", "size": 1}), hour).is_some());
    assert!(kept(Keep::Minute, &json!({}), Duration::from_mins(1)).is_none());
    assert!(kept(Keep::Never, &json!({}), Duration::ZERO).is_none());
}

#[tokio::test(start_paused = true)]
async fn those_not_asked_for_longest_go_first_and_what_is_too_large_is_not_kept() {
    let (mut marks, now) = (Marks::default(), Instant::now());
    let one = answer(&json!("x".repeat(1000)));
    let mut store = Store::new(weight(&one) * 2, false);
    let put = |store: &mut Store, marks: &mut Marks, number: u8, answer: &Answer| {
        let reading = marks.read(&Scope::AnyTable, now);
        store.keep([number; 32], reading, Keep::AsConfigured, answer, marks, now);
    };
    put(&mut store, &mut marks, 1, &one);
    put(&mut store, &mut marks, 2, &one);
    assert!(store.find(&[1; 32], &marks, &Told::Alone, now).is_some());
    put(&mut store, &mut marks, 3, &one);
    put(&mut store, &mut marks, 4, &answer(&json!("x".repeat(9000))));
    let there: Vec<_> =
        (1..=4).map(|number| store.find(&[number; 32], &marks, &Told::Alone, now).is_some()).collect();
    assert_eq!(there, [true, false, true, false]);
    assert_eq!(store.bytes(), weight(&one) * 2);
}

#[derive(Debug, Clone)]
enum Event {
    /// A read of a table that is answered after so many more events.
    Read {
        table: usize,
        answered_after: usize,
    },
    /// The same for a write.
    Write {
        table: usize,
        answered_after: usize,
    },
    Pass(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        (0..2_usize, 0..4_usize).prop_map(|(table, answered_after)| Event::Read { table, answered_after }),
        (0..2_usize, 0..4_usize).prop_map(|(table, answered_after)| Event::Write { table, answered_after }),
        (1..20_u64).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 1..60)
}

/// What goes on at the same time.
enum Flight {
    Read(usize, Reading, u64),
    Write(usize, Writing, u64),
}

proptest! {
    /// The upstream is a number for each table; a write takes effect when it is sent, a read sees it when it is sent:
    /// the worst that can happen. What is given must be as new as all writes that were answered.
    #[test]
    fn what_is_given_is_never_older_than_a_write_that_was_answered(events in events()) {
        let names = ["a", "b"];
        let begun = Instant::now();
        let (mut marks, mut store) = (Marks::default(), Store::new(20_000, false));
        let asked = marks.read(&Scope::Schema, begun);
        let schema = json!(names.map(|id| json!({"id": id, "name": id, "primaryFieldId": "f", "fields": []})));
        marks.learn(&asked, Tables::of(&serde_json::from_value::<Vec<airtable::Table>>(schema).unwrap()));
        let (mut upstream, mut answered, mut seconds) = ([0_u64; 2], [0_u64; 2], 0);
        let mut read_at: HashMap<usize, u64> = HashMap::new();
        let mut flights: Vec<(usize, Flight)> = Vec::new();
        for (time, event) in events.into_iter().enumerate() {
            let now = begun + Duration::from_secs(seconds);
            match event {
                Event::Pass(more) => seconds += more,
                Event::Read { table, answered_after } => {
                    let reading = marks.read(&Scope::Table(names[table].into()), now);
                    flights.push((time + answered_after, Flight::Read(table, reading, upstream[table])));
                }
                Event::Write { table, answered_after } => {
                    let writing = marks.begin(Touch::Table(names[table].into()));
                    upstream[table] += 1;
                    flights.push((time + answered_after, Flight::Write(table, writing, upstream[table])));
                }
            }
            let now = begun + Duration::from_secs(seconds);
            let (landed, under_way) = flights.into_iter().partition(|(at, _)| *at <= time);
            flights = under_way;
            for (_, flight) in landed {
                match flight {
                    Flight::Read(table, reading, value) => {
                        let key = [u8::try_from(table).unwrap(); 32];
                        if marks.may_be_kept(&reading) {
                            read_at.insert(table, seconds);
                        }
                        store.keep(key, reading, Keep::AsConfigured, &answer(&json!(value)), &marks, now);
                    }
                    Flight::Write(table, writing, value) => {
                        answered[table] = answered[table].max(value);
                        marks.end(writing, End::Done);
                    }
                }
            }
            for table in 0..2 {
                let key = [u8::try_from(table).unwrap(); 32];
                if let Some(found) = store.find(&key, &marks, &Told::Alone, now) {
                    let value: u64 = serde_json::from_slice(&found.answer.body).unwrap();
                    prop_assert!(value >= answered[table], "{} is older than {}", value, answered[table]);
                    prop_assert_eq!(found.age.as_secs(), seconds - read_at[&table]);
                }
            }
        }
    }
}
