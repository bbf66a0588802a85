//! The calls about webhooks.

use airtable::{Error, query};
use serde_json::{Map, Value, json};

use super::{hook::Hook, specification::Specification};
use crate::{call::WebhooksCall, records::Input, world::Base};

/// Most webhooks of a base.
const MOST: usize = 10;
/// Most payloads in an answer.
const PAGE: usize = 50;

/// Answers a call; null where Airtable's answer has no body.
pub fn perform(base: &mut Base, call: &WebhooksCall, input: &Input<'_>) -> Result<Value, Error> {
    base.webhooks.hooks.retain(|hook| hook.is_there(input.now));
    match call {
        WebhooksCall::List => {
            let hooks: Vec<Value> = base.webhooks.iter().map(|hook| hook.answer(input.now)).collect();
            Ok(json!({"webhooks": hooks}))
        }
        WebhooksCall::Create => create(base, input),
        WebhooksCall::Delete { webhook } => {
            find(base, webhook)?;
            base.webhooks.hooks.retain(|hook| hook.id != *webhook);
            Ok(Value::Null)
        }
        WebhooksCall::EnableNotifications { webhook } => {
            let hook = find(base, webhook)?;
            let body = input.object()?;
            let enable = body.get("enable").ok_or(Error::MissingFields("enable"))?;
            hook.enable_notifications(enable.as_bool().ok_or(Error::InvalidRequest)?);
            Ok(Value::Null)
        }
        WebhooksCall::Refresh { webhook } => {
            let expires = find(base, webhook)?.refresh(input.now);
            let expires = expires.ok_or_else(|| because("the webhook has ended: create another one"))?;
            Ok(json!({"expirationTime": expires}))
        }
        WebhooksCall::ListPayloads { webhook } => payloads(find(base, webhook)?, input),
    }
}

fn find<'a>(base: &'a mut Base, id: &str) -> Result<&'a mut Hook, Error> {
    base.webhooks.iter_mut().find(|hook| hook.id == id).ok_or(Error::ModelIdNotFound("Webhook"))
}

fn create(base: &mut Base, input: &Input<'_>) -> Result<Value, Error> {
    let body = input.object()?;
    let url = match body.get("notificationUrl") {
        None | Some(Value::Null) => None,
        Some(Value::String(url)) if url.starts_with("https://") || url.starts_with("http://") => {
            Some(url.clone())
        }
        Some(_) => return Err(because("notificationUrl must begin with https:// or http://")),
    };
    let specification = body.get("specification").ok_or(Error::MissingFields("specification"))?;
    let specification = Specification::read(specification, base).map_err(Error::InvalidRequestBecause)?;
    if base.webhooks.hooks.len() >= MOST {
        return Err(because("the base has 10 webhooks, which is the most: delete one"));
    }
    let hook = Hook::new(url, specification, input.now);
    let answer =
        json!({"id": hook.id, "macSecretBase64": hook.secret.base64(), "expirationTime": hook.expiration()});
    base.webhooks.hooks.push(hook);
    Ok(answer)
}

fn payloads(hook: &mut Hook, input: &Input<'_>) -> Result<Value, Error> {
    let parameters = query::object(input.query);
    let cursor = number(&parameters, "cursor", u64::MAX)?.unwrap_or(1);
    let limit =
        number(&parameters, "limit", 50)?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE);
    // Listing prolongs the life of a webhook that has one.
    hook.refresh(input.now);
    let (payloads, cursor, more) = hook.list(cursor, limit, input.now);
    Ok(json!({"payloads": payloads, "cursor": cursor, "mightHaveMore": more}))
}

/// A number from 1 to `most` in a query.
fn number(parameters: &Map<String, Value>, name: &str, most: u64) -> Result<Option<u64>, Error> {
    let Some(given) = parameters.get(name) else { return Ok(None) };
    let number =
        given.as_str().and_then(|text| text.parse().ok()).filter(|number| (1..=most).contains(number));
    let range = if most == u64::MAX { "from 1 on".to_owned() } else { format!("from 1 to {most}") };
    number.map(Some).ok_or_else(|| because(&format!("{name} must be a number {range}")))
}

fn because(message: &str) -> Error {
    Error::InvalidRequestBecause(message.to_owned())
}
