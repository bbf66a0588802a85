//! Room for the bodies of requests that wait: a long queue of large bodies must not fill the memory.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::Answer;

/// Room in units of [`UNIT`] bytes; clones share it.
#[derive(Debug, Clone)]
pub struct Room(Arc<Semaphore>);

const UNIT: usize = 1 << 10;
const UNITS: usize = 48 << 10;

/// Room that is taken until this, or the body it holds, is dropped.
#[derive(Debug)]
pub struct Reserved {
    permit: OwnedSemaphorePermit,
}

impl Default for Room {
    /// 48 MiB: seven of the largest bodies, or a thousand of those that ten records make.
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(UNITS)))
    }
}

impl Room {
    /// Room for so many bytes; none where there is no room now.
    pub fn reserve(&self, bytes: usize) -> Option<Reserved> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).ok()?;
        self.0.clone().try_acquire_many_owned(units).ok().map(|permit| Reserved { permit })
    }
}

impl Reserved {
    /// Keeps room for so many bytes, and gives back what is more than that.
    #[must_use]
    pub fn keep(mut self, bytes: usize) -> Self {
        let surplus = self.permit.num_permits().saturating_sub(bytes.div_ceil(UNIT));
        drop(self.permit.split(surplus));
        self
    }

    /// The body, which keeps the room for as long as anybody has a copy of it: also when the client goes away and its
    /// write goes on.
    pub fn hold(self, body: Bytes) -> Bytes {
        Bytes::from_owner(Held { body, _room: self })
    }
}

struct Held {
    body: Bytes,
    _room: Reserved,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.body
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
    fn room_is_bounded_and_comes_back_with_the_last_copy_of_the_body() {
        let room = Room::default();
        let body = room.reserve(UNITS * UNIT - 1).unwrap().hold(Bytes::from_static(b"{}"));
        let copy = body.slice(1..);
        drop(body);
        assert!(room.reserve(1).is_none());
        assert!(room.reserve(0).is_some(), "a request without a body always fits");
        drop(copy);
        assert!(room.reserve(1).is_some());
    }

    #[test]
    fn room_that_a_body_of_unknown_length_did_not_need_comes_back() {
        let room = Room::default();
        let body = room.reserve(UNITS * UNIT).unwrap().keep(UNIT + 1).hold(Bytes::from_static(b"{}"));
        assert!(room.reserve((UNITS - 1) * UNIT).is_none());
        let rest = room.reserve((UNITS - 2) * UNIT);
        assert!(rest.is_some());
        drop((body, rest));
        assert!(room.reserve(UNITS * UNIT).is_some());
    }
}
