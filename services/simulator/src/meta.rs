//! The meta API: who is asking, bases, and their schema.

use airtable::{Error, query};
use serde_json::{Map, Value, json};

use crate::{
    account::Account,
    base_info,
    call::MetaCall,
    new_schema,
    records::Input,
    schema_changes, views,
    world::{Base, User, World},
};

/// Most bases in one answer.
const PAGE: usize = 1000;

/// Who is asking.
pub fn who_am_i(world: &World) -> Value {
    json!({"id": world.user.id, "email": world.user.email})
}

/// A page of the bases; where there are more, `offset` is the id of the next one.
pub fn list_bases(world: &World, input: &Input<'_>) -> Result<Value, Error> {
    let asked = query::object(input.query);
    let first = match asked.get("offset").and_then(Value::as_str).filter(|offset| !offset.is_empty()) {
        None => 0,
        Some(offset) => {
            let place = world.bases.iter().position(|base| base.id == offset);
            place.ok_or_else(|| Error::InvalidOffset(offset.to_owned()))?
        }
    };
    let base =
        |base: &Base| json!({"id": base.id, "name": base.name, "permissionLevel": base.permission_level});
    let bases: Vec<_> = world.bases.iter().skip(first).take(PAGE).map(base).collect();
    let mut told = json!({"bases": bases});
    if let (Some(next), Value::Object(told)) = (world.bases.get(first + PAGE), &mut told) {
        told.insert("offset".to_owned(), json!(next.id));
    }
    Ok(told)
}

/// Creates a base with its tables.
pub fn create_base(world: &mut World, input: &Input<'_>) -> Result<Value, Error> {
    let body = input.object()?;
    let workspace = text(&body, "workspaceId")?.ok_or(Error::InvalidRequest)?;
    world.account.workspace(&workspace).ok_or(Error::ModelNotFound)?;
    let name = text(&body, "name")?.ok_or(Error::InvalidRequest)?;
    let mut base = Base::new(name, workspace, input.now);
    let tables = body.get("tables").and_then(Value::as_array).filter(|tables| !tables.is_empty());
    for table in tables.ok_or(Error::InvalidRequest)? {
        new_schema::add_table(&mut base, table.as_object().ok_or(Error::InvalidRequest)?)?;
    }
    let answer = json!({"id": base.id, "tables": tables_of(&base, true)});
    world.bases.push(base);
    Ok(answer)
}

/// Deletes a base.
pub fn delete_base(bases: &mut Vec<Base>, id: &str) -> Value {
    bases.retain(|base| base.id != id);
    json!({"id": id, "deleted": true})
}

/// Answers a call that only reads.
pub fn read(
    base: &Base,
    call: &MetaCall,
    input: &Input<'_>,
    user: &User,
    account: &Account,
) -> Result<Value, Error> {
    let include = input.include();
    let visible_fields = include.iter().any(|name| name == "visibleFieldIds");
    Ok(match call {
        MetaCall::ListTables => json!({"tables": tables_of(base, visible_fields)}),
        MetaCall::ListViews => {
            let views = base.tables.iter().flat_map(|table| &table.schema.views);
            json!({"views": views.map(|view| views::metadata(view, visible_fields)).collect::<Vec<_>>()})
        }
        MetaCall::GetView { view } => {
            let mut views = base.tables.iter().flat_map(|table| &table.schema.views);
            let found = views.find(|known| known.id == *view).ok_or(Error::ModelNotFound)?;
            views::metadata(found, visible_fields)
        }
        MetaCall::GetInterface { interface } => base_info::interface(base, interface, user, account)?,
        MetaCall::ListShares => json!({"shares": base.sharing.shares}),
        _ => base_info::told(base, user, account, &include),
    })
}

/// Answers a call that changes the schema or who may use the base.
///
/// Works on a copy of `base`, so that a refusal leaves nothing behind.
pub fn write(
    base: &mut Base,
    call: &MetaCall,
    input: &Input<'_>,
    user: &User,
    account: &Account,
) -> Result<Value, Error> {
    match call {
        MetaCall::DeleteView { view } => return views::delete(base, view),
        MetaCall::Share { interface, change } => {
            let body = input.object_if_any()?;
            return base_info::share(base, interface.as_deref(), change, &body, (user, account, input.now));
        }
        MetaCall::UpdateShare { share } => return base.sharing.update_share(share, &input.object()?),
        MetaCall::DeleteShare { share } => return base.sharing.delete_share(share),
        _ => {}
    }
    let body = input.object()?;
    match call {
        MetaCall::CreateTable => {
            let id = new_schema::add_table(base, &body)?;
            let table = base.table(&id).ok_or(Error::ModelNotFound)?;
            Ok(table_of(&table.schema, true))
        }
        MetaCall::CreateField { table } => {
            let id = base.table(table).ok_or(Error::ModelNotFound)?.schema.id.clone();
            let field = new_schema::add_field(base, &id, &body)?;
            Ok(field_of(&field))
        }
        MetaCall::UpdateTable { table } => {
            let id = schema_changes::table(base, table, &body)?;
            let table = base.table(&id).ok_or(Error::ModelNotFound)?;
            Ok(table_of(&table.schema, false))
        }
        MetaCall::UpdateField { table, field } => {
            let field = schema_changes::field(base, table, field, &body)?;
            Ok(field_of(&field))
        }
        _ => Err(Error::NotFound),
    }
}

/// The tables as the meta API lists them; `visibleFieldIds` of views only where asked for.
fn tables_of(base: &Base, visible_fields: bool) -> Vec<Value> {
    base.tables.iter().map(|table| table_of(&table.schema, visible_fields)).collect()
}

/// A table as the meta API tells it: without what is for the simulator alone.
fn table_of(schema: &airtable::Table, visible_fields: bool) -> Value {
    let mut told = json!(schema);
    if let Some(views) = told.get_mut("views") {
        *views = schema.views.iter().map(|view| views::metadata(view, visible_fields)).collect();
    }
    if let Some(fields) = told.get_mut("fields") {
        *fields = schema.fields.iter().map(field_of).collect();
    }
    told
}

/// A field as the meta API tells it: the formula of a rollup is kept to oneself.
fn field_of(field: &airtable::Field) -> Value {
    let mut told = field.clone();
    if told.field_type == airtable::FieldType::Rollup {
        told.options.as_mut().map(|options| options.shift_remove("formula"));
    }
    json!(told)
}

/// A text by name, `None` where it is absent.
fn text(body: &Map<String, Value>, name: &str) -> Result<Option<String>, Error> {
    match body.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Error::InvalidRequest),
    }
}
