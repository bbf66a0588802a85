use std::sync::LazyLock;

use airtable::webhook::Changes;

use super::*;

const URL: &str = "https://gateway.example.com/notify";
const CHECK: Duration = Duration::from_mins(5);
/// The clock that webhooks end by.
const TIME: Timestamp = Timestamp::UNIX_EPOCH;
static NOW: LazyLock<Instant> = LazyLock::new(Instant::now);

fn fresh(known: Option<&str>) -> State {
    State::new(URL.to_owned(), CHECK, known.map(str::to_owned), *NOW)
}

/// One that listens, from this payload on.
fn listening(cursor: u64) -> State {
    let webhook = Webhook { cursor_for_next_payload: cursor, ..webhook("ach1") };
    let (looked, _) = decide(fresh(Some("ach1")), timer(), *NOW);
    decide(looked, Event::Listed(vec![webhook], TIME), *NOW).0
}

fn webhook(id: &str) -> Webhook {
    Webhook {
        id: id.to_owned(),
        notification_url: Some(URL.to_owned()),
        is_hook_enabled: true,
        are_notifications_enabled: true,
        cursor_for_next_payload: 4,
        expiration_time: Some(TIME + SignedDuration::from_hours(7 * 24)),
    }
}

fn others(count: usize) -> Vec<Webhook> {
    let other = |number| Webhook { notification_url: None, ..webhook(&format!("achOther{number}")) };
    (0..count).map(other).collect()
}

fn notified() -> Event {
    Event::Woken { is_notified: true }
}

fn timer() -> Event {
    Event::Woken { is_notified: false }
}

fn page(tables: &[&str], cursor: u64, more: bool) -> Page {
    let tables = tables.iter().map(|table| (*table).to_owned()).collect();
    Page { changes: Changes { tables, ..Changes::default() }, cursor, more }
}

fn id() -> String {
    "ach1".to_owned()
}

fn reading(cursor: u64) -> Call {
    Call::Read { id: id(), cursor }
}

fn call(call: Call) -> Vec<Effect> {
    vec![Effect::Call(call)]
}

#[test]
fn the_webhooks_of_the_base_are_looked_at_first_and_then_every_few_minutes() {
    let (state, effects) = decide(fresh(None), timer(), *NOW);
    assert_eq!((effects, state.wake_at()), (call(Call::List), *NOW + CHECK));
    assert_eq!(decide(state.clone(), timer(), *NOW + CHECK - Duration::from_secs(1)).1, []);
    assert_eq!(decide(state, timer(), *NOW + CHECK).1, call(Call::List));
}

#[test]
fn one_is_made_where_there_is_none_and_listened_to_from_its_first_payload() {
    let (state, effects) = decide(fresh(None), Event::Listed(others(9), TIME), *NOW);
    assert_eq!(effects, call(Call::Create));
    let (state, effects) = decide(state, Event::Created { id: id() }, *NOW);
    assert_eq!(effects, [Effect::Everything, Effect::Tell(Ok(()))]);
    assert_eq!(decide(state, notified(), *NOW).1, call(reading(1)));
}

#[test]
fn the_own_one_is_found_again_and_what_was_kept_before_is_dropped() {
    let (state, effects) =
        decide(fresh(Some("ach1")), Event::Listed([others(9), vec![webhook("ach1")]].concat(), TIME), *NOW);
    assert_eq!(effects, [Effect::Everything, Effect::Tell(Ok(()))]);
    assert_eq!(decide(state, notified(), *NOW).1, call(reading(4)));
}

#[test]
fn one_whose_secret_is_lost_or_whose_url_is_another_or_that_has_ended_is_replaced() {
    let delete = || Effect::Call(Call::Delete { id: id() });
    let moved = Webhook { notification_url: Some("https://old".to_owned()), ..webhook("ach1") };
    let ended = Webhook { is_hook_enabled: false, ..webhook("ach1") };
    for (known, found) in [(None, webhook("ach1")), (Some("ach1"), moved), (Some("ach1"), ended.clone())] {
        let (_, effects) = decide(fresh(known), Event::Listed([others(9), vec![found]].concat(), TIME), *NOW);
        assert_eq!(effects, [delete(), Effect::Call(Call::Create)]);
    }
    let (state, effects) = decide(listening(4), Event::Listed(vec![ended], TIME), *NOW);
    assert_eq!(effects, [delete(), Effect::Everything, Effect::Call(Call::Create)], "what it did not tell");
    assert_eq!(state.cursor, None);
}

#[test]
fn a_second_one_of_the_same_url_goes() {
    let both = Event::Listed(vec![webhook("ach1"), webhook("ach2")], TIME);
    let (state, effects) = decide(listening(4), both, *NOW);
    assert_eq!((effects, state.cursor), (call(Call::Delete { id: "ach2".to_owned() }), Some(4)));
}

#[test]
fn a_base_with_ten_webhooks_is_left_alone_and_at_each_look_all_that_is_kept_is_dropped() {
    let (state, effects) = decide(fresh(None), timer(), *NOW);
    assert_eq!(effects, call(Call::List));
    let (state, effects) = decide(state, Event::Listed(others(10), TIME), *NOW);
    let unheard = vec![Effect::Everything, Effect::Tell(Err(Trouble::Full))];
    assert_eq!((effects, state.wake_at()), (unheard, *NOW + CHECK));
}

