//! The parameters of listing records, from a query string or from the body of `listRecords`.

use serde_json::{Map, Value};

use crate::{Error, query};

/// What to list, in which order, in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListParameters {
    /// 1 to 100.
    pub page_size: usize,
    /// Over all pages.
    pub max_records: Option<usize>,
    /// Where the last page said to go on.
    pub offset: Option<String>,
    /// By name or id.
    pub view: Option<String>,
    /// In order of weight.
    pub sort: Vec<Sort>,
    /// Which records to keep.
    pub filter_by_formula: Option<String>,
    /// Which fields to answer, by name or id; all where absent.
    pub fields: Option<Vec<String>>,
    /// Tell how many comments a record has.
    pub comment_count: bool,
    /// How cells are answered.
    pub form: Form,
}

/// A field to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// By name or id.
    pub field: String,
    /// Highest first.
    pub descending: bool,
}

/// How cells are answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Form {
    /// Keyed by field id in place of name.
    pub by_field_id: bool,
    /// Every cell as the text that people see (`cellFormat=string`).
    pub as_text: bool,
    /// For `cellFormat=string`.
    pub time_zone: Option<String>,
    /// For `cellFormat=string`.
    pub user_locale: Option<String>,
}

impl ListParameters {
    /// From the query string of `GET`.
    pub fn from_query(text: &str) -> Result<Self, Error> {
        Self::from_object(&query::object(text))
    }

    /// From the body of `POST …/listRecords`. Clients put time zone and locale into the query all the same.
    pub fn from_body(body: &Map<String, Value>, text: &str) -> Result<Self, Error> {
        let mut all = query::object(text);
        all.extend(body.iter().map(|(name, value)| (name.clone(), value.clone())));
        Self::from_object(&all)
    }

    fn from_object(given: &Map<String, Value>) -> Result<Self, Error> {
        let max_records = match given.get("maxRecords") {
            None | Some(Value::Null) => None,
            Some(value) => Some(count(value).filter(|max| *max > 0).ok_or(Error::InvalidRequest)?),
        };
        let fields = list(given, "fields")?;
        let metadata = list(given, "recordMetadata")?;
        Ok(Self {
            page_size: page_size(given)?,
            max_records,
            offset: text(given, "offset")?,
            view: text(given, "view")?,
            sort: given.get("sort").map_or(Ok(vec![]), sort)?,
            filter_by_formula: text(given, "filterByFormula")?.filter(|formula| !formula.trim().is_empty()),
            fields: Some(fields).filter(|fields| !fields.is_empty()),
            comment_count: metadata.iter().any(|name| name == "commentCount"),
            form: Form::from_object(given)?,
        })
    }
}

impl Form {
    /// From a query or a body, whichever way it was read.
    pub fn from_object(given: &Map<String, Value>) -> Result<Self, Error> {
        let form = Self {
            by_field_id: given.get("returnFieldsByFieldId").is_some_and(truth),
            as_text: match text(given, "cellFormat")?.as_deref() {
                None | Some("json") => false,
                Some("string") => true,
                Some(_) => return Err(Error::InvalidRequest),
            },
            time_zone: text(given, "timeZone")?,
            user_locale: text(given, "userLocale")?,
        };
        if form.as_text && (form.time_zone.is_none() || form.user_locale.is_none()) {
            return Err(Error::InvalidRequest);
        }
        Ok(form)
    }
}

/// How many items a page holds at most: 1 to 100, 100 where nothing is said.
pub fn page_size(given: &Map<String, Value>) -> Result<usize, Error> {
    match given.get("pageSize") {
        None | Some(Value::Null) => Ok(100),
        Some(value) => count(value).filter(|size| (1..=100).contains(size)).ok_or(Error::InvalidPageSize),
    }
}

/// A truth value as JSON or as clients write it into a query: `true` and `1` are true, all else is false.
pub fn truth(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_i64() == Some(1),
        Value::String(text) => matches!(text.as_str(), "1" | "true"),
        _ => false,
    }
}

fn count(value: &Value) -> Option<usize> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|number| usize::try_from(number).ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A text by name; the empty text counts as absent, since clients send `offset=` for the first page.
fn text(given: &Map<String, Value>, name: &str) -> Result<Option<String>, Error> {
    match given.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err(Error::InvalidRequest),
    }
}

fn list(given: &Map<String, Value>, name: &str) -> Result<Vec<String>, Error> {
    given.get(name).map_or(Ok(vec![]), |value| query::texts(value).ok_or(Error::InvalidRequest))
}

fn sort(value: &Value) -> Result<Vec<Sort>, Error> {
    let one = |item: &Value| {
        let field = item.get("field").and_then(Value::as_str).ok_or(Error::InvalidRequest)?;
        let descending = match item.get("direction").map(Value::as_str) {
            None | Some(Some("asc")) => false,
            Some(Some("desc")) => true,
            Some(_) => return Err(Error::InvalidRequest),
        };
        Ok(Sort { field: field.to_owned(), descending })
    };
    query::items(value).into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_pyairtable_sends_is_understood() {
        let parameters = ListParameters::from_query(
            "pageSize=2&offset=&returnFieldsByFieldId=0&sort%5B0%5D%5Bfield%5D=Name&sort%5B0%5D%5Bdirection%5D=desc",
        )
        .unwrap();
        assert_eq!(parameters.page_size, 2);
        assert_eq!(parameters.offset, None);
        assert!(!parameters.comment_count);
        assert!(!parameters.form.by_field_id);
        assert_eq!(parameters.sort, [Sort { field: "Name".to_owned(), descending: true }]);
    }

    #[test]
    fn what_airtable_js_posts_is_understood() {
        let body = json!({"method": "get", "filterByFormula": "1", "fields": ["Name"], "timeZone": "utc"});
        let parameters = ListParameters::from_body(body.as_object().unwrap(), "userLocale=en-ie").unwrap();
        assert_eq!(parameters.fields.unwrap(), ["Name"]);
        assert_eq!(parameters.form.user_locale.unwrap(), "en-ie");
    }

    #[test]
    fn pages_hold_one_to_a_hundred_records() {
        for size in ["0", "101", "-1", "many"] {
            let parameters = ListParameters::from_query(&format!("pageSize={size}"));
            assert_eq!(parameters, Err(Error::InvalidPageSize), "{size}");
        }
    }

    #[test]
    fn texts_for_people_need_time_zone_and_locale() {
        assert_eq!(ListParameters::from_query("cellFormat=string"), Err(Error::InvalidRequest));
        assert!(
            ListParameters::from_query("cellFormat=string&timeZone=utc&userLocale=de").unwrap().form.as_text
        );
    }
}
