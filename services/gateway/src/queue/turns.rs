//! Whose turn it is among those who wait: pure.
//!
//! Within a class of urgency, turns go round among clients by start-time fair queueing: each request has a start tag,
//! the smallest one is next, and a turn moves the client's tag on by the turn's cost over the client's share. Who comes
//! new begins at the tag served last, so that a client with 500 waiting requests delays another's first by one turn.
//! What a request costs here depends on how many clients and kinds there are, hardly on how many requests wait.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound::{Excluded, Unbounded},
    sync::Arc,
};

use crate::queue::urgency::Urgency;

/// So many turns in a row may pass over a class that waits; then it has one.
const MOST_PASSED_OVER: u32 = 8;
/// What one turn costs a client with a share of one; divisible by every size of a batch.
const TURN: u64 = 2520 * 1000;
/// Who is looked at for company, at most.
const MOST_LOOKED_AT: usize = 64;

/// Where to queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Ahead of everybody: who was admitted before, and has to send again.
    Front,
    /// Where it is the client's turn.
    Back,
}

/// How one waits.
#[derive(Debug, Clone)]
pub struct Ask {
    pub place: Place,
    pub urgency: Urgency,
    pub client: Arc<str>,
    /// How many turns the client has for each one of a client with a share of one.
    pub share: u16,
    /// What may be sent together with others of the same kind.
    pub kind: Option<Arc<str>>,
}

/// Those who wait, by tickets that were given out in rising order.
#[derive(Debug)]
pub struct Turns<T> {
    asks: HashMap<T, Ask>,
    front: BTreeSet<T>,
    /// Only classes in which somebody waits.
    classes: BTreeMap<Urgency, Class<T>>,
    /// Only kinds of which one waits.
    kinds: HashMap<Arc<str>, BTreeSet<(Place, T)>>,
}

/// One class of urgency. What clients owe is forgotten when nobody waits in it any more.
#[derive(Debug)]
struct Class<T> {
    passed_over: u32,
    /// The start tag that was served last.
    now: u64,
    flows: HashMap<Arc<str>, Flow<T>>,
    /// The clients that wait, by the start tag of their next turn.
    order: BTreeSet<(u64, Arc<str>)>,
}

/// What one client waits for.
#[derive(Debug)]
struct Flow<T> {
    tag: u64,
    waiting: BTreeSet<T>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        let (asks, kinds) = (HashMap::new(), HashMap::new());
        Self { asks, front: BTreeSet::new(), classes: BTreeMap::new(), kinds }
    }
}

