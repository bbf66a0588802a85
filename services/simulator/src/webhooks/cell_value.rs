//! Cell values as webhooks tell them (Airtable's "V2" format): choices, links and lookups with more than other answers.

use airtable::{Choice, Field, FieldType};
use serde_json::{Map, Value, json};

use crate::{
    computed::{Calculation, Scope},
    links,
    world::{Row, Table},
};

/// The value now in a cell, computed or kept; null where it is empty.
pub fn current<'a>(calculation: &Calculation<'a>, table: &'a Table, row: &'a Row, field: &'a Field) -> Value {
    if field.field_type == FieldType::MultipleLookupValues {
        return lookup(calculation, table, row, field);
    }
    of(calculation, field, calculation.cell(table, row, field))
}

/// A value that is or was kept in a cell of this field. What links lead to is named as it is called now.
pub fn of(calculation: &Calculation<'_>, field: &Field, value: Value) -> Value {
    match (&field.field_type, value) {
        (_, Value::Null) => Value::Null,
        (FieldType::SingleSelect, Value::String(name)) => choice(field, &name),
        (FieldType::MultipleSelects, Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).map(|name| choice(field, name)).collect()
        }
        (FieldType::MultipleRecordLinks, value) => {
            links::ids(Some(&value)).iter().map(|id| link(calculation, field, id)).collect()
        }
        (FieldType::MultipleCollaborators, Value::Array(users)) => {
            users.into_iter().map(|user| collaborator(calculation.scope, user)).collect()
        }
        (FieldType::SingleCollaborator | FieldType::CreatedBy | FieldType::LastModifiedBy, user) => {
            collaborator(calculation.scope, user)
        }
        (_, value) => value,
    }
}

fn choice(field: &Field, name: &str) -> Value {
    let known = field.choices().into_iter().find(|choice| choice.name == name);
    json!(known.unwrap_or_else(|| Choice { id: String::new(), name: name.to_owned(), color: None }))
}

fn link(calculation: &Calculation<'_>, field: &Field, id: &str) -> Value {
    let table = field.linked_table_id().and_then(|id| calculation.scope.base.table(id));
    let name = table.and_then(|table| Some(calculation.primary_text(table, table.row(id)?)));
    json!({"id": id, "name": name.unwrap_or_default()})
}

/// With the permission level of the user of the simulator; that of others is not known here.
fn collaborator(scope: Scope<'_>, mut user: Value) -> Value {
    let is_own = user.get("id").and_then(Value::as_str) == Some(&scope.user.id);
    if let Some(user) = user.as_object_mut().filter(|_| is_own) {
        user.insert("permissionLevel".to_owned(), json!(scope.base.permission_level));
    }
    user
}

fn lookup<'a>(calculation: &Calculation<'a>, table: &'a Table, row: &'a Row, field: &'a Field) -> Value {
    let Some((target, rows, looked_up)) = calculation.followed(table, row, field) else {
        return Value::Null;
    };
    let values = |row: &'a Row| match current(calculation, target, row, looked_up) {
        Value::Null => json!([]),
        Value::Array(values) => Value::Array(values),
        value => json!([value]),
    };
    let by_record: Map<String, Value> = rows.iter().map(|row| (row.id.clone(), values(row))).collect();
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    json!({"valuesByLinkedRecordId": by_record, "linkedRecordIds": ids})
}
