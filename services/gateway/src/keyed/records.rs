//! Reads records from Airtable in order to find something out: page by page, bounded, through the budget.

use std::{borrow::Cow, collections::BTreeSet};

use airtable::{Record, id::Kind};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};

use super::write::Create;
use crate::{
    delivery::{Delivery, upstream::Request},
    queue::caller::Caller,
};

/// More records than these pages hold are not looked through: at five requests a second nobody creates as many in the
/// minutes in question.
const MOST_PAGES: usize = 100;
const PAGE: usize = 100;
/// So many records are named in a message.
const NAMED: usize = 5;

/// When a record was created; none where its time is not readable.
pub fn created(record: &Record) -> Option<Timestamp> {
    record.created_time.parse().ok()
}

/// The table, by its name or id, of the path `/v0/{base}/{table}`.
pub fn table(path: &str) -> Cow<'_, str> {
    percent_decode_str(path.rsplit('/').next().unwrap_or_default()).decode_utf8_lossy()
}

/// The first of these ids, and how many more there are.
pub fn named(ids: &[String]) -> String {
    let (first, more) = ids.split_at_checked(NAMED).unwrap_or((ids, &[]));
    let first = first.join(", ");
    if more.is_empty() { first } else { format!("{first} and {} more", more.len()) }
}

/// As Airtable answers them: `{"records": […]}`, or the only one as it is.
pub fn one_or_all(records: &[Record], single: bool) -> Value {
    match records {
        [record] if single => json!(record),
        records => json!({"records": records}),
    }
}

/// The records in an answer: one, or a list of them.
pub fn read(body: &Value) -> Vec<Record> {
    let list =
        body.get("records").and_then(Value::as_array).map_or(std::slice::from_ref(body), Vec::as_slice);
    list.iter().filter_map(|record| Record::deserialize(record).ok()).collect()
}

/// Whether the cells to be created are named by field ids; an error where some are and some are not.
pub fn keyed_by_id(create: &Create) -> Result<bool, String> {
    let is_id = |name: &String| Kind::Field.names(name);
    let mut names = create.records.iter().flat_map(|record| record.keys()).map(is_id);
    let first = names.next().unwrap_or_default();
    let message = "the request names some fields by id and some by name: send it with one of them";
    if names.all(|is_id| is_id == first) { Ok(first) } else { Err(message.to_owned()) }
}

/// The records of `table` created between two times, with their cells by name or by id.
pub fn created_between(table: &str, from: Timestamp, to: Timestamp, by_id: bool) -> Pages {
    Pages::new(table, json!({"filterByFormula": within(from, to), "returnFieldsByFieldId": by_id}))
}

/// The records of the table of `create` created between two times and changed later than that, with the cells that it
/// writes. Where Airtable does not know one of these fields any more, it answers with an error.
pub fn modified_between(create: &Create, from: Timestamp, to: Timestamp) -> Pages {
    let later = "IS_AFTER(LAST_MODIFIED_TIME(), DATEADD(CREATED_TIME(), 1, 'seconds'))";
    let formula = format!("AND({}, {later})", within(from, to));
    let fields: BTreeSet<&String> = create.records.iter().flat_map(|record| record.keys()).collect();
    Pages::new(&create.table, json!({"filterByFormula": formula, "fields": fields}))
}

/// The records of `table` with one of these texts in the field with the id `field`, with their cells by id.
pub fn bearing(table: &str, field: &str, cells: &[String]) -> Pages {
    let tests: Vec<String> = cells.iter().map(|cell| format!("{{{field}}}='{cell}'")).collect();
    let formula = format!("OR({})", tests.join(","));
    Pages::new(table, json!({"filterByFormula": formula, "returnFieldsByFieldId": true}))
}

fn within(from: Timestamp, to: Timestamp) -> String {
    format!(
        "AND(IS_AFTER(CREATED_TIME(), DATETIME_PARSE('{from:.3}')), IS_BEFORE(CREATED_TIME(), DATETIME_PARSE('{to:.3}')))"
    )
}

/// The records of `table` with these ids, as far as they exist.
pub async fn with_ids(
    delivery: &Delivery,
    table: &str,
    ids: &[String],
    by_id: bool,
    caller: &Caller,
) -> Result<Vec<Record>, String> {
    let is_plain = |id: &String| id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let tests: Vec<String> =
        ids.iter().filter(|id| is_plain(id)).map(|id| format!("RECORD_ID()='{id}'")).collect();
    let formula = format!("OR({})", tests.join(","));
    let mut pages = Pages::new(table, json!({"filterByFormula": formula, "returnFieldsByFieldId": by_id}));
    let mut records = Vec::new();
    while let Some(page) = pages.next(delivery, caller).await? {
        records.extend(page.into_iter().filter(|record| ids.contains(&record.id)));
    }
    Ok(records)
}

/// A list of records that is read page by page, so that only what is needed of one is kept.
pub struct Pages {
    table: String,
    question: Value,
    read: usize,
    /// Where the next page begins; none for the first one.
    offset: Option<String>,
    is_over: bool,
}

#[derive(Deserialize)]
struct Page {
    records: Vec<Record>,
    offset: Option<String>,
}

impl Pages {
    fn new(table: &str, question: Value) -> Self {
        Self { table: table.to_owned(), question, read: 0, offset: None, is_over: false }
    }

    /// The next page; none after the last one.
    pub async fn next(
        &mut self,
        delivery: &Delivery,
        caller: &Caller,
    ) -> Result<Option<Vec<Record>>, String> {
        if self.is_over {
            return Ok(None);
        }
        if self.read == MOST_PAGES {
            return Err(format!("more than {} records are in question", MOST_PAGES * PAGE));
        }
        self.read += 1;
        let mut question = self.question.clone();
        if let Some(question) = question.as_object_mut() {
            question.insert("pageSize".to_owned(), PAGE.into());
            question.extend(self.offset.take().map(|offset| ("offset".to_owned(), offset.into())));
        }
        let request = Request::post(format!("{}/listRecords", self.table), &question);
        let answer = delivery.read(&request, caller).await.map_err(|error| error.to_string())?;
        if !answer.status.is_success() {
            let (status, kind) = (answer.status.as_u16(), answer.error_type().unwrap_or_default());
            return Err(format!("Airtable answers the search with {status} {kind}").trim_end().to_owned());
        }
        let page: Page = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("Airtable's answer to the search is no list of records: {error}"))?;
        self.is_over = page.offset.is_none();
        self.offset = page.offset;
        Ok(Some(page.records))
    }
}
