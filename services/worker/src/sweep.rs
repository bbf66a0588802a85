//! Forgets steps long after nobody can repeat them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::{Intent, Ledger};

use crate::{operations::wait_rest, past::Past};

const EVERY: Duration = Duration::from_hours(1);
/// Longer than any saga runs, is retried or waits for a person.
const KEEP: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Sweeps the ledger every hour.
pub async fn forever(ledger: Ledger) {
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tick.tick().await;
        match sweep(&ledger, Timestamp::now()).await {
            Ok(0) => (),
            Ok(forgotten) => tracing::info!(forgotten, "old steps were forgotten"),
            Err(error) => tracing::warn!(%error, "old steps could not be forgotten"),
        }
    }
}

async fn sweep(ledger: &Ledger, now: Timestamp) -> Result<u64, ledger::Error> {
    let older_than = now - KEEP;
    ledger.sweep_all(older_than, move |intent| is_over(intent, older_than)).await
}

/// Nobody ends what was begun and left alone; only a wait goes on by itself.
fn is_over(intent: &Intent, older_than: Timestamp) -> bool {
    match Past::of(intent.note.clone()) {
        Past::Begun(prepared) => wait_rest(&prepared, older_than).is_zero(),
        Past::First | Past::Idle(_) | Past::Forgotten => true,
    }
}

#[cfg(test)]
mod tests {
    use ledger::Look;
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn what_was_left_alone_is_forgotten_after_its_time_and_a_wait_that_goes_on_is_not() {
        let begun = Timestamp::now();
        let days = |days: i64| begun + SignedDuration::from_hours(24 * days);
        let ledger = Ledger::open(None, begun - KEEP).unwrap();
        let wait = |until: Timestamp| Past::prepared(&json!({"until": until}));
        for (key, note) in [
            ("interrupted", Value::Null),
            ("without effect", Past::idle(3)),
            ("wait of two days", wait(days(2))),
            ("wait of 200 days", wait(days(200))),
        ] {
            drop(ledger.begin(key, "work", note, None, begun).await.unwrap());
        }
        let left = async |day: i64| {
            sweep(&ledger, days(day)).await.unwrap();
            let mut left = Vec::new();
            for key in ["interrupted", "without effect", "wait of two days", "wait of 200 days"] {
                if ledger.look(key).await.unwrap() != Look::Unknown {
                    left.push(key);
                }
            }
            left
        };
        assert_eq!(left(90).await.len(), 4);
        assert_eq!(left(91).await, ["wait of two days", "wait of 200 days"]);
        assert_eq!(left(93).await, ["wait of 200 days"]);
        assert_eq!(left(289).await, ["wait of 200 days"]);
        assert!(left(291).await.is_empty());
    }
}
