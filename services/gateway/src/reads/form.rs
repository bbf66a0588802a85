//! The same list asked for in another form: another page of it, or by POST where the URL would be too long. Pure.

use std::borrow::Cow;

use http::Method;
use serde_json::{Map, Value};

use super::question::List;
use crate::delivery::upstream::Request;

/// Airtable takes URLs shorter than 16,000 characters, scheme and host included.
const LONGEST_TARGET: usize = 15_999 - "https://api.airtable.com".len();
/// Both clients put these into the query, also where they post.
const IN_QUERY: [&str; 2] = ["timeZone", "userLocale"];

/// The page of the list of `request` that begins at `offset`, in its own form; of its own size where none is given.
pub fn page(request: &Request, offset: Option<&str>, size: Option<u32>) -> Request {
    let offset = offset.map(|offset| ("offset", Value::from(offset)));
    let set: Vec<(&str, Value)> =
        offset.into_iter().chain(size.map(|size| ("pageSize", size.into()))).collect();
    let is_kept = |name: &str| name != "offset" && (name != "pageSize" || size.is_none());
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut pairs: Vec<Cow<'_, str>> =
        query.split('&').filter(|pair| !pair.is_empty() && is_kept(&name(pair))).map(Cow::from).collect();
    let mut body = request.body.clone();
    if request.method == Method::POST {
        let mut parameters: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
        parameters.retain(|name, _| is_kept(name));
        parameters.extend(set.into_iter().map(|(name, value)| (name.to_owned(), value)));
        body = Value::Object(parameters).to_string().into();
    } else {
        pairs.extend(set.into_iter().map(|(name, value)| Cow::from(pair(name, &value))));
    }
    Request { target: target(path, &pairs.join("&")), body, ..request.clone() }
}

/// `request` as it is sent: a list by GET whose URL is too long for Airtable by POST.
pub fn sendable<'a>(request: &'a Request, list: &List) -> Cow<'a, Request> {
    if request.method == Method::POST || request.target.len() <= LONGEST_TARGET {
        return Cow::Borrowed(request);
    }
    let mut body = list.parameters.clone();
    let in_query: Vec<String> =
        IN_QUERY.iter().filter_map(|name| Some(pair(name, &body.shift_remove(*name)?))).collect();
    // Where they are another page's than the list's own, `request` says so.
    let page = List::of(request);
    let (page_size, offset) = page.map(|page| (page.page_size, page.offset)).unwrap_or_default();
    body.extend(page_size.map(|size| ("pageSize".to_owned(), size)));
    body.extend(offset.map(|offset| ("offset".to_owned(), offset.into())));
    let target = target(&format!("{}/listRecords", list.path), &in_query.join("&"));
    let mut posted = Request::post(target, &Value::Object(body));
    for (name, value) in &request.headers {
        posted.headers.entry(name).or_insert_with(|| value.clone());
    }
    Cow::Owned(posted)
}

fn target(path: &str, query: &str) -> String {
    crate::route::with_query(path, Some(query).filter(|query| !query.is_empty()))
}

fn name(pair: &str) -> Cow<'_, str> {
    form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name).unwrap_or_default()
}

fn pair(name: &str, value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    form_urlencoded::Serializer::new(String::new()).append_pair(name, &text).finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TABLE: &str = "/v0/appAAAAAAAAAAAAAA/Ta%2Fble";

    #[test]
    fn another_page_keeps_all_else_as_it_was_sent() {
        let got = Request::get(format!("{TABLE}/?fields%5B%5D=a+b&offset=&pageSize=9&x"));
        assert_eq!(
            page(&got, Some("i/r"), None).target,
            format!("{TABLE}/?fields%5B%5D=a+b&pageSize=9&x&offset=i%2Fr")
        );
        assert_eq!(page(&got, None, Some(7)).target, format!("{TABLE}/?fields%5B%5D=a+b&x&pageSize=7"));
        let posted =
            Request::post(format!("{TABLE}/listRecords?timeZone=utc"), &json!({"offset": "", "view": "v"}));
        let next = page(&posted, Some("i/r"), Some(7));
        assert_eq!(next.target, posted.target);
        assert_eq!(next.body, json!({"view": "v", "offset": "i/r", "pageSize": 7}).to_string());
    }

    #[test]
    fn a_url_too_long_for_airtable_is_posted_and_means_the_same() {
        let longest = |length: usize| {
            let head = format!(
                "{TABLE}?pageSize=5&maxRecords=9&fields=a&fields=b&returnFieldsByFieldId=1&sort[0][field]=x&timeZone=utc&offset=i/r&filterByFormula="
            );
            Request::get(format!("{head}{}", "y".repeat(length - head.len())))
        };
        let short = longest(LONGEST_TARGET);
        assert_eq!(sendable(&short, &List::of(&short).unwrap()).method, Method::GET);
        let long = longest(LONGEST_TARGET + 1);
        let list = List::of(&long).unwrap();
        let posted = sendable(&long, &list).into_owned();
        assert_eq!(
            (&posted.method, posted.target.as_str()),
            (&Method::POST, &*format!("{TABLE}/listRecords?timeZone=utc"))
        );
        assert_eq!(List::of(&posted), Some(list));
        let body: Value = serde_json::from_slice(&posted.body).unwrap();
        let expected = [
            ("pageSize", json!(5)),
            ("maxRecords", json!(9)),
            ("fields", json!(["a", "b"])),
            ("returnFieldsByFieldId", json!(true)),
            ("sort", json!([{"field": "x"}])),
            ("offset", json!("i/r")),
        ];
        for (name, value) in expected {
            assert_eq!(body[name], value, "{name}");
        }
    }
}
