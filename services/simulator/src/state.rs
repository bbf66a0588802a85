//! What the simulator holds, behind one lock that is never held across an await, nor while records are read.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use airtable::Error;
use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use prometheus::IntCounterVec;
use serde_json::Value;
use telemetry::metrics::Metrics;
use tokio::sync::Notify;

use crate::{
    access::{found, permit},
    account,
    attachments::{partial, upload},
    behaviour::Behaviour,
    call::{Call, CommentsCall, MetaCall, WebhooksCall},
    comments,
    deadline::Deadline,
    directory::Directory,
    fault_kind::Kind,
    held::Held,
    journal::Journal,
    limits::{Allowed, Bound},
    meta,
    outbound::Outbound,
    records,
    records::Input,
    snapshot::{Restored, Snapshot},
    webhooks,
    world::World,
};

/// A running simulator; clones share it.
#[derive(Clone)]
pub struct State(Arc<Shared>);

struct Shared {
    fixture: World,
    behaviour: Behaviour,
    outbound: Outbound,
    allowed: Allowed,
    requests: IntCounterVec,
    changed: Notify,
    /// Seconds that the clock is ahead. Not behind the lock, so that nobody waits to know the time.
    ahead: AtomicU32,
    held: Mutex<Held>,
}

impl State {
    /// A simulator that holds what `snapshot` says, else `fixture`; a reset goes back to `fixture`.
    ///
    /// # Errors
    /// When `simulator_requests_total` is in the registry already.
    pub(crate) fn new(
        fixture: World,
        snapshot: Option<Restored>,
        behaviour: Behaviour,
        metrics: &Metrics,
    ) -> Result<Self, telemetry::metrics::Error> {
        let usual = if behaviour.limited { Allowed::as_airtable() } else { Allowed::unlimited() };
        let allowed = behaviour.allowed.clone().filter(|_| behaviour.limited).unwrap_or(usual);
        let held = match snapshot {
            None => Held::of(fixture.clone(), Journal::default(), allowed.clone()),
            Some(Restored { world, journal, files }) => {
                let mut held = Held::of(world, journal, allowed.clone());
                held.files = files;
                held
            }
        };
        let counted = "Requests to the simulated API, by status; 0 where the connection was cut.";
        Ok(Self(Arc::new(Shared {
            fixture,
            outbound: Outbound::new(behaviour.private_urls),
            behaviour,
            allowed,
            requests: metrics.counter("simulator_requests_total", counted, &["status"])?,
            changed: Notify::new(),
            ahead: AtomicU32::default(),
            held: Mutex::new(held),
        })))
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        // A panic while it was held is a defect of one request; the next may go on with what there is.
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time as the simulator has it.
    pub(crate) fn now(&self) -> Timestamp {
        let (now, ahead) = (Timestamp::now(), self.0.ahead.load(Relaxed));
        now.checked_add(SignedDuration::from_secs(ahead.into())).unwrap_or(now)
    }

    /// Sets the simulator's clock ahead.
    pub(crate) fn set_ahead(&self, seconds: u32) {
        self.0.ahead.store(seconds, Relaxed);
    }

    pub(crate) fn outbound(&self) -> &Outbound {
        &self.0.outbound
    }

    /// How long it takes until a notification that failed is sent again.
    pub(crate) fn notification_backoff(&self) -> Duration {
        self.0.behaviour.notification_backoff.unwrap_or(webhooks::delivery::BACKOFF)
    }

    /// Where a client that called this host reaches the simulator.
    pub(crate) fn origin(&self, host: Option<&str>) -> String {
        let called = || format!("http://{}", host.unwrap_or("localhost"));
        self.0.behaviour.public_url.clone().unwrap_or_else(called)
    }

    /// Tells who waits for changes that there is one.
    pub(crate) fn note_change(&self) {
        self.0.changed.notify_one();
    }

    /// Back to the fixture, with nothing remembered.
    pub(crate) fn reset(&self) {
        *self.held() = Held::of(self.0.fixture.clone(), Journal::default(), self.0.allowed.clone());
        self.set_ahead(0);
        self.0.changed.notify_one();
    }

    /// Resolves once something changed since the last time.
    pub(crate) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let (world, effects, files) = {
            let held = self.held();
            (held.world.clone(), held.journal.effects().cloned().collect(), held.files.clone())
        };
        // Requests go on meanwhile: the copy shares its rows.
        Snapshot::of(&world, effects, files)
    }

