//! The options of a new field, checked and completed by its type.

use airtable::{Choice, Field, FieldType, id::Kind, time};
use serde_json::{Value, json};

use crate::world::new_id;

const HUES: [&str; 10] =
    ["blue", "cyan", "teal", "green", "yellow", "orange", "red", "pink", "purple", "gray"];
const SHADES: [&str; 4] = ["Light2", "Light1", "Bright", "Dark1"];
const ICONS: [&str; 7] = ["star", "heart", "thumbsUp", "flag", "dot", "check", "xCheckbox"];
const DURATIONS: [&str; 5] = ["h:mm", "h:mm:ss", "h:mm:ss.S", "h:mm:ss.SS", "h:mm:ss.SSS"];
const DATES: [(&str, &str); 5] =
    [("local", "l"), ("friendly", "LL"), ("us", "M/D/YYYY"), ("european", "D/M/YYYY"), ("iso", "YYYY-MM-DD")];
const TIMES: [(&str, &str); 2] = [("12hour", "h:mma"), ("24hour", "HH:mm")];

/// The options that a field of this type must come with, and those that it may come with.
fn known(kind: &FieldType) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        FieldType::Number | FieldType::Percent => (&["precision"], &[]),
        FieldType::Currency => (&["precision", "symbol"], &[]),
        FieldType::Rating => (&["icon", "max", "color"], &[]),
        FieldType::Duration => (&["durationFormat"], &[]),
        FieldType::Checkbox => (&["icon", "color"], &[]),
        FieldType::SingleSelect | FieldType::MultipleSelects => (&["choices"], &[]),
        FieldType::Date => (&["dateFormat"], &[]),
        FieldType::DateTime => (&["dateFormat", "timeFormat", "timeZone"], &[]),
        FieldType::MultipleRecordLinks => {
            (&["linkedTableId"], &["isReversed", "prefersSingleRecordLink", "viewIdForRecordSelection"])
        }
        FieldType::MultipleAttachments => (&[], &["isReversed"]),
        _ => (&[], &[]),
    }
}

/// Completes the options of a new field, or says which of them is wrong and what would be right.
pub fn complete(field: &mut Field) -> Result<(), String> {
    let kind = field.field_type.as_str();
    let (required, possible) = known(&field.field_type);
    if let Some(missing) = required.iter().find(|name| field.option(name).is_none()) {
        return Err(format!("options.{missing} is missing"));
    }
    let given: Vec<String> = field.options.iter().flatten().map(|(name, _)| name.clone()).collect();
    for name in given {
        if !required.contains(&name.as_str()) && !possible.contains(&name.as_str()) {
            return Err(format!("options.{name} is no option of a {kind} field"));
        }
        let value = field.option(&name).cloned().unwrap_or_default();
        let completed =
            option(&field.field_type, &name, value).map_err(|why| format!("options.{name} {why}"))?;
        field.options.get_or_insert_default().insert(name, completed);
    }
    if field.field_type == FieldType::MultipleAttachments {
        field.options.get_or_insert_default().entry("isReversed").or_insert_with(|| json!(false));
    }
    field.options.take_if(|options| options.is_empty());
    Ok(())
}

/// An option as it is kept, or what it must be.
fn option(kind: &FieldType, name: &str, value: Value) -> Result<Value, String> {
    let right = match name {
        "precision" => {
            let most = if *kind == FieldType::Currency { 7 } else { 8 };
            return whole(value, 0, most);
        }
        "max" => return whole(value, 1, 10),
        "choices" => return choices(&value),
        "dateFormat" => return format(&value, &DATES),
        "timeFormat" => return format(&value, &TIMES),
        "icon" => {
            let icons = if *kind == FieldType::Rating { ICONS.get(..5).unwrap_or(&ICONS) } else { &ICONS };
            return one_of(value, icons);
        }
        "durationFormat" => return one_of(value, &DURATIONS),
        "color" => value.as_str().is_some_and(is_bright),
        "timeZone" => value.as_str().is_some_and(|zone| zone == "client" || time::zone(zone).is_some()),
        "isReversed" | "prefersSingleRecordLink" => value.is_boolean(),
        _ => value.is_string(),
    };
    let wanted = match name {
        "color" => "one of the ten hues followed by Bright, such as greenBright",
        "timeZone" => "utc, client, or the name of a time zone",
        "isReversed" | "prefersSingleRecordLink" => "true or false",
        _ => "a text",
    };
    if right { Ok(value) } else { Err(format!("must be {wanted}")) }
}

fn whole(value: Value, least: u64, most: u64) -> Result<Value, String> {
    let fits = value.as_u64().is_some_and(|number| (least..=most).contains(&number));
    if fits { Ok(value) } else { Err(format!("must be a whole number from {least} to {most}")) }
}

fn one_of(value: Value, all: &[&str]) -> Result<Value, String> {
    let fits = value.as_str().is_some_and(|text| all.contains(&text));
    if fits { Ok(value) } else { Err(format!("must be one of {}", all.join(", "))) }
}

/// A format by its name; what it looks like goes with the name.
fn format(value: &Value, all: &[(&str, &str)]) -> Result<Value, String> {
    let text = |part: &str| value.get(part).and_then(Value::as_str);
    let (name, looks) = (text("name"), text("format"));
    let fits =
        |(known, format): &&(&str, &str)| name == Some(known) && looks.is_none_or(|looks| looks == *format);
    let found = all.iter().find(fits).map(|(name, format)| json!({"name": name, "format": format}));
    found.ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|(name, format)| format!("{name} ({format})")).collect();
        format!("must have a name out of {}, with that format or none", names.join(", "))
    })
}

