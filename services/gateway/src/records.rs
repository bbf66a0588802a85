//! Reads records from Airtable in order to find something out: bounded, through the budget.

use airtable::{Record, id::Kind};
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{delivery::Delivery, retry::Care, upstream::Request, write::Create};

/// More records than that in the time in question are not searched: 10 pages.
const MOST_PAGES: usize = 10;

/// When a record was created; none where its time is not readable.
pub fn created(record: &Record) -> Option<Timestamp> {
    record.created_time.parse().ok()
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

/// The records of `table` created between two times, oldest first.
pub async fn created_between(
    delivery: &Delivery,
    table: &str,
    from: Timestamp,
    to: Timestamp,
    by_id: bool,
    deadline: Instant,
) -> Result<Vec<Record>, String> {
    let mut records = list(delivery, table, &within(from, to), by_id, deadline).await?;
    records.retain(|record| created(record).is_none_or(|created| created >= from && created <= to));
    records.sort_by_key(created);
    Ok(records)
}

/// The ids of the records of `table` created between two times and changed later than that.
pub async fn modified_between(
    delivery: &Delivery,
    table: &str,
    from: Timestamp,
    to: Timestamp,
    deadline: Instant,
) -> Result<Vec<String>, String> {
    let later = "IS_AFTER(LAST_MODIFIED_TIME(), DATEADD(CREATED_TIME(), 1, 'seconds'))";
    let formula = format!("AND({}, {later})", within(from, to));
    let records = list(delivery, table, &formula, false, deadline).await?;
    Ok(records.into_iter().map(|record| record.id).collect())
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
    deadline: Instant,
) -> Result<Vec<Record>, String> {
    let is_plain = |id: &String| id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let tests: Vec<String> =
        ids.iter().filter(|id| is_plain(id)).map(|id| format!("RECORD_ID()='{id}'")).collect();
    list(delivery, table, &format!("OR({})", tests.join(",")), by_id, deadline).await
}

async fn list(
    delivery: &Delivery,
    table: &str,
    formula: &str,
    by_id: bool,
    deadline: Instant,
) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    let mut offset = None;
    for _ in 0..MOST_PAGES {
        let mut question =
            json!({"filterByFormula": formula, "pageSize": 100, "returnFieldsByFieldId": by_id});
        if let (Some(question), Some(offset)) = (question.as_object_mut(), offset.take()) {
            question.insert("offset".to_owned(), offset);
        }
        let request = Request::post(format!("{table}/listRecords"), &question);
        let answer =
            delivery.send(&request, Care::Read, deadline).await.map_err(|error| error.to_string())?;
        let body = answer.value().filter(|_| answer.status.is_success());
        let Some(body) = body else {
            return Err(format!("Airtable answers the search with {}", answer.status.as_u16()));
        };
        records.extend(read(&body));
        match body.get("offset") {
            Some(next) => offset = Some(next.clone()),
            None => return Ok(records),
        }
    }
    Err(format!("more than {} records were created in the time in question", MOST_PAGES * 100))
}