    /// Whether a request with this token to this call is let in now, and which fault it meets then.
    pub(crate) fn admit(
        &self,
        call: &Call,
        method: &Method,
        path: &str,
        token: Option<&str>,
    ) -> Result<Option<Kind>, Error> {
        let token = token.filter(|token| !token.is_empty()).ok_or(Error::AuthenticationRequired)?;
        let tokens = &self.0.behaviour.tokens;
        if !tokens.is_empty() && !tokens.iter().any(|known| known == token) {
            return Err(Error::AuthenticationRequired);
        }
        let now = self.now();
        let mut held = self.held();
        let held = &mut *held;
        let base = call.base().and_then(|base| held.world.base(base));
        let quota_of =
            base.filter(|_| call.uses_quota()).map(|base| base.workspace_id.as_ref().unwrap_or(&base.id));
        let bound = Bound { base: base.map(|base| base.id.as_str()), quota_of: quota_of.map(String::as_str) };
        held.limits.admit(&bound, Instant::now(), now)?;
        Ok(held.faults.meet(method, path))
    }

    /// Does what a call asks for.
    pub(crate) fn perform(
        &self,
        call: &Call,
        query: &str,
        body: &[u8],
        request: &str,
    ) -> Result<Value, Error> {
        // Made once there is a world to look at: who waits for that computes nothing.
        let input = || Input { query, body, now: self.now(), deadline: Deadline::of_request() };
        if let Call::Records { base, table, call } = call
            && !call.writes()
        {
            let reading = self.held().reading(base)?;
            let input = &input();
            let scope = reading.scope(input.now, input.deadline);
            return records::read(scope, table, call, input, &reading.iterators);
        }
        let mut held = self.held();
        let (held, input) = (&mut *held, &input());
        let answer = match call {
            Call::WhoAmI => return Ok(meta::who_am_i(&held.world)),
            Call::ListBases => return meta::list_bases(&held.world, input),
            Call::CreateBase => {
                let answer = meta::create_base(&mut held.world, input)?;
                let id = answer.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
                held.world.audit.add(input.now, "createBase", id);
                answer
            }
            Call::Account(call) => {
                let answer = account::perform(&mut held.world, call, input)?;
                let Some((action, about)) = call.action(&answer) else { return Ok(answer) };
                held.world.audit.add(input.now, action, about);
                answer
            }
            Call::Meta { base, call } => {
                let World { user, account, bases, audit } = &mut held.world;
                let found = found(bases, base)?;
                if !call.writes() {
                    return meta::read(found, call, input, user, account);
                }
                permit(found, &["create", "owner"])?;
                let answer = if *call == MetaCall::DeleteBase {
                    meta::delete_base(bases, base)
                } else {
                    let mut changed = found.clone();
                    let answer = meta::write(&mut changed, call, input, user, account)?;
                    webhooks::note_schema(&mut changed, &found.tables, user, input.now);
                    *found = changed;
                    answer
                };
                audit.add(input.now, call.action(), base.clone());
                answer
            }
            Call::Records { base, table, call } => {
                let World { user, account, bases, .. } = &mut held.world;
                let (found, directory) = (found(bases, base)?, Directory { user, account });
                permit(found, &["edit", "create", "owner"])?;
                let (answer, changes) = records::write(found, directory, table, call, input)?;
                let failures = held.changed(base, request, input.now, changes);
                partial::told(answer, &failures)
            }
            Call::UploadAttachment { base, record, field } => {
                permit(found(&mut held.world.bases, base)?, &["edit", "create", "owner"])?;
                let (answer, changes) =
                    upload::perform(&mut held.world, &mut held.files, base, record, field, input)?;
                held.changed(base, request, input.now, changes);
                answer
            }
            Call::Webhooks { base, call } => {
                let found = found(&mut held.world.bases, base)?;
                if !matches!(call, WebhooksCall::List | WebhooksCall::ListPayloads { .. }) {
                    permit(found, &["create", "owner"])?;
                }
                webhooks::perform(found, call, input)?
            }
            Call::Comments { base, table, record, call } => {
                let World { user, account, bases, .. } = &mut held.world;
                let (found, directory) = (found(bases, base)?, Directory { user, account });
                if *call == CommentsCall::List {
                    return comments::list(found, directory, table, record, input);
                }
                permit(found, &["comment", "edit", "create", "owner"])?;
                comments::write(found, directory, table, record, call, input)?
            }
        };
        self.0.changed.notify_one();
        Ok(answer)
    }

    /// Remembers how a request was answered.
    pub(crate) fn answered(
        &self,
        method: &Method,
        path: &str,
        arrived: Timestamp,
        status: u16,
        kind: Option<String>,
    ) {
        self.0.requests.with_label_values(&[status.to_string()]).inc();
        self.held().journal.answered(method.as_str(), path, arrived, status, kind);
    }
}
