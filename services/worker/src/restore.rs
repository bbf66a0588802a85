//! The undo of each operation on Airtable: delete what was created, restore what was changed, recreate what was deleted.

use airtable::Table;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    contract::{Base, Problem},
    gateway_client::{Mark, Write, segment},
    operations::{Run, airtable::Operation},
    outcome::{Done, Failure},
};

/// The record as it was before.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Before {
    record_id: String,
    fields: Map<String, Value>,
}

/// Undoes the effect; returns outputs of the undo.
pub async fn restore(
    base: &Base,
    operation: &Operation,
    done: &Done,
    run: &Run<'_>,
) -> Result<Value, Failure> {
    match operation {
        Operation::Get(_) | Operation::Find(_) => Ok(json!({})),
        Operation::Create(create) => {
            let ids = done.outputs.get("recordIds").and_then(Value::as_array);
            for (number, id) in ids.into_iter().flatten().filter_map(Value::as_str).enumerate() {
                delete(base, &create.table, id, number, run).await?;
            }
            Ok(json!({}))
        }
        Operation::Update(update) => {
            let before = before(done).ok_or_else(|| lost("the update"))?;
            write_back(base, &update.table, &before, run).await
        }
        Operation::Upsert(upsert) => {
            let id = done.outputs.get("recordId").and_then(Value::as_str).unwrap_or_default();
            if done.outputs.get("created") == Some(&Value::Bool(true)) {
                delete(base, &upsert.table, id, 0, run).await?;
                return Ok(json!({}));
            }
            let before = before(done).filter(|before| before.record_id == id);
            write_back(base, &upsert.table, &before.ok_or_else(|| lost("the upsert"))?, run).await
        }
        Operation::Delete(record) => {
            let before = before(done).ok_or_else(|| lost("the deletion"))?;
            let fields = recreatable(base, &record.table, before.fields, run).await?;
            let body = Some(json!({"fields": fields}));
            let create = Write { method: Method::POST, path: segment(&record.table), body };
            let created = run.gateways.write(base, &create, &run.mark).await?;
            Ok(json!({"recordId": created.get("id")}))
        }
    }
}

fn before(done: &Done) -> Option<Before> {
    Before::deserialize(&done.note).ok()
}

fn lost(what: &str) -> Failure {
    let message = format!("what was there before {what} is not known: restore it by hand");
    Failure::Final(Problem::new("PreviousValuesLost", message))
}

/// Deletes a record; one that is gone already is as good.
async fn delete(base: &Base, table: &str, id: &str, number: usize, run: &Run<'_>) -> Result<(), Failure> {
    let key = if number == 0 { run.mark.key.clone() } else { format!("{}/{number}", run.mark.key) };
    let mark = Mark { key, ..run.mark.clone() };
    let path = format!("{}/{}", segment(table), segment(id));
    let deletion = Write { method: Method::DELETE, path, body: None };
    match run.gateways.write(base, &deletion, &mark).await {
        Ok(_) | Err(Failure::NotFound(_)) => Ok(()),
        Err(Failure::Refused(problem)) if problem.reason == "InvalidPermissionsOrModelNotFound" => {
            if is_gone(base, table, id, run).await? { Ok(()) } else { Err(Failure::Refused(problem)) }
        }
        Err(failure) => Err(failure),
    }
}

/// Airtable says "no permission or not found" in one breath; a table that can be searched tells which.
async fn is_gone(base: &Base, table: &str, id: &str, run: &Run<'_>) -> Result<bool, Failure> {
    let parameters = json!({"filterByFormula": format!("RECORD_ID()=\"{id}\""), "maxRecords": 1});
    let path = format!("{}/listRecords", segment(table));
    let found = run.gateways.read(base, &path, Some(&parameters), &run.mark).await?;
    Ok(found.get("records").and_then(Value::as_array).is_some_and(Vec::is_empty))
}

/// Writes cells as they were; a record that is gone by now has nothing of the action left.
async fn write_back(base: &Base, table: &str, before: &Before, run: &Run<'_>) -> Result<Value, Failure> {
    let fields: Map<String, Value> =
        before.fields.iter().map(|(name, cell)| (name.clone(), writable(cell.clone()))).collect();
    let path = format!("{}/{}", segment(table), segment(&before.record_id));
    let update = Write { method: Method::PATCH, path, body: Some(json!({"fields": fields})) };
    match run.gateways.write(base, &update, &run.mark).await {
        Ok(_) | Err(Failure::NotFound(_)) => Ok(json!({})),
        Err(failure) => Err(failure),
    }
}

/// The cells that can be written to a new record: not the computed ones.
async fn recreatable(
    base: &Base,
    table: &str,
    cells: Map<String, Value>,
    run: &Run<'_>,
) -> Result<Map<String, Value>, Failure> {
    let answer = run.gateways.tables(base, &run.mark).await?;
    let tables: Vec<Table> = serde_json::from_value(answer.get("tables").cloned().unwrap_or_default())
        .map_err(|error| {
            Failure::Unknown(Problem::new("GatewayAnswer", format!("the schema is not readable: {error}")))
        })?;
    let Some(table) = tables.iter().find(|candidate| candidate.id == table || candidate.name == table) else {
        let message = format!("table {table} is not in the base any more, so the record has no place");
        return Err(Failure::Final(Problem::new("TableGone", message)));
    };
    let is_writable = |name: &str| table.field(name).is_some_and(|field| !field.field_type.is_computed());
    Ok(cells
        .into_iter()
        .filter(|(name, _)| is_writable(name))
        .map(|(name, cell)| (name, writable(cell)))
        .collect())
}

/// A cell as Airtable takes it, from a cell as Airtable gives it: attachments by URL, collaborators by id.
fn writable(cell: Value) -> Value {
    match cell {
        Value::Array(items) => items.into_iter().map(writable).collect(),
        Value::Object(ref object) if object.contains_key("url") && object.contains_key("filename") => {
            json!({"url": object.get("url"), "filename": object.get("filename")})
        }
        Value::Object(ref object) if object.contains_key("id") && object.contains_key("email") => {
            json!({"id": object.get("id")})
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_written_as_airtable_takes_them() {
        let attachment = json!([{"id": "att1", "url": "https://x/y", "filename": "y", "size": 3}]);
        assert_eq!(writable(attachment), json!([{"url": "https://x/y", "filename": "y"}]));
        let person = json!({"id": "usr1", "email": "a@b.c", "name": "A"});
        assert_eq!(writable(person), json!({"id": "usr1"}));
        assert_eq!(writable(json!(["rec1", "rec2"])), json!(["rec1", "rec2"]));
    }
}
