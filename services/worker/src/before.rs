//! What was there before a write: read and kept before the write is sent, so that it can be restored.

use airtable::id::Kind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    contract::Base,
    gateway_client::segment,
    operations::{
        Run,
        airtable::{Cells, Operation, RecordRef, Upsert},
    },
    outcome::Failure,
};

/// A record as it was before the write: what the ledger keeps for the undo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Before {
    /// Of the record that was there.
    pub record_id: String,
    /// All cells of a record to be deleted, else those to be written, under the same names or ids; an empty one is null.
    pub fields: Cells,
    /// When it was read, since what Airtable gives for an attachment does not hold for ever.
    #[serde(default)]
    pub read_at: Option<Timestamp>,
}

impl Before {
    /// What a note holds; none where there was no record, or it could not be had.
    pub fn of(note: &Value) -> Option<Self> {
        Self::deserialize(note).ok()
    }
}

/// Reads the note for the undo of a write. Null where none is needed, or none can be had any more.
///
/// When a run before this one may have had its effect, what is there now says nothing about before; it is read only
/// if the gateway's ledger never saw the key.
pub async fn read(
    base: &Base,
    operation: &Operation,
    run: &Run<'_>,
    now: Timestamp,
) -> Result<Value, Failure> {
    if matches!(operation, Operation::Create(_) | Operation::Get(_) | Operation::Find(_)) {
        return Ok(Value::Null);
    }
    if run.again && run.gateways.look(base, &run.mark).await?.state != "unknown" {
        return Ok(Value::Null);
    }
    let before = match operation {
        Operation::Update(update) => {
            let record = RecordRef { table: update.table.clone(), record_id: update.record_id.clone() };
            let first = get(base, &record, all_ids(&update.fields), run).await?;
            let shown = with_ids(base, &update.table, first, &update.fields, run).await?;
            before(&shown, Some(&update.fields), now)
        }
        Operation::Delete(record) => before(&get(base, record, false, run).await?, None, now),
        Operation::Upsert(upsert) => match find(base, upsert, run).await? {
            Some(first) => {
                let shown = with_ids(base, &upsert.table, first, &upsert.fields, run).await?;
                before(&shown, Some(&upsert.fields), now)
            }
            None => None,
        },
        Operation::Create(_) | Operation::Get(_) | Operation::Find(_) => None,
    };
    Ok(before.and_then(|before| serde_json::to_value(before).ok()).unwrap_or_default())
}

async fn get(base: &Base, record: &RecordRef, by_id: bool, run: &Run<'_>) -> Result<Value, Failure> {
    let query = if by_id { "?returnFieldsByFieldId=true" } else { "" };
    run.gateways.read(base, &format!("{}{query}", record.path()), None, &run.mark).await
}

/// The one record that an upsert will merge with, as far as that can be told beforehand.
async fn find(base: &Base, upsert: &Upsert, run: &Run<'_>) -> Result<Option<Value>, Failure> {
    let Some(formula) = formula(upsert) else { return Ok(None) };
    let path = format!("{}/listRecords", segment(&upsert.table));
    let by_id = all_ids(&upsert.fields);
    let parameters =
        json!({"filterByFormula": formula, "maxRecords": 2, "pageSize": 2, "returnFieldsByFieldId": by_id});
    let mut found = run.gateways.read(base, &path, Some(&parameters), &run.mark).await?;
    Ok(match found.get_mut("records").and_then(Value::as_array_mut).map(Vec::as_mut_slice) {
        Some([record]) => Some(record.take()),
        _ => None,
    })
}

/// The record with its cells under names and ids, where those to be written are given by both.
async fn with_ids(
    base: &Base,
    table: &str,
    mut record: Value,
    written: &Cells,
    run: &Run<'_>,
) -> Result<Value, Failure> {
    if all_ids(written) || !written.keys().any(|key| Kind::Field.names(key)) {
        return Ok(record);
    }
    let record_id = record.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut by_id = get(base, &RecordRef { table: table.to_owned(), record_id }, true, run).await?;
    let by_id = by_id.get_mut("fields").map(Value::take);
    if let (Some(Value::Object(cells)), Some(Value::Object(by_id))) = (record.get_mut("fields"), by_id) {
        cells.extend(by_id);
    }
    Ok(record)
}

/// Whether all cells are given by the ids of their fields, so that they are to be read by them.
fn all_ids(written: &Cells) -> bool {
    written.keys().all(|key| Kind::Field.names(key))
}

/// Id and cells of a record: all, or those that will be written.
fn before(record: &Value, written: Option<&Cells>, now: Timestamp) -> Option<Before> {
    let cells = record.get("fields").and_then(Value::as_object).cloned().unwrap_or_default();
    let fields = match written {
        None => cells,
        Some(written) => {
            let cell = |key: &String| (key.clone(), cells.get(key).cloned().unwrap_or_default());
            written.keys().map(cell).collect()
        }
    };
    let record_id = record.get("id").and_then(Value::as_str)?.to_owned();
    Some(Before { record_id, fields, read_at: Some(now) })
}

/// A formula for the records an upsert merges with; none where a value has no exact formula.
fn formula(upsert: &Upsert) -> Option<String> {
    let equal = |name: &String| {
        let value = match upsert.fields.get(name)? {
            Value::String(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!name.contains(['{', '}'])).then(|| format!("{{{name}}}={value}"))
    };
    let conditions: Option<Vec<String>> = upsert.fields_to_merge_on.iter().map(equal).collect();
    Some(format!("AND({})", conditions?.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_written_cells_are_kept_and_an_empty_one_is_null() {
        let record = json!({"id": "r1", "fields": {"A": 1, "B": "x"}});
        let written = json!({"A": 2, "C": 3});
        let fields = |written| before(&record, written, Timestamp::UNIX_EPOCH).unwrap().fields;
        assert_eq!(Value::from(fields(written.as_object())), json!({"A": 1, "C": null}));
        assert_eq!(Value::from(fields(None)), json!({"A": 1, "B": "x"}));
    }

    #[test]
    fn a_quote_in_a_merge_value_can_not_end_the_formulas_text() {
        let upsert = |value: Value| -> Upsert {
            serde_json::from_value(json!({"table": "T", "fieldsToMergeOn": ["N"], "fields": {"N": value}}))
                .unwrap()
        };
        assert_eq!(formula(&upsert(json!("a\"b\\"))).unwrap(), r#"AND({N}="a\"b\\")"#);
        assert_eq!(formula(&upsert(json!(7))).unwrap(), "AND({N}=7)");
        assert_eq!(formula(&upsert(json!(null))), None);
    }
}
