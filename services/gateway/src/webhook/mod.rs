//! The gateway's own webhook: what others change in the base is heard of, and dropped from what is kept.
//!
//! [`decide`] says what is next; here are its clock, its calls ([`calls`]) and the notifications that wake it.
//! Notifications carry no data, so that any number of them is one: read what there is.

mod calls;
mod decide;
mod memory;
mod metrics;
mod options;

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use airtable::webhook::MAC_HEADER;
use axum::{body::Body, extract::State as Shared};
use http::{HeaderMap, StatusCode};
use telemetry::metrics::{Error, Metrics as Registry};
use tokio::{sync::Notify, time::Instant};

pub use self::options::Options;
use self::{
    calls::Calls,
    decide::{Effect, Event, State, Trouble, decide},
    memory::{Known, Memory},
    metrics::Metrics,
};
use crate::{Gateway, answer::Answer};

/// Where Airtable sends notifications to.
pub const PATH: &str = "/api/airtable/webhooks/notify";
/// Of a notification, in bytes; Airtable's have about 120.
const LARGEST_BODY: usize = 16 << 10;
/// Before the store is asked again that could not tell other replicas.
const UNTOLD: Duration = Duration::from_secs(1);

/// The webhook of a gateway.
pub struct Webhook {
    url: String,
    options: Options,
    memory: Memory,
    /// That whose notifications are listened to.
    known: Mutex<Option<Known>>,
    /// None at the start.
    standing: Mutex<Option<Result<(), Trouble>>>,
    notified: Notify,
    metrics: Metrics,
}

impl Webhook {
    /// The webhook as wanted, where it is; nothing is asked of Airtable yet.
    ///
    /// # Errors
    /// When its metrics are there already.
    pub fn new(options: &Options, registry: &Registry) -> Result<Option<Self>, Error> {
        let Some(url) = options.notification_url(PATH) else { return Ok(None) };
        let memory = Memory::new(options.state.clone());
        Ok(Some(Self {
            url,
            options: options.clone(),
            known: Mutex::new(memory.recall()),
            memory,
            standing: Mutex::default(),
            notified: Notify::new(),
            metrics: Metrics::register(registry)?,
        }))
    }

    /// Makes the webhook, keeps it alive and hears what it says, for ever.
    pub async fn keep(&self, gateway: &Gateway) {
        let calls = Calls::new(gateway, &self.url);
        let known = self.known().as_ref().map(|known| known.id.clone());
        let mut state = State::new(self.url.clone(), self.options.check(), known, Instant::now());
        let mut due = VecDeque::new();
        loop {
            let event = match due.pop_front() {
                Some(call) => calls.perform(call, self).await,
                None => self.wait(&state).await,
            };
            let (next, effects) = decide(state, event, Instant::now());
            state = next;
            for effect in effects {
                match effect {
                    Effect::Call(call) => due.push_back(call),
                    Effect::Tables(tables) => drop_kept(gateway, &tables).await,
                    Effect::Everything => {
                        drop_kept(gateway, &[]).await;
                        gateway.health().ask();
                    }
                    Effect::Tell(standing) => self.tell(standing),
                }
            }
        }
    }

    /// Whether what others change is heard of, in words.
    pub fn standing(&self) -> String {
        match &*self.standing.lock().unwrap_or_else(PoisonError::into_inner) {
            None => "starting".to_owned(),
            Some(Ok(())) => "listening".to_owned(),
            Some(Err(trouble)) => trouble.to_string(),
        }
    }

    async fn wait(&self, state: &State) -> Event {
        let notified = tokio::time::timeout_at(state.wake_at(), self.notified.notified()).await;
        Event::Woken { is_notified: notified.is_ok() }
    }

    fn tell(&self, standing: Result<(), Trouble>) {
        self.metrics.listening(standing.is_ok());
        let mut told = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref() != Some(&standing) {
            match &standing {
                Ok(()) => tracing::info!("changes by others are heard of by a webhook"),
                Err(trouble) => tracing::warn!(%trouble, "changes by others are not heard of"),
            }
            *told = Some(standing);
        }
    }

    /// Whether this is a notification of the webhook; none while there is no webhook.
    fn verifies(&self, headers: &HeaderMap, body: &[u8]) -> Option<bool> {
        let known = self.known();
        let secret = &known.as_ref()?.secret;
        let mac = headers.get(MAC_HEADER).and_then(|value| value.to_str().ok());
        Some(mac.is_some_and(|mac| secret.verifies(body, mac)))
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops what is kept of these tables, or all, at all replicas; until they can be told none of them gives what it keeps.
async fn drop_kept(gateway: &Gateway, tables: &[String]) {
    while gateway.reads().invalidate(tables).await.is_err() {
        tokio::time::sleep(UNTOLD).await;
    }
}

/// A notification: 204 for one of ours, 401 for a forged one.
pub async fn notify(
    Shared(gateway): Shared<Gateway>,
    headers: HeaderMap,
    body: Body,
) -> Result<Answer, Answer> {
    let webhook = gateway.webhook().ok_or_else(Answer::not_found)?;
    let body = axum::body::to_bytes(body, LARGEST_BODY).await.map_err(|_| too_large())?;
    let verdict = webhook.verifies(&headers, &body);
    webhook.metrics.notified(match verdict {
        Some(true) => "accepted",
        Some(false) => "forged",
        None => "early",
    });
    match verdict {
        Some(true) => {
            webhook.notified.notify_one();
            Ok(Answer::no_content())
        }
        Some(false) => Err(Answer::authentication_required()),
        None => Err(Answer::later("GATEWAY_WEBHOOK_STARTING", "this gateway has no webhook yet", 10)),
    }
}

fn too_large() -> Answer {
    let message = format!("a notification has at most {LARGEST_BODY} bytes");
    Answer::error(StatusCode::PAYLOAD_TOO_LARGE, "REQUEST_TOO_LARGE", &message)
}
