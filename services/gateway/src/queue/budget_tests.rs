//! The budget by example, and its promise by property.

use proptest::prelude::*;

use super::*;
use crate::queue::urgency::Urgency;

const SECOND: Duration = Duration::from_secs(1);

fn ask(place: Place) -> Ask {
    Ask { place, urgency: Urgency::Interactive, client: "client".into(), share: 1, kind: None }
}

impl Budget {
    fn place(&mut self, place: Place) -> Result<Ticket, Full> {
        self.join(ask(place), Instant::now()).map(|joined| joined.ticket)
    }

    fn grant_all(&mut self, now: Instant) -> Vec<Ticket> {
        std::iter::from_fn(|| self.grant(now, 0, |_, _| false)).flatten().collect()
    }
}

/// A budget whose first window is over at `now`.
fn budget(permits: usize, capacity: usize, now: Instant) -> Budget {
    let mut budget = Budget::new(Permits::own(permits, SECOND, now), capacity);
    budget.pass(now + SECOND);
    budget
}

#[test]
fn the_first_window_is_left_to_a_predecessor() {
    let start = Instant::now();
    let mut budget = Budget::new(Permits::own(2, SECOND, start), 10);
    let ticket = budget.place(Place::Back).unwrap();
    assert_eq!(budget.grant_all(start + Duration::from_millis(999)), []);
    assert_eq!(budget.grant_all(start + SECOND), [ticket]);
}

#[test]
fn permits_go_in_the_order_of_the_queue_and_come_back_a_window_after_the_answer() {
    let start = Instant::now();
    let mut budget = budget(2, 10, start);
    let tickets: Vec<_> = (0..4).map(|_| budget.place(Place::Back).unwrap()).collect();
    assert_eq!(budget.grant_all(start), tickets[..2]);
    let answered = start + Duration::from_millis(300);
    budget.permits.release(answered);
    assert_eq!(budget.next_change(), Some(answered + SECOND));
    assert_eq!(budget.grant_all(answered + Duration::from_millis(999)), []);
    assert_eq!(budget.grant_all(answered + SECOND), tickets[2..3]);
    assert_eq!(
        budget.grant_all(answered + SECOND * 60),
        [],
        "the other permit is held for as long as there is no answer"
    );
}

#[test]
fn the_queue_is_bounded_but_at_the_front_there_is_always_a_place() {
    let mut budget = budget(1, 1, Instant::now());
    let first = budget.place(Place::Back).unwrap();
    assert_eq!(budget.place(Place::Back), Err(Full));
    let again = budget.place(Place::Front).unwrap();
    assert_eq!(budget.grant_all(Instant::now()), [again]);
    budget.leave(first);
    assert_eq!(budget.waiting(), 0);
}

#[test]
fn who_gives_way_does_not_wait_any_more_wherever_it_waited_and_who_goes_first_never_does() {
    let now = Instant::now();
    let mut budget = budget(2, 2, now);
    let of = |client: &str, place| Ask { client: client.into(), ..ask(place) };
    let together = |client| Ask { kind: Some("kind".into()), ..of(client, Place::Back) };
    budget.join(together("many"), now).unwrap();
    assert_eq!(budget.grant_all(now).len(), 1);
    let first = budget.join(of("many", Place::Back), now).unwrap().ticket;
    let held = budget.join(together("many"), now).unwrap().ticket;
    assert_eq!(budget.pace.len(), 1, "it keeps its distance");
    let few = budget.join(of("few", Place::Back), now).unwrap();
    assert_eq!((few.instead_of, budget.waiting(), budget.pace.len()), (Some(held), 2, 0));
    let again = [(); 3].map(|()| budget.join(of("many", Place::Front), now).unwrap().ticket);
    assert_eq!(budget.join(of("third", Place::Back), now), Err(Full), "at the back nobody has two places");
    assert_eq!(budget.join(of("few", Place::Back), now), Err(Full));
    budget.permits = Permits::own(9, SECOND, now - SECOND);
    assert_eq!(budget.grant_all(now), [again.as_slice(), &[few.ticket, first]].concat());
    let after = budget.join(of("third", Place::Back), now);
    assert_eq!(after.map(|joined| joined.instead_of), Ok(None), "what had its turn takes no place");
}

