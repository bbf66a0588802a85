//! Who waits in a queue, behind its lock.

use std::collections::HashMap;

use tokio::{sync::oneshot, time::Instant};

use super::{
    Turn,
    budget::{Budget, Ticket},
};
use crate::company::{Member, batch};

/// The budget, and who sits where.
pub struct State {
    pub budget: Budget,
    pub seats: HashMap<Ticket, Waiting>,
    /// When the task that hands out looks again at the latest, or has been told to.
    pub alarm: Option<Instant>,
}

/// One that waits; a member of a company where it is a write that may travel with others.
pub struct Waiting {
    pub turn: oneshot::Sender<Turn>,
    pub member: Option<Member>,
}

impl State {
    /// Those whose turn it is now, with one permit.
    pub fn grant(&mut self, now: Instant) -> Option<Vec<Ticket>> {
        let Self { budget, seats, .. } = self;
        let member = |ticket: &Ticket| seats.get(ticket).and_then(|seat| seat.member.as_ref());
        budget.grant(now, batch::MOST - 1, |chosen, candidate| {
            let goes_with = |one: &Ticket| match (member(one), member(&candidate)) {
                (Some(one), Some(candidate)) => candidate.goes_with(one),
                _ => false,
            };
            chosen.iter().all(goes_with)
        })
    }

    /// Whether there may be more to hand out sooner than the task looks, which is then to be told.
    pub fn is_sooner(&mut self) -> bool {
        if self.budget.wants() {
            return true;
        }
        let next = if self.budget.may_grant() { Some(Instant::now()) } else { self.budget.next_change() };
        let is_sooner = next.is_some_and(|next| self.alarm.is_none_or(|alarm| next < alarm));
        if is_sooner {
            self.alarm = next;
        }
        is_sooner
    }
}
