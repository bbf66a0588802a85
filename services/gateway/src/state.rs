//! What all requests of a gateway share.

use std::{sync::Arc, time::Duration};

use auth::TokenReview;
use http::request::Parts;
use jiff::Timestamp;
use ledger::Ledger;
use telemetry::metrics::Metrics as Registry;
use tokio::sync::Semaphore;

use crate::{
    answers::Answers,
    attachments::Attachments,
    clients::{Client, Gatekeeper, Source, file::Clients, watched::ClientsFile},
    config::{Config, Error, Switch},
    delivery::{
        Delivery, Way,
        health::Health,
        timing::Timing,
        token::Token,
        upstream::{self, Upstream},
    },
    keyed::{
        Idempotency,
        find_out::{Finder, MOST_LOOKS},
        flights::Flights,
        key_field::KeyField,
        sweep,
    },
    links::Links,
    metrics::Metrics,
    queue::{
        Queue,
        caller::{Caller, NoTimeout},
        closing::Closing,
        slots::Slots,
    },
    reads::{Reads, Replicas},
    rights::Inspector,
    room::Room,
    schema::Schema,
    store::Store,
    webhook::Webhook,
};

/// Between the end of a write and what is told of it.
const ANSWERING: Duration = Duration::from_secs(15);
const MEASURE_EVERY: Duration = Duration::from_secs(30);

/// A gateway; clones share it.
#[derive(Clone)]
pub struct Gateway(Arc<Shared>);

struct Shared {
    base: String,
    patience: Duration,
    retention: Duration,
    metrics: Metrics,
    gatekeeper: Gatekeeper,
    delivery: Delivery,
    reads: Reads,
    schema: Schema,
    inspector: Inspector,
    idempotency: Arc<Idempotency>,
    health: Arc<Health>,
    room: Room,
    webhook: Option<Webhook>,
    ended: Closing,
    attachments: Attachments,
    store: Option<Store>,
}

impl Gateway {
    /// A gateway as configured, within a Tokio runtime.
    ///
    /// # Errors
    /// When it can't tell clients from strangers, or can't open what it needs.
    pub fn new(config: &Config, registry: &Registry) -> Result<Self, Error> {
        let started = Timestamp::now();
        let gatekeeper = gatekeeper(config)?;
        let metrics = Metrics::register(registry)?;
        let store = Store::open(&config.store, &metrics)?;
        let health = Health::new(&config.base, metrics.clone());
        let answers = answers(config, registry)?;
        let delivery = Delivery::new(Way {
            upstream: Upstream::new(&config.upstream).map_err(Error::Upstream)?,
            token: Token::new(config.token_file.clone(), metrics.clone()),
            queue: queue(config, store.as_ref(), &metrics),
            health: health.clone(),
            metrics: metrics.clone(),
            answers,
            merges: config.merge == Switch::On,
        });
        let doubt = config.patience() + upstream::TIMEOUT;
        let replicas = store.as_ref().map_or_else(Replicas::none, |store| {
            Replicas::of(store.valkey.clone(), &config.base, doubt + ANSWERING)
        });
        let reads = Reads::new(
            &config.reads,
            Links::new(&config.links, &config.base),
            delivery.clone(),
            metrics.clone(),
            replicas,
            doubt,
        );
        let schema = Schema::new(&config.base, delivery.clone(), reads.clone());
        let key_field = config.key_field.clone().map(|wanted| KeyField {
            wanted,
            base: config.base.clone(),
            schema: schema.clone(),
        });
        let finder = Finder {
            key_field,
            delivery: delivery.clone(),
            ledger: ledger(config, store.as_ref(), started)?,
            schema: schema.clone(),
            flights: Flights::default(),
            looks: Semaphore::new(MOST_LOOKS),
            started: if is_shared(config) { Timestamp::MIN } else { started },
            settle: Duration::from_secs(config.settle_seconds),
        };
        let idempotency = Idempotency::new(finder, metrics.clone());
        let webhook = Webhook::new(&config.webhook, registry)?.filter(|_| config.reads.keeps());
        if config.webhook.url.is_some() && webhook.is_none() {
            tracing::warn!("there is no webhook without kept answers (--cache-ttl-seconds)");
        }
        let attachments = Attachments::new(registry)?;
        let (base, patience) = (config.base.clone(), config.patience());
        Ok(Self(Arc::new(Shared {
            base,
            patience,
            retention: config.retention(),
            metrics,
            gatekeeper,
            inspector: Inspector::new(&config.base, delivery.clone(), schema.clone()),
            delivery,
            reads,
            schema,
            idempotency,
            health,
            room: Room::default(),
            webhook,
            ended: Closing::default(),
            attachments,
            store,
        })))
    }

    /// Probes the upstream for ever, so that readiness tells the truth.
    pub async fn watch_upstream(self) {
        self.0.health.watch(&self.0.schema).await;
    }

    /// Warns of rights that mean nothing in the base, for ever.
    pub async fn watch_rights(self) {
        self.0.gatekeeper.watch_rights(&self.0.schema).await;
    }

    /// Forgets old keys, for ever.
    pub async fn sweep_ledger(self) {
        sweep::forever(self.0.idempotency.ledger(), self.0.retention).await;
    }

