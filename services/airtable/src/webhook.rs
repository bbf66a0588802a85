//! Webhooks as who listens to one meets them: signed notifications, and what the payloads behind them say was changed. Pure.
//!
//! A notification carries no data: it says that there are payloads to be listed. Its header [`MAC_HEADER`] is
//! `hmac-sha256=<hex>` over the raw body, keyed with the secret that is told once, when the webhook is made.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use sha2::Sha256;

/// The header of a notification that authenticates it.
pub const MAC_HEADER: &str = "x-airtable-content-mac";
const ALGORITHM: &str = "hmac-sha256=";
/// What of a table's changes concerns its records alone.
const OF_RECORDS: [&str; 3] = ["createdRecordsById", "changedRecordsById", "destroyedRecordIds"];

/// The key of a webhook's notifications. `Debug` does not print it.
#[derive(Clone)]
pub struct MacSecret(Hmac<Sha256>);

impl MacSecret {
    /// From `macSecretBase64`; none for what is empty or no base64.
    pub fn from_base64(text: &str) -> Option<Self> {
        let key = STANDARD.decode(text).ok().filter(|key| !key.is_empty())?;
        Hmac::new_from_slice(&key).ok().map(Self)
    }

    /// The header of a notification with this body.
    pub fn header(&self, body: &[u8]) -> String {
        let mac = self.0.clone().chain_update(body).finalize().into_bytes();
        mac.iter().fold(ALGORITHM.to_owned(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// Whether `header` is that of a notification with this body; in constant time.
    pub fn verifies(&self, body: &[u8], header: &str) -> bool {
        let mac = header.strip_prefix(ALGORITHM).and_then(bytes);
        mac.is_some_and(|mac| self.0.clone().chain_update(body).verify_slice(&mac).is_ok())
    }
}

impl fmt::Debug for MacSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("MacSecret(…)")
    }
}

/// The bytes that pairs of hexadecimal digits stand for; none for other text.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// A webhook, as the webhooks of a base are listed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// `ach…`
    pub id: String,
    /// Where notifications go.
    pub notification_url: Option<String>,
    /// False once it has ended.
    pub is_hook_enabled: bool,
    /// False once too many notifications failed.
    pub are_notifications_enabled: bool,
    /// The number of the next payload that there will be.
    pub cursor_for_next_payload: u64,
    /// When it ends unless it is refreshed.
    pub expiration_time: Option<Timestamp>,
}

/// A page of payloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What all of them together say.
    pub changes: Changes,
    /// The number of the payload after them.
    pub cursor: u64,
    /// Whether there are more by now.
    pub more: bool,
}

/// What payloads say was changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// The ids of tables in which records were created, changed or destroyed.
    pub tables: BTreeSet<String>,
    /// There was more than that: another schema, or what is not known here.
    pub more: bool,
    /// Why there will be no further payloads, as Airtable's code says.
    pub ended: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePage {
    payloads: Vec<Payload>,
    cursor: u64,
    might_have_more: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    #[serde(default)]
    changed_tables_by_id: BTreeMap<String, Keys>,
    #[serde(default)]
    error: bool,
    code: Option<String>,
    #[serde(rename = "timestamp")]
    _timestamp: Option<IgnoredAny>,
    #[serde(rename = "baseTransactionNumber")]
    _transaction: Option<IgnoredAny>,
    #[serde(rename = "payloadFormat")]
    _format: Option<IgnoredAny>,
    #[serde(rename = "actionMetadata")]
    _action: Option<IgnoredAny>,
    #[serde(flatten)]
    rest: Keys,
}

/// The keys of an object, whatever their values are.
struct Keys(BTreeSet<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Keys, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some((key, IgnoredAny)) = object.next_entry()? {
            keys.insert(key);
        }
        Ok(Keys(keys))
    }
}

impl Page {
    /// From the answer that lists payloads; none where it does not.
    pub fn read(body: &[u8]) -> Option<Self> {
        let WirePage { payloads, cursor, might_have_more } = serde_json::from_slice(body).ok()?;
        let mut changes = Changes::default();
        for payload in payloads {
            changes.add(payload);
        }
        Some(Self { changes, cursor, more: might_have_more })
    }
}

