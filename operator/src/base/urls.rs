//! What leads from outside to a base's gateway: links to attachments, and the webhook's notifications. Pure.

use crds::base_urls::{Attachments, Webhook};
use serde_json::{Value, json};

use crate::workload::{LEDGER_FOLDER, Memory};

const VOLUME: &str = "attachment-keys";
const FOLDER: &str = "/var/run/attachment-keys";

/// The options for links to attachments.
pub fn of_attachments(wanted: &Attachments) -> impl Iterator<Item = String> {
    let hosts = wanted.hosts.as_ref().map(|hosts| format!("--attachment-hosts={}", hosts.join(",")));
    let options =
        [format!("--attachment-urls={}", wanted.url), format!("--attachment-key-file={FOLDER}/keys")];
    options.into_iter().chain(hosts)
}

/// The options for the webhook. Where there is no volume for the ledger, each start makes another webhook.
pub fn of_webhook(wanted: &Webhook, memory: Memory) -> impl Iterator<Item = String> {
    let state = (memory == Memory::File).then(|| format!("--webhook-state={LEDGER_FOLDER}/webhook.json"));
    let check = wanted.check_seconds.map(|n| format!("--webhook-check-seconds={n}"));
    std::iter::once(format!("--webhook-url={}", wanted.url)).chain(state).chain(check)
}

/// The volume with the keys, and where it is mounted. It is not optional: the pod waits for a Secret that is missing at
/// its node, so that no client is given Airtable's URLs until it is there.
pub fn volume(wanted: &Attachments) -> (Value, Value) {
    let of = &wanted.key_secret_ref;
    let items = json!([{ "key": of.key(), "path": "keys" }]);
    let secret = json!({ "secretName": of.name, "defaultMode": 0o440, "items": items });
    let mount = json!({ "name": VOLUME, "mountPath": FOLDER, "readOnly": true });
    (json!({ "name": VOLUME, "secret": secret }), mount)
}
