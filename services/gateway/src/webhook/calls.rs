//! The calls about the gateway's own webhook, by the queue like all others, and what their answers mean.

use std::time::Duration;

use airtable::webhook::{Page, Webhook as Listed};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::{
    Webhook,
    decide::{Call, Event, Trouble},
    memory::Made,
};
use crate::{
    Gateway,
    answer::Answer,
    delivery::{Delivery, retry::Care, upstream::Request},
    queue::caller::Caller,
};

/// Longer than a lock-out.
const DEADLINE: Duration = Duration::from_mins(1);

/// The way to the webhooks of a base.
pub struct Calls {
    delivery: Delivery,
    /// `/v0/bases/{base}/webhooks`
    path: String,
    url: String,
}

impl Calls {
    /// Calls of `gateway` about a webhook with this notification URL.
    pub fn new(gateway: &Gateway, url: &str) -> Self {
        let path = format!("/v0/bases/{}/webhooks", gateway.base());
        Self { delivery: gateway.delivery().clone(), path, url: url.to_owned() }
    }

    /// Performs `call` for `webhook`, which learns the secret of one that is made.
    pub async fn perform(&self, call: Call, webhook: &Webhook) -> Event {
        match self.answer(&call).await.and_then(|answer| meaning(&call, &answer, webhook)) {
            Ok(event) => event,
            Err(trouble) => {
                tracing::warn!(?call, %trouble, "a call about the gateway's webhook failed");
                Event::Failed(call, trouble)
            }
        }
    }

    async fn answer(&self, call: &Call) -> Result<Answer, Trouble> {
        let (request, care) = self.request(call);
        let caller = Caller::gateway(Instant::now() + DEADLINE);
        let sent = self.delivery.send(&request, care, &caller).await;
        let answer = sent.map_err(|undelivered| Trouble::Unreachable(undelivered.to_string()))?;
        match answer.status {
            status if status.is_success() => Ok(answer),
            StatusCode::FORBIDDEN => Err(Trouble::NotPermitted),
            status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                let kind = answer.error_type().unwrap_or_default();
                Err(Trouble::Refused(format!("{} {kind}", status.as_u16())))
            }
            status => Err(Trouble::Unreachable(format!("Airtable answers {}", status.as_u16()))),
        }
    }

    fn request(&self, call: &Call) -> (Request, Care) {
        let path = &self.path;
        match call {
            Call::List => (Request::get(path.clone()), Care::Read),
            Call::Read { id, cursor } => {
                (Request::get(format!("{path}/{id}/payloads?cursor={cursor}")), Care::Read)
            }
            Call::Create => {
                let filters = json!({"dataTypes": ["tableData", "tableFields", "tableMetadata"]});
                let specification = json!({"options": {"filters": filters}});
                let body = json!({"notificationUrl": self.url, "specification": specification});
                (Request::post(path.clone(), &body), Care::Write)
            }
            Call::Enable { id } => {
                let target = format!("{path}/{id}/enableNotifications");
                (Request::post(target, &json!({"enable": true})), Care::Write)
            }
            Call::Refresh { id } => (Request::post(format!("{path}/{id}/refresh"), &json!({})), Care::Write),
            Call::Delete { id } => {
                let delete = Request { method: Method::DELETE, ..Request::get(format!("{path}/{id}")) };
                (delete, Care::Write)
            }
        }
    }
}

fn meaning(call: &Call, answer: &Answer, webhook: &Webhook) -> Result<Event, Trouble> {
    let unreadable = || Trouble::Refused("with what can't be read".to_owned());
    match call {
        Call::List => {
            #[derive(Deserialize)]
            struct Webhooks {
                webhooks: Vec<Listed>,
            }
            let read: Option<Webhooks> = serde_json::from_slice(&answer.body).ok();
            Ok(Event::Listed(read.ok_or_else(unreadable)?.webhooks, Timestamp::now()))
        }
        Call::Read { .. } => Ok(Event::Read(Page::read(&answer.body).ok_or_else(unreadable)?)),
        Call::Create => {
            let made: Option<Made> = serde_json::from_slice(&answer.body).ok();
            let made = made.ok_or_else(unreadable)?;
            let known = made.known().ok_or_else(unreadable)?;
            if let Err(error) = webhook.memory.keep(&made) {
                tracing::warn!(%error, "the webhook could not be kept in its file: the next start makes another");
            }
            let id = known.id.clone();
            *webhook.known() = Some(known);
            Ok(Event::Created { id })
        }
        Call::Enable { .. } | Call::Refresh { .. } | Call::Delete { .. } => Ok(Event::Done),
    }
}
