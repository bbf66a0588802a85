//! The audit log: what was changed above records, newest first or oldest first, page by page.

use std::collections::VecDeque;

use airtable::{Error, query, time};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{enterprise::Enterprise, world::World};

/// Most events that are kept; the oldest go first.
const KEPT: usize = 10_000;

/// The events since the start or the last reset.
#[derive(Debug, Clone, Default)]
pub struct Audit {
    events: VecDeque<Event>,
    last: u64,
}

/// A change.
#[derive(Debug, Clone)]
pub struct Event {
    number: u64,
    at: Timestamp,
    /// What was done, for example `createTable`.
    action: &'static str,
    /// To which base, workspace or enterprise account.
    model: String,
}

impl Audit {
    pub fn add(&mut self, at: Timestamp, action: &'static str, model: String) {
        self.last += 1;
        self.events.push_back(Event { number: self.last, at, action, model });
        self.events.drain(..self.events.len().saturating_sub(KEPT));
    }
}

/// A page of events, with where the next and the previous begin.
pub fn page(world: &World, enterprise: &Enterprise, asked: &Map<String, Value>) -> Result<Value, Error> {
    let texts = |name: &str| asked.get(name).and_then(query::texts).unwrap_or_default();
    let moment = |name: &str| match asked.get(name).and_then(Value::as_str) {
        None => Ok(None),
        Some(text) => time::read(text, &jiff::tz::TimeZone::UTC).map(Some).ok_or(Error::InvalidRequest),
    };
    let place = |name: &str| match asked.get(name).and_then(Value::as_str) {
        None => Ok(None),
        Some(text) => text.parse::<u64>().map(Some).map_err(|_| Error::InvalidRequest),
    };
    let size = match asked.get("pageSize").and_then(Value::as_str) {
        None => 100,
        Some(text) => {
            text.parse().ok().filter(|size| (1..=100).contains(size)).ok_or(Error::InvalidPageSize)?
        }
    };
    let (since, until) = (moment("startTime")?, moment("endTime")?);
    let (after, before) = (place("next")?, place("previous")?);
    let (users, actions, models) = (texts("originatingUserId"), texts("eventType"), texts("modelId"));
    let fits = |event: &&Event| {
        since.is_none_or(|since| event.at >= since)
            && until.is_none_or(|until| event.at <= until)
            && after.is_none_or(|after| event.number > after)
            && before.is_none_or(|before| event.number < before)
            && (users.is_empty() || users.contains(&world.user.id))
            && (actions.is_empty() || actions.iter().any(|action| action == event.action))
            && (models.is_empty() || models.contains(&event.model))
    };
    let chosen = world.audit.events.iter().filter(fits);
    let ascending = asked.get("sortOrder").and_then(Value::as_str) == Some("ascending");
    let chosen: Vec<_> =
        if ascending { chosen.take(size).collect() } else { chosen.rev().take(size).collect() };
    let numbers = chosen.iter().map(|event| event.number);
    let pagination = json!({
        "next": numbers.clone().max().map(|number| number.to_string()),
        "previous": numbers.min().map(|number| number.to_string()),
    });
    let events: Vec<_> = chosen.into_iter().map(|event| event.told(world, enterprise)).collect();
    Ok(json!({"events": events, "pagination": pagination}))
}

impl Event {
    fn told(&self, world: &World, enterprise: &Enterprise) -> Value {
        let kind = match self.model.get(..3) {
            Some("app") => "base",
            Some("ent") => "enterpriseAccount",
            _ => "workspace",
        };
        let mut context =
            json!({"actionId": format!("act{:014}", self.number), "enterpriseAccountId": enterprise.id});
        if let Value::Object(context) = &mut context {
            context.insert(format!("{kind}Id"), json!(self.model));
        }
        json!({
            "id": self.number.to_string(), "timestamp": time::write(self.at), "action": self.action,
            "actor": {"type": "user", "user": world.user.cell()},
            "modelId": self.model, "modelType": kind,
            "payload": {}, "payloadVersion": "1.0", "context": context,
            "origin": {"ipAddress": "127.0.0.1", "userAgent": ""},
        })
    }
}
