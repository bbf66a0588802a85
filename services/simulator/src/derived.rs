//! What computed fields say of themselves: `isValid`, `referencedFieldIds` and `result` among their options.

use airtable::{Error, Field, FieldType, Table as Schema, formula::Value as FormulaValue};
use serde_json::{Map, Value, json};

use crate::{
    dependencies::{self, followed},
    result, typical,
    world::Base,
};

/// Completes the options of every computed field of a base.
pub fn complete(base: &mut Base) {
    // A result may be that of a field which comes later: once more for each level, and no more often than there are fields.
    let fields: usize = base.tables.iter().map(|table| table.schema.fields.len()).sum();
    for _ in 0..fields {
        if !complete_once(base) {
            break;
        }
    }
}

/// Refuses a base with fields that need themselves.
pub fn check(base: &Base) -> Result<(), Error> {
    dependencies::circle(base).map_or(Ok(()), |names| Err(Error::InvalidRequestBecause(circular(&names))))
}

/// What is wrong with fields that need each other.
pub fn circular(names: &[String]) -> String {
    format!("Fields must not depend on themselves: {}", names.join(" needs "))
}

/// Why a formula cannot be that of a field; the reason names what is wrong with it.
pub fn check_formula(schema: &Schema, text: &str) -> Result<(), Error> {
    let invalid = |why| Error::InvalidRequestBecause(format!("options.formula is invalid: {why}"));
    dependencies::read(schema, text).outcome.map(drop).map_err(invalid)
}

fn complete_once(base: &mut Base) -> bool {
    let mut changes = Vec::new();
    for table in &base.tables {
        for field in &table.schema.fields {
            let Some(options) = options(base, &table.schema, field) else { continue };
            if field.options.as_ref() != Some(&options) {
                changes.push((table.schema.id.clone(), field.id.clone(), options));
            }
        }
    }
    let is_new = !changes.is_empty();
    for (table, id, options) in changes {
        let fields = base.table_mut(&table).map(|table| &mut table.schema.fields);
        if let Some(field) = fields.into_iter().flatten().find(|field| field.id == id) {
            field.options = Some(options);
        }
    }
    is_new
}

/// The options that a computed field should have; `None` for other fields.
fn options(base: &Base, schema: &Schema, field: &Field) -> Option<Map<String, Value>> {
    let mut options = field.options.clone().unwrap_or_default();
    match field.field_type {
        FieldType::Formula => return Some(formula_options(schema, field)),
        FieldType::Count => {
            let link = field.record_link_field_id().and_then(|id| schema.field(id));
            options.insert("isValid".to_owned(), json!(link.is_some()));
        }
        FieldType::MultipleLookupValues => {
            let followed = followed(base, schema, field);
            options.insert("isValid".to_owned(), json!(followed.is_some()));
            let result = followed.map_or(Value::Null, |(_, _, read)| shown(read));
            options.insert("result".to_owned(), result);
        }
        FieldType::Rollup => {
            let formula = field.text_option("formula").map(dependencies::read_rollup);
            let followed = followed(base, schema, field).filter(|_| !matches!(formula, Some(Err(_))));
            options.insert("isValid".to_owned(), json!(followed.is_some()));
            let link = followed.map(|(link, _, _)| link.id.as_str());
            options.insert("referencedFieldIds".to_owned(), link.into_iter().collect());
            if let (Some(Ok(formula)), Some((_, _, read))) = (formula, followed) {
                let typical = typical::of_rollup(read, &formula);
                let result = typical.and_then(|typical| guess(field, &typical, [read]));
                options.extend(result.map(|result| ("result".to_owned(), result)));
            }
            options.entry("result").or_insert_with(|| json!({"type": "number", "options": {"precision": 0}}));
        }
        FieldType::CreatedTime => {
            options.entry("result").or_insert_with(date_time);
        }
        FieldType::LastModifiedTime => {
            options.insert("isValid".to_owned(), json!(true));
            options.entry("referencedFieldIds").or_insert_with(|| json!([]));
            options.entry("result").or_insert_with(date_time);
        }
        _ => return None,
    }
    Some(options)
}

fn formula_options(schema: &Schema, field: &Field) -> Map<String, Value> {
    let mut options = field.options.clone().unwrap_or_default();
    let text = options.get("formula").and_then(Value::as_str).unwrap_or_default().to_owned();
    let read = dependencies::read(schema, &text);
    options.insert("formula".to_owned(), json!(dependencies::by_id(schema, &text)));
    options.insert("isValid".to_owned(), json!(read.outcome.is_ok()));
    options.insert("referencedFieldIds".to_owned(), json!(read.fields));
    let named = read.fields.iter().filter_map(|id| schema.field(id));
    let result = match read.outcome {
        Ok(formula) => {
            typical::of_formula(schema, &formula).and_then(|typical| guess(field, &typical, named))
        }
        Err(_) => Some(Value::Null),
    };
    if let Some(result) = result {
        options.insert("result".to_owned(), result);
    }
    options.entry("result").or_insert_with(|| json!({"type": "singleLineText"}));
    options
}

/// The type of a result like this one; `None` where it is of the kind that the field answers already: how it is shown is
/// the owner's choice. `named` are the fields that it was computed from.
fn guess<'a>(
    field: &Field,
    result: &FormulaValue<'_>,
    named: impl IntoIterator<Item = &'a Field>,
) -> Option<Value> {
    let current = result::shown(field).0;
    let fits = match result {
        FormulaValue::Number(_) => current.is_number() || current == FieldType::Checkbox,
        FormulaValue::Moment(_) => current.is_moment(),
        FormulaValue::Blank => return None,
        FormulaValue::Text(_) => current.is_text(),
        FormulaValue::List(_) => current.is_text() || current.holds_several(),
    };
    if fits {
        return None;
    }
    Some(match result {
        FormulaValue::Number(_) => {
            let precisions = named.into_iter().filter_map(|field| field.option("precision")?.as_u64());
            json!({"type": "number", "options": {"precision": precisions.max().unwrap_or(0)}})
        }
        FormulaValue::Moment(_) => date_time(),
        _ => json!({"type": "singleLineText"}),
    })
}

/// Type and options of a field as the `result` of one that reads it.
fn shown(field: &Field) -> Value {
    let (kind, options) = result::shown(field);
    let mut shown = json!({"type": kind.as_str()});
    if let (Some(options), Value::Object(shown)) = (options, &mut shown) {
        shown.insert("options".to_owned(), json!(options));
    }
    shown
}

fn date_time() -> Value {
    json!({"type": "dateTime", "options": {
        "dateFormat": {"name": "iso", "format": "YYYY-MM-DD"},
        "timeFormat": {"name": "24hour", "format": "HH:mm"},
        "timeZone": "utc",
    }})
}
