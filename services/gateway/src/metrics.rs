//! The gateway's metrics.

use std::time::Duration;

use ledger::Size;
use prometheus::{Histogram, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec};
use telemetry::metrics::{Error, Metrics as Registry};

use crate::{delivery::retry::Outcome, proxy::METHODS};

/// What is counted; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    requests: IntCounterVec,
    queue_length: IntGauge,
    queue_seconds: Histogram,
    batch_size: HistogramVec,
    merged: IntCounterVec,
    circuit_open: IntGaugeVec,
    lockouts: IntCounterVec,
    retries: IntCounterVec,
    ledger: IntCounterVec,
    keyed_creates: IntCounterVec,
    ledger_keys: IntGaugeVec,
    ledger_bytes: IntGaugeVec,
    token_refused: IntGaugeVec,
    reads: IntCounterVec,
    cache_bytes: IntGauge,
    store: StoreCalls,
}

/// Calls to the store that replicas share.
#[derive(Debug, Clone)]
struct StoreCalls {
    calls: IntCounterVec,
    seconds: HistogramVec,
}

impl StoreCalls {
    fn register(registry: &Registry) -> Result<Self, Error> {
        let calls = registry.counter(
            "gateway_store_calls_total",
            "Calls to the store that replicas share, by outcome: ok, unreachable, refused, timedOut, lost, failed.",
            &["outcome"],
        )?;
        let seconds =
            registry.seconds("gateway_store_seconds", "Seconds that calls to the store took.", &[])?;
        Ok(Self { calls, seconds })
    }
}

