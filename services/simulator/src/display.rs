//! Cells as people read them: what `cellFormat=string` answers for each type of field.

use airtable::{Error, FieldType, list::Form, time};
use jiff::{civil, tz::TimeZone};
use serde_json::{Map, Value};

use crate::calendar;

/// Who reads: where, and in which language.
#[derive(Debug, Clone)]
pub struct Reader {
    zone: TimeZone,
    locale: String,
}

impl Reader {
    /// The reader that a request names; `None` where it asks for JSON.
    pub fn of(form: &Form) -> Result<Option<Self>, Error> {
        let (true, Some(zone), Some(locale)) = (form.as_text, &form.time_zone, &form.user_locale) else {
            return Ok(None);
        };
        let zone = time::zone(zone).ok_or(Error::InvalidRequest)?;
        Ok(Some(Self { zone, locale: locale.to_lowercase().replace('_', "-") }))
    }

    /// A reader in America who goes by UTC.
    pub fn utc() -> Self {
        Self { zone: TimeZone::UTC, locale: "en-us".to_owned() }
    }

    /// A cell of a field of this type with these options, as [`crate::result::shown`] gives them.
    pub fn text(&self, kind: &FieldType, options: Option<&Map<String, Value>>, cell: &Value) -> String {
        match cell {
            Value::Null | Value::Bool(false) => String::new(),
            Value::Bool(true) => "checked".to_owned(),
            Value::Number(number) => amount(kind, options, number.as_f64().unwrap_or_default()),
            Value::String(text) if kind.is_moment() => self.moment(kind, options, text),
            Value::String(text) => text.clone(),
            Value::Array(items) => joined(items.iter().map(|item| self.text(kind, options, item))),
            Value::Object(parts) => object(parts),
        }
    }

    /// A field that names its zone is read there, all others where the reader is.
    fn moment(&self, kind: &FieldType, options: Option<&Map<String, Value>>, text: &str) -> String {
        let date = |day: civil::Date| calendar::date(day, part(options, "dateFormat"), &self.locale);
        if *kind == FieldType::Date {
            return text.parse().map_or_else(|_| text.to_owned(), date);
        }
        let named = options.and_then(|options| options.get("timeZone")).and_then(Value::as_str);
        let zone =
            named.filter(|zone| *zone != "client").and_then(time::zone).unwrap_or_else(|| self.zone.clone());
        let Some(at) = time::read(text, &TimeZone::UTC).map(|at| at.to_zoned(zone)) else {
            return text.to_owned();
        };
        format!("{} {}", date(at.date()), calendar::time(at.time(), part(options, "timeFormat")))
    }
}

/// Texts one after the other; one that holds a comma or a quote is put into quotes.
pub fn joined(texts: impl Iterator<Item = String>) -> String {
    let one = |text: String| {
        if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    texts.map(one).collect::<Vec<_>>().join(", ")
}

fn part<'a>(options: Option<&'a Map<String, Value>>, name: &str) -> Option<&'a str> {
    options?.get(name)?.get("format")?.as_str()
}

fn amount(kind: &FieldType, options: Option<&Map<String, Value>>, number: f64) -> String {
    let option = |name: &str| options.and_then(|options| options.get(name));
    let precision =
        option("precision").and_then(Value::as_u64).and_then(|digits| usize::try_from(digits).ok());
    let fixed =
        |number: f64| precision.map_or_else(|| number.to_string(), |digits| format!("{number:.digits$}"));
    match kind {
        FieldType::Percent => format!("{}%", fixed(number * 100.0)),
        FieldType::Currency => {
            let symbol = option("symbol").and_then(Value::as_str).unwrap_or("$");
            let sign = if number < 0.0 { "-" } else { "" };
            format!("{sign}{symbol}{}", grouped(&fixed(number.abs())))
        }
        FieldType::Duration => {
            calendar::duration(number, option("durationFormat").and_then(Value::as_str).unwrap_or("h:mm"))
        }
        _ => fixed(number),
    }
}

