//! When a queue closes: from then on nobody gets a turn, and who waits is told.

use std::sync::Arc;

use tokio::{sync::watch, time::Instant};

use super::NoPermit;

/// The end of something that others wait for; clones share it.
#[derive(Debug, Clone)]
pub struct Closing(Arc<watch::Sender<Option<Instant>>>);

impl Default for Closing {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Closing {
    /// It ends at this time.
    pub fn at(&self, time: Instant) {
        self.0.send_replace(Some(time));
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.0.borrow().is_some_and(|time| time <= Instant::now())
    }

    /// Waits until it has ended, or until `deadline`: why there is no turn any more.
    pub async fn or(&self, deadline: Instant) -> NoPermit {
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => NoPermit::Deadline,
            () = self.over() => NoPermit::Closed,
        }
    }

    /// Waits until it has ended.
    pub async fn over(&self) {
        let mut told = self.0.subscribe();
        let time = match told.wait_for(Option::is_some).await {
            Ok(time) => *time,
            Err(_) => None,
        };
        match time {
            Some(time) => tokio::time::sleep_until(time).await,
            None => std::future::pending().await,
        }
    }
}
