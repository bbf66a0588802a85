//! Cell values as webhooks tell them (Airtable's "V2" format): choices, links and lookups with more than other answers.

use airtable::{Choice, Error, Field, FieldType};
use serde_json::{Map, Value, json};

use crate::{
    account::Account,
    computed::{Calculation, Scope},
    directory::Directory,
    links,
    world::{Row, Table},
};

/// The cells of a base as it is, or as it was.
pub struct Told<'a> {
    calculation: Calculation<'a>,
    account: &'a Account,
}

impl<'a> Told<'a> {
    pub fn new(scope: Scope<'a>, account: &'a Account) -> Self {
        Self { calculation: Calculation::new(scope), account }
    }

    /// The value in a cell of this record, computed or kept; null where it is empty.
    pub fn cell(&self, table: &'a Table, row: &'a Row, field: &'a Field) -> Value {
        if field.field_type == FieldType::MultipleLookupValues {
            return self.lookup(table, row, field);
        }
        match (&field.field_type, self.calculation.cell(table, row, field)) {
            (_, Value::Null) => Value::Null,
            (FieldType::SingleSelect, Value::String(name)) => choice(field, &name),
            (FieldType::MultipleSelects, Value::Array(names)) => {
                names.iter().filter_map(Value::as_str).map(|name| choice(field, name)).collect()
            }
            (FieldType::MultipleRecordLinks, value) => {
                links::ids(Some(&value)).iter().map(|id| self.link(field, id)).collect()
            }
            (FieldType::MultipleCollaborators, Value::Array(users)) => {
                users.into_iter().map(|user| self.collaborator(user)).collect()
            }
            (FieldType::SingleCollaborator | FieldType::CreatedBy | FieldType::LastModifiedBy, user) => {
                self.collaborator(user)
            }
            (_, value) => value,
        }
    }

    /// Refuses once the time is over: what was told after that is wrong.
    pub fn in_time(&self) -> Result<(), Error> {
        self.calculation.scope.deadline.check()
    }

    /// The table with this id, and the record in it.
    pub fn record(&self, table: &str, record: &str) -> Option<(&'a Table, &'a Row)> {
        let table = self.calculation.scope.base.table(table)?;
        Some((table, table.row(record)?))
    }

    fn link(&self, field: &Field, id: &str) -> Value {
        let linked = field.linked_table_id().and_then(|table| self.record(table, id));
        let name = linked.map(|(table, row)| self.calculation.primary_text(table, row));
        json!({"id": id, "name": name.unwrap_or_default()})
    }

    /// With what the person may do in the base.
    fn collaborator(&self, mut person: Value) -> Value {
        let Scope { user, base, .. } = self.calculation.scope;
        let id = person.get("id").and_then(Value::as_str).unwrap_or_default();
        let level = json!(Directory { user, account: self.account }.level(base, id));
        if let Some(person) = person.as_object_mut() {
            person.insert("permissionLevel".to_owned(), level);
        }
        person
    }

    fn lookup(&self, table: &'a Table, row: &'a Row, field: &'a Field) -> Value {
        let Some((target, rows, looked_up)) = self.calculation.followed(table, row, field) else {
            return Value::Null;
        };
        let values = |row: &'a Row| match self.cell(target, row, looked_up) {
            Value::Null => json!([]),
            Value::Array(values) => Value::Array(values),
            value => json!([value]),
        };
        let by_record: Map<String, Value> = rows.iter().map(|row| (row.id.clone(), values(row))).collect();
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        json!({"valuesByLinkedRecordId": by_record, "linkedRecordIds": ids})
    }
}

fn choice(field: &Field, name: &str) -> Value {
    let known = field.choices().into_iter().find(|choice| choice.name == name);
    json!(known.unwrap_or_else(|| Choice { id: String::new(), name: name.to_owned(), color: None }))
}