#[test]
fn a_permit_that_was_not_used_is_to_be_had_at_once() {
    let now = Instant::now();
    let mut budget = budget(1, 10, now);
    let (_first, second) = (budget.place(Place::Back).unwrap(), budget.place(Place::Back).unwrap());
    assert_eq!(budget.grant_all(now).len(), 1);
    budget.permits.give_back();
    assert_eq!(budget.grant_all(now), [second]);
}

#[test]
fn what_could_travel_together_follows_at_a_distance_that_grows_while_the_budget_is_used_up() {
    let start = Instant::now();
    let mut budget = budget(5, 10, start);
    let together = |budget: &mut Budget, now| {
        budget.join(Ask { kind: Some("kind".into()), ..ask(Place::Back) }, now).unwrap();
        budget.grant(now, 9, |_, _| true).map(|granted| granted.len())
    };
    assert_eq!(together(&mut budget, start), Some(1), "nobody waits for company while all permits are free");
    let after = |milliseconds| start + Duration::from_millis(milliseconds);
    assert_eq!(together(&mut budget, after(39)), None);
    assert_eq!(budget.next_change(), Some(after(40)));
    assert_eq!(together(&mut budget, after(40)), Some(2));
    assert_eq!(together(&mut budget, after(119)), None);
    assert_eq!(budget.grant_all(after(119)), []);
    let other = budget.join(ask(Place::Back), after(119)).unwrap().ticket;
    assert_eq!(budget.grant_all(after(119)), [other], "whatever can't travel in company is not held up");
    assert_eq!(together(&mut budget, after(120)), Some(2));
    assert_eq!(budget.waiting(), 0);
}

#[test]
fn nobody_sends_during_a_lock_out_which_is_counted_once() {
    let start = Instant::now();
    let mut budget = budget(5, 10, start);
    let ticket = budget.place(Place::Back).unwrap();
    assert!(budget.lock_out(start + SECOND * 30));
    assert!(!budget.lock_out(start + SECOND * 20), "a second answer 429 neither counts nor shortens it");
    assert_eq!(budget.grant_all(start + SECOND * 29), []);
    assert_eq!(budget.next_change(), Some(start + SECOND * 30));
    assert_eq!(budget.grant_all(start + SECOND * 30), [ticket]);
    assert_eq!(budget.locked_until(), None);
}

#[test]
fn a_permit_is_taken_without_queueing_only_where_it_would_be_granted_at_once_and_alone() {
    let start = Instant::now();
    let back = ask(Place::Back);
    let mut budget = budget(2, 10, start);
    assert!(!budget.take(&Ask { kind: Some("kind".into()), ..back.clone() }, start), "others may come along");
    assert!(budget.take(&back, start));
    let waiting = budget.place(Place::Back).unwrap();
    assert!(!budget.take(&back, start), "another waits");
    assert_eq!(budget.grant_all(start), [waiting]);
    assert!(!budget.take(&back, start), "there is none");
    budget.permits.release(start);
    assert!(!budget.take(&back, start + Duration::from_millis(999)));
    assert!(budget.lock_out(start + SECOND * 3));
    assert!(!budget.take(&back, start + SECOND * 2), "nobody sends");
    assert!(budget.take(&back, start + SECOND * 3));
}

proptest! {
    /// Requests take `there` to arrive and `back` to be answered, in milliseconds; all are queued at once.
    #[test]
    fn no_window_sees_more_arrivals_than_there_are_permits(
        permits in 1_usize..6,
        trips in prop::collection::vec((0_u64..900, 0_u64..900), 1..40),
    ) {
        let start = Instant::now();
        let mut budget = budget(permits, trips.len(), start);
        let mut trips = trips.into_iter();
        for _ in 0..trips.len() {
            budget.place(Place::Back).unwrap();
        }
        let (mut arrivals, mut answers) = (Vec::new(), Vec::new());
        for millisecond in 0..120_000 {
            let now = start + Duration::from_millis(millisecond);
            answers.retain(|answer| {
                if *answer == now { budget.permits.release(now); }
                *answer != now
            });
            for _ in budget.grant_all(now) {
                let (there, back) = trips.next().unwrap();
                arrivals.push(now + Duration::from_millis(there));
                answers.push(now + Duration::from_millis(there + back + 1));
            }
        }
        prop_assert_eq!(trips.len(), 0, "everybody is served");
        arrivals.sort();
        for (earlier, later) in arrivals.iter().zip(arrivals.iter().skip(permits)) {
            prop_assert!(*later - *earlier >= SECOND);
        }
    }
}
