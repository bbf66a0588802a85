//! The life of the gateway's own webhook, as a state machine without clock or I/O: which call is next, and what is to be
//! forgotten of what is kept.
//!
//! It is looked after in turns: the webhooks of the base are listed, and ours is made, prolonged or enabled as needed. While
//! it is listened to, its payloads are read when a notification came, and when the list says that there are more.

use std::time::Duration;

use airtable::webhook::{Page, Webhook};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Most webhooks of a base, all of them together.
const MOST: usize = 10;
/// A webhook lives for a week; with less than half of it left it is refreshed.
const HALF_LIFE: SignedDuration = SignedDuration::from_hours(84);
/// Between two reads of payloads: each write of this gateway is notified as well.
const DISTANCE: Duration = Duration::from_secs(2);
/// After a failure that may pass.
const AGAIN: Duration = Duration::from_secs(30);

/// What is known of the webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Where Airtable sends notifications to.
    url: String,
    /// Between two looks at the webhooks of the base.
    check: Duration,
    /// The id of the webhook whose secret is known.
    known: Option<String>,
    /// The number of the first payload that was not read; none while nothing is listened to.
    cursor: Option<u64>,
    /// A notification came since payloads were last asked for.
    is_notified: bool,
    look_at: Instant,
    read_from: Instant,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A notification came, or it is [`State::wake_at`].
    Woken {
        is_notified: bool,
    },
    /// At this time, by the clock that webhooks end by.
    Listed(Vec<Webhook>, Timestamp),
    /// A webhook was made, and its secret is known.
    Created {
        id: String,
    },
    Read(Page),
    /// Another call succeeded.
    Done,
    Failed(Call, Trouble),
}

/// A request to Airtable; each comes back as an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    List,
    Create,
    Enable { id: String },
    Refresh { id: String },
    Delete { id: String },
    Read { id: String, cursor: u64 },
}

/// Why changes by others are not heard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("the base has {MOST} webhooks already, which is the most: delete one")]
    Full,
    #[error("Airtable answers 403: the gateway's token needs the scope webhook:manage")]
    NotPermitted,
    #[error("Airtable answers {0}")]
    Refused(String),
    #[error("{0}")]
    Unreachable(String),
}

/// What to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Call(Call),
    /// Others changed records of these tables, named by their ids.
    Tables(Vec<String>),
    /// Anything may have been changed, by others and unheard.
    Everything,
    /// Whether changes by others are heard from now on.
    Tell(Result<(), Trouble>),
}

impl State {
    /// Nothing was looked at yet. `known` is the id of the webhook of which the secret was kept.
    pub fn new(url: String, check: Duration, known: Option<String>, now: Instant) -> Self {
        Self { url, check, known, cursor: None, is_notified: false, look_at: now, read_from: now }
    }

    /// When there is something to do without a notification.
    pub fn wake_at(&self) -> Instant {
        if self.is_notified { self.look_at.min(self.read_from) } else { self.look_at }
    }
}

/// The next state, and what is to be done.
pub fn decide(state: State, event: Event, now: Instant) -> (State, Vec<Effect>) {
    match event {
        Event::Woken { is_notified } => {
            woken(State { is_notified: state.is_notified || is_notified, ..state }, now)
        }
        Event::Listed(webhooks, time) => listed(state, &webhooks, time),
        Event::Created { id } => {
            let look_at = now + state.check;
            let listening = State { known: Some(id), cursor: Some(1), look_at, ..state };
            (listening, vec![Effect::Everything, Effect::Tell(Ok(()))])
        }
        Event::Read(page) => read(state, page, now),
        Event::Done => (state, vec![]),
        Event::Failed(call, trouble) => failed(state, &call, trouble, now),
    }
}

fn woken(state: State, now: Instant) -> (State, Vec<Effect>) {
    match (&state.known, state.cursor) {
        (Some(id), Some(cursor)) if state.is_notified && now >= state.read_from => {
            let call = Call::Read { id: id.clone(), cursor };
            (State { is_notified: false, read_from: now + DISTANCE, ..state }, vec![Effect::Call(call)])
        }
        // Nobody knows where to read on.
        (_, None) if state.is_notified && now >= state.read_from => {
            looking(State { is_notified: false, read_from: now + DISTANCE, ..state }, now)
        }
        _ if now >= state.look_at => looking(state, now),
        _ => (state, vec![]),
    }
}

fn looking(state: State, now: Instant) -> (State, Vec<Effect>) {
    (State { look_at: now + state.check, ..state }, vec![Effect::Call(Call::List)])
}

