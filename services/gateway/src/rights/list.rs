//! Lists of records: asked for anew from what was understood, so that nothing else reaches Airtable. Pure.

use std::collections::HashMap;

use airtable::{Error, Field, ListParameters, formula::Syntax, id::Kind, list::truth, query};
use form_urlencoded::Serializer;
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    decide::{Allowed, Refusal, query_of, rewritten},
    filter::Filter,
    grant::Grant,
};
use crate::delivery::upstream::Request;

/// Longer targets are asked for by POST: Airtable takes URLs of up to 16,000 characters.
const LONGEST_TARGET: usize = 15_000;
/// Longer formulas and lists of names are not looked through.
const LONGEST_FORMULA: usize = 30_000;
const MOST_NAMES: usize = 1000;
/// What of the query counts for one record.
const OF_RECORD: [&str; 5] =
    ["cellFormat", "timeZone", "userLocale", "returnFieldsByFieldId", "includeDateDependencyMetadata"];

/// A list of records; `path` is that of the table, by id.
pub fn list(grant: &Grant, path: &str, request: &Request, by_post: bool) -> Result<Allowed, Refusal> {
    let mut given = query::object(query_of(request));
    if by_post {
        match serde_json::from_slice(&request.body).map_err(|_| Error::InvalidBody)? {
            Value::Object(body) => given.extend(body),
            _ => return Err(Error::InvalidRequest.into()),
        }
    }
    let (question, as_text) = question(grant, &given)?;
    let filter = Filter::cells(grant.keys(as_text));
    let target = format!("{path}?{}", to_query(&question));
    let request = if by_post || target.len() > LONGEST_TARGET {
        rewritten(request, Method::POST, format!("{path}/listRecords"), Some(&Value::Object(question)))
    } else {
        rewritten(request, request.method.clone(), target.trim_end_matches('?').to_owned(), None)
    };
    Ok(Allowed { request, filter, proof: None })
}

/// One record, looked for in its table only: by its path Airtable would search the whole base.
pub fn get(grant: &Grant, path: &str, request: &Request, record: &str) -> Result<Allowed, Refusal> {
    let mut given = query::object(query_of(request));
    given.retain(|name, _| OF_RECORD.contains(&name.as_str()));
    given.insert("filterByFormula".to_owned(), format!("RECORD_ID()='{record}'").into());
    given.insert("pageSize".to_owned(), 1.into());
    let (question, as_text) = question(grant, &given)?;
    let target = format!("{path}/listRecords");
    let request = rewritten(request, Method::POST, target, Some(&Value::Object(question)));
    Ok(Allowed { request, filter: Filter::One(grant.keys(as_text)), proof: None })
}

/// What `given` asks for as the body of `listRecords`, with fields by id; and whether cells are answered as text.
fn question(grant: &Grant, given: &Map<String, Value>) -> Result<(Map<String, Value>, bool), Error> {
    let asked = ListParameters::from_body(given, "")?;
    if asked.fields.iter().flatten().count() > MOST_NAMES || asked.sort.len() > MOST_NAMES {
        return Err(Error::InvalidRequest);
    }
    let as_text = asked.form.as_text;
    let unknown = |name: &String| Error::UnknownFieldName(name.clone());
    let mut question = Map::new();
    let mut put = |name: &str, value: Value| question.insert(name.to_owned(), value);
    if let Some(names) = &asked.fields {
        let named = |name: &str| if as_text { grant.legible(name) } else { grant.field(name) };
        let id = |name: &String| Ok(named(name).ok_or_else(|| unknown(name))?.id.clone());
        put("fields", names.iter().map(id).collect::<Result<Vec<_>, Error>>()?.into());
    } else if as_text || grant.hides(false) {
        let ids: Vec<_> = grant.visible(as_text).map(|field| field.id.clone()).collect();
        // An empty list asks for all of them; then the answer is filtered only.
        if !ids.is_empty() {
            put("fields", ids.into());
        }
    }
    if !asked.sort.is_empty() {
        let sort = asked.sort.iter().map(|sort| {
            let field = grant.legible(&sort.field).ok_or_else(|| unknown(&sort.field))?;
            Ok(json!({"field": field.id, "direction": if sort.descending { "desc" } else { "asc" }}))
        });
        put("sort", sort.collect::<Result<Vec<_>, Error>>()?.into());
    }
    if let Some(text) = asked.filter_by_formula {
        put("filterByFormula", formula(grant, text)?.into());
    }
    if let Some(view) = asked.view {
        // Its order and filter may be by hidden fields.
        if !grant.is_whole() {
            return Err(if Kind::View.names(&view) {
                Error::ViewIdNotFound(view)
            } else {
                Error::ViewNameNotFound(view)
            });
        }
        put("view", view.into());
    }
    if asked.page_size != 100 {
        put("pageSize", asked.page_size.into());
    }
    for (name, value) in [
        ("maxRecords", asked.max_records.map(Value::from)),
        ("offset", asked.offset.map(Value::from)),
        ("cellFormat", as_text.then(|| "string".into())),
        ("timeZone", asked.form.time_zone.map(Value::from)),
        ("userLocale", asked.form.user_locale.map(Value::from)),
        ("returnFieldsByFieldId", asked.form.by_field_id.then(|| true.into())),
        ("recordMetadata", asks_for_comment_count(given).then(|| json!(["commentCount"]))),
        (
            "includeDateDependencyMetadata",
            given.get("includeDateDependencyMetadata").is_some_and(truth).then(|| true.into()),
        ),
    ] {
        question.extend(value.map(|value| (name.to_owned(), value)));
    }
    Ok((question, as_text))
}

/// A formula that uses only what may be seen as people see it, with fields by id; as it is where nothing is hidden.
fn formula(grant: &Grant, text: String) -> Result<String, Error> {
    if !grant.hides(true) {
        return Ok(text);
    }
    if text.len() > LONGEST_FORMULA {
        let why =
            format!("filterByFormula: longer than {LONGEST_FORMULA} bytes, with hidden fields in the table");
        return Err(Error::InvalidRequestBecause(why));
    }
    let syntax = Syntax::read(&text)?;
    let names = syntax.fields().into_iter();
    let known: HashMap<&str, Option<&Field>> =
        names.clone().map(|name| (name, grant.legible_in_formula(name))).collect();
    let id = |name: &str| Some(known.get(name).copied()??.id.clone());
    let unknown: Vec<String> = names.filter(|name| id(name).is_none()).map(str::to_owned).collect();
    if unknown.is_empty() { Ok(syntax.renamed(id)) } else { Err(Error::UnknownFieldsInFormula(unknown)) }
}

fn asks_for_comment_count(given: &Map<String, Value>) -> bool {
    let names = given.get("recordMetadata").and_then(query::texts).unwrap_or_default();
    names.iter().any(|name| name == "commentCount")
}

/// The body of `listRecords` as a query string.
fn to_query(question: &Map<String, Value>) -> String {
    let mut query = Serializer::new(String::new());
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for (name, value) in question {
        let Value::Array(items) = value else {
            query.append_pair(name, &text(value));
            continue;
        };
        for (number, item) in items.iter().enumerate() {
            match item {
                Value::Object(parts) => {
                    for (part, value) in parts {
                        query.append_pair(&format!("{name}[{number}][{part}]"), &text(value));
                    }
                }
                item => {
                    query.append_pair(&format!("{name}[]"), &text(item));
                }
            }
        }
    }
    query.finish()
}
