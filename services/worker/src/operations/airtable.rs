//! The operations on Airtable: inputs, the requests they are, and the outputs in their answers.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Run, read};
use crate::{
    contract::{Base, Problem},
    gateway_client::{Write, segment},
    outcome::Failure,
};

/// The most records in one request.
const BATCH: usize = 10;

/// Cells by name or id of their field.
pub type Cells = Map<String, Value>;

/// An operation with its input.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Creates records.
    Create(Create),
    /// Changes cells of a record.
    Update(Update),
    /// Changes the record with the same values in some fields, or creates it.
    Upsert(Upsert),
    /// Deletes a record.
    Delete(RecordRef),
    /// Reads a record.
    Get(RecordRef),
    /// Lists records.
    Find(Find),
}

/// Input of `airtable.create`: `fields`, or up to ten `records`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    pub table: String,
    fields: Option<Cells>,
    records: Option<Vec<NewRecord>>,
    #[serde(default)]
    typecast: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRecord {
    fields: Cells,
}

/// Input of `airtable.update`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Update {
    pub table: String,
    pub record_id: String,
    pub fields: Cells,
    #[serde(default)]
    typecast: bool,
}

/// Input of `airtable.upsert`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Upsert {
    pub table: String,
    pub fields_to_merge_on: Vec<String>,
    pub fields: Cells,
    #[serde(default)]
    typecast: bool,
}

/// Input of `airtable.delete` and `airtable.get`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RecordRef {
    pub table: String,
    pub record_id: String,
}

/// Input of `airtable.find`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Find {
    table: String,
    filter_by_formula: Option<String>,
    max_records: Option<u32>,
    sort: Option<Value>,
    fields: Option<Vec<String>>,
}

/// Reads an operation; none where the name is not one of these.
pub fn parse(name: &str, input: Value) -> Result<Option<Operation>, Problem> {
    let operation = match name {
        "airtable.create" => Operation::Create(read(name, input)?),
        "airtable.update" => Operation::Update(read(name, input)?),
        "airtable.upsert" => Operation::Upsert(read(name, input)?),
        "airtable.delete" => Operation::Delete(read(name, input)?),
        "airtable.get" => Operation::Get(read(name, input)?),
        "airtable.find" => Operation::Find(read(name, input)?),
        _ => return Ok(None),
    };
    check(&operation)
        .map(|()| Some(operation))
        .map_err(|message| Problem::new("InvalidInput", format!("input of {name}: {message}")))
}

fn check(operation: &Operation) -> Result<(), String> {
    let (table, record) = match operation {
        Operation::Create(create) => {
            match (&create.fields, &create.records) {
                (Some(_), None) => (),
                (None, Some(records)) if (1..=BATCH).contains(&records.len()) => (),
                (None, Some(records)) => {
                    return Err(format!("records has {} entries, 1 to {BATCH} are possible", records.len()));
                }
                _ => return Err("exactly one of fields and records is needed".to_owned()),
            }
            (&create.table, None)
        }
        Operation::Update(update) => (&update.table, Some(&update.record_id)),
        Operation::Upsert(upsert) => {
            if !(1..=3).contains(&upsert.fields_to_merge_on.len()) {
                let count = upsert.fields_to_merge_on.len();
                return Err(format!("fieldsToMergeOn has {count} entries, 1 to 3 are possible"));
            }
            if let Some(missing) =
                upsert.fields_to_merge_on.iter().find(|name| !upsert.fields.contains_key(*name))
            {
                return Err(format!("fieldsToMergeOn names {missing:?}, which fields does not have"));
            }
            (&upsert.table, None)
        }
        Operation::Delete(record) | Operation::Get(record) => (&record.table, Some(&record.record_id)),
        Operation::Find(find) => {
            if let Some(max @ (0 | 101..)) = find.max_records {
                return Err(format!("maxRecords is {max}, 1 to 100 are possible"));
            }
            (&find.table, None)
        }
    };
    if table.is_empty() {
        return Err("table is empty, a table's name or id is needed".to_owned());
    }
    match record {
        Some(id) if !is_record_id(id) => {
            Err(format!("recordId is {id:?}, an id such as rec0123456789ABCD is needed"))
        }
        _ => Ok(()),
    }
}

