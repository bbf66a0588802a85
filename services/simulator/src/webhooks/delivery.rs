//! Sending the notifications of webhooks: at least once, several changes in one, later again where it failed.

use std::time::{Duration, Instant};

use airtable::time;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use super::{hook::Hook, notifications::Sent};
use crate::{
    held::Held,
    outbound::{self, Outbound},
    state::State,
};

/// How long it takes until a notification that failed is sent again; twice as long each time.
pub const BACKOFF: Duration = Duration::from_secs(10);
/// How long a notification may take.
const TIMEOUT: Duration = Duration::from_secs(25);

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Outbound(#[from] outbound::Error),
    #[error("the notification was answered {0}, expected 200 or 204")]
    Status(u16),
    #[error("the notification was not answered within {} s", TIMEOUT.as_secs())]
    TimedOut,
}

/// What is sent.
struct Notification {
    url: String,
    body: String,
    signature: String,
    /// The number of the next payload.
    mark: u64,
}

/// Begins to send what is owed and what nobody sends yet.
pub fn begin(state: &State) {
    let now = state.now();
    for base in &mut state.held().world.bases {
        for hook in base.webhooks.iter_mut().filter_map(|hook| hook.begin_delivery(now).then_some(&hook.id)) {
            tokio::spawn(deliver(state.clone(), base.id.clone(), hook.clone()));
        }
    }
}

async fn deliver(state: State, base: String, hook: String) {
    let mut retry = 0;
    while let Some(notification) = next(&state, &base, &hook) {
        let began = Instant::now();
        let error = send(state.outbound(), &notification).await.err().map(|error| error.to_string());
        let sent = Sent { mark: notification.mark, retry, took: began.elapsed(), error };
        if settle(&state, &base, &hook, &sent) {
            tokio::time::sleep(state.notification_backoff() * 2_u32.pow(retry)).await;
            retry += 1;
        } else {
            retry = 0;
        }
    }
}

/// The notification that is owed by now; `None` where there is none, or the webhook is gone.
fn next(state: &State, base: &str, hook: &str) -> Option<Notification> {
    let now = state.now();
    let mut held = state.held();
    let found = find(&mut held, base, hook)?;
    let mark = found.go_on(now)?;
    let body =
        json!({"base": {"id": base}, "webhook": {"id": hook}, "timestamp": time::write(now)}).to_string();
    Some(Notification { url: found.url.clone()?, signature: found.secret.sign(body.as_bytes()), body, mark })
}

async fn send(outbound: &Outbound, notification: &Notification) -> Result<(), Error> {
    // Never closed.
    let _turn = outbound.notifying.acquire().await;
    let request = outbound.direct()?.post(outbound.url(&notification.url)?).body(notification.body.clone());
    let signature = format!("hmac-sha256={}", notification.signature);
    let request =
        request.header(CONTENT_TYPE, "application/json").header("X-Airtable-Content-MAC", signature);
    let sent = tokio::time::timeout(TIMEOUT, request.send()).await.map_err(|_| Error::TimedOut)?;
    match sent.map_err(outbound::Error::from)?.status().as_u16() {
        200 | 204 => Ok(()),
        status => Err(Error::Status(status)),
    }
}

/// Remembers what became of a notification; answers whether it is to be sent again.
fn settle(state: &State, base: &str, hook: &str, sent: &Sent) -> bool {
    let now = state.now();
    if let Some(error) = &sent.error {
        tracing::info!(webhook = hook, retry = sent.retry, error, "a notification failed");
    }
    let again = find(&mut state.held(), base, hook).is_some_and(|hook| hook.sent(sent, now));
    state.note_change();
    again
}

fn find<'a>(held: &'a mut Held, base: &str, hook: &str) -> Option<&'a mut Hook> {
    let base = held.world.bases.iter_mut().find(|known| known.id == base)?;
    base.webhooks.iter_mut().find(|known| known.id == hook)
}
