//! A model of Airtable's meta API: what it creates and changes, what it refuses, and the other sides of links that it makes.

use airtable::{Field, FieldType, Table, id::Kind};
use crds::base_schema::DesiredTable;
use schema::{Action, Change, Method, Request, plan};
use serde_json::{Map, Value, json};

/// A base.
#[derive(Debug, Clone, Default)]
pub struct Base {
    pub tables: Vec<Table>,
    ids: u128,
}

impl Base {
    /// A base that got what is declared.
    pub fn with(declared: &[DesiredTable]) -> Self {
        let mut base = Self::default();
        base.apply_all(declared);
        base
    }

    /// Plans and makes changes until none can be made; gives the last plan.
    pub fn apply_all(&mut self, declared: &[DesiredTable]) -> Vec<Change> {
        let mut left = plan(declared, &self.tables);
        for _ in 0..6 {
            for change in &left {
                let is_sent = change.request.is_some();
                assert!(!is_sent || change.action != Action::CannotChange, "{change}");
                let answer = change.request.as_ref().map(|request| (request, self.answer(request)));
                if let Some((request, Ok(answer))) = answer
                    && let Some(next) = request.follow_up(&answer)
                {
                    let _refused_where_taken = self.answer(&next);
                }
            }
            left = plan(declared, &self.tables);
        }
        left
    }

    /// The answer to a request, or why it is refused.
    pub fn answer(&mut self, request: &Request) -> Result<Value, String> {
        let path: Vec<&str> = request.path.split('/').skip(1).collect();
        let body = request.body.as_object().ok_or("no object")?;
        match (request.method, path.as_slice()) {
            (Method::Post, ["tables"]) => self.create_table(body),
            (Method::Post, ["tables", table, "fields"]) => self.create_field(self.place(table)?, body),
            (Method::Patch, ["tables", table]) => {
                let at = self.place(table)?;
                self.check_table_name(body.get("name"), Some(at))?;
                let table = &mut self.tables[at];
                put(&mut table.name, &mut table.description, body);
                Ok(json!(table))
            }
            (Method::Patch, ["tables", table, "fields", field]) => {
                let at = self.place(table)?;
                let field =
                    self.tables[at].fields.iter().position(|it| it.id == *field).ok_or("no such field")?;
                self.check_field_name(at, body.get("name"), Some(field))?;
                let field = &mut self.tables[at].fields[field];
                if let Some(options) = body.get("options") {
                    let is_formula =
                        field.field_type == FieldType::Formula && options.get("formula").is_some();
                    is_formula.then_some(()).ok_or("only formulas change")?;
                    field.options = options.as_object().cloned();
                }
                put(&mut field.name, &mut field.description, body);
                Ok(json!(field))
            }
            _ => Err(format!("no route {}", request.path)),
        }
    }

    fn create_table(&mut self, body: &Map<String, Value>) -> Result<Value, String> {
        self.check_table_name(body.get("name"), None)?;
        let table =
            json!({"id": self.id(Kind::Table), "name": body["name"], "primaryFieldId": "", "fields": []});
        let mut table: Table = serde_json::from_value(table).unwrap();
        table.description = body.get("description").and_then(Value::as_str).map(str::to_owned);
        let before = self.clone();
        self.tables.push(table);
        let at = self.tables.len() - 1;
        for field in body["fields"].as_array().filter(|all| !all.is_empty()).ok_or("no fields")? {
            if let Err(why) = self.create_field(at, field.as_object().unwrap()) {
                *self = before;
                return Err(why);
            }
        }
        let table = &mut self.tables[at];
        table.primary_field_id.clone_from(&table.fields[0].id);
        assert!(
            self.tables[at].fields[0].field_type.may_be_primary(),
            "a plan let this be primary: {body:?}"
        );
        Ok(json!(self.tables[at]))
    }

    fn create_field(&mut self, at: usize, body: &Map<String, Value>) -> Result<Value, String> {
        self.check_field_name(at, body.get("name"), None)?;
        let mut field: Field = serde_json::from_value(json!(
            body.iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .chain([("id".to_owned(), json!(self.id(Kind::Field)))])
                .collect::<Map<_, _>>()
        ))
        .unwrap();
        assert!(field.field_type.may_be_created(), "a plan creates {field:?}");
        if field.field_type == FieldType::MultipleRecordLinks {
            let target = self.place(field.linked_table_id().unwrap()).unwrap();
            let inverse = self.id(Kind::Field);
            let name = self.free_name(target, &self.tables[at].name.clone(), &field.name);
            let options = json!({"linkedTableId": self.tables[at].id, "inverseLinkFieldId": field.id});
            let other =
                json!({"id": inverse, "name": name, "type": "multipleRecordLinks", "options": options});
            self.tables[target].fields.push(serde_json::from_value(other).unwrap());
            field.options.get_or_insert_default().insert("inverseLinkFieldId".to_owned(), json!(inverse));
        }
        self.tables[at].fields.push(field.clone());
        Ok(json!(field))
    }

    fn free_name(&self, at: usize, wanted: &str, coming: &str) -> String {
        let numbered = (2..).map(|number| format!("{wanted} {number}"));
        let is_free = |name: &String| {
            name.to_lowercase() != coming.to_lowercase()
                && self.check_field_name(at, Some(&json!(name)), None).is_ok()
        };
        std::iter::once(wanted.to_owned()).chain(numbered).find(is_free).unwrap()
    }

    fn check_table_name(&self, name: Option<&Value>, own: Option<usize>) -> Result<(), String> {
        is_free(self.tables.iter().map(|table| table.name.as_str()), name, own)
    }

    fn check_field_name(&self, at: usize, name: Option<&Value>, own: Option<usize>) -> Result<(), String> {
        is_free(self.tables[at].fields.iter().map(|field| field.name.as_str()), name, own)
    }

    fn place(&self, id: &str) -> Result<usize, String> {
        self.tables.iter().position(|table| table.id == id).ok_or(format!("no table {id}"))
    }

    fn id(&mut self, kind: Kind) -> String {
        self.ids += 1;
        kind.id(self.ids)
    }
}

fn is_free<'a>(
    mut taken: impl Iterator<Item = &'a str>,
    name: Option<&Value>,
    own: Option<usize>,
) -> Result<(), String> {
    let Some(name) = name.and_then(Value::as_str) else { return Ok(()) };
    match taken.position(|other| other.to_lowercase() == name.to_lowercase()) {
        Some(at) if Some(at) != own => Err(format!("{name} is taken")),
        _ => Ok(()),
    }
}

fn put(name: &mut String, description: &mut Option<String>, body: &Map<String, Value>) {
    let text = |key| body.get(key).and_then(Value::as_str).map(str::to_owned);
    *name = text("name").unwrap_or_else(|| name.clone());
    *description = text("description").or_else(|| description.clone());
}
