//! What happened: every change of a record, and every request; the newest are kept.

use std::{collections::VecDeque, sync::Arc};

use airtable::{Cells, time};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::transaction::{Change, Operation};

/// Most entries of each kind.
const KEPT: usize = 100_000;

/// A change of a record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Effect {
    /// Counts from 1.
    pub seq: u64,
    /// RFC 3339.
    pub time: String,
    /// The id of the base.
    pub base: String,
    /// The id of the table.
    pub table: String,
    /// `create`, `update` or `delete`.
    pub operation: Operation,
    /// The id of the record.
    pub record: String,
    /// By name: what was created, what is new (null where cleared), or what was deleted.
    pub fields: Cells,
    /// The `x-request-id` of the request that did it.
    pub request: String,
}

/// A request to the API.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// Counts from 1.
    pub seq: u64,
    /// When it arrived, RFC 3339.
    pub time: String,
    /// `GET`, `POST`, ….
    pub method: String,
    /// Without the query.
    pub path: String,
    /// How it was answered; 0 where the connection was cut.
    pub status: u16,
    /// The type of the error it was answered with.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// What happened since the start or the last reset.
#[derive(Debug, Default)]
pub struct Journal {
    effects: VecDeque<Arc<Effect>>,
    last_effect: u64,
    requests: VecDeque<Request>,
    last_request: u64,
}

impl Journal {
    /// A journal that goes on after these effects.
    pub fn after(effects: Vec<Arc<Effect>>) -> Self {
        let last_effect = effects.last().map_or(0, |effect| effect.seq);
        Self { effects: effects.into(), last_effect, ..Self::default() }
    }

    pub fn effects(&self) -> impl DoubleEndedIterator<Item = &Arc<Effect>> {
        self.effects.iter()
    }

    /// The requests after the one with this number.
    pub fn requests(&self, since: u64) -> impl Iterator<Item = &Request> {
        self.requests.iter().skip_while(move |request| request.seq <= since)
    }

    /// The requests, newest first.
    pub fn latest_requests(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter().rev()
    }

    /// Adds what a request changed.
    pub fn changed(&mut self, base: &str, request: &str, now: Timestamp, changes: Vec<Change>) {
        for change in changes {
            self.last_effect += 1;
            self.effects.push_back(Arc::new(Effect {
                seq: self.last_effect,
                time: time::write(now),
                base: base.to_owned(),
                table: change.table,
                operation: change.operation,
                record: change.record,
                fields: change.fields,
                request: request.to_owned(),
            }));
        }
        self.effects.drain(..self.effects.len().saturating_sub(KEPT));
    }

    /// Adds a request that was answered.
    pub fn answered(
        &mut self,
        method: &str,
        path: &str,
        arrived: Timestamp,
        status: u16,
        kind: Option<String>,
    ) {
        self.last_request += 1;
        self.requests.push_back(Request {
            seq: self.last_request,
            time: time::write(arrived),
            method: method.to_owned(),
            path: path.to_owned(),
            status,
            kind,
        });
        self.requests.drain(..self.requests.len().saturating_sub(KEPT));
    }
}
