//! No bytes pass for a notification but those that its secret signed, and payloads name every table that was changed.
//!
//! The first line is the header of a notification, the rest its body, which is read as a page of payloads as well.
#![cfg_attr(fuzzing, no_main)]

use airtable::webhook::{MacSecret, Page};
use serde_json::Value;

fuzzing::target!(run);

fn run(data: &[u8]) {
    let line = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (header, body) = data.split_at(line);
    let body = body.get(1..).unwrap_or_default();
    // The key `Jefe` of RFC 4231.
    let Some(secret) = MacSecret::from_base64("SmVmZQ==") else { return };
    let signed = secret.header(body);
    assert!(secret.verifies(body, &signed), "the notification itself");
    assert!(!secret.verifies(data, &signed) || data == body, "the notification of another body");
    if let Ok(header) = str::from_utf8(header)
        && secret.verifies(body, header)
    {
        assert_eq!(header.to_lowercase(), signed, "a forged notification");
    }
    if let Some(page) = Page::read(body) {
        told(&page, body);
    }
}

/// Whatever names a table as changed is among the tables.
fn told(page: &Page, body: &[u8]) {
    let Ok(read) = serde_json::from_slice::<Value>(body) else { return };
    let payloads = read.get("payloads").and_then(Value::as_array).into_iter().flatten();
    for payload in payloads {
        let tables = payload.get("changedTablesById").and_then(Value::as_object).into_iter().flatten();
        for (table, changed) in tables {
            assert!(page.changes.tables.contains(table), "{table} is not told");
            let is_schema = changed.get("createdFieldsById").is_some();
            assert!(page.changes.more || !is_schema, "{table} has other fields");
        }
        assert!(page.changes.more || payload.get("destroyedTableIds").is_none(), "a table is gone");
        assert!(page.changes.ended.is_some() || payload.get("error") != Some(&true.into()), "it has ended");
    }
}
