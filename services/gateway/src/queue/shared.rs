//! Serves a queue whose permits are slots of a store: asks for one only while somebody waits.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use valkey::Error;

use super::{
    Shared, WINDOW,
    slots::{Slots, Told},
};

/// Before the store is asked again that could not be used.
const PAUSE: Duration = Duration::from_millis(100);

/// Until the last clone of the queue is dropped.
pub(super) async fn serve(queue: Weak<Shared>, changed: Arc<Notify>, mut slots: Slots) {
    let (mut ask_at, mut is_in_doubt) = (Instant::now(), false);
    while let Some(shared) = queue.upgrade() {
        let next = shared.hand_out(None);
        // One that may have been taken is asked for until that is known: else it would be nobody's until its lease ends.
        let wants = is_in_doubt || shared.lock().budget.wants();
        drop(shared);
        if wants && ask_at <= Instant::now() {
            let told = slots.take().await;
            is_in_doubt = match &told {
                Ok(_) => false,
                Err(error) => is_in_doubt || matches!(error, Error::TimedOut | Error::Lost),
            };
            let Some(shared) = queue.upgrade() else { return };
            ask_at = shared.hear(told);
            continue;
        }
        let wake = next.into_iter().chain(wants.then_some(ask_at)).min();
        let wait = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wait => (),
            () = changed.notified() => (),
            () = slots.desk().freed() => ask_at = Instant::now(),
        }
    }
}

impl Shared {
    /// What the store says; returns when to ask it again.
    fn hear(self: &Arc<Self>, told: Result<Told, Error>) -> Instant {
        let now = Instant::now();
        self.cut_off.hear(told.as_ref().err());
        match told {
            Ok(Told::Taken { slot, used }) => {
                self.lock().budget.permits.set_used(used, now + WINDOW);
                self.hand_out(Some(slot));
                now
            }
            Ok(Told::Wait { after, used, is_lockout }) => {
                let mut state = self.lock();
                state.budget.permits.set_used(used, now + after);
                if is_lockout {
                    state.budget.lock_out(now + after);
                }
                now + after
            }
            Err(_) => now + PAUSE,
        }
    }
}
