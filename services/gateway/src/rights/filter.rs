//! What of an answer a client may see. Pure; an answer that can't be looked through is not passed on.

use std::collections::HashSet;

use airtable::Table;
use bytes::Bytes;
use http::{StatusCode, header};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::{
    cells,
    grant::{Scope, TableRights},
};
use crate::answer::Answer;

/// What is left of an answer that is a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of it.
    Nothing,
    /// Of a record, or of each in a list, the cells with these keys.
    Cells(HashSet<String>),
    /// Of a list of at most one record, that record, with the cells that have these keys; all where there are none.
    One(Option<HashSet<String>>),
    /// Of the tables of the base what these rights are on.
    Tables(Vec<TableRights>),
    /// The views with these ids.
    Views(HashSet<String>),
}

impl Filter {
    /// The cells with these keys; all where there are none.
    pub fn cells(keys: Option<HashSet<String>>) -> Self {
        keys.map_or(Self::Nothing, Self::Cells)
    }

    /// What the client gets of `answer`.
    pub fn apply(&self, mut answer: Answer) -> Answer {
        if *self == Self::Nothing || !answer.status.is_success() {
            return answer;
        }
        // It tells what is hidden from what is hidden otherwise.
        answer.headers.remove(header::ETAG);
        // A HEAD has no body.
        if answer.body.is_empty() && !matches!(self, Self::One(_)) {
            return answer;
        }
        match self.left(&answer.body) {
            Some(Ok(body)) => Answer { body: body.into(), ..answer },
            Some(Err(error)) => error.into(),
            None => unreadable(),
        }
    }

    /// What is left of the body, or that there is no such record; none where it can't be told.
    fn left(&self, body: &Bytes) -> Option<Result<Vec<u8>, airtable::Error>> {
        let value = || match serde_json::from_slice(body) {
            Ok(Value::Object(body)) => Some(body),
            _ => None,
        };
        let left = match self {
            Self::Nothing => body.to_vec(),
            Self::Cells(keys) => cells::only(keys, body)?,
            Self::One(keys) => return cells::first(keys.as_ref(), body),
            Self::Tables(rights) => tables(rights, &value()?)?.to_string().into(),
            Self::Views(ids) => {
                let id = |view: &Value| view.get("id").and_then(Value::as_str).map(str::to_owned);
                let mut views = value()?.remove("views")?.as_array()?.clone();
                views.retain(|view| id(view).is_some_and(|id| ids.contains(&id)));
                json!({"views": views}).to_string().into()
            }
        };
        Some(Ok(left))
    }
}

/// The schema without hidden tables and fields. A view may show by its order what is in hidden fields: a table with
/// hidden fields has none.
fn tables(rights: &[TableRights], body: &Map<String, Value>) -> Option<Value> {
    let tables = Vec::<Table>::deserialize(body.get("tables")?).ok()?;
    let seen = Scope { rights, tables: &tables }.grants().map(|grant| {
        let table = grant.table.clone();
        if grant.is_whole() {
            return table;
        }
        let fields = grant.visible(false).cloned().collect();
        Table { fields, views: Vec::new(), rest: Map::new(), ..table }
    });
    Some(json!({"tables": seen.collect::<Vec<_>>()}))
}

fn unreadable() -> Answer {
    let message =
        "Airtable's answer can't be looked through, as this client's rights need it; a write has happened";
    Answer::error(StatusCode::BAD_GATEWAY, "GATEWAY_ANSWER_UNREADABLE", message)
}
