//! Whose turn it is, by example and by property.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;

fn ask(client: &str, urgency: Urgency) -> Ask {
    Ask { place: Place::Back, urgency, client: client.into(), share: 1, kind: None }
}

fn interactive(client: &str) -> Ask {
    ask(client, Urgency::Interactive)
}

fn with_share(client: &str, share: u16) -> Ask {
    Ask { share, ..interactive(client) }
}

fn of_kind(client: &str, kind: &str) -> Ask {
    Ask { kind: Some(kind.into()), ..interactive(client) }
}

/// Who is served together.
fn next<T: Copy + Ord + std::hash::Hash>(
    turns: &mut Turns<T>,
    most: usize,
    fits: impl FnMut(&[T], T) -> bool,
) -> Option<Vec<T>> {
    turns.next(most, fits).map(|(_, chosen)| chosen)
}

fn alone<T: Copy + Ord + std::hash::Hash>(turns: &mut Turns<T>) -> Option<T> {
    next(turns, 0, |_, _| false)?.first().copied()
}

#[test]
fn a_client_with_500_waiting_delays_anothers_first_by_one_turn() {
    let mut turns = Turns::default();
    for ticket in 0..500 {
        turns.join(ticket, interactive("many"));
    }
    assert_eq!(alone(&mut turns), Some(0));
    turns.join(500, interactive("one"));
    let next = [alone(&mut turns), alone(&mut turns)];
    assert!(next.contains(&Some(500)), "{next:?}");
}

#[test]
fn turns_go_by_share() {
    let mut turns = Turns::default();
    for ticket in 0..400 {
        let of_first = ticket % 2 == 0;
        turns.join(ticket, if of_first { with_share("three", 3) } else { with_share("one", 1) });
    }
    let first: Vec<_> = std::iter::from_fn(|| alone(&mut turns)).take(200).collect();
    assert_eq!(first.iter().filter(|ticket| *ticket % 2 == 0).count(), 150);
}

#[test]
fn who_always_asks_for_one_more_gets_no_more_than_who_has_many_waiting() {
    let mut turns = Turns::default();
    for ticket in 0..100 {
        turns.join(ticket, interactive("many"));
    }
    let mut of_one = 0;
    for ticket in 1000..1100 {
        turns.join(ticket, interactive("one"));
        while alone(&mut turns).is_some_and(|served| served < 1000) && turns.len() > 0 {}
        of_one += 1;
        if turns.len() == 0 {
            break;
        }
    }
    assert!((99..=101).contains(&of_one), "{of_one}");
}

#[test]
fn the_urgent_goes_first_and_who_must_send_again_before_all() {
    let mut turns = Turns::default();
    turns.join(1, ask("a", Urgency::Bulk));
    turns.join(2, ask("a", Urgency::Interactive));
    turns.join(3, ask("b", Urgency::Urgent));
    turns.join(4, Ask { place: Place::Front, ..ask("c", Urgency::Bulk) });
    turns.join(5, Ask { place: Place::Front, ..ask("d", Urgency::Bulk) });
    let order: Vec<_> = std::iter::from_fn(|| alone(&mut turns)).collect();
    assert_eq!(order, [4, 5, 3, 2, 1]);
}

#[test]
fn those_of_a_kind_come_along_in_the_order_they_came_as_far_as_they_fit() {
    let mut turns = Turns::default();
    for (ticket, client) in [(1, "a"), (2, "a"), (3, "b"), (4, "c"), (5, "b")] {
        turns.join(ticket, of_kind(client, if ticket == 3 { "other" } else { "kind" }));
    }
    assert_eq!(next(&mut turns, 2, |chosen, ticket| chosen == [1] && ticket != 2), Some(vec![1, 4]));
    assert_eq!(next(&mut turns, 9, |_, _| true), Some(vec![3]));
    assert_eq!(next(&mut turns, 9, |_, _| true), Some(vec![2, 5]), "a has paid half a turn, b a whole one");
    assert!(turns.kinds.is_empty() && turns.classes.is_empty() && turns.asks.is_empty());
}

#[test]
fn no_company_is_taken_beyond_the_most() {
    let mut turns = Turns::default();
    for ticket in 0..30 {
        turns.join(ticket, of_kind("a", "kind"));
    }
    assert_eq!(next(&mut turns, 9, |_, _| true).unwrap().len(), 10);
    assert_eq!(turns.len(), 20);
}

