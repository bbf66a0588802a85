//! What about a base keeps it from ever working as declared. Pure.

use crds::{AirtableBase, reason::Reason};
use reqwest::Url;

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

/// The URLs of a base as those read them who are given them: a gateway that can't would end again and again.
///
/// # Errors
/// Which one can't be read, and why.
pub fn urls(base: &AirtableBase) -> Result<(), String> {
    let spec = &base.spec;
    let attachments = spec.attachments.as_ref();
    let webhook = spec.cache.as_ref().and_then(|cache| cache.webhook.as_ref());
    let external = spec.gateway.as_ref().and_then(|gateway| gateway.external.as_ref());
    let named = [
        ("spec.endpoint", spec.endpoint.as_ref()),
        ("spec.attachments.url", attachments.map(|wanted| &wanted.url)),
        ("spec.cache.webhook.url", webhook.map(|wanted| &wanted.url)),
        ("spec.gateway.external.url", external.map(|external| &external.url)),
    ];
    for (field, text) in named {
        text.map_or(Ok(()), |text| url(field, text))?;
    }
    let is_twice = |endpoint: &&String| endpoint.trim_end_matches('/').ends_with("/v0");
    if let Some(endpoint) = spec.endpoint.as_ref().filter(is_twice) {
        let shorter = endpoint.trim_end_matches('/').trim_end_matches("/v0");
        return Err(format!("spec.endpoint: paths begin with /v0 already: write {shorter}"));
    }
    let hosts = attachments.and_then(|wanted| wanted.hosts.as_ref());
    for (number, host) in hosts.into_iter().flatten().enumerate() {
        let (scheme, rest) = host.split_once("://").unwrap_or(("https", host));
        let one = format!("{scheme}://{}", rest.strip_prefix("*.").unwrap_or(rest));
        url(&format!("spec.attachments.hosts[{number}]"), &one)?;
    }
    Ok(())
}

/// Its text is not told: it may have a password.
fn url(field: &str, text: &str) -> Result<(), String> {
    let good = "such as https://api.airtable.com";
    let url = Url::parse(text).map_err(|why| format!("{field}: {why}: write one {good}"))?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if !matches!(url.scheme(), "http" | "https") || has_user {
        return Err(format!("{field}: write http:// or https:// and a host without a user, {good}"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{field}: `?` and `#` would be lost: write one {good}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_a_gateway_can_not_read_are_told_by_their_fields() {
        let read = |spec: &str| {
            let yaml = format!(
                "{{apiVersion: pyairtable.dev/v1alpha1, kind: AirtableBase, metadata: {{name: crm}}, \
                 spec: {{baseId: appCRM00000000001, tokenSecretRef: {{name: pat}}, {spec}}}}}"
            );
            urls(&serde_saphyr::from_str(&yaml).unwrap())
        };
        let webhook = |url: &str| format!("cache: {{ttlSeconds: 60, webhook: {{url: '{url}'}}}}");
        let links = |url: &str, host: &str| {
            format!("attachments: {{url: '{url}', keySecretRef: {{name: links}}, hosts: ['{host}']}}")
        };
        let good = "https://crm.example.com:65535/x";
        for (spec, field) in [
            ("endpoint: 'https://?'".to_owned(), "spec.endpoint"),
            ("endpoint: 'http://a b.example'".to_owned(), "spec.endpoint"),
            ("endpoint: 'https://proxy.example/airtable?key=x'".to_owned(), "spec.endpoint"),
            ("endpoint: 'https://user:hunter2@proxy.example'".to_owned(), "spec.endpoint"),
            ("endpoint: 'https://api.airtable.com/v0/'".to_owned(), "spec.endpoint"),
            (links("https://crm.example.com:99999", "*.a.example"), "spec.attachments.url"),
            (links(good, "content.example.com:70000"), "spec.attachments.hosts"),
            (links(good, "http://10.0.0.256"), "spec.attachments.hosts"),
            (webhook("https://[::::]"), "spec.cache.webhook.url"),
            (webhook("https://xn--0.example"), "spec.cache.webhook.url"),
            ("gateway: {external: {url: 'http://10.0.0.256'}}".to_owned(), "spec.gateway.external.url"),
        ] {
            let wrong = read(&spec).unwrap_err();
            assert!(wrong.starts_with(field) && !wrong.contains("hunter2"), "{wrong}");
        }
        for spec in ["", "endpoint: 'http://[::1]:8090/'", &links(good, "*.a.example"), &webhook(good)] {
            assert_eq!(read(spec), Ok(()), "{spec}");
        }
    }

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
