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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_for_links_that_are_missing_are_told_until_they_are_there() {
        let base: AirtableBase = serde_saphyr::from_str(
            "{apiVersion: pyairtable.dev/v1alpha1, kind: AirtableBase, metadata: {name: crm}, spec: {baseId: appCRM00000000001, \
             tokenSecretRef: {name: pat}, attachments: {url: 'https://a.example', keySecretRef: {name: links, key: keys}}}}",
        )
        .unwrap();
        let verdict = |keys: SecretState| {
            let secrets = [("pat/token".to_owned(), SecretState::Present), ("links/keys".to_owned(), keys)];
            validate(&base, &Observed { secrets: secrets.into(), ..Observed::default() }, 0)
        };
        let missing = "Secret links does not exist: create it with a key keys".to_owned();
        assert_eq!(verdict(SecretState::Missing), Verdict::Stalled(Reason::SecretMissing, missing));
        let empty = "Secret links has no key keys, or it is empty: add it".to_owned();
        assert_eq!(verdict(SecretState::KeyMissing), Verdict::Stalled(Reason::SecretKeyMissing, empty));
        assert_eq!(verdict(SecretState::Present), Verdict::Ready);
    }
}
