//! What a read asks, so that two that ask the same are known by one key, however they say it. Pure.

use airtable::query;
use http::{HeaderName, Method, header};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::scope::{self, Keep, Scope};
use crate::delivery::upstream::Request;

/// What depends on the copy that the client has.
const CONDITIONS: [HeaderName; 4] =
    [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::RANGE];

/// SHA-256 of what is asked.
pub type Key = [u8; 32];

/// A read that may be shared.
#[derive(Debug, Clone)]
pub struct Question {
    pub key: Key,
    pub scope: Scope,
    pub keep: Keep,
    /// Where a page of records is asked for.
    pub list: Option<List>,
}

/// A page of a list of records.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// `/v0/{base}/{table}`, percent-encoded.
    pub path: String,
    /// As `listRecords` takes them, without `offset` and `pageSize`.
    pub parameters: Map<String, Value>,
    pub page_size: Option<Value>,
    /// Where the page begins; none for the first one.
    pub offset: Option<String>,
    /// SHA-256 of table and parameters: the same for all pages of a list.
    pub fingerprint: Key,
}

impl Question {
    /// What `request` asks; none for what is not to be shared.
    pub fn of(request: &Request) -> Option<Self> {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let (scope, keep) = scope::of_read(&request.method, path)?;
        if CONDITIONS.iter().any(|name| request.headers.contains_key(name)) {
            return None;
        }
        if let Some((path, table)) = scope::list(path) {
            let list = List::read(request, path, &table, query)?;
            let rest = Value::from(vec![
                list.page_size.clone().unwrap_or_default(),
                list.offset.clone().unwrap_or_default().into(),
            ]);
            let key = digest([list.fingerprint.as_slice(), rest.to_string().as_bytes()]);
            return Some(Self { key, scope, keep, list: Some(list) });
        }
        let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        pairs.sort();
        let segments = path.trim_end_matches('/').split('/');
        let decoded: Vec<_> =
            segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy()).collect();
        let pairs = format!("{pairs:?}");
        let key = digest(decoded.iter().map(|segment| segment.as_bytes()).chain([pairs.as_bytes()]));
        Some(Self { key, scope, keep, list: None })
    }
}

impl Question {
    /// The same where the answer is to have Airtable's URLs of attachments, which expire.
    #[must_use]
    pub fn of_airtables_urls(self) -> Self {
        let key = digest([self.key.as_slice(), b"Airtable's URLs"]);
        Self { key, keep: Keep::Never, ..self }
    }
}

impl List {
    /// The list that `request` asks for, by GET or by POST; none where it is not, or not readable.
    pub fn of(request: &Request) -> Option<Self> {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let (path, table) = scope::list(path)?;
        Self::read(request, path, &table, query)
    }

    fn read(request: &Request, path: &str, table: &str, query: &str) -> Option<Self> {
        let mut given = query::object(query);
        if request.method == Method::POST {
            let kind = request.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
            let is_json = kind.starts_with("application/json");
            given.extend(
                serde_json::from_slice::<Map<String, Value>>(&request.body).ok().filter(|_| is_json)?,
            );
            // airtable.js says so although it posts.
            given.shift_remove("method");
        }
        let mut parameters: Map<String, Value> = given
            .into_iter()
            .map(|(name, value)| {
                let value = plain(&name, value);
                (name, value)
            })
            .filter(|(_, value)| !says_nothing(value))
            .collect();
        let page_size = parameters.shift_remove("pageSize");
        let offset = match parameters.shift_remove("offset") {
            None => None,
            Some(Value::String(offset)) => Some(offset),
            Some(_) => return None,
        };
        let mut sorted = Value::Object(parameters);
        sorted.sort_all_objects();
        let fingerprint = digest([table.as_bytes(), sorted.to_string().as_bytes()]);
        let Value::Object(parameters) = sorted else { return None };
        Some(Self { path: path.to_owned(), parameters, page_size, offset, fingerprint })
    }
}

/// A parameter as a JSON body has it; what is none that Airtable would take stays as it is, for it to refuse.
fn plain(name: &str, value: Value) -> Value {
    match (name, &value) {
        ("pageSize" | "maxRecords", Value::String(text)) => {
            text.trim().parse::<u64>().map_or_else(|_| value.clone(), Value::from)
        }
        ("returnFieldsByFieldId" | "includeDateDependencyMetadata", Value::String(text)) => {
            match text.as_str() {
                "true" | "1" => true.into(),
                "false" | "0" => false.into(),
                _ => value,
            }
        }
        ("fields" | "recordMetadata" | "sort", _) => query::items(&value).into_iter().cloned().collect(),
        _ => value,
    }
}

/// What counts as absent.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Each part with its length, so that no two lists of parts are alike.
pub fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Key {
    let mut sha256 = Sha256::new();
    for part in parts {
        sha256.update(part.len().to_be_bytes());
        sha256.update(part);
    }
    sha256.finalize().into()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use serde_json::json;

    use super::*;

    fn get(rest: &str) -> Request {
        Request::get(format!("/v0/appAAAAAAAAAAAAAA/{rest}"))
    }

    fn post(rest: &str, body: &Value) -> Request {
        Request::post(format!("/v0/appAAAAAAAAAAAAAA/{rest}"), body)
    }

    fn key(request: &Request) -> Key {
        Question::of(request).unwrap().key
    }

    #[test]
    fn a_list_is_the_same_however_it_is_said() {
        let got = get(
            "Ta%2Fble/?fields[]=a&fields[]=b+c&pageSize=5&returnFieldsByFieldId=0&sort[0][field]=x&offset=&timeZone=utc",
        );
        let body = json!({"sort": [{"field": "x"}], "fields": ["a", "b c"], "pageSize": 5, "returnFieldsByFieldId": false, "method": "get"});
        assert_eq!(key(&got), key(&post("Ta%2fble/listRecords?timeZone=utc", &body)));
        assert_eq!(List::of(&got).unwrap().path, "/v0/appAAAAAAAAAAAAAA/Ta%2Fble");
    }

    #[test]
    fn what_asks_for_something_else_has_another_key() {
        let all = [
            "T",
            "U",
            "T?pageSize=5",
            "T?maxRecords=5",
            "T?offset=x",
            "T?view=x",
            "T/rec1",
            "T/rec1?cellFormat=json",
        ];
        let keys: std::collections::HashSet<_> = all.iter().map(|rest| key(&get(rest))).collect();
        assert_eq!(keys.len(), all.len());
        assert_eq!(key(&get("T/rec1?a=1&b=2")), key(&get("T/rec1/?b=2&a=1")));
    }

    #[test]
    fn pages_of_a_list_share_their_fingerprint_whatever_their_size() {
        let of = |rest: &str| List::of(&get(rest)).unwrap().fingerprint;
        assert_eq!(of("T?view=x&pageSize=5"), of("T?offset=itr&view=x"));
        assert_ne!(of("T?view=x"), of("T?view=y"));
    }

    #[test]
    fn what_airtable_may_refuse_for_its_form_is_not_shared() {
        let mut text = post("T/listRecords", &json!({}));
        text.headers = HeaderMap::new();
        assert!(Question::of(&text).is_none());
        let list = Request { body: "[]".into(), ..post("T/listRecords", &json!({})) };
        assert!(Question::of(&list).is_none());
        let form = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))]);
        assert!(Question::of(&Request { headers: form, ..post("T/listRecords", &json!({})) }).is_none());
        let condition = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static("x"))]);
        assert!(Question::of(&Request { headers: condition, ..get("T") }).is_none());
    }
}
