//! Forgets steps long after nobody can repeat them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::Ledger;

const EVERY: Duration = Duration::from_hours(1);
/// Longer than any saga runs, is retried or waits for a person.
const KEEP: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Sweeps the ledger every hour.
pub async fn forever(ledger: Ledger) {
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tick.tick().await;
        match ledger.sweep(Timestamp::now() - KEEP).await {
            Ok(0) => (),
            Ok(forgotten) => tracing::info!(forgotten, "old steps were forgotten"),
            Err(error) => tracing::warn!(%error, "old steps could not be forgotten"),
        }
    }
}
