//! Which key created which record: so that a search for one key's records never takes another's.

use axum::http::StatusCode;
use ledger::{Error, Ledger, Look};
use serde_json::Value;

use super::write::Write;
use crate::{answer::Answer, delivery::upstream::Request};

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

/// The ledger's names of the records that `answer` to `request` calls new: all of a create, those of `createdRecords` of
/// an upsert. They are given to the key in the same moment as it is settled.
pub fn names(request: &Request, answer: &Answer) -> Vec<String> {
    let all = matches!(Write::of(request), Write::Create(_));
    created(answer, all).iter().map(|record| entry(record)).collect()
}

/// Whether a 2xx tells that `request` was carried out: one to a create that names no new record is not Airtable's, but that of
/// a proxy or a page to log in.
pub fn proves(request: &Request, answer: &Answer) -> bool {
    match Write::of(request) {
        Write::Create(create) => created(answer, true).len() == create.records.len(),
        Write::Repeatable(_) | Write::Delete(_) | Write::Opaque => true,
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
    use http::Method;
    use jiff::Timestamp;
    use ledger::Begin;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_create_is_proven_by_as_many_records_as_were_asked_for() {
        let one = Request::post("/v0/appA/Deals".into(), &json!({"fields": {}}));
        let two =
            Request::post("/v0/appA/Deals".into(), &json!({"records": [{"fields": {}}, {"fields": {}}]}));
        let page = Answer { body: "<html>log in</html>".into(), ..Answer::json(StatusCode::OK, &json!({})) };
        for (request, answer, is_proven) in [
            (&one, Answer::json(StatusCode::OK, &json!({"id": "rec1", "fields": {}})), true),
            (&two, Answer::json(StatusCode::OK, &json!({"records": [{"id": "rec1"}, {"id": "rec2"}]})), true),
            (&two, Answer::json(StatusCode::OK, &json!({"records": [{"id": "rec1"}]})), false),
            (&one, page.clone(), false),
            (&Request { method: Method::PATCH, ..one.clone() }, page, true),
            (&one, Answer::json(StatusCode::NO_CONTENT, &json!({"id": "rec1"})), false),
        ] {
            assert_eq!(proves(request, &answer), is_proven, "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_record_belongs_to_the_key_that_created_it() {
        let ledger = Ledger::open(None, Timestamp::now()).unwrap();
        let create = Request::post("/v0/appA/Deals".into(), &json!({"fields": {}}));
        let upsert = Request { method: Method::PATCH, ..create.clone() };
        let answers = [
            (json!({"id": "rec1", "fields": {}}), &create),
            (json!({"records": [{"id": "rec2"}]}), &create),
            (json!({"records": [{"id": "rec3"}, {"id": "rec4"}], "createdRecords": ["rec4"]}), &upsert),
        ];
        let mut given = Vec::new();
        for (body, request) in answers {
            given.extend(names(request, &Answer::json(StatusCode::OK, &body)));
        }
        let begun = ledger.begin("mine", "", json!(1), None, Timestamp::now()).await.unwrap();
        let Begin::Fresh(claim) = begun else { panic!("{begun:?}") };
        claim.owning(given).finish(json!(1), Timestamp::now()).await.unwrap();
        for (record, expected) in
            [("rec1", Owner::Asker), ("rec2", Owner::Asker), ("rec3", Owner::Nobody), ("rec4", Owner::Asker)]
        {
            assert_eq!(owner(&ledger, "mine", record).await.unwrap(), expected, "{record}");
        }
        assert_eq!(owner(&ledger, "another", "rec1").await.unwrap(), Owner::Other);
    }
}
