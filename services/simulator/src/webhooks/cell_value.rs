//! Cell values as webhooks tell them (Airtable's "V2" format): choices, links and lookups with more than other answers.

use airtable::{Choice, Field, FieldType};
use serde_json::{Map, Value, json};

use crate::{
    computed::Scope,
    links,
    world::{Row, Table},
};

/// The value now in a cell, computed or kept; null where it is empty.
pub fn current(scope: Scope<'_>, table: &Table, row: &Row, field: &Field) -> Value {
    let Some(field) = table.schema.field(&field.id) else { return Value::Null };
    if field.field_type == FieldType::MultipleLookupValues {
        return lookup(scope, table, row, field);
    }
    of(scope, field, scope.cell(table, row, field))
}

/// A value that is or was kept in a cell of this field. What links lead to is named as it is called now.
pub fn of(scope: Scope<'_>, field: &Field, value: Value) -> Value {
    match (&field.field_type, value) {
        (_, Value::Null) => Value::Null,
        (FieldType::SingleSelect, Value::String(name)) => choice(field, &name),
        (FieldType::MultipleSelects, Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).map(|name| choice(field, name)).collect()
        }
        (FieldType::MultipleRecordLinks, value) => {
            links::ids(Some(&value)).iter().map(|id| link(scope, field, id)).collect()
        }
        (FieldType::MultipleCollaborators, Value::Array(users)) => {
            users.into_iter().map(|user| collaborator(scope, user)).collect()
        }
        (FieldType::SingleCollaborator | FieldType::CreatedBy | FieldType::LastModifiedBy, user) => {
            collaborator(scope, user)
        }
        (_, value) => value,
    }
}

fn choice(field: &Field, name: &str) -> Value {
    let known = field.choices().into_iter().find(|choice| choice.name == name);
    json!(known.unwrap_or_else(|| Choice { id: String::new(), name: name.to_owned(), color: None }))
}

fn link(scope: Scope<'_>, field: &Field, id: &str) -> Value {
    let table = field.linked_table_id().and_then(|id| scope.base.table(id));
    let name = table.and_then(|table| Some(scope.primary_text(table, table.row(id)?)));
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

fn lookup(scope: Scope<'_>, table: &Table, row: &Row, field: &Field) -> Value {
    let link = field.record_link_field_id().and_then(|id| table.schema.field(id));
    let target = link.and_then(Field::linked_table_id).and_then(|id| scope.base.table(id));
    let looked_up = target.zip(field.field_id_in_linked_table());
    let looked_up = looked_up.and_then(|(target, id)| Some((target, target.schema.field(id)?)));
    let (Some(link), Some((target, looked_up))) = (link, looked_up) else { return Value::Null };
    let ids = links::ids(row.cells.get(&link.id));
    let values = |id: &String| match target.row(id).map(|row| current(scope, target, row, looked_up)) {
        None | Some(Value::Null) => json!([]),
        Some(Value::Array(values)) => Value::Array(values),
        Some(value) => json!([value]),
    };
    let by_record: Map<String, Value> = ids.iter().map(|id| (id.clone(), values(id))).collect();
    json!({"valuesByLinkedRecordId": by_record, "linkedRecordIds": ids})
}
