//! What about a base keeps it from ever working as declared. Pure.

use crds::{AirtableBase, reason::Reason};

use super::observe::{Observed, SecretState, key_of, secret_refs};
use crate::{conditions::Verdict, hold};

/// Ready when all that the base names is there, the schema of the resource has checked the rest; one that is going waits
/// for its sagas.
pub fn validate(base: &AirtableBase, observed: &Observed, under_way: usize) -> Verdict {
    for reference in secret_refs(base) {
        let (name, key) = (&reference.name, reference.key());
        let (reason, message) = match observed.secrets.get(&key_of(&reference)) {
            Some(SecretState::Present) => continue,
            Some(SecretState::KeyMissing) => {
                (Reason::SecretKeyMissing, format!("Secret {name} has no key {key}, or it is empty: add it"))
            }
            Some(SecretState::Missing) | None => {
                (Reason::SecretMissing, format!("Secret {name} does not exist: create it with a key {key}"))
            }
        };
        return Verdict::Stalled(reason, message);
    }
    if base.metadata.deletion_timestamp.is_some() {
        return hold::verdict(under_way);
    }
    Verdict::Ready
}