fn listed(state: State, webhooks: &[Webhook], time: Timestamp) -> (State, Vec<Effect>) {
    let is_known = |webhook: &Webhook| state.known.as_ref() == Some(&webhook.id);
    let is_ours = |webhook: &Webhook| webhook.notification_url.as_ref() == Some(&state.url);
    let found = webhooks.iter().find(|it| is_known(it) && is_ours(it) && it.is_hook_enabled);
    let superfluous: Vec<&Webhook> = webhooks
        .iter()
        .filter(|it| (is_known(it) || is_ours(it)) && found.is_none_or(|kept| kept.id != it.id))
        .collect();
    let mut effects: Vec<Effect> =
        superfluous.iter().map(|it| Effect::Call(Call::Delete { id: it.id.clone() })).collect();
    let Some(found) = found else {
        let is_full = webhooks.len() - superfluous.len() >= MOST;
        if state.cursor.is_some() || is_full {
            effects.push(Effect::Everything);
        }
        effects.push(if is_full { Effect::Tell(Err(Trouble::Full)) } else { Effect::Call(Call::Create) });
        return (State { known: None, cursor: None, ..state }, effects);
    };
    let id = || found.id.clone();
    if found.expiration_time.is_some_and(|end| time + HALF_LIFE > end) {
        effects.push(Effect::Call(Call::Refresh { id: id() }));
    }
    if !found.are_notifications_enabled {
        effects.push(Effect::Call(Call::Enable { id: id() }));
    }
    let next = found.cursor_for_next_payload;
    match state.cursor {
        // What was changed before is not listened to any more.
        None => effects.extend([Effect::Everything, Effect::Tell(Ok(()))]),
        Some(cursor) if cursor < next => effects.push(Effect::Call(Call::Read { id: id(), cursor })),
        Some(_) => (),
    }
    (State { cursor: state.cursor.or(Some(next)), ..state }, effects)
}

fn read(state: State, page: Page, now: Instant) -> (State, Vec<Effect>) {
    let (Some(id), Some(before)) = (state.known.clone(), state.cursor) else { return (state, vec![]) };
    let mut effects = Vec::new();
    if page.changes.more {
        effects.push(Effect::Everything);
    } else if !page.changes.tables.is_empty() {
        effects.push(Effect::Tables(page.changes.tables.into_iter().collect()));
    }
    if let Some(code) = page.changes.ended {
        let trouble = Trouble::Refused(format!("that the webhook has ended: {code}"));
        return lost(state, trouble, now, effects);
    }
    if page.more && page.cursor <= before {
        let trouble = Trouble::Refused("with the same payloads for ever".to_owned());
        return lost(state, trouble, now, effects);
    }
    if page.more {
        effects.push(Effect::Call(Call::Read { id, cursor: page.cursor }));
    }
    (State { cursor: Some(page.cursor.max(before)), ..state }, effects)
}

fn failed(state: State, call: &Call, trouble: Trouble, now: Instant) -> (State, Vec<Effect>) {
    match call {
        // Something was changed, and nobody knows what.
        Call::Read { .. } => lost(state, trouble, now, vec![]),
        Call::List | Call::Create => match trouble {
            // What is listened to goes on for as long as it is there.
            Trouble::Unreachable(_) if state.cursor.is_some() => {
                (State { look_at: soon(&state, now), ..state }, vec![])
            }
            // Nor can anybody read anew what is kept.
            Trouble::Unreachable(_) => {
                (State { look_at: soon(&state, now), ..state }, vec![Effect::Tell(Err(trouble))])
            }
            // Until a person has changed that, nothing is kept longer than from one look to the next.
            Trouble::Full | Trouble::NotPermitted | Trouble::Refused(_) => {
                let unheard = vec![Effect::Everything, Effect::Tell(Err(trouble))];
                (State { cursor: None, look_at: now + state.check, ..state }, unheard)
            }
        },
        Call::Enable { .. } | Call::Refresh { .. } | Call::Delete { .. } => {
            (State { look_at: soon(&state, now), ..state }, vec![])
        }
    }
}

/// Nothing is listened to until the webhooks have been looked at again.
fn lost(state: State, trouble: Trouble, now: Instant, mut effects: Vec<Effect>) -> (State, Vec<Effect>) {
    effects.extend([Effect::Everything, Effect::Tell(Err(trouble))]);
    (State { cursor: None, look_at: soon(&state, now), ..state }, effects)
}

fn soon(state: &State, now: Instant) -> Instant {
    now + AGAIN.min(state.check)
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
