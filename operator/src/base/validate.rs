//! What about a base keeps it from ever working as declared. Pure.

use crds::{AirtableBase, reason::Reason};

use super::observe::{Observed, SecretState, key_of, secret_refs};

/// Why a base can't work until somebody mends something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The reason for the condition.
    pub reason: Reason,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Checks what the base names; the schema of the resource has checked the rest.
pub fn validate(base: &AirtableBase, observed: &Observed) -> Result<(), Invalid> {
    for reference in secret_refs(base) {
        let (name, key) = (&reference.name, reference.key());
        let (reason, message) = match observed.secrets.get(&key_of(reference)) {
            Some(SecretState::Present) => continue,
            Some(SecretState::KeyMissing) => {
                (Reason::SecretKeyMissing, format!("Secret {name} has no key {key}, or it is empty: add it"))
            }
            Some(SecretState::Missing) | None => {
                (Reason::SecretMissing, format!("Secret {name} does not exist: create it with a key {key}"))
            }
        };
        return Err(Invalid { reason, message });
    }
    Ok(())
}
