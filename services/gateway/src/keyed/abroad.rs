//! Creates and upserts that other replicas have under way, as far as their intents in the ledger tell.

use airtable::Cells;
use jiff::{SignedDuration, Timestamp};
use ledger::{Error, Intent, Ledger};

use super::{
    cells::{Likeness, PlainText, closest},
    flights::may_be_same,
    note::Note,
    write::{self, Create, Write},
};

/// How far replicas may be apart about the time of the ledger's store: longer than it may take to ask for it.
const APART: SignedDuration = SignedDuration::from_secs(2);

/// What may bring records to one table, and when each may have departed at the earliest.
pub struct Abroad(Vec<(Timestamp, Create)>);

impl Abroad {
    /// What the ledger knows of now: a record that was there before, and is of a write that landed before, is known as that
    /// one's from now on.
    pub async fn of(ledger: &Ledger, table: &str) -> Result<Self, Error> {
        let bound_for =
            |intent: &Intent| under_way(intent).filter(|(_, create)| may_be_same(table, &create.table));
        Ok(Self(ledger.elsewhere(|_, intent| bound_for(intent)).await?))
    }

    /// Whether a record with these cells, first seen at `seen`, may be of one of them.
    pub fn may_bring(&self, found: &Cells, seen: Timestamp) -> bool {
        let latest = seen.checked_add(APART).unwrap_or(seen);
        let may_bring = |(departed, create): &(Timestamp, Create)| {
            *departed <= latest && closest(create, found, &PlainText::default()) <= Likeness::Unclear
        };
        self.0.iter().any(may_bring)
    }
}

/// What a claimed intent may bring. A create whose connection is gone is searched for; an upsert is sent again to find out.
fn under_way(intent: &Intent) -> Option<(Timestamp, Create)> {
    let note = Note::of(intent)?;
    let request = note.request()?;
    let create = match Write::of(&request) {
        Write::Create(create) => Some(create).filter(|_| !note.is_lost()),
        _ => write::upserted(&request),
    };
    Some((note.departed(intent.at), create?))
}
