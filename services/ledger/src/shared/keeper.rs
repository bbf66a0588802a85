//! Keeps the claims of a process in the store while they are held, and gives up what is not.

use std::sync::Arc;

use tokio::time::{Instant, MissedTickBehavior, interval};
use valkey::Valkey;

use super::{
    holder::{Held, Holder},
    table::Table,
};
use crate::Error;

/// How many claims are renewed by one script.
const STEP: usize = 500;

/// Runs until the ledger is not used any more, and all is given up.
pub async fn keep(store: Valkey, table: Table, holder: Arc<Holder>) {
    let mut tick = interval((holder.lease() / 6).max(std::time::Duration::from_millis(1)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !holder.is_over() {
        let is_time = tokio::select! {
            _ = tick.tick() => true,
            () = holder.changed.notified() => false,
        };
        give_up(&store, &table, &holder).await;
        if is_time && let Err(error) = renew(&store, &table, &holder).await {
            tracing::warn!(%error, "claims on idempotency keys could not be renewed");
        }
    }
    give_up(&store, &table, &holder).await;
}

async fn renew(store: &Valkey, table: &Table, holder: &Holder) -> Result<(), Error> {
    for some in holder.all_written().chunks(STEP) {
        let asked = Instant::now();
        let kept = table.keep(&store.connected().await?, some, holder.lease()).await?;
        for ((token, key), is_held) in some.iter().zip(kept) {
            holder.renewed(token, asked, is_held);
            if !is_held && holder.holds(token) {
                tracing::warn!(%key, "the claim on an idempotency key was lost");
            }
        }
    }
    Ok(())
}

/// What can't be given up runs out by itself.
async fn give_up(store: &Valkey, table: &Table, holder: &Holder) {
    let given_up: Vec<Held> = holder.given_up();
    for some in given_up.chunks(STEP) {
        let given = async { table.keep(&store.connected().await?, some, std::time::Duration::ZERO).await };
        if let Err(error) = given.await {
            tracing::debug!(%error, "claims on idempotency keys could not be given up");
        }
    }
}
