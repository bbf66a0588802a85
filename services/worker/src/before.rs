//! What was there before a write: read and kept before the write is sent, so that it can be restored.

use serde_json::{Map, Value, json};

use crate::{
    contract::Base,
    gateway_client::segment,
    operations::{
        Run,
        airtable::{Cells, Operation, RecordRef, Upsert},
    },
    outcome::Failure,
};

/// Reads the note for the undo of a write. Null where none is needed, or none can be had any more.
///
/// When a run before this one may have had its effect, what is there now says nothing about before; it is read only
/// if the gateway's ledger never saw the key.
pub async fn read(base: &Base, operation: &Operation, run: &Run<'_>) -> Result<Value, Failure> {
    if matches!(operation, Operation::Create(_) | Operation::Get(_) | Operation::Find(_)) {
        return Ok(Value::Null);
    }
    if run.again && run.gateways.look(base, &run.mark).await?.state != "unknown" {
        return Ok(Value::Null);
    }
    match operation {
        Operation::Update(update) => {
            let record = RecordRef { table: update.table.clone(), record_id: update.record_id.clone() };
            let found = run.gateways.read(base, &record.path(), None, &run.mark).await?;
            Ok(before(&found, Some(&update.fields)))
        }
        Operation::Delete(record) => {
            let found = run.gateways.read(base, &record.path(), None, &run.mark).await?;
            Ok(before(&found, None))
        }
        Operation::Upsert(upsert) => match formula(upsert) {
            None => Ok(Value::Null),
            Some(formula) => {
                let path = format!("{}/listRecords", segment(&upsert.table));
                let parameters = json!({"filterByFormula": formula, "maxRecords": 2, "pageSize": 2});
                let found = run.gateways.read(base, &path, Some(&parameters), &run.mark).await?;
                match found.get("records").and_then(Value::as_array).map(Vec::as_slice) {
                    Some([record]) => Ok(before(record, Some(&upsert.fields))),
                    _ => Ok(Value::Null),
                }
            }
        },
        Operation::Create(_) | Operation::Get(_) | Operation::Find(_) => Ok(Value::Null),
    }
}

/// Id and cells of a record: all, or those that will be written; an empty one is null, which empties it again.
fn before(record: &Value, written: Option<&Cells>) -> Value {
    let cells = record.get("fields").and_then(Value::as_object).cloned().unwrap_or_default();
    let cells = match written {
        None => cells,
        Some(written) => {
            let cell = |name: &String| (name.clone(), cells.get(name).cloned().unwrap_or_default());
            written.keys().map(cell).collect::<Map<_, _>>()
        }
    };
    json!({"recordId": record.get("id"), "fields": cells})
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
        assert_eq!(
            before(&record, written.as_object()),
            json!({"recordId": "r1", "fields": {"A": 1, "C": null}})
        );
        assert_eq!(before(&record, None), json!({"recordId": "r1", "fields": {"A": 1, "B": "x"}}));
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
