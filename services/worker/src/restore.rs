//! The undo of each operation on Airtable: delete what was created, restore what was changed, recreate what was deleted.

use airtable::Table;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    before::Before,
    cells::{Restorable, restorable},
    contract::{Base, Problem},
    gateway_client::{Mark, Write, segment},
    operations::{Run, airtable::Operation},
    outcome::{Done, Failure},
};

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
                let deleted = delete(base, &create.table, id, number, run).await;
                deleted.map_err(|failure| if number == 0 { failure } else { failure.after_an_effect() })?;
            }
            Ok(json!({}))
        }
        Operation::Update(update) => {
            let before = Before::of(&done.note).ok_or_else(|| lost("the update"))?;
            write_back(base, &update.table, before, run).await
        }
        Operation::Upsert(upsert) => {
            let id = done.outputs.get("recordId").and_then(Value::as_str).unwrap_or_default();
            if done.outputs.get("created") == Some(&Value::Bool(true)) {
                delete(base, &upsert.table, id, 0, run).await?;
                return Ok(json!({}));
            }
            let before = Before::of(&done.note).filter(|before| before.record_id == id);
            write_back(base, &upsert.table, before.ok_or_else(|| lost("the upsert"))?, run).await
        }
        Operation::Delete(record) => {
            let before = Before::of(&done.note).ok_or_else(|| lost("the deletion"))?;
            recreate(base, &record.table, before, run).await
        }
    }
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
    unless_gone(base, table, id, run, run.gateways.write(base, &deletion, &mark).await).await.map(drop)
}

/// Writes cells as they were; a record that is gone by now has nothing of the action left.
async fn write_back(base: &Base, table: &str, before: Before, run: &Run<'_>) -> Result<Value, Failure> {
    let id = before.record_id.clone();
    let Restorable { cells, expired } = restorable(before, run.mark.since);
    let path = format!("{}/{}", segment(table), segment(&id));
    let update = Write { method: Method::PATCH, path, body: Some(json!({"fields": cells})) };
    let written = run.gateways.write(base, &update, &run.mark).await;
    match unless_gone(base, table, &id, run, written).await? {
        None => Ok(json!({})),
        Some(answer) => complete(&answer, &id, &expired).map(|()| json!({})),
    }
}

/// The answer to a write to a record; none where the record is not there any more.
async fn unless_gone(
    base: &Base,
    table: &str,
    id: &str,
    run: &Run<'_>,
    written: Result<Value, Failure>,
) -> Result<Option<Value>, Failure> {
    match written {
        Ok(answer) => Ok(Some(answer)),
        Err(Failure::NotFound(_)) => Ok(None),
        Err(Failure::Refused(problem)) if problem.reason == "InvalidPermissionsOrModelNotFound" => {
            if is_gone(base, table, id, run).await? { Ok(None) } else { Err(Failure::Refused(problem)) }
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

/// Creates a record with the cells of one that was deleted, but the computed ones.
async fn recreate(base: &Base, name: &str, before: Before, run: &Run<'_>) -> Result<Value, Failure> {
    let table = table(base, name, run).await?;
    let Restorable { mut cells, mut expired } = restorable(before, run.mark.since);
    let is_writable = |field: &str| table.field(field).is_some_and(|field| !field.field_type.is_computed());
    cells.retain(|field, _| is_writable(field));
    expired.retain(|field| is_writable(field));
    let create = Write { method: Method::POST, path: segment(name), body: Some(json!({"fields": cells})) };
    let created = run.gateways.write(base, &create, &run.mark).await?;
    let id = created.get("id").and_then(Value::as_str).unwrap_or_default();
    complete(&created, id, &expired).map(|()| json!({"recordId": id}))
}

async fn table(base: &Base, name: &str, run: &Run<'_>) -> Result<Table, Failure> {
    let answer = run.gateways.tables(base, &run.mark).await?;
    let tables: Vec<Table> = serde_json::from_value(answer.get("tables").cloned().unwrap_or_default())
        .map_err(|error| {
            Failure::Unknown(Problem::new("GatewayAnswer", format!("the schema is not readable: {error}")))
        })?;
    tables.into_iter().find(|table| table.id == name || table.name == name).ok_or_else(|| {
        let message = format!("table {name} is not in the base any more, so the record has no place");
        Failure::Final(Problem::new("TableGone", message))
    })
}

/// That a record was restored is not the whole truth where attachments are missing: a person has to know.
fn complete(answer: &Value, record: &str, expired: &[String]) -> Result<(), Failure> {
    let left_out = match (expired, answer.pointer("/details/reasons")) {
        ([], None) => return Ok(()),
        ([], Some(reasons)) => format!("attachments that Airtable did not take ({reasons})"),
        (fields, _) => format!("attachments in {}, whose addresses have expired", fields.join(", ")),
    };
    let message = format!("record {record} is as it was before but for {left_out}: add them by hand");
    Err(Failure::Final(Problem::new("AttachmentsLost", message)))
}