#[test]
fn not_everybody_is_looked_at_for_company() {
    let (mut turns, mut looked_at) = (Turns::default(), 0);
    for ticket in 0..1000 {
        turns.join(ticket, of_kind("a", "kind"));
    }
    let fits = |_: &[i32], _| {
        looked_at += 1;
        false
    };
    assert_eq!(next(&mut turns, 9, fits), Some(vec![0]));
    assert!(looked_at <= MOST_LOOKED_AT, "{looked_at}");
}

proptest! {
    /// However many come, and of which urgency: a class that waits is served within ten turns.
    #[test]
    fn no_class_starves(joins in prop::collection::vec((0_u8..3, 0_u8..3), 30..300), every in 1_usize..4) {
        let mut turns = Turns::default();
        let urgency = |ticket: usize| match joins[ticket].0 {
            0 => Urgency::Urgent,
            1 => Urgency::Interactive,
            _ => Urgency::Bulk,
        };
        let mut since: BTreeMap<Urgency, u32> = BTreeMap::new();
        let mut joined = 0;
        loop {
            for _ in 0..every {
                if joined < joins.len() {
                    turns.join(joined, ask(&joins[joined].1.to_string(), urgency(joined)));
                    joined += 1;
                }
            }
            let Some(served) = alone(&mut turns) else { break };
            since.remove(&urgency(served));
            let waiting: Vec<Urgency> = turns.classes.keys().copied().collect();
            since.retain(|class, _| waiting.contains(class));
            for class in waiting {
                let turns = since.entry(class).or_default();
                *turns += 1;
                prop_assert!(*turns <= MOST_PASSED_OVER + 2, "{class:?} waited {turns} turns");
            }
        }
    }

    /// Everybody who joined and did not leave is served once, and nothing is left behind.
    #[test]
    fn each_is_served_once(steps in prop::collection::vec((0_u8..4, 0_u8..5, 1_u16..4, any::<bool>()), 1..200)) {
        let mut turns = Turns::default();
        let (mut expected, mut served) = (BTreeSet::new(), Vec::new());
        for (ticket, (what, client, share, is_of_kind)) in steps.into_iter().enumerate() {
            match what {
                0 => served.extend(next(&mut turns, 3, |_, _| true).into_iter().flatten()),
                1 => if let Some(gone) = expected.iter().find(|it| !served.contains(*it)).copied() {
                    turns.leave(gone);
                    expected.remove(&gone);
                },
                _ => {
                    let kind = is_of_kind.then(|| "kind".into());
                    turns.join(ticket, Ask { kind, ..with_share(&client.to_string(), share) });
                    expected.insert(ticket);
                }
            }
        }
        served.extend(std::iter::from_fn(|| next(&mut turns, 3, |_, _| true)).flatten());
        prop_assert_eq!(served.len(), expected.len());
        prop_assert_eq!(served.into_iter().collect::<BTreeSet<_>>(), expected);
        prop_assert!(turns.asks.is_empty() && turns.classes.is_empty() && turns.kinds.is_empty());
    }
}

thread_local! {
    static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
}

/// A ticket that counts how often tickets are looked at.
#[derive(Debug, Clone, Copy)]
struct Counted(usize);

impl Ord for Counted {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        LOOKED_AT.set(LOOKED_AT.get() + 1);
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Counted {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Counted {}

impl std::hash::Hash for Counted {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// How many looks at tickets one request costs, joining and leaving or being served, while so many wait.
fn cost(waiting: usize) -> usize {
    let mut turns = Turns::default();
    for ticket in 0..waiting {
        turns.join(Counted(ticket), of_kind("client", "kind"));
    }
    LOOKED_AT.set(0);
    for ticket in waiting..waiting + 100 {
        turns.join(Counted(ticket), of_kind("client", "kind"));
        turns.leave(Counted(ticket - waiting / 2));
        turns.join(Counted(ticket + 1000), of_kind("client", "kind"));
        alone(&mut turns);
    }
    LOOKED_AT.get() / 200
}

#[test]
fn a_request_costs_about_the_same_whether_one_waits_or_a_thousand() {
    let (few, many) = (cost(2), cost(1000));
    assert!(many < few + 150, "{few} looks at tickets with 2 waiting, {many} with 1000");
}
