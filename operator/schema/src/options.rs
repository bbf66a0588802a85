//! Options of a field: what a new one is sent, and whether a found one has what is declared.

use std::collections::HashMap;

use airtable::{Field, FieldType, Table};
use crds::base_schema::DesiredField;
use serde_json::{Map, Value, json};

/// An option that is not as declared.
#[derive(Debug)]
pub struct Difference {
    /// Its name.
    pub option: String,
    /// What is declared.
    pub wanted: String,
    /// What the field has.
    pub found: Option<String>,
}

/// The names of all fields and tables of a base by id, since options speak of ids, and people of names.
pub struct Names<'a>(HashMap<&'a str, &'a str>);

impl<'a> Names<'a> {
    /// The names in these tables.
    pub fn of(tables: &'a [Table]) -> Self {
        let fields = tables.iter().flat_map(|table| &table.fields);
        let fields = fields.map(|field| (field.id.as_str(), field.name.as_str()));
        Self(tables.iter().map(|table| (table.id.as_str(), table.name.as_str())).chain(fields).collect())
    }

    /// The name of what has this id.
    pub fn get(&self, id: &str) -> Option<&'a str> {
        self.0.get(id).copied()
    }

    /// The value with each id in it replaced by its name.
    pub fn told(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => json!(self.get(text).unwrap_or(text)),
            other => other.clone(),
        }
    }
}

/// The options that a new field of this kind is created with: those declared, and a usual value for each that Airtable
/// insists on. The table of a link is the caller's to add.
pub fn of_new(declared: &DesiredField) -> Map<String, Value> {
    let usual = match FieldType::from(declared.r#type.clone()) {
        FieldType::Number | FieldType::Percent => json!({"precision": 0}),
        FieldType::Currency => json!({"precision": 2, "symbol": "$"}),
        FieldType::Rating => json!({"icon": "star", "max": 5, "color": "yellowBright"}),
        FieldType::Duration => json!({"durationFormat": "h:mm"}),
        FieldType::Checkbox => json!({"icon": "check", "color": "greenBright"}),
        FieldType::SingleSelect | FieldType::MultipleSelects => json!({"choices": []}),
        FieldType::Date => json!({"dateFormat": {"name": "local"}}),
        FieldType::DateTime => {
            json!({"dateFormat": {"name": "local"}, "timeFormat": {"name": "24hour"}, "timeZone": "client"})
        }
        _ => json!({}),
    };
    let mut options = usual.as_object().cloned().unwrap_or_default();
    options.extend(declared.options.clone().unwrap_or_default());
    if let Some(Value::Array(choices)) = options.get_mut("choices") {
        for choice in choices.iter_mut().filter_map(Value::as_object_mut) {
            choice.shift_remove("id");
        }
    }
    options
}

/// The declared options, without the formula, that the found field does not have.
pub fn differences(declared: &DesiredField, found: &Field, names: &Names<'_>) -> Vec<Difference> {
    let mut all = Vec::new();
    for (option, wanted) in declared.options.iter().flatten() {
        let has = found.option(option);
        match option.as_str() {
            "formula" => {}
            "choices" => all.extend(of_choices(wanted, found)),
            _ if covers(wanted, has.unwrap_or(&Value::Null), names) => {}
            _ => all.push(Difference {
                option: option.clone(),
                wanted: text(wanted),
                found: has.map(|value| text(&names.told(value))),
            }),
        }
    }
    all
}

/// The choices that are missing, and those of another colour than a declared one; further choices are left alone.
fn of_choices(wanted: &Value, found: &Field) -> Option<Difference> {
    let choices = found.choices();
    let part = |choice: &Value, part: &str| choice.get(part).and_then(Value::as_str).map(str::to_owned);
    let is_there = |wanted: &Value| {
        let color = part(wanted, "color");
        choices.iter().any(|choice| {
            part(wanted, "name").as_ref() == Some(&choice.name) && (color.is_none() || color == choice.color)
        })
    };
    let told = |name: String, color: Option<String>| {
        color.iter().fold(name, |name, color| format!("{name} ({color})"))
    };
    let missing: Vec<&Value> = wanted.as_array()?.iter().filter(|choice| !is_there(choice)).collect();
    if missing.is_empty() {
        return None;
    }
    let wanted =
        missing.iter().map(|choice| told(part(choice, "name").unwrap_or_default(), part(choice, "color")));
    Some(Difference {
        option: "choices".to_owned(),
        wanted: wanted.collect::<Vec<_>>().join(", "),
        found: Some(
            choices.into_iter().map(|choice| told(choice.name, choice.color)).collect::<Vec<_>>().join(", "),
        ),
    })
}

/// Whether `found` says all that `wanted` says. What is false may as well be absent; an id may be told by its name.
fn covers(wanted: &Value, found: &Value, names: &Names<'_>) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.iter().all(|(name, wanted)| covers(wanted, found.get(name).unwrap_or(&Value::Null), names))
        }
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len()
                && wanted.iter().zip(found).all(|(wanted, found)| covers(wanted, found, names))
        }
        (Value::Null | Value::Bool(false), Value::Null | Value::Bool(false)) => true,
        (Value::Number(wanted), Value::Number(found)) => wanted.as_f64() == found.as_f64(),
        (Value::String(wanted), Value::String(found)) => wanted == found || names.get(found) == Some(wanted),
        _ => wanted == found,
    }
}

/// A formula with the names of fields where it has their ids.
pub fn with_names(formula: &str, names: &Names<'_>) -> String {
    let mut told = String::new();
    let mut rest = formula;
    while let Some((before, after)) = rest.split_once('{') {
        let name = after.split_once('}').and_then(|(id, after)| Some((names.get(id)?, after)));
        told.extend([before, "{"]);
        rest = name.map_or(after, |(name, after)| {
            told.extend([&name.replace('}', "\\}"), "}"]);
            after
        });
    }
    told + rest
}

/// A value as a person reads it.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
