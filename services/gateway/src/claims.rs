//! Which key created which record: so that a search for one key's records never takes another's.

use axum::http::StatusCode;
use jiff::Timestamp;
use ledger::{Error, Ledger, Look};
use serde_json::Value;

use crate::answer::Answer;

/// Whose a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Nobody's, as far as the ledger knows.
    Nobody,
    /// Created under the key that asks.
    Asker,
    /// Created under another key.
    Other,
}

/// The ledger's key for a record; no `Idempotency-Key` holds a space.
fn entry(record: &str) -> String {
    format!("record {record}")
}

/// Why records could not be remembered as a key's.
#[derive(Debug, thiserror::Error)]
pub enum NotRemembered {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] Error),
    /// Another key has one of them.
    #[error("{0} is known to be created under another key")]
    Taken(String),
}

/// Remembers that the records `answer` calls new were created under `key`: all of them or none, durably before it
/// returns.
///
/// `all`: all records of the answer are new (a create), otherwise those of `createdRecords` (an upsert).
pub async fn remember(ledger: &Ledger, key: &str, answer: &Answer, all: bool) -> Result<(), NotRemembered> {
    let names: Vec<String> = created(answer, all).iter().map(|record| entry(record)).collect();
    if names.is_empty() {
        return Ok(());
    }
    match ledger.assign(names, key, Timestamp::now()).await? {
        None => Ok(()),
        Some(name) => Err(NotRemembered::Taken(name)),
    }
}

/// Whose `record` is, from the view of `key`.
pub async fn owner(ledger: &Ledger, key: &str, record: &str) -> Result<Owner, Error> {
    let owner = match ledger.look(&entry(record)).await? {
        Look::Done(owner) => owner.as_str().map(str::to_owned),
        Look::Interrupted(intent) => Some(intent.fingerprint),
        Look::InFlight => Some(String::new()),
        Look::Unknown | Look::Closed(_) => None,
    };
    Ok(match owner {
        None => Owner::Nobody,
        Some(owner) if owner == key => Owner::Asker,
        Some(_) => Owner::Other,
    })
}

fn created(answer: &Answer, all: bool) -> Vec<String> {
    let Some(body) = answer.value().filter(|_| answer.status == StatusCode::OK) else { return Vec::new() };
    let texts = |values: &[Value], of: fn(&Value) -> Option<&str>| -> Vec<String> {
        values.iter().filter_map(of).map(str::to_owned).collect()
    };
    let list = |name: &str| body.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let id = |record: &Value| record.get("id").and_then(Value::as_str).map(str::to_owned);
    match (all, id(&body)) {
        (false, _) => texts(list("createdRecords"), Value::as_str),
        (true, Some(single)) => vec![single],
        (true, None) => list("records").iter().filter_map(id).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_record_belongs_to_the_key_that_created_it() {
        let ledger = Ledger::open(None, Timestamp::now()).unwrap();
        let answers = [
            (json!({"id": "rec1", "fields": {}}), true),
            (json!({"records": [{"id": "rec2"}]}), true),
            (json!({"records": [{"id": "rec3"}, {"id": "rec4"}], "createdRecords": ["rec4"]}), false),
        ];
        for (body, all) in answers {
            remember(&ledger, "mine", &Answer::json(StatusCode::OK, &body), all).await.unwrap();
        }
        for (record, expected) in
            [("rec1", Owner::Asker), ("rec2", Owner::Asker), ("rec3", Owner::Nobody), ("rec4", Owner::Asker)]
        {
            assert_eq!(owner(&ledger, "mine", record).await.unwrap(), expected, "{record}");
        }
        assert_eq!(owner(&ledger, "another", "rec1").await.unwrap(), Owner::Other);
        let both = Answer::json(StatusCode::OK, &json!({"records": [{"id": "rec9"}, {"id": "rec1"}]}));
        let taken = remember(&ledger, "another", &both, true).await;
        assert!(matches!(taken, Err(NotRemembered::Taken(_))), "{taken:?}");
        assert_eq!(owner(&ledger, "another", "rec9").await.unwrap(), Owner::Nobody, "all or none");
    }
}