#[test]
fn it_is_refreshed_at_half_its_life_and_enabled_where_airtable_gave_up() {
    let (half, second) = (SignedDuration::from_hours(84), SignedDuration::from_secs(1));
    let seen = |webhook: Webhook, time| decide(listening(4), Event::Listed(vec![webhook], time), *NOW).1;
    assert_eq!(seen(webhook("ach1"), TIME + half), []);
    assert_eq!(seen(webhook("ach1"), TIME + half + second), call(Call::Refresh { id: id() }));
    let silent = Webhook { are_notifications_enabled: false, ..webhook("ach1") };
    assert_eq!(seen(silent, TIME), call(Call::Enable { id: id() }));
}

#[test]
fn a_notification_that_was_lost_is_made_up_for_at_the_next_look() {
    let ahead = Webhook { cursor_for_next_payload: 6, ..webhook("ach1") };
    let (state, effects) = decide(listening(4), Event::Listed(vec![ahead], TIME), *NOW);
    assert_eq!((effects, state.cursor), (call(reading(4)), Some(4)));
}

#[test]
fn notifications_in_bursts_are_one_read_in_two_seconds() {
    let (state, effects) = decide(listening(4), notified(), *NOW);
    assert_eq!(effects, call(reading(4)));
    let (state, _) = decide(state, Event::Read(page(&[], 5, false)), *NOW);
    let mut state = state;
    for _ in 0..9 {
        let (next, effects) = decide(state, notified(), *NOW);
        assert_eq!(effects, []);
        state = next;
    }
    assert_eq!(state.wake_at(), *NOW + DISTANCE);
    let (state, effects) = decide(state, timer(), *NOW + DISTANCE);
    assert_eq!(effects, call(reading(5)));
    assert_eq!(decide(state, timer(), *NOW + DISTANCE * 2).1, [], "all of them were one");
}

#[test]
fn what_payloads_name_is_dropped_page_by_page() {
    let (state, effects) = decide(listening(4), Event::Read(page(&["tbl1", "tbl2"], 54, true)), *NOW);
    let tables = Effect::Tables(vec!["tbl1".to_owned(), "tbl2".to_owned()]);
    assert_eq!(effects, [tables, Effect::Call(reading(54))]);
    let (state, effects) = decide(state, Event::Read(page(&[], 55, false)), *NOW);
    assert_eq!((effects, state.cursor), (vec![], Some(55)));
}

#[test]
fn more_than_records_drops_everything() {
    let changes = Changes { tables: ["tbl1".to_owned()].into(), more: true, ended: None };
    let (_, effects) = decide(listening(4), Event::Read(Page { changes, cursor: 5, more: false }), *NOW);
    assert_eq!(effects, [Effect::Everything]);
}

#[test]
fn payloads_that_can_not_be_read_or_end_or_never_end_drop_everything_until_the_next_look() {
    let ended = Changes { ended: Some("INVALID_HOOK".to_owned()), ..Changes::default() };
    for event in [
        Event::Failed(reading(4), Trouble::Unreachable("…".to_owned())),
        Event::Read(Page { changes: ended, cursor: 5, more: false }),
        Event::Read(page(&[], 4, true)),
    ] {
        let (state, effects) = decide(listening(4), event, *NOW);
        assert!(matches!(&effects[..], [Effect::Everything, Effect::Tell(Err(_))]), "{effects:?}");
        assert_eq!((state.cursor, state.wake_at()), (None, *NOW + AGAIN.min(CHECK)));
        assert_eq!(decide(state, notified(), *NOW).1, call(Call::List), "where to read on is not known");
    }
}

#[test]
fn a_list_that_fails_ends_nothing_that_is_listened_to() {
    let unreachable = Event::Failed(Call::List, Trouble::Unreachable("…".to_owned()));
    let (state, effects) = decide(listening(4), unreachable.clone(), *NOW);
    assert_eq!((effects, state.cursor), (vec![], Some(4)));
    let (state, effects) = decide(fresh(None), unreachable, *NOW);
    assert!(matches!(&effects[..], [Effect::Tell(Err(Trouble::Unreachable(_)))]));
    assert_eq!(state.wake_at(), *NOW + AGAIN);
}

#[test]
fn while_airtable_refuses_a_webhook_all_that_is_kept_is_dropped_at_each_look() {
    let refused = || Trouble::Refused("422".to_owned());
    for state in [fresh(None), listening(4)] {
        for (call, trouble) in [
            (Call::List, Trouble::NotPermitted),
            (Call::Create, Trouble::NotPermitted),
            (Call::List, refused()),
            (Call::Create, refused()),
        ] {
            let failed = Event::Failed(call, trouble.clone());
            let (state, effects) = decide(state.clone(), failed, *NOW);
            assert_eq!(effects, [Effect::Everything, Effect::Tell(Err(trouble))]);
            assert_eq!((state.cursor, state.wake_at()), (None, *NOW + CHECK), "a person has to change it");
        }
    }
}
