//! The meta API: who is asking, bases, and their schema.

use airtable::{Error, id::Kind, query};
use serde_json::{Map, Value, json};

use crate::{
    call::MetaCall,
    comments::Comments,
    new_schema,
    records::Input,
    webhooks::Webhooks,
    world::{Base, World, new_id},
};

/// Longest description of a table or field, in characters.
const DESCRIPTION: usize = 20_000;

/// Who is asking.
pub fn who_am_i(world: &World) -> Value {
    json!({"id": world.user.id, "email": world.user.email})
}

/// Every base.
pub fn list_bases(world: &World) -> Value {
    let base =
        |base: &Base| json!({"id": base.id, "name": base.name, "permissionLevel": base.permission_level});
    json!({"bases": world.bases.iter().map(base).collect::<Vec<_>>()})
}

/// Creates a base with its tables.
pub fn create_base(world: &mut World, input: &Input<'_>) -> Result<Value, Error> {
    let body = input.object()?;
    let workspace = text(&body, "workspaceId")?.ok_or(Error::InvalidRequest)?;
    let mut base = Base {
        id: new_id(Kind::Base),
        name: text(&body, "name")?.ok_or(Error::InvalidRequest)?,
        permission_level: "create".to_owned(),
        workspace_id: Some(workspace),
        tables: vec![],
        comments: Comments::default(),
        webhooks: Webhooks::default(),
    };
    let tables = body.get("tables").and_then(Value::as_array).filter(|tables| !tables.is_empty());
    for table in tables.ok_or(Error::InvalidRequest)? {
        new_schema::add_table(&mut base, table.as_object().ok_or(Error::InvalidRequest)?)?;
    }
    let answer = json!({"id": base.id, "tables": tables_of(&base, true)});
    world.bases.push(base);
    Ok(answer)
}

/// Deletes a base.
pub fn delete_base(world: &mut World, id: &str) -> Value {
    world.bases.retain(|base| base.id != id);
    json!({"id": id, "deleted": true})
}

/// Answers a call that only reads.
pub fn read(base: &Base, call: &MetaCall, input: &Input<'_>) -> Value {
    let include = query::object(input.query).get("include").and_then(query::texts).unwrap_or_default();
    let visible_fields = include.iter().any(|name| name == "visibleFieldIds");
    match call {
        MetaCall::ListTables => json!({"tables": tables_of(base, visible_fields)}),
        MetaCall::ListViews => {
            let tables = tables_of(base, visible_fields);
            let views = tables.iter().filter_map(|table| table.get("views")?.as_array()).flatten();
            json!({"views": views.collect::<Vec<_>>()})
        }
        _ => json!({
            "id": base.id, "name": base.name, "permissionLevel": base.permission_level,
            "workspaceId": base.workspace_id, "createdTime": "2020-01-01T00:00:00.000Z", "interfaces": {},
            "groupCollaborators": {"baseCollaborators": [], "workspaceCollaborators": []},
            "individualCollaborators": {"baseCollaborators": [], "workspaceCollaborators": []},
            "inviteLinks": {"baseInviteLinks": [], "workspaceInviteLinks": []},
        }),
    }
}

/// Answers a call that changes the schema. Works on a copy of `base`, so that a refusal leaves nothing behind.
pub fn write(base: &mut Base, call: &MetaCall, input: &Input<'_>) -> Result<Value, Error> {
    let body = input.object()?;
    match call {
        MetaCall::CreateTable => {
            let id = new_schema::add_table(base, &body)?;
            let table = base.table(&id).ok_or(Error::ModelNotFound)?;
            Ok(json!(table.schema))
        }
        MetaCall::CreateField { table } => {
            let id = base.table(table).ok_or(Error::ModelNotFound)?.schema.id.clone();
            let field = new_schema::add_field(base, &id, &body)?;
            Ok(json!(field))
        }
        MetaCall::UpdateTable { table } => update_table(base, table, &body),
        MetaCall::UpdateField { table, field } => update_field(base, table, field, &body),
        _ => Err(Error::NotFound),
    }
}

fn update_table(base: &mut Base, table: &str, body: &Map<String, Value>) -> Result<Value, Error> {
    let id = base.table(table).ok_or(Error::ModelNotFound)?.schema.id.clone();
    let name = text(body, "name")?;
    if let Some(name) = &name {
        new_schema::check_table_name(base, name, &id)?;
    }
    let schema = &mut base.table_mut(&id).ok_or(Error::ModelNotFound)?.schema;
    schema.name = name.unwrap_or_else(|| schema.name.clone());
    if let Some(description) = description(body)? {
        schema.description = Some(description);
    }
    if let Some(settings) = body.get("dateDependencySettings") {
        schema.rest.insert("dateDependencySettings".to_owned(), settings.clone());
    }
    Ok(json!(schema))
}

fn update_field(
    base: &mut Base,
    table: &str,
    field: &str,
    body: &Map<String, Value>,
) -> Result<Value, Error> {
    let id = base.table(table).ok_or(Error::ModelNotFound)?.schema.id.clone();
    let schema = &mut base.table_mut(&id).ok_or(Error::ModelNotFound)?.schema;
    let field = schema.field(field).ok_or(Error::ModelNotFound)?.id.clone();
    let (name, description) = (text(body, "name")?, description(body)?);
    let formula = body.get("options").map(|options| options.get("formula").and_then(Value::as_str));
    if name.is_none() && description.is_none() && formula.is_none() {
        return Err(Error::InvalidRequest);
    }
    if let Some(name) = &name {
        new_schema::check_field_name(schema, name, &field)?;
    }
    let formula = match formula {
        Some(text) => Some(new_schema::formula(schema, text.ok_or(Error::InvalidRequest)?)?),
        None => None,
    };
    let field = schema.fields.iter_mut().find(|known| known.id == field).ok_or(Error::ModelNotFound)?;
    if let Some(formula) = formula {
        if field.field_type != airtable::FieldType::Formula {
            return Err(Error::InvalidRequest);
        }
        field.options.get_or_insert_default().extend(formula);
    }
    field.name = name.unwrap_or_else(|| field.name.clone());
    field.description = description.or_else(|| field.description.clone());
    Ok(json!(field))
}

/// The tables as the meta API lists them; `visibleFieldIds` of views only where asked for.
fn tables_of(base: &Base, visible_fields: bool) -> Vec<Value> {
    let table = |schema: &airtable::Table| {
        let mut schema = schema.clone();
        if !visible_fields {
            for view in &mut schema.views {
                view.rest.shift_remove("visibleFieldIds");
            }
        }
        json!(schema)
    };
    base.tables.iter().map(|held| table(&held.schema)).collect()
}

/// A text by name, `None` where it is absent.
fn text(body: &Map<String, Value>, name: &str) -> Result<Option<String>, Error> {
    match body.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Error::InvalidRequest),
    }
}

fn description(body: &Map<String, Value>) -> Result<Option<String>, Error> {
    let description = text(body, "description")?;
    let fits = description.as_ref().is_none_or(|text| text.chars().count() <= DESCRIPTION);
    if fits { Ok(description) } else { Err(Error::InvalidRequest) }
}
