//! Keys that are begun, and what came of it.

use jiff::Timestamp;
use ledger::{Begin, Claim, Ledger};
use serde_json::{Value, json};

pub fn now() -> Timestamp {
    Timestamp::now()
}

pub async fn begin(ledger: &Ledger, key: &str) -> Begin {
    begin_since(ledger, key, None).await
}

pub async fn begin_since(ledger: &Ledger, key: &str, since: Option<Timestamp>) -> Begin {
    ledger.begin(key, "work", json!({"step": key}), since, now()).await.unwrap()
}

pub fn state(begin: &Begin) -> (&'static str, Option<Value>) {
    match begin {
        Begin::Fresh(_) => ("fresh", None),
        Begin::Interrupted(..) => ("interrupted", None),
        Begin::Done(outcome) => ("done", Some(outcome.clone())),
        Begin::InFlight => ("in flight", None),
        Begin::Closed(outcome) => ("closed", outcome.clone()),
        Begin::Reused => ("reused", None),
    }
}

pub fn fresh(begin: Begin) -> Claim {
    match begin {
        Begin::Fresh(claim) => claim,
        other => panic!("expected a fresh claim, got {other:?}"),
    }
}

pub fn interrupted(begin: Begin) -> Claim {
    match begin {
        Begin::Interrupted(claim, _) => claim,
        other => panic!("expected an interrupted claim, got {other:?}"),
    }
}