/// Airtable's shape: `rec` and 14 letters or digits.
fn is_record_id(id: &str) -> bool {
    id.len() == 17 && id.starts_with("rec") && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Operation {
    /// Does it, once for the key of the run.
    pub async fn run(&self, base: &Base, run: &Run<'_>) -> Result<Value, Failure> {
        let answer = match (self, self.write()) {
            (_, Some(write)) => match run.gateways.write(base, &write, &run.mark).await {
                Err(Failure::Refused(problem) | Failure::NotFound(problem)) if run.again => {
                    return Err(refused_again(base, problem, run).await?);
                }
                other => other?,
            },
            (Self::Find(find), None) => {
                let path = format!("{}/listRecords", segment(&find.table));
                run.gateways.read(base, &path, Some(&find.parameters()), &run.mark).await?
            }
            (Self::Get(record) | Self::Delete(record), None) => {
                run.gateways.read(base, &record.path(), None, &run.mark).await?
            }
            (Self::Create(_) | Self::Update(_) | Self::Upsert(_), None) => Value::Null,
        };
        self.outputs(&answer)
            .ok_or_else(|| Failure::Unknown(Problem::new("GatewayAnswer", "the answer names no record")))
    }

    /// The request that has the effect; none for a read.
    pub fn write(&self) -> Option<Write> {
        let (method, path, body) = match self {
            Self::Create(create) => (Method::POST, segment(&create.table), Some(create.body())),
            Self::Update(update) => (
                Method::PATCH,
                format!("{}/{}", segment(&update.table), update.record_id),
                Some(json!({"fields": update.fields, "typecast": update.typecast})),
            ),
            Self::Upsert(upsert) => (
                Method::PATCH,
                segment(&upsert.table),
                Some(json!({
                    "performUpsert": {"fieldsToMergeOn": upsert.fields_to_merge_on},
                    "records": [{"fields": upsert.fields}],
                    "typecast": upsert.typecast,
                })),
            ),
            Self::Delete(record) => (Method::DELETE, record.path(), None),
            Self::Get(_) | Self::Find(_) => return None,
        };
        Some(Write { method, path, body })
    }

    /// The outputs in an answer of Airtable; none where it is not the answer to this.
    pub fn outputs(&self, answer: &Value) -> Option<Value> {
        match self {
            Self::Create(_) => {
                let ids = match answer.get("records") {
                    Some(records) => ids(records)?,
                    None => vec![answer.get("id")?],
                };
                Some(json!({"recordId": ids.first()?, "recordIds": ids}))
            }
            Self::Update(_) | Self::Delete(_) => Some(json!({"recordId": answer.get("id")?})),
            Self::Upsert(_) => {
                let id = answer.pointer("/records/0/id")?;
                let created = answer.get("createdRecords").and_then(Value::as_array);
                Some(json!({"recordId": id, "created": created.is_some_and(|created| created.contains(id))}))
            }
            Self::Get(_) => Some(json!({"recordId": answer.get("id")?, "fields": answer.get("fields")?})),
            Self::Find(_) => {
                let records = answer.get("records")?;
                let ids = ids(records)?;
                let fields = records.pointer("/0/fields").cloned().unwrap_or_else(|| json!({}));
                Some(json!({"recordIds": ids, "count": ids.len(), "fields": fields}))
            }
        }
    }
}

impl Create {
    fn body(&self) -> Value {
        match (&self.fields, &self.records) {
            (Some(fields), _) => json!({"fields": fields, "typecast": self.typecast}),
            (None, records) => {
                let records: Vec<Value> =
                    records.iter().flatten().map(|record| json!({"fields": record.fields})).collect();
                json!({"records": records, "typecast": self.typecast})
            }
        }
    }
}

impl RecordRef {
    /// Table and record in the path.
    pub fn path(&self) -> String {
        format!("{}/{}", segment(&self.table), self.record_id)
    }
}

impl Find {
    fn parameters(&self) -> Value {
        let max = self.max_records.unwrap_or(1);
        let mut parameters = json!({"maxRecords": max, "pageSize": max});
        if let Some(parameters) = parameters.as_object_mut() {
            let given = [
                ("filterByFormula", self.filter_by_formula.clone().map(Value::from)),
                ("sort", self.sort.clone()),
                ("fields", self.fields.clone().map(Value::from)),
            ];
            parameters.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        parameters
    }
}

/// A gateway may refuse before it looks into its ledger; only the ledger proves that the run before had no effect.
async fn refused_again(base: &Base, problem: Problem, run: &Run<'_>) -> Result<Failure, Failure> {
    let entry = run.gateways.look(base, &run.mark).await?;
    Ok(if entry.state == "unknown" { Failure::Refused(problem) } else { Failure::Unknown(problem) })
}

fn ids(records: &Value) -> Option<Vec<&Value>> {
    records.as_array()?.iter().map(|record| record.get("id")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str, input: Value) -> Operation {
        parse(name, input).unwrap().unwrap()
    }

    fn refused(name: &str, input: Value) -> String {
        parse(name, input).unwrap_err().message
    }

    #[test]
    fn a_bad_input_is_refused_and_the_field_is_named() {
        let many: Vec<Value> = (0..11).map(|_| json!({"fields": {}})).collect();
        for (name, input, expected) in [
            ("airtable.create", json!({"fields": {}}), "missing field `table`"),
            ("airtable.create", json!({"table": "T"}), "exactly one of fields and records"),
            ("airtable.create", json!({"table": "T", "records": many}), "records has 11 entries"),
            ("airtable.create", json!({"table": "T", "fields": {}, "typo": 1}), "unknown field `typo`"),
            ("airtable.create", json!({"table": "", "fields": {}}), "table is empty"),
            ("airtable.update", json!({"table": "T", "recordId": "x", "fields": {}}), "recordId is \"x\""),
            ("airtable.upsert", json!({"table": "T", "fieldsToMergeOn": ["A"], "fields": {}}), "names \"A\""),
            ("airtable.upsert", json!({"table": "T", "fieldsToMergeOn": [], "fields": {}}), "has 0 entries"),
            ("airtable.find", json!({"table": "T", "maxRecords": 0}), "maxRecords is 0"),
        ] {
            let message = refused(name, input);
            assert!(message.contains(expected), "{message} lacks {expected}");
        }
    }

    #[test]
    fn a_table_with_a_slash_in_its_name_stays_one_segment() {
        let delete = parsed("airtable.delete", json!({"table": "a/b c", "recordId": "rec00000000000001"}));
        assert_eq!(delete.write().unwrap().path, "a%2Fb%20c/rec00000000000001");
    }

    #[test]
    fn outputs_are_read_from_both_shapes_of_a_create() {
        let create = parsed("airtable.create", json!({"table": "T", "fields": {}}));
        assert_eq!(
            create.outputs(&json!({"id": "r1"})),
            Some(json!({"recordId": "r1", "recordIds": ["r1"]}))
        );
        let both = json!({"records": [{"id": "r1"}, {"id": "r2"}]});
        assert_eq!(create.outputs(&both), Some(json!({"recordId": "r1", "recordIds": ["r1", "r2"]})));
        assert_eq!(create.outputs(&json!({"ok": true})), None);
    }

    #[test]
    fn an_upsert_says_whether_it_created() {
        let input = json!({"table": "T", "fieldsToMergeOn": ["A"], "fields": {"A": 1}});
        let upsert = parsed("airtable.upsert", input);
        let answer = |created: Value| json!({"records": [{"id": "r1"}], "createdRecords": created});
        assert_eq!(upsert.outputs(&answer(json!(["r1"]))), Some(json!({"recordId": "r1", "created": true})));
        assert_eq!(upsert.outputs(&answer(json!([]))), Some(json!({"recordId": "r1", "created": false})));
    }
}