impl<T: Copy + Ord + std::hash::Hash> Turns<T> {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.asks.len()
    }

    /// Whether one of the kind of `ask` waits.
    pub fn have(&self, ask: &Ask) -> bool {
        ask.kind.as_ref().is_some_and(|kind| self.kinds.contains_key(kind))
    }

    /// `ticket`, the highest so far, waits from now on.
    pub fn join(&mut self, ticket: T, ask: Ask) {
        match ask.place {
            Place::Front => drop(self.front.insert(ticket)),
            Place::Back => {
                let class = self.classes.entry(ask.urgency).or_insert_with(Class::new);
                class.join(&ask.client, ticket);
            }
        }
        if let Some(kind) = &ask.kind {
            self.kinds.entry(kind.clone()).or_default().insert((ask.place, ticket));
        }
        self.asks.insert(ticket, ask);
    }

    /// `ticket` does not wait any more; without effect for one that does not.
    pub fn leave(&mut self, ticket: T) {
        if let Some(ask) = self.remove(ticket) {
            self.classes.retain(|urgency, class| *urgency != ask.urgency || !class.order.is_empty());
        }
    }

    /// Who is next, with up to `most` others of its kind that come along, the longest waiting first, as far as `fits`
    /// says that a ticket goes with those already chosen. They share what the turn costs. With the kind, if it is of one.
    pub fn next(
        &mut self,
        most: usize,
        mut fits: impl FnMut(&[T], T) -> bool,
    ) -> Option<(Option<Arc<str>>, Vec<T>)> {
        let lead = self.lead()?;
        let mut chosen = vec![lead];
        let kind = self.asks.get(&lead).and_then(|ask| ask.kind.clone());
        let of_kind = kind.as_ref().and_then(|kind| self.kinds.get(kind));
        for (_, ticket) in of_kind.into_iter().flatten().take(MOST_LOOKED_AT) {
            if chosen.len() <= most && *ticket != lead && fits(&chosen, *ticket) {
                chosen.push(*ticket);
            }
        }
        let cost = TURN / u64::try_from(chosen.len()).unwrap_or(u64::MAX);
        for ticket in &chosen {
            if let Some(ask) = self.remove(*ticket).filter(|ask| ask.place == Place::Back) {
                self.charge(&ask, cost / u64::from(ask.share.max(1)));
            }
        }
        self.classes.retain(|_, class| !class.order.is_empty());
        Some((kind, chosen))
    }

    /// Who is next: the front, then the highest class, but for one that was passed over too often.
    fn lead(&mut self) -> Option<T> {
        if let Some(first) = self.front.first() {
            return Some(*first);
        }
        let overdue = self.classes.iter().find(|(_, class)| class.passed_over >= MOST_PASSED_OVER);
        let urgency = overdue.or_else(|| self.classes.iter().next()).map(|(urgency, _)| *urgency)?;
        for (_, lower) in self.classes.range_mut((Excluded(urgency), Unbounded)) {
            lower.passed_over += 1;
        }
        let class = self.classes.get_mut(&urgency)?;
        class.passed_over = 0;
        class.first()
    }

    fn remove(&mut self, ticket: T) -> Option<Ask> {
        let ask = self.asks.remove(&ticket)?;
        match ask.place {
            Place::Front => drop(self.front.remove(&ticket)),
            Place::Back => {
                if let Some(class) = self.classes.get_mut(&ask.urgency) {
                    class.leave(&ask.client, ticket);
                }
            }
        }
        if let Some(kind) = &ask.kind
            && let Some(of_kind) = self.kinds.get_mut(kind)
        {
            of_kind.remove(&(ask.place, ticket));
            if of_kind.is_empty() {
                self.kinds.remove(kind);
            }
        }
        Some(ask)
    }

    fn charge(&mut self, ask: &Ask, cost: u64) {
        if let Some(class) = self.classes.get_mut(&ask.urgency) {
            class.charge(&ask.client, cost);
        }
    }
}

impl<T: Copy + Ord> Class<T> {
    fn new() -> Self {
        Self { passed_over: 0, now: 0, flows: HashMap::new(), order: BTreeSet::new() }
    }

    fn join(&mut self, client: &Arc<str>, ticket: T) {
        let new = || Flow { tag: self.now, waiting: BTreeSet::new() };
        let flow = self.flows.entry(client.clone()).or_insert_with(new);
        if flow.waiting.is_empty() {
            flow.tag = flow.tag.max(self.now);
            self.order.insert((flow.tag, client.clone()));
        }
        flow.waiting.insert(ticket);
    }

    fn leave(&mut self, client: &Arc<str>, ticket: T) {
        let Some(flow) = self.flows.get_mut(client) else { return };
        if flow.waiting.remove(&ticket) && flow.waiting.is_empty() {
            self.order.remove(&(flow.tag, client.clone()));
        }
    }

    /// The first of the client whose turn it is.
    fn first(&mut self) -> Option<T> {
        let (tag, client) = self.order.first()?;
        self.now = *tag;
        self.flows.get(client)?.waiting.first().copied()
    }

    fn charge(&mut self, client: &Arc<str>, cost: u64) {
        let Some(flow) = self.flows.get_mut(client) else { return };
        let was_waiting = self.order.remove(&(flow.tag, client.clone()));
        flow.tag = flow.tag.saturating_add(cost);
        if was_waiting {
            self.order.insert((flow.tag, client.clone()));
        }
    }
}

#[cfg(test)]
#[path = "turns_tests.rs"]
mod tests;
