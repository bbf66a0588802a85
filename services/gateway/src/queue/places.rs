//! Who gives way when a queue is full: pure.
//!
//! Places go to clients by their shares, as turns do. Whoever comes is let in, and one goes of the client that then has
//! most for its share: its least urgent one, of these the last that came. So a client gives way with what is beyond its
//! part, to others and to what it has more urgent itself. The only one of a client gives way to nobody.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::Arc,
};

use super::{turns::Ask, urgency::Urgency};

/// Of what one place is worth to a client with a share of one; no two shares come to the same by rounding.
const PLACE: u64 = 1 << 32;

/// Those who wait and may have to give way, by tickets that were given out in rising order.
#[derive(Debug)]
pub struct Places<T> {
    /// Only those that have one.
    clients: HashMap<Arc<str>, Held<T>>,
    of: HashMap<T, (Arc<str>, Urgency)>,
}

/// What one client has; who gives way first is last.
#[derive(Debug)]
struct Held<T> {
    share: u16,
    places: BTreeSet<(Urgency, T)>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { clients: HashMap::new(), of: HashMap::new() }
    }
}

impl<T: Copy + Ord + Hash> Places<T> {
    /// `ticket` has a place from now on.
    pub fn join(&mut self, ticket: T, ask: &Ask) {
        let new = || Held { share: ask.share, places: BTreeSet::new() };
        let held = self.clients.entry(ask.client.clone()).or_insert_with(new);
        held.share = ask.share;
        held.places.insert((ask.urgency, ticket));
        self.of.insert(ticket, (ask.client.clone(), ask.urgency));
    }

    /// `ticket` has none any more; without effect for one that has none.
    pub fn leave(&mut self, ticket: T) {
        let Some((client, urgency)) = self.of.remove(&ticket) else { return };
        if let Some(held) = self.clients.get_mut(&client) {
            held.places.remove(&(urgency, ticket));
            if held.places.is_empty() {
                self.clients.remove(&client);
            }
        }
    }

    /// Who gives way so that `newest`, who has a place already, may keep it: itself, where nobody else has to.
    pub fn surplus(&self, newest: T) -> T {
        let own = self.of.get(&newest).map(|(client, _)| client);
        let most = self
            .clients
            .iter()
            .filter(|(_, held)| held.places.len() > 1)
            // With as much as another, the newcomer's client has no right to more.
            .max_by_key(|(client, held)| (held.for_its_share(), own == Some(*client), held.last()));
        most.and_then(|(_, held)| held.last()).unwrap_or(newest)
    }
}

impl<T: Copy + Ord> Held<T> {
    fn for_its_share(&self) -> u64 {
        let places = u64::try_from(self.places.len()).unwrap_or(u64::MAX);
        places.saturating_mul(PLACE) / u64::from(self.share.max(1))
    }

    fn last(&self) -> Option<T> {
        self.places.last().map(|(_, ticket)| *ticket)
    }
}

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;
