//! Who gives way, by example and by property.

use proptest::prelude::*;

use super::*;
use crate::queue::turns::Place;

/// A queue with so many places.
struct Bounded {
    places: Places<usize>,
    most: usize,
    last: usize,
}

impl Bounded {
    fn new(most: usize) -> Self {
        Self { places: Places::default(), most, last: 0 }
    }

    /// Who has no place any more after `client` came, where there is not one for all: 0 for the newcomer itself.
    fn join(&mut self, client: &str, share: u16, urgency: Urgency) -> Option<usize> {
        self.last += 1;
        let ask = Ask { place: Place::Back, urgency, client: client.into(), share, kind: None };
        self.places.join(self.last, &ask);
        let gone = (self.places.of.len() > self.most).then(|| self.places.surplus(self.last))?;
        self.places.leave(gone);
        Some(if gone == self.last { 0 } else { gone })
    }

    fn come(&mut self, client: &str) -> Option<usize> {
        self.join(client, 1, Urgency::Interactive)
    }

    fn held(&self, client: &str) -> usize {
        self.places.clients.get(client).map_or(0, |held| held.places.len())
    }
}

#[test]
fn a_client_that_has_all_places_gives_way_with_the_last_that_came_until_another_has_its_part() {
    let mut queue = Bounded::new(4);
    assert!((0..4).all(|_| queue.come("many").is_none()));
    assert_eq!(queue.come("many"), Some(0), "it has all there is");
    assert_eq!(queue.come("few"), Some(4));
    assert_eq!(queue.come("few"), Some(3));
    assert_eq!([queue.come("few"), queue.come("many")], [Some(0), Some(0)], "both have their part");
    assert_eq!(queue.come("third"), Some(7), "of who has as much as another, whoever came last");
}

#[test]
fn places_go_by_share() {
    let mut queue = Bounded::new(8);
    for _ in 0..20 {
        queue.join("one", 1, Urgency::Interactive);
    }
    for _ in 0..20 {
        queue.join("three", 3, Urgency::Interactive);
    }
    assert_eq!((queue.held("one"), queue.held("three")), (2, 6));
}

#[test]
fn the_least_urgent_of_a_client_gives_way_first_also_to_what_is_more_urgent_of_its_own() {
    let mut queue = Bounded::new(3);
    for urgency in [Urgency::Bulk, Urgency::Bulk, Urgency::Interactive] {
        assert_eq!(queue.join("many", 1, urgency), None);
    }
    assert_eq!(queue.join("many", 1, Urgency::Urgent), Some(2));
    assert_eq!(queue.join("many", 1, Urgency::Bulk), Some(0));
    assert_eq!(queue.join("few", 1, Urgency::Bulk), Some(1));
    assert_eq!(queue.join("many", 1, Urgency::Urgent), Some(3));
}

#[test]
fn the_only_one_of_a_client_gives_way_to_nobody_be_its_share_ever_so_small() {
    let mut queue = Bounded::new(3);
    for _ in 0..3 {
        queue.join("large", 100, Urgency::Urgent);
    }
    assert_eq!(queue.join("small", 1, Urgency::Bulk), Some(3));
    assert_eq!(queue.join("large", 100, Urgency::Urgent), Some(0));
    assert_eq!(queue.come("third"), Some(2));
    assert_eq!(queue.come("fourth"), Some(0), "there are no more places than clients");
}

/// Of a client, by number: the higher, the larger is its share.
fn share(client: usize) -> u16 {
    u16::try_from(client).unwrap() + 1
}

proptest! {
    /// Whoever comes, and whoever goes: nobody is refused in whose stead another should be.
    #[test]
    fn who_has_nothing_waiting_is_refused_only_where_nobody_has_more_than_one(
        most in 1_usize..12,
        steps in prop::collection::vec((0_usize..5, 0_u8..3, prop::bool::weighted(0.2)), 1..200),
    ) {
        let mut queue = Bounded::new(most);
        for (client, urgency, leaves) in steps {
            let urgency = [Urgency::Urgent, Urgency::Interactive, Urgency::Bulk][usize::from(urgency)];
            let names: Vec<String> = (0..5).map(|client| client.to_string()).collect();
            let before: Vec<usize> = names.iter().map(|name| queue.held(name)).collect();
            if leaves {
                let gone = queue.places.clients.get(names[client].as_str()).and_then(Held::last);
                queue.places.leave(gone.unwrap_or_default());
                continue;
            }
            let whose: HashMap<usize, Arc<str>> =
                queue.places.of.iter().map(|(ticket, (client, _))| (*ticket, client.clone())).collect();
            let gone = queue.join(&names[client], share(client), urgency);
            prop_assert!(queue.places.of.len() <= most);
            let loser = match gone {
                None => {
                    prop_assert!(whose.len() < most);
                    continue;
                }
                Some(0) => client,
                Some(other) => names.iter().position(|name| **name == *whose[&other]).unwrap(),
            };
            let counted = |one: usize| before[one] + usize::from(one == client);
            for other in (0..5).filter(|other| counted(*other) > 1) {
                prop_assert!(counted(loser) > 1, "{loser} had only one, {other} more");
                let (of_loser, of_other) =
                    (counted(loser) * usize::from(share(other)), counted(other) * usize::from(share(loser)));
                prop_assert!(of_loser >= of_other, "{other} has more for its share than {loser}");
            }
        }
        prop_assert!(queue.places.clients.values().all(|held| !held.places.is_empty()));
    }

    /// However the places were taken before: who goes on asking gets its part of them.
    #[test]
    fn each_client_that_goes_on_asking_has_its_part(first in prop::collection::vec(0_usize..5, 60)) {
        let mut queue = Bounded::new(60);
        for client in first {
            queue.join(&client.to_string(), share(client), Urgency::Interactive);
        }
        for client in (0..5).cycle().take(5 * 60) {
            queue.join(&client.to_string(), share(client), Urgency::Interactive);
        }
        // Of 60 places and 15 shares, four for each.
        for client in 0..5 {
            prop_assert_eq!(queue.held(&client.to_string()), 4 * usize::from(share(client)));
        }
    }
}
