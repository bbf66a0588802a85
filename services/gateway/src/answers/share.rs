//! The room of one answer: beside its body while that is worked on, then within it.

use std::sync::Arc;

use bytes::Bytes;

use super::Taken;

/// The room that an answer has beside its body, while it is worked on; none where it was not read from Airtable, or the
/// body [holds](Share::hold) it. Clones share it. It makes no difference between answers.
#[derive(Debug, Clone, Default)]
pub struct Share(Option<Arc<Taken>>);

impl Share {
    /// The body, which keeps what it needs of the room for as long as anybody has a copy of it.
    pub fn hold(self, body: Bytes) -> Bytes {
        let Some(mut room) = self.0 else { return body };
        if let Some(alone) = Arc::get_mut(&mut room) {
            alone.fit(body.len());
        }
        Bytes::from_owner(Held { body, _room: room })
    }

    /// Whether there is any.
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl From<Taken> for Share {
    fn from(taken: Taken) -> Self {
        Self(Some(Arc::new(taken)))
    }
}

impl PartialEq for Share {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Share {}

struct Held {
    body: Bytes,
    _room: Arc<Taken>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}