fn choices(value: &Value) -> Result<Value, String> {
    let given = value.as_array().ok_or("must be an array of choices")?;
    let mut made: Vec<Choice> = Vec::new();
    for choice in given {
        let name = choice.get("name").and_then(Value::as_str).map(str::trim).filter(|name| !name.is_empty());
        let name = name.ok_or("must have a name in each choice")?;
        if made.iter().any(|other| other.name == name) {
            return Err("has a name twice".to_owned());
        }
        let color = match choice.get("color") {
            None | Some(Value::Null) => {
                format!("{}Light2", HUES.get(made.len() % HUES.len()).unwrap_or(&"blue"))
            }
            Some(color) => match color.as_str().filter(|color| is_color(color)) {
                Some(color) => color.to_owned(),
                None => {
                    return Err(format!(
                        "has the color {color}; a hue with Light2, Light1, Bright or Dark1 is possible"
                    ));
                }
            },
        };
        made.push(Choice { id: new_id(Kind::Choice), name: name.to_owned(), color: Some(color) });
    }
    Ok(json!(made))
}

fn is_color(color: &str) -> bool {
    HUES.iter().any(|hue| color.strip_prefix(hue).is_some_and(|shade| SHADES.contains(&shade)))
}

fn is_bright(color: &str) -> bool {
    color.strip_suffix("Bright").is_some_and(|hue| HUES.contains(&hue))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(kind: &str, options: &Value) -> Result<Value, String> {
        let mut field = Field {
            id: String::new(),
            name: "F".to_owned(),
            field_type: FieldType::from(kind.to_owned()),
            description: None,
            options: options.as_object().cloned(),
            rest: serde_json::Map::new(),
        };
        complete(&mut field).map(|()| json!(field.options))
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        let date = json!({"dateFormat": {"name": "local"}});
        assert_eq!(
            completed("date", &date).unwrap(),
            json!({"dateFormat": {"name": "local", "format": "l"}})
        );
        assert_eq!(completed("email", &json!({})).unwrap(), Value::Null);
        assert_eq!(completed("multipleAttachments", &Value::Null).unwrap(), json!({"isReversed": false}));
        let choices = completed(
            "singleSelect",
            &json!({"choices": [{"name": "a"}, {"name": "b", "color": "redDark1"}]}),
        );
        let colors: Vec<_> =
            choices.unwrap()["choices"].as_array().unwrap().iter().map(|one| one["color"].clone()).collect();
        assert_eq!(colors, ["blueLight2", "redDark1"]);
    }

    #[test]
    fn an_option_that_is_missing_wrong_or_not_one_is_named_with_what_would_be_right() {
        for (kind, options, reason) in [
            ("number", json!({}), "options.precision is missing"),
            ("number", json!({"precision": 9}), "options.precision must be a whole number from 0 to 8"),
            (
                "currency",
                json!({"precision": 8, "symbol": "$"}),
                "options.precision must be a whole number from 0 to 7",
            ),
            ("currency", json!({"precision": 2, "symbol": 1}), "options.symbol must be a text"),
            (
                "rating",
                json!({"icon": "check", "max": 5, "color": "redBright"}),
                "options.icon must be one of star, heart, thumbsUp, flag, dot",
            ),
            (
                "rating",
                json!({"icon": "star", "max": 11, "color": "redBright"}),
                "options.max must be a whole number from 1 to 10",
            ),
            (
                "checkbox",
                json!({"icon": "check", "color": "redDark1"}),
                "options.color must be one of the ten hues followed by Bright, such as greenBright",
            ),
            (
                "duration",
                json!({"durationFormat": "mm"}),
                "options.durationFormat must be one of h:mm, h:mm:ss, h:mm:ss.S, h:mm:ss.SS, h:mm:ss.SSS",
            ),
            (
                "singleSelect",
                json!({"choices": [{"name": "a"}, {"name": "a"}]}),
                "options.choices has a name twice",
            ),
            (
                "singleSelect",
                json!({"choices": [{"color": "red"}]}),
                "options.choices must have a name in each choice",
            ),
            (
                "singleSelect",
                json!({"choices": [{"name": "a", "color": "mauve"}]}),
                "options.choices has the color \"mauve\"; a hue with Light2, Light1, Bright or Dark1 is possible",
            ),
            (
                "dateTime",
                json!({"dateFormat": {"name": "iso"}, "timeFormat": {"name": "25hour"}, "timeZone": "utc"}),
                "options.timeFormat must have a name out of 12hour (h:mma), 24hour (HH:mm), with that format or none",
            ),
            (
                "dateTime",
                json!({"dateFormat": {"name": "iso"}, "timeFormat": {"name": "24hour"}, "timeZone": "Mars"}),
                "options.timeZone must be utc, client, or the name of a time zone",
            ),
            (
                "singleLineText",
                json!({"precision": 1}),
                "options.precision is no option of a singleLineText field",
            ),
        ] {
            assert_eq!(completed(kind, &options), Err(reason.to_owned()), "{kind} {options}");
        }
    }
}
