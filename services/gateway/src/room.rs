//! Room for the bodies of requests that wait: a long queue of large bodies must not fill the memory.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::Answer;

/// Room in units of [`UNIT`] bytes; clones share it.
#[derive(Debug, Clone)]
pub struct Room(Arc<Semaphore>);

const UNIT: usize = 1 << 10;
const UNITS: usize = 48 << 10;

impl Default for Room {
    /// 48 MiB: seven of the largest bodies, or a thousand of those that ten records make.
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(UNITS)))
    }
}

impl Room {
    /// Room for a body of so many bytes, until what is returned is dropped; none where there is no room now.
    pub fn reserve(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).ok()?;
        self.0.clone().try_acquire_many_owned(units).ok()
    }
}

/// 503: no room for the body.
pub fn full() -> Answer {
    let message = "the requests that wait in the gateway are too large together";
    Answer::later("GATEWAY_QUEUE_FULL", message, 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_bounded_and_comes_back() {
        let room = Room::default();
        let held = room.reserve(UNITS * UNIT - 1).unwrap();
        assert!(room.reserve(1).is_none());
        assert!(room.reserve(0).is_some(), "a request without a body always fits");
        drop(held);
        assert!(room.reserve(1).is_some());
    }
}
