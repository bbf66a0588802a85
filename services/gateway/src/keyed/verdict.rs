//! What a person says was done under a key: how it is written, and what of it can't be true. Pure.

use std::collections::BTreeSet;

use airtable::{Record, id::Kind};
use bytes::Bytes;
use http::StatusCode;
use ledger::Error;
use serde::Deserialize;

use super::{
    outcome::{unavailable, unknown},
    records,
    write::Create,
};
use crate::answer::Answer;

/// What a person found: the body of the request that settles a key.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verdict {
    pub outcome: Outcome,
    /// Of a create or an upsert that was done: its records, in the order asked for.
    #[serde(default)]
    pub records: Vec<String>,
    /// Of an upsert: those of its records that it created.
    #[serde(default)]
    pub created: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    Done,
    NotDone,
}

/// Why a key is not settled so: it can't be true, or can't be looked at.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Unread(String),
    #[error(transparent)]
    Ledger(#[from] Error),
}

impl Verdict {
    /// That in `body`.
    pub fn read(body: &Bytes) -> Result<Self, Refusal> {
        let verdict: Self =
            serde_json::from_slice(body).map_err(|error| Refusal::Invalid(error.to_string()))?;
        let names_records = !verdict.records.is_empty() || !verdict.created.is_empty();
        if verdict.outcome == Outcome::NotDone && names_records {
            return Err(Refusal::Invalid("records: none where nothing was done".to_owned()));
        }
        Ok(verdict)
    }
}

fn invalid(why: &str) -> Answer {
    let message = format!(
        "{why}. Expected {{\"outcome\": \"notDone\"}}, or {{\"outcome\": \"done\", \"records\": [\"rec…\"]}} with as many \
         records as were to be created"
    );
    Answer::error(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_VERDICT_INVALID", &message)
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(why) => invalid(&why),
            Refusal::Unread(why) => unknown(&why),
            Refusal::Ledger(error @ Error::Taken { .. }) => invalid(&error.to_string()),
            Refusal::Ledger(error) => unavailable(&error),
        }
    }
}

/// As many ids of records as were to be written, each once, and those created among them.
pub fn check_names(verdict: &Verdict, create: &Create) -> Result<(), Refusal> {
    let ids: BTreeSet<&String> = verdict.records.iter().collect();
    let asked = create.records.len();
    if ids.len() != asked || verdict.records.len() != asked || !ids.iter().all(|id| Kind::Record.names(id)) {
        return Err(Refusal::Invalid(format!("records: not {asked} different ids of records")));
    }
    if !verdict.created.iter().all(|id| ids.contains(id)) {
        return Err(Refusal::Invalid("created: not all of them are among the records".to_owned()));
    }
    Ok(())
}

/// The records with these ids, in their order, of those `read` from `table`.
pub fn in_order(ids: &[String], read: &[Record], table: &str) -> Result<Vec<Record>, Refusal> {
    let find = |id: &String| {
        let found = read.iter().find(|record| record.id == *id).cloned();
        found.ok_or_else(|| Refusal::Invalid(format!("records: {id} is not in {:?}", records::table(table))))
    };
    ids.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_says_what_was_done_or_that_nothing_was() {
        let read = |text: &str| Verdict::read(&Bytes::copy_from_slice(text.as_bytes())).ok();
        assert!(read(r#"{"outcome": "notDone"}"#).is_some());
        assert_eq!(
            read(r#"{"outcome": "done", "records": ["rec1"]}"#).map(|verdict| verdict.records),
            Some(vec!["rec1".to_owned()])
        );
        for text in [
            "",
            "{}",
            r#"{"outcome": "none"}"#,
            r#"{"outcome": "notDone", "records": ["rec1"]}"#,
            r#"{"outcome": "done", "record": "rec1"}"#,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
