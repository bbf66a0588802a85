//! Forgets keys long after anybody repeats what was sent under them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use jiff::Timestamp;
use ledger::{Error, Intent, Ledger};

use super::note::Note;

const EVERY: Duration = Duration::from_hours(1);

/// Forgets what is older than `retention`, every hour.
pub async fn forever(ledger: &Ledger, retention: Duration) {
    loop {
        tokio::time::sleep(EVERY).await;
        let now = ledger.now();
        match sweep(ledger, now.checked_sub(retention).unwrap_or(now)).await {
            Ok((0, _)) => (),
            Ok((count, 0)) => tracing::info!(count, "forgot old keys"),
            Ok((count, unknown)) => {
                tracing::warn!(
                    count,
                    unknown,
                    "forgot old keys, and of some nobody found out what became of them"
                );
            }
            Err(error) => tracing::error!(%error, "the ledger could not be swept"),
        }
    }
}

/// How many keys it forgot, and of how many of them nobody knows the outcome.
async fn sweep(ledger: &Ledger, older_than: Timestamp) -> Result<(u64, u64), Error> {
    let unknown = Arc::new(AtomicU64::default());
    let counted = unknown.clone();
    let is_over = move |intent: &Intent| {
        let is_over = is_over(intent, older_than);
        counted.fetch_add(is_over.into(), Relaxed);
        is_over
    };
    Ok((ledger.sweep_all(older_than, is_over).await?, unknown.load(Relaxed)))
}

/// Nothing was sent since then. An intent may be of a time long before it was begun, as its caller said.
fn is_over(intent: &Intent, older_than: Timestamp) -> bool {
    intent.note.is_null() || Note::of(intent).is_some_and(|note| note.was_sent_before(older_than))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use ledger::Look;
    use serde_json::{Value, json};

    use super::*;
    use crate::delivery::upstream::Request;

    #[tokio::test]
    async fn an_unknown_outcome_is_forgotten_when_its_key_is_and_not_while_it_may_be_on_its_way() {
        let now = Timestamp::now();
        let ago = |hours| now - SignedDuration::from_hours(hours);
        let ledger = Ledger::open(None, ago(1000)).unwrap();
        let request = Request::post("/v0/appA/Deals".into(), &json!({"fields": {}}));
        let sent = |until| Note::new(&request, until).value();
        for (key, note, at, is_forgotten) in [
            ("left alone", sent(ago(800)), ago(800), true),
            ("sent again since", sent(ago(1)), ago(800), false),
            ("closed, and not found out", Value::Null, ago(800), true),
            ("of another kind", json!({"what": 1}), ago(800), false),
            ("young", sent(ago(1)), ago(1), false),
        ] {
            drop(ledger.begin(key, "work", note, None, at).await.unwrap());
            let expected = (is_forgotten.into(), is_forgotten.into());
            assert_eq!(sweep(&ledger, ago(720)).await.unwrap(), expected, "{key}");
            assert_eq!(ledger.look(key).await.unwrap() == Look::Unknown, is_forgotten, "{key}");
        }
    }
}