impl Changes {
    fn add(&mut self, payload: Payload) {
        if payload.error {
            self.ended = Some(payload.code.unwrap_or_else(|| "INTERNAL_ERROR".to_owned()));
        }
        self.more |= !payload.rest.0.is_empty();
        for (table, changed) in payload.changed_tables_by_id {
            self.more |= !changed.0.iter().all(|kind| OF_RECORDS.contains(&kind.as_str()));
            self.tables.insert(table);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn secret() -> MacSecret {
        // The key `Jefe`.
        MacSecret::from_base64("SmVmZQ==").unwrap()
    }

    #[test]
    fn a_notification_is_authentic_by_hmac_sha256_over_its_body() {
        let body = b"what do ya want for nothing?";
        let header = "hmac-sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(secret().header(body), header, "RFC 4231, 4.3");
        assert!(secret().verifies(body, header));
        let digits = header.strip_prefix("hmac-sha256=").unwrap();
        let forged =
            ["", "hmac-sha256=", digits, &header.replace('5', "6"), &format!("{header}00"), &header[..74]];
        for other in forged {
            assert!(!secret().verifies(body, other), "{other}");
        }
        assert!(!secret().verifies(b"what do ya want for nothing!", header));
        assert!(!MacSecret::from_base64("SmVmZg==").unwrap().verifies(body, header));
    }

    #[test]
    fn a_secret_is_not_printed_and_not_empty() {
        assert_eq!(format!("{:?}", secret()), "MacSecret(…)");
        assert!(MacSecret::from_base64("").is_none() && MacSecret::from_base64("-").is_none());
    }

    fn changes(payloads: &[Value]) -> Changes {
        let page = json!({"payloads": payloads, "cursor": 7, "mightHaveMore": true});
        let page = Page::read(page.to_string().as_bytes()).unwrap();
        assert_eq!((page.cursor, page.more), (7, true));
        page.changes
    }

    fn payload(name: &str, value: Value) -> Value {
        let mut payload = json!({"timestamp": "2026-11-21T09:00:00.000Z", "baseTransactionNumber": 4,
            "payloadFormat": "v0", "actionMetadata": {"source": "client"}});
        payload[name] = value;
        payload
    }

    #[test]
    fn payloads_name_the_tables_whose_records_were_changed() {
        let record = json!({"createdTime": "x", "cellValuesByFieldId": {"fld1": {"any": ["thing"]}}});
        let created = json!({"tbl1": {"createdRecordsById": {"rec1": record}}});
        let others = json!({"tbl2": {"destroyedRecordIds": ["rec2"]}, "tbl3": {"changedRecordsById": {}}});
        let found = changes(&[payload("changedTablesById", created), payload("changedTablesById", others)]);
        let tables = ["tbl1", "tbl2", "tbl3"].map(str::to_owned).into();
        assert_eq!(found, Changes { tables, more: false, ended: None });
        assert_eq!(changes(&[]), Changes::default());
    }

    #[test]
    fn another_schema_and_what_is_not_known_is_more_than_records() {
        let in_table = |name: &str| payload("changedTablesById", json!({"tbl1": {name: {}}}));
        for more in [
            in_table("createdFieldsById"),
            in_table("changedMetadata"),
            in_table("somethingNew"),
            payload("createdTablesById", json!({"tbl2": {}})),
            payload("destroyedTableIds", json!(["tbl2"])),
            payload("somethingNew", json!(1)),
        ] {
            assert!(changes(std::slice::from_ref(&more)).more, "{more}");
        }
    }

    #[test]
    fn the_payload_that_ends_a_webhook_says_why_and_what_is_no_page_is_none() {
        let mut ending = payload("changedTablesById", json!({}));
        ending["error"] = json!(true);
        ending["code"] = json!("INVALID_FILTERS");
        assert_eq!(changes(&[ending]).ended.as_deref(), Some("INVALID_FILTERS"));
        for body in [&b""[..], b"{}", b"{\"payloads\":[1],\"cursor\":1,\"mightHaveMore\":false}"] {
            assert_eq!(Page::read(body), None);
        }
    }
}
