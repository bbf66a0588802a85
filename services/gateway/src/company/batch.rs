//! One request for several writes of one kind, and its answer taken apart again: pure.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::mergeable::Single;
use crate::{answer::Answer, delivery::upstream::Request};

/// Most records that Airtable takes in one request.
pub const MOST: usize = 10;

/// The request that does what `writes`, which are of one kind, do.
pub fn request(writes: &[&Single]) -> Option<Request> {
    let first = writes.first()?;
    if first.method == Method::DELETE {
        let ids: Vec<&str> = writes.iter().filter_map(|write| write.id.as_deref()).collect();
        let target = format!("{}?records%5B%5D={}", first.table, ids.join("&records%5B%5D="));
        return Some(Request {
            method: Method::DELETE,
            target,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        });
    }
    let items: Vec<&str> = writes.iter().map(|write| write.item.as_str()).collect();
    Some(Request {
        method: first.method.clone(),
        target: first.table.clone(),
        headers: HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]),
        body: format!(r#"{{"records":[{}]{}}}"#, items.join(","), first.options).into(),
    })
}

#[derive(Deserialize)]
struct Records<'a> {
    #[serde(borrow)]
    records: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Record {
    id: String,
}

/// The answer that each of `writes` alone would have got out of `answer`, a success; none where it does not say of each
/// record what became of it.
pub fn split(writes: &[&Single], answer: &Answer) -> Option<Vec<Answer>> {
    let Records { records } = serde_json::from_slice(&answer.body).ok()?;
    if records.len() != writes.len() {
        return None;
    }
    writes.iter().zip(records).map(|(write, record)| one(write, record, answer)).collect()
}

fn one(write: &Single, record: &RawValue, answer: &Answer) -> Option<Answer> {
    let Record { id } = serde_json::from_str(record.get()).ok()?;
    if write.id.as_ref().is_some_and(|asked| *asked != id) {
        return None;
    }
    let text = record.get();
    let body = if write.is_object { text.to_owned() } else { format!(r#"{{"records":[{text}]}}"#) };
    Some(Answer { body: body.into(), ..answer.clone() })
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::{Value, json};

    use super::*;
    use crate::delivery::retry::Care;

    const TABLE: &str = "/v0/appAAAAAAAAAAAAAA/Deals";
    const A: &str = "recAAAAAAAAAAAAAA";
    const B: &str = "recBBBBBBBBBBBBBB";

    fn single(method: Method, rest: &str, body: &str) -> Single {
        let (target, body) = (format!("{TABLE}{rest}"), Bytes::copy_from_slice(body.as_bytes()));
        Single::of(&Request { method, target, headers: HeaderMap::new(), body }, Care::Write).unwrap()
    }

    fn answer(body: &Value) -> Answer {
        Answer::json(StatusCode::OK, body)
    }

    #[test]
    fn creates_become_one_request_and_its_records_go_to_who_asked() {
        let one = single(Method::POST, "/", r#"{"fields": {"A":1.50}, "typecast": true}"#);
        let two = single(Method::POST, "", r#"{"records": [{"fields": {}}], "typecast": true}"#);
        let (writes, sent) = ([&one, &two], request(&[&one, &two]).unwrap());
        assert_eq!((sent.method, sent.target.as_str()), (Method::POST, TABLE));
        assert_eq!(sent.body, r#"{"records":[{"fields":{"A":1.50}},{"fields":{}}],"typecast":true}"#);
        let got = Answer {
            body: r#"{"records":[{"id":"rec1","n":1.50},{"id":"rec2"}]}"#.into(),
            ..answer(&json!({}))
        };
        let bodies: Vec<_> = split(&writes, &got).unwrap().into_iter().map(|answer| answer.body).collect();
        assert_eq!(bodies, [r#"{"id":"rec1","n":1.50}"#, r#"{"records":[{"id":"rec2"}]}"#]);
    }

    #[test]
    fn updates_and_deletes_name_their_records() {
        let one = single(Method::PATCH, &format!("/{A}"), r#"{"fields": {"A": 1}}"#);
        let two = single(Method::PATCH, "", &format!(r#"{{"records": [{{"id": "{B}", "fields": {{}}}}]}}"#));
        let sent = request(&[&one, &two]).unwrap();
        let body: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(body, json!({"records": [{"id": A, "fields": {"A": 1}}, {"id": B, "fields": {}}]}));
        let (one, two) = (
            single(Method::DELETE, &format!("/{A}"), ""),
            single(Method::DELETE, &format!("?records[]={B}"), ""),
        );
        let sent = request(&[&one, &two]).unwrap();
        assert_eq!(sent.target, format!("{TABLE}?records%5B%5D={A}&records%5B%5D={B}"));
        let gone = |id: &str| json!({"id": id, "deleted": true});
        let got = split(&[&one, &two], &answer(&json!({"records": [gone(A), gone(B)]}))).unwrap();
        assert_eq!(got[0].value().unwrap(), gone(A));
        assert_eq!(got[1].value().unwrap(), json!({"records": [gone(B)]}));
    }

    #[test]
    fn an_answer_that_does_not_name_each_record_tells_nobody_anything() {
        let write = single(Method::DELETE, &format!("/{A}"), "");
        for body in [json!({}), json!({"records": []}), json!({"records": [{"id": B}]})] {
            assert_eq!(split(&[&write], &answer(&body)), None, "{body}");
        }
    }
}
