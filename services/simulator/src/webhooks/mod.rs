//! Webhooks: what changes a base goes through becomes payloads, which are listed, and notifications, which are sent.
//!
//! One direction: a committed change ([`note_records`], [`note_schema`]) becomes a payload for each webhook whose
//! [`specification`] asks for it ([`payload`], [`schema`]); the [`hook`] keeps it and owes a notification, which
//! [`delivery`] sends.

mod calls;
mod cell_value;
pub mod delivery;
mod hook;
mod notifications;
mod payload;
mod schema;
mod specification;

use std::{cell::OnceCell, sync::Arc};

use airtable::Error;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::{cell_value::Told, payload::Cells};

pub use calls::perform;
pub use hook::Hook;

use crate::{
    computed::Scope,
    deadline::Deadline,
    directory::Directory,
    transaction::{self, Change},
    world::{Base, Table, User},
};

/// The webhooks of a base.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Webhooks {
    /// Requests that changed the base since it was made: the last `baseTransactionNumber`.
    transactions: u64,
    hooks: Vec<Hook>,
}

impl Webhooks {
    pub fn is_untouched(&self) -> bool {
        self.transactions == 0 && self.hooks.is_empty()
    }

    /// Each webhook as it is listed, with its base.
    pub fn report(&self, base: &str, now: Timestamp) -> Vec<Value> {
        let place = ("base".to_owned(), json!(base));
        let report = |hook: &Hook| match hook.answer(now) {
            Value::Object(answer) => std::iter::once(place.clone()).chain(answer).collect(),
            other => other,
        };
        self.iter().map(report).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Hook> {
        self.hooks.iter()
    }

    fn active(&self, now: Timestamp) -> impl Iterator<Item = &Hook> {
        self.iter().filter(move |hook| hook.is_active(now))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Hook> {
        self.hooks.iter_mut()
    }
}

/// Makes payloads of what a request did to records; refuses, and makes none, when their cells can't be computed in time.
pub fn note_records(
    base: &mut Base,
    changes: &[Change],
    directory: Directory<'_>,
    now: Timestamp,
    deadline: Deadline,
) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let Directory { user, account } = directory;
    let before = OnceCell::new();
    let told = |base| Told::new(Scope { user, base, now, deadline }, account);
    let body = |hook: &Hook| {
        let before = || told(before.get_or_init(|| transaction::before(base, changes)));
        let before = hook.specification.includes_previous_values().then(before);
        let cells = Cells { base, now: told(base), before };
        let body = payload::of_records(&hook.specification, &cells, changes);
        cells.now.in_time().map(|()| body)
    };
    let bodies = base.webhooks.active(now).map(body).collect::<Result<_, _>>()?;
    note(base, user, now, bodies);
    Ok(())
}

/// Makes payloads of what a request did to the schema; `before` are the tables as they were.
pub fn note_schema(base: &mut Base, before: &[Arc<Table>], user: &User, now: Timestamp) {
    if schema::differs(before, &base.tables) {
        let body = |hook: &Hook| schema::of_schema(&hook.specification, before, &base.tables);
        let bodies = base.webhooks.active(now).map(body).collect();
        note(base, user, now, bodies);
    }
}

/// Gives each active webhook its payload, in their order.
fn note(base: &mut Base, user: &User, now: Timestamp, bodies: Vec<Option<payload::Body>>) {
    let mut webhooks = std::mem::take(&mut base.webhooks);
    webhooks.transactions += 1;
    let head = payload::Head { time: now, transaction: webhooks.transactions, user, base };
    let active = webhooks.hooks.iter_mut().filter(|hook| hook.is_active(now));
    for (hook, body) in active.zip(bodies) {
        match hook.specification.check(base) {
            Ok(()) => drop(body.map(|body| hook.add(now, head.payload(body)))),
            Err(_) => hook.invalidate(now, head.error(body.unwrap_or_default())),
        }
    }
    base.webhooks = webhooks;
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{Fixture, call::WebhooksCall, records::Input};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn call(base: &mut Base, call: &WebhooksCall, body: &Value) -> Value {
        let body = body.to_string();
        let deadline = Deadline::of_request();
        let input = Input { query: "", body: body.as_bytes(), now: NOW, deadline };
        perform(base, call, &input).unwrap()
    }

    #[test]
    fn a_webhook_whose_field_is_gone_says_so_and_hears_no_more() {
        let mut world = Fixture::sample().unwrap().into_world().unwrap();
        let (user, base) = (world.user, world.bases.first_mut().unwrap());
        let field = base.tables[0].schema.fields[1].id.clone();
        let filters = json!({"dataTypes": ["tableFields"], "watchSchemasOfFieldIds": [field]});
        let made = json!({"specification": {"options": {"filters": filters}}});
        let webhook = call(base, &WebhooksCall::Create, &made)["id"].as_str().unwrap().to_owned();
        for _ in 0..2 {
            let before = base.tables.clone();
            Arc::make_mut(&mut base.tables[0]).schema.fields.remove(1);
            note_schema(base, &before, &user, NOW);
        }
        let listed = call(base, &WebhooksCall::ListPayloads { webhook }, &Value::Null);
        let [payload] = listed["payloads"].as_array().unwrap().as_slice() else { panic!("{listed}") };
        assert_eq!((&payload["error"], &payload["code"]), (&json!(true), &json!("INVALID_FILTERS")));
        let table = &payload["changedTablesById"]["tblCRM00000000001"];
        assert_eq!(table["destroyedFieldIds"], json!([field]), "the change that did it is told");
        assert_eq!(call(base, &WebhooksCall::List, &Value::Null)["webhooks"][0]["isHookEnabled"], false);
    }
}
