//! What changes while the simulator runs.

use std::{collections::BTreeSet, sync::Arc};

use airtable::Error;
use jiff::Timestamp;

use crate::{
    attachments::{Failure, Files},
    computed::Scope,
    deadline::Deadline,
    faults::Faults,
    iterators::Iterators,
    journal::Journal,
    limits::{Allowed, Limits},
    transaction::Change,
    world::{Base, User, World},
};

/// The world, and what is remembered of it.
pub struct Held {
    pub world: World,
    pub journal: Journal,
    pub faults: Faults,
    pub files: Files,
    pub limits: Limits,
    iterators: Arc<Iterators>,
}

/// A base as it was at one time: who only reads looks at it for as long as it takes, and nobody waits.
pub struct Reading {
    pub user: User,
    pub base: Base,
    pub iterators: Arc<Iterators>,
}

impl Reading {
    pub fn scope(&self, now: Timestamp, deadline: Deadline) -> Scope<'_> {
        Scope { user: &self.user, base: &self.base, now, deadline }
    }
}

impl Held {
    pub fn of(world: World, journal: Journal, allowed: Allowed) -> Self {
        Self {
            world,
            journal,
            faults: Faults::default(),
            files: Files::default(),
            limits: Limits::new(allowed),
            iterators: Arc::default(),
        }
    }

    /// What a base is now.
    pub fn reading(&self, base: &str) -> Result<Reading, Error> {
        let base = self.world.base(base).ok_or(Error::ModelNotFound)?.without_webhooks();
        Ok(Reading { user: self.world.user.clone(), base, iterators: self.iterators.clone() })
    }

    /// Tells whom changes of records concern beside webhooks; answers why files in them don't come.
    pub fn changed(
        &mut self,
        base: &str,
        request: &str,
        now: Timestamp,
        changes: Vec<Change>,
    ) -> BTreeSet<Failure> {
        if let Some(base) = self.world.bases.iter_mut().find(|known| known.id == base) {
            base.comments.forget(&changes);
        }
        let failures = self.files.expect(&changes, &self.world.bases, now);
        self.journal.changed(base, request, now, changes);
        failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fixture;

    #[test]
    fn what_is_read_stays_as_it_was_when_the_reading_began() {
        let world = Fixture::sample().unwrap().into_world().unwrap();
        let mut held = Held::of(world, Journal::default(), Allowed::unlimited());
        let (base, record) = ("appCRM00000000001", "recCRM00000000401");
        let reading = held.reading(base).unwrap();
        let table = reading.base.table_of(record).unwrap().schema.id.clone();
        held.world.bases[0].table_mut(&table).unwrap().remove(record);
        assert!(reading.base.table_of(record).is_some());
        assert!(held.reading(base).unwrap().base.table_of(record).is_none());
    }
}