/// `1234567.5` as `1,234,567.5`.
fn grouped(digits: &str) -> String {
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

/// A file by name and address, a person by name, a barcode by its text, an error as it is.
fn object(parts: &Map<String, Value>) -> String {
    let text = |name: &str| parts.get(name).and_then(Value::as_str);
    if let (Some(name), Some(url)) = (text("filename"), text("url")) {
        return format!("{name} ({url})");
    }
    let telling = ["error", "specialValue", "name", "text", "label", "value", "email", "id"];
    telling.iter().find_map(|name| text(name)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(kind: &str, options: &Value, cell: &Value) -> String {
        let form = Form {
            as_text: true,
            time_zone: Some("Europe/Berlin".to_owned()),
            user_locale: Some("en-us".to_owned()),
            ..Form::default()
        };
        let reader = Reader::of(&form).unwrap().unwrap();
        reader.text(&FieldType::from(kind.to_owned()), options.as_object(), cell)
    }

    #[test]
    fn each_type_is_shown_as_people_read_it() {
        let local = json!({"dateFormat": {"name": "local", "format": "l"}});
        let moment = |zone: &str| {
            json!({"dateFormat": {"name": "european", "format": "D/M/YYYY"},
                "timeFormat": {"name": "12hour", "format": "h:mma"}, "timeZone": zone})
        };
        for (kind, options, cell, expected) in [
            ("singleLineText", json!({}), json!("a, b"), "a, b"),
            ("number", json!({"precision": 2}), json!(1234.5), "1234.50"),
            ("number", json!({"precision": 0}), json!(3), "3"),
            ("percent", json!({"precision": 1}), json!(0.123), "12.3%"),
            ("currency", json!({"precision": 2, "symbol": "€"}), json!(-1_234_567.891), "-€1,234,567.89"),
            ("currency", json!({"precision": 0, "symbol": "$"}), json!(999), "$999"),
            ("rating", json!({"max": 5}), json!(4), "4"),
            ("duration", json!({"durationFormat": "h:mm"}), json!(3661), "1:01"),
            ("checkbox", json!({}), json!(true), "checked"),
            ("multipleSelects", json!({}), json!(["a", "b, c"]), "a, \"b, c\""),
            ("date", local.clone(), json!("2026-11-02"), "11/2/2026"),
            ("dateTime", moment("utc"), json!("2026-11-02T15:04:00.000Z"), "2/11/2026 3:04pm"),
            ("dateTime", moment("client"), json!("2026-11-02T15:04:00.000Z"), "2/11/2026 4:04pm"),
            ("dateTime", moment("America/New_York"), json!("2026-11-02T15:04:00.000Z"), "2/11/2026 10:04am"),
            ("singleCollaborator", json!({}), json!({"id": "usr1", "email": "a@b.c", "name": "Ada"}), "Ada"),
            ("multipleCollaborators", json!({}), json!([{"name": "Ada"}, {"email": "b@c.d"}]), "Ada, b@c.d"),
            (
                "multipleAttachments",
                json!({}),
                json!([{"filename": "a.png", "url": "https://x/a"}]),
                "a.png (https://x/a)",
            ),
            ("barcode", json!({}), json!({"text": "123", "type": "ean8"}), "123"),
            ("button", json!({}), json!({"label": "Open", "url": null}), "Open"),
            ("aiText", json!({}), json!({"state": "generated", "isStale": false, "value": "words"}), "words"),
            ("formula", json!({}), json!({"error": "#ERROR!"}), "#ERROR!"),
            ("number", json!({}), json!({"specialValue": "NaN"}), "NaN"),
        ] {
            assert_eq!(shown(kind, &options, &cell), expected, "{kind} {options} {cell}");
        }
    }

    #[test]
    fn a_zone_that_nobody_knows_is_refused() {
        let form = Form {
            as_text: true,
            time_zone: Some("Mars/Olympus".to_owned()),
            user_locale: Some("en".to_owned()),
            ..Form::default()
        };
        assert_eq!(Reader::of(&form).unwrap_err(), Error::InvalidRequest);
    }
}
