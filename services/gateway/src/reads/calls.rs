//! Reads under way, so that those who ask the same may wait for the same answer.

use std::{collections::HashMap, time::Duration};

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use tokio::time::Instant;

use super::{
    marks::{Marks, Reading},
    question::Key,
    replicas::Told,
};
use crate::{answer::Answer, delivery::Undelivered, queue::urgency::Urgency};

/// What a read came to.
pub type Outcome = Result<Answer, Undelivered>;
/// A read under way: it goes on for as long as anybody waits for it.
pub type Running = Shared<BoxFuture<'static, Outcome>>;

/// The reads under way, the latest for each key.
#[derive(Debug, Default)]
pub struct Calls {
    last: u64,
    by_key: HashMap<Key, Call>,
}

#[derive(Debug)]
struct Call {
    number: u64,
    reading: Reading,
    urgency: Urgency,
    running: WeakShared<BoxFuture<'static, Outcome>>,
}

impl Calls {
    /// The call for `key` that somebody of this urgency may wait for who takes an answer of this age, where there is one: in
    /// the turns of the less urgent it would wait with them.
    pub fn find(
        &self,
        (key, urgency): (&Key, Urgency),
        marks: &Marks,
        told: &Told,
        oldest: Duration,
        now: Instant,
    ) -> Option<Running> {
        let call = self.by_key.get(key)?;
        let is_young = now.saturating_duration_since(call.reading.begun()) <= oldest;
        let may_be = marks.may_be_joined(&call.reading) && told.may_be_joined(call.reading.told());
        if is_young && may_be && call.urgency <= urgency { call.running.upgrade() } else { None }
    }

    /// The number of the next call, by which it is known to [`Calls::end`].
    pub fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// A call of this urgency is under way.
    pub fn begin(
        &mut self,
        (key, urgency): (Key, Urgency),
        number: u64,
        reading: Reading,
        call: BoxFuture<'static, Outcome>,
    ) -> Running {
        let running = call.shared();
        if let Some(weak) = running.downgrade() {
            self.by_key.insert(key, Call { number, reading, urgency, running: weak });
        }
        running
    }

    /// A call ended, or nobody waits for it any more.
    pub fn end(&mut self, key: &Key, number: u64) {
        if self.by_key.get(key).is_some_and(|call| call.number == number) {
            self.by_key.remove(key);
        }
    }
}
