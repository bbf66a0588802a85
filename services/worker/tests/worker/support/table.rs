//! The records of one table, by the names of their fields, and Airtable's answers to reads and writes of them.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Map, Value, json};

/// Status and body.
pub type Answer = (u16, Value);
type Cells = Map<String, Value>;

pub struct Table {
    pub records: BTreeMap<String, Cells>,
    next: u32,
    /// What a write to a record is answered that is not there.
    pub gone: Answer,
}

/// The id of a field.
pub fn field_id(name: &str) -> String {
    format!("fld{name:0>14}")
}

fn name(key: &str) -> String {
    if key.len() == 17 {
        key.trim_start_matches("fld").trim_start_matches('0').to_owned()
    } else {
        key.to_owned()
    }
}

pub fn refusal(status: u16, kind: &str) -> Answer {
    (status, json!({"error": {"type": kind, "message": kind}}))
}

pub fn schema() -> Value {
    let field = |name: &str, kind: &str| json!({"id": field_id(name), "name": name, "type": kind});
    let fields = [
        field("Name", "singleLineText"),
        field("Stage", "singleLineText"),
        field("Files", "multipleAttachments"),
        field("Total", "formula"),
    ];
    json!({"tables": [{"id": "tblDeals", "name": "Deals", "primaryFieldId": field_id("Name"), "fields": fields}]})
}

impl Table {
    /// With one record, `rec00000000000001`.
    pub fn new() -> Self {
        let cells = json!({"Name": "Ada", "Stage": "New", "Total": 7});
        let records = BTreeMap::from([("rec00000000000001".to_owned(), cells.as_object().unwrap().clone())]);
        Self { records, next: 2, gone: refusal(404, "MODEL_ID_NOT_FOUND") }
    }

    /// The ids of records that have these cells.
    pub fn find(&self, wanted: &Value) -> Option<Value> {
        let wanted = wanted.as_object().unwrap();
        let has = |cells: &&Cells| wanted.iter().all(|(key, cell)| cells.get(&name(key)) == Some(cell));
        let (id, cells) = self.records.iter().find(|(_, cells)| has(cells))?;
        Some(json!({"id": id, "fields": cells}))
    }

    pub fn write(&mut self, method: &Method, record: Option<&str>, body: &Value) -> Answer {
        let cells = |value: &Value| -> Cells {
            let cells = value["fields"].as_object().unwrap();
            cells.iter().map(|(key, cell)| (name(key), cell.clone())).collect()
        };
        match (method.as_str(), record) {
            ("POST", None) => match body["records"].as_array() {
                None if body.pointer("/fields/Total").is_some() => refusal(422, "INVALID_VALUE_FOR_COLUMN"),
                None => (200, self.create(cells(body))),
                Some(records) => {
                    let created: Vec<Value> =
                        records.iter().map(|record| self.create(cells(record))).collect();
                    (200, json!({"records": created}))
                }
            },
            ("PATCH", None) => {
                let new = cells(&body["records"][0]);
                let matching = |old: &Cells| old.get("Name") == new.get("Name");
                let found = self.records.iter().find(|(_, old)| matching(old)).map(|(id, _)| id.clone());
                let answer = if let Some(id) = found {
                    let updated = self.update(&id, new);
                    json!({"records": [updated], "createdRecords": [], "updatedRecords": [id]})
                } else {
                    let created = self.create(new);
                    json!({"records": [created], "createdRecords": [created["id"]], "updatedRecords": []})
                };
                (200, answer)
            }
            (_, Some(id)) if !self.records.contains_key(id) => self.gone.clone(),
            ("PATCH", Some(id)) => (200, self.update(id, cells(body))),
            ("DELETE", Some(id)) => {
                self.records.remove(id);
                (200, json!({"id": id, "deleted": true}))
            }
            other => panic!("unexpected write {other:?}"),
        }
    }

    fn create(&mut self, mut cells: Cells) -> Value {
        let id = format!("rec{:014}", self.next);
        self.next += 1;
        cells.insert("Total".to_owned(), json!(7));
        self.records.insert(id.clone(), cells.clone());
        json!({"id": id, "fields": cells})
    }

    fn update(&mut self, id: &str, new: Cells) -> Value {
        let cells = self.records.get_mut(id).unwrap();
        cells.extend(new);
        cells.retain(|_, cell| !cell.is_null());
        json!({"id": id, "fields": cells})
    }

    /// `parameters` of a list; of a single record only `returnFieldsByFieldId` counts.
    pub fn read(&self, record: Option<&str>, parameters: &Value) -> Answer {
        let by_id = parameters["returnFieldsByFieldId"] == true;
        let key = |name: &String| if by_id { field_id(name) } else { name.clone() };
        let show = |(id, cells): (&String, &Cells)| {
            let cells: Cells = cells.iter().map(|(name, cell)| (key(name), cell.clone())).collect();
            json!({"id": id, "fields": cells})
        };
        if record != Some("listRecords") {
            let found = self.records.iter().find(|(id, _)| Some(id.as_str()) == record);
            return found.map_or(refusal(404, "NOT_FOUND"), |found| (200, show(found)));
        }
        let formula = parameters["filterByFormula"].as_str().unwrap_or_default();
        let matching = |(id, cells): &(&String, &Cells)| {
            formula.is_empty()
                || formula == format!("RECORD_ID()=\"{id}\"")
                || ["Name".to_owned(), field_id("Name")]
                    .iter()
                    .any(|key| formula.contains(&format!("{{{key}}}={}", cells["Name"])))
        };
        let found: Vec<Value> = self.records.iter().filter(matching).map(show).collect();
        (200, json!({"records": found}))
    }
}
