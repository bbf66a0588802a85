//! How closely writes that could travel together follow each other: pure.
//!
//! While nothing of the budget is used nobody is held up. The more of it is used up, the longer a write is held after the
//! last one of its kind left, at most for one permit's part of a window. So ten that come one after the other cost a few
//! requests, and do not spend the whole budget on the first five while the others wait for the next window.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use crate::queue::turns::Ask;

/// Those who are held, by tickets.
#[derive(Debug)]
pub struct Pace<T> {
    /// When the last one of a kind left.
    last: HashMap<Arc<str>, Instant>,
    held: HashMap<Arc<str>, Held<T>>,
    kinds: HashMap<T, Arc<str>>,
}

/// Of one kind; all go on at the same time.
#[derive(Debug)]
struct Held<T> {
    until: Instant,
    asks: BTreeMap<T, Ask>,
}

impl<T> Default for Pace<T> {
    fn default() -> Self {
        Self { last: HashMap::new(), held: HashMap::new(), kinds: HashMap::new() }
    }
}

impl<T: Copy + Ord + std::hash::Hash> Pace<T> {
    /// How many are held.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// One of `kind` leaves `now`.
    pub fn departed(&mut self, kind: &Arc<str>, now: Instant) {
        self.last.insert(kind.clone(), now);
    }

    /// Holds `ticket` where one of its kind left less than `distance` ago, or is held; gives back what is not held.
    pub fn hold(&mut self, ticket: T, ask: Ask, now: Instant, distance: Duration) -> Option<Ask> {
        let Some(kind) = ask.kind.clone() else { return Some(ask) };
        let until = match (self.held.get(&kind), self.last.get(&kind)) {
            (Some(held), _) => held.until,
            (None, Some(last)) => *last + distance,
            (None, None) => return Some(ask),
        };
        if until <= now {
            return Some(ask);
        }
        self.kinds.insert(ticket, kind.clone());
        self.held
            .entry(kind)
            .or_insert_with(|| Held { until, asks: BTreeMap::new() })
            .asks
            .insert(ticket, ask);
        None
    }

    /// `ticket` is not held any more; without effect for one that is not.
    pub fn leave(&mut self, ticket: T) {
        let Some(kind) = self.kinds.remove(&ticket) else { return };
        if let Some(held) = self.held.get_mut(&kind) {
            held.asks.remove(&ticket);
            if held.asks.is_empty() {
                self.held.remove(&kind);
            }
        }
    }

    /// Those who were held long enough, in the order they came. Departures before `forgotten` hold nobody.
    pub fn release(&mut self, now: Instant, forgotten: Option<Instant>) -> Vec<(T, Ask)> {
        self.last.retain(|_, last| forgotten.is_none_or(|forgotten| *last > forgotten));
        let mut released: Vec<(T, Ask)> =
            self.held.extract_if(|_, held| held.until <= now).flat_map(|(_, held)| held.asks).collect();
        released.sort_by_key(|(ticket, _)| *ticket);
        for (ticket, _) in &released {
            self.kinds.remove(ticket);
        }
        released
    }

    /// When the next ones are held long enough.
    pub fn next(&self) -> Option<Instant> {
        self.held.values().map(|held| held.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{queue::turns::Place, queue::urgency::Urgency};

    const DISTANCE: Duration = Duration::from_millis(200);

    fn ask(kind: &str) -> Ask {
        let (place, urgency, client) = (Place::Back, Urgency::Interactive, "client".into());
        Ask { place, urgency, client, share: 1, kind: Some(kind.into()) }
    }

    #[test]
    fn who_follows_one_of_its_kind_too_closely_is_held_with_all_that_come_meanwhile() {
        let (now, mut pace) = (Instant::now(), Pace::default());
        let hold = |pace: &mut Pace<u8>, ticket, kind, after| {
            pace.hold(ticket, ask(kind), now + after, DISTANCE).is_none()
        };
        assert!(!hold(&mut pace, 1, "a", Duration::ZERO), "nobody left before");
        pace.departed(&"a".into(), now);
        assert!(!hold(&mut pace, 2, "b", Duration::ZERO));
        assert!(hold(&mut pace, 3, "a", DISTANCE / 2));
        assert!(hold(&mut pace, 4, "a", DISTANCE * 9 / 10));
        assert_eq!((pace.len(), pace.next()), (2, Some(now + DISTANCE)));
        assert!(pace.release(now + DISTANCE / 2, None).is_empty());
        pace.leave(3);
        let released = pace.release(now + DISTANCE, None);
        assert_eq!(released.iter().map(|(ticket, _)| *ticket).collect::<Vec<_>>(), [4]);
        assert_eq!((pace.len(), pace.next()), (0, None));
        assert!(!hold(&mut pace, 5, "a", DISTANCE));
        assert!(pace.release(now, Some(now)).is_empty());
        assert!(pace.last.is_empty());
    }
}