    /// Measures the ledger, for ever.
    pub async fn measure_ledger(self) {
        loop {
            if let Ok(size) = self.0.idempotency.ledger().size().await {
                self.0.metrics.ledger_size(size);
            }
            tokio::time::sleep(MEASURE_EVERY).await;
        }
    }

    /// Hears what others change in the base, for ever; ends at once where that is not wanted.
    pub async fn keep_webhook(self) {
        if let Some(webhook) = self.webhook() {
            webhook.keep(&self).await;
        }
    }

    /// Whether the ledger can be written.
    pub(crate) async fn check_ledger(&self) -> Result<(), String> {
        let checked = self.0.idempotency.ledger().check(Timestamp::now()).await;
        checked.map_err(|error| format!("LedgerUnwritable: {error}"))
    }

    /// What replicas share, where they do.
    pub(crate) fn store(&self) -> Option<&Store> {
        self.0.store.as_ref()
    }

    pub(crate) fn base(&self) -> &str {
        &self.0.base
    }

    pub(crate) fn gatekeeper(&self) -> &Gatekeeper {
        &self.0.gatekeeper
    }

    pub(crate) fn delivery(&self) -> &Delivery {
        &self.0.delivery
    }

    pub(crate) fn reads(&self) -> &Reads {
        &self.0.reads
    }

    pub(crate) fn inspector(&self) -> &Inspector {
        &self.0.inspector
    }

    pub(crate) fn idempotency(&self) -> &Arc<Idempotency> {
        &self.0.idempotency
    }

    pub(crate) fn room(&self) -> &Room {
        &self.0.room
    }

    /// When all who still wait are answered.
    pub(crate) fn ended(&self) -> &Closing {
        &self.0.ended
    }

    pub(crate) fn health(&self) -> &Health {
        &self.0.health
    }

    pub(crate) fn attachments(&self) -> &Attachments {
        &self.0.attachments
    }

    pub(crate) fn webhook(&self) -> Option<&Webhook> {
        self.0.webhook.as_ref()
    }

    /// For whom the request of `client` with `parts` waits, and until when.
    pub(crate) fn caller(&self, client: &Client, parts: &Parts) -> Result<Caller, NoTimeout> {
        let timing = parts.extensions.get::<Timing>().cloned().unwrap_or_default();
        Caller::new(client, &parts.headers, self.0.patience, timing)
    }
}

/// Room for answers, with its metric.
fn answers(config: &Config, registry: &Registry) -> Result<Answers, Error> {
    let answers = Answers::new(config.answer_bounds());
    let (read, help) =
        (answers.clone(), "Room that the bodies of answers take, kept ones included, in bytes.");
    registry.read("gateway_answer_bytes", help, move || i64::try_from(read.taken()).unwrap_or(i64::MAX))?;
    Ok(answers)
}

/// The queue, with permits of its own or of the store.
fn queue(config: &Config, store: Option<&Store>, metrics: &Metrics) -> Queue {
    let limits = config.queue_limits();
    match store {
        Some(store) => {
            let slots = Slots::new(store, &config.base, config.token_file.clone(), limits.terms());
            Queue::shared(limits, metrics.clone(), slots)
        }
        None => Queue::new(limits, metrics.clone()),
    }
}

/// Whether other replicas use the ledger as well.
fn is_shared(config: &Config) -> bool {
    config.ledger.is_none() && config.store.url_file.is_some()
}

/// The ledger in its file, or else in the store, or else in memory.
fn ledger(config: &Config, store: Option<&Store>, now: Timestamp) -> Result<Ledger, Error> {
    let claim = Duration::from_secs(config.claim_seconds);
    match (&config.ledger, store) {
        (None, Some(store)) => return Ok(Ledger::shared(store.valkey.clone(), &config.base, claim, now)),
        (None, None) => tracing::warn!(
            "the ledger is in memory: after a restart, keys used before are not known (--ledger FILE)"
        ),
        (Some(_), Some(_)) => tracing::warn!(
            "the ledger is in a file, which other replicas do not know: run one (or leave --ledger FILE out)"
        ),
        (Some(_), None) => (),
    }
    Ok(Ledger::open(config.ledger.as_deref(), now)?)
}

fn gatekeeper(config: &Config) -> Result<Gatekeeper, Error> {
    let source = match (&config.clients_file, &config.client_key_file) {
        (Some(file), _) => Source::File(Box::new(ClientsFile::open(file.clone()).map_err(Error::Config)?)),
        (None, Some(file)) => Source::Fixed(Arc::new(Clients::single(file.clone()))),
        (None, None) => {
            let message = "nobody could use this gateway: give --clients-file FILE or --client-key-file FILE";
            return Err(Error::Config(message.to_owned()));
        }
    };
    let review = TokenReview::in_cluster(&config.api_server, config.audience.clone());
    // A pod without a mounted token can serve clients with keys all the same.
    let review = review.or_else(|error| match &source {
        Source::File(file) if file.read().clients.has_service_accounts() => Err(error),
        _ => Ok(None),
    });
    Gatekeeper::new(source, review?).map_err(Error::Config)
}