impl Metrics {
    /// Registers all of them. What has a known set of labels is there with 0 before it happened, so that alerts tell 0
    /// from nothing.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        let metrics = Self::registered(registry)?;
        metrics.begin();
        Ok(metrics)
    }

    fn begin(&self) {
        for outcome in Outcome::ALL {
            for method in METHODS {
                self.requests.with_label_values(&[method.as_str(), outcome.label()]);
            }
        }
        for (counter, labels) in [
            (&self.merged, &[][..]),
            (&self.lockouts, &[]),
            (&self.retries, &RETRIES),
            (&self.ledger, &OF_LEDGER),
            (&self.keyed_creates, &["keyField", "search"]),
            (&self.reads, &OF_READS),
        ] {
            match labels {
                [] => drop(counter.with_label_values(&NONE)),
                _ => labels.iter().for_each(|label| drop(counter.with_label_values(&[label]))),
            }
        }
        self.batch_size.with_label_values(&NONE);
        self.circuit_open.with_label_values(&NONE);
        self.token_refused.with_label_values(&NONE);
    }

    fn registered(registry: &Registry) -> Result<Self, Error> {
        Ok(Self {
            requests: registry.counter(
                "airtable_requests_total",
                "Requests sent to Airtable, by method and outcome: ok, refused, failed, rateLimited, quota, \
                 unauthorized, notSent, lost, dropped.",
                &["method", "outcome"],
            )?,
            queue_length: registry
                .gauge("gateway_queue_length", "Requests that wait for a permit.", &[])?
                .with_label_values(&NONE),
            queue_seconds: registry
                .seconds("gateway_queue_seconds", "Seconds that a request waited for a permit.", &[])?
                .with_label_values(&NONE),
            batch_size: registry.histogram(
                "gateway_batch_size",
                "Writes that travelled together, by request sent for several of them.",
                &[],
                &[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0],
            )?,
            merged: registry.counter(
                "gateway_merged_writes_total",
                "Writes of one record sent together with others; those of a refused batch count each time.",
                &[],
            )?,
            circuit_open: registry.gauge(
                "gateway_circuit_open",
                "1 while requests fail at once, since Airtable does not answer.",
                &[],
            )?,
            lockouts: registry.counter(
                "gateway_lockouts_total",
                "Times that Airtable's rate limit was reached and nobody sent for a while.",
                &[],
            )?,
            retries: registry.counter(
                "gateway_retries_total",
                "Requests sent again, by reason.",
                &["reason"],
            )?,
            ledger: registry.counter(
                "gateway_ledger_total",
                "Writes with an Idempotency-Key, by what the ledger made of them.",
                &["outcome"],
            )?,
            keyed_creates: registry.counter(
                "gateway_keyed_creates_total",
                "Creates with an Idempotency-Key, by what they could be found by: keyField, search.",
                &["strategy"],
            )?,
            ledger_keys: registry.gauge(
                "gateway_ledger_keys",
                "Entries of the ledger: keys that are not forgotten, and records created under them.",
                &[],
            )?,
            ledger_bytes: registry.gauge(
                "gateway_ledger_bytes",
                "Size of the ledger's file; room of forgotten keys is used again. 0 for a ledger in memory.",
                &[],
            )?,
            token_refused: registry.gauge(
                "gateway_token_refused",
                "1 while Airtable refuses the token in the token file.",
                &[],
            )?,
            reads: registry.counter(
                "gateway_reads_total",
                "Reads of clients, by where their answers came from: hit, stale, staleQuota, staleError (kept answers), \
                 collapsed (another one's read), miss, storeUnreachable, bypass (Airtable).",
                &["outcome"],
            )?,
            cache_bytes: registry
                .gauge("gateway_cache_bytes", "Size of the answers that are kept.", &[])?
                .with_label_values(&NONE),
            store: StoreCalls::register(registry)?,
        })
    }

    /// A request was sent.
    pub fn sent(&self, method: &str, outcome: &str) {
        self.requests.with_label_values(&[method, outcome]).inc();
    }

    /// So many wait now.
    pub fn queue_length(&self, waiting: usize) {
        self.queue_length.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// A request has waited.
    pub fn queued(&self, waited: Duration) {
        self.queue_seconds.observe(waited.as_secs_f64());
    }

    /// So many writes are sent in one request.
    pub fn merged(&self, writes: usize) {
        let writes = u32::try_from(writes).unwrap_or(u32::MAX);
        self.batch_size.with_label_values(&NONE).observe(f64::from(writes));
        self.merged.with_label_values(&NONE).inc_by(writes.into());
    }

    /// Whether the circuit breaker is open.
    pub fn circuit_open(&self, is_open: bool) {
        self.circuit_open.with_label_values(&NONE).set(i64::from(is_open));
    }

    /// A lock-out began.
    pub fn locked_out(&self) {
        self.lockouts.with_label_values(&NONE).inc();
    }

    /// A request is sent again.
    pub fn retried(&self, reason: &str) {
        self.retries.with_label_values(&[reason]).inc();
    }

    /// The ledger had a say.
    pub fn ledger(&self, outcome: &str) {
        self.ledger.with_label_values(&[outcome]).inc();
    }

    /// A create under a key is sent.
    pub fn keyed_create(&self, strategy: &str) {
        self.keyed_creates.with_label_values(&[strategy]).inc();
    }

    /// The ledger is so large.
    pub fn ledger_size(&self, size: Size) {
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.ledger_keys.with_label_values(&NONE).set(gauge(size.keys));
        self.ledger_bytes.with_label_values(&NONE).set(gauge(size.bytes.unwrap_or_default()));
    }

    /// A read was answered.
    pub fn read(&self, outcome: &str) {
        self.reads.with_label_values(&[outcome]).inc();
    }

    /// So much is kept.
    pub fn cache_bytes(&self, bytes: usize) {
        self.cache_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// A call to the store has ended.
    pub fn store(&self, outcome: &str, took: Duration) {
        self.store.calls.with_label_values(&[outcome]).inc();
        self.store.seconds.with_label_values(&NONE).observe(took.as_secs_f64());
    }

    /// Whether the token is refused.
    pub fn token_refused(&self, refused: bool) {
        self.token_refused.with_label_values(&NONE).set(i64::from(refused));
    }
}

const NONE: [&str; 0] = [];
const RETRIES: [&str; 5] = ["rateLimit", "token", "notSent", "lost", "failed"];
const OF_LEDGER: [&str; 14] = [
    "fresh",
    "interrupted",
    "replayed",
    "inFlight",
    "closed",
    "reused",
    "unavailable",
    "lost",
    "foundDone",
    "foundAbsent",
    "foundRefused",
    "unknown",
    "unknowable",
    "settled",
];
const OF_READS: [&str; 8] =
    ["hit", "stale", "staleQuota", "staleError", "collapsed", "miss", "bypass", "storeUnreachable"];
