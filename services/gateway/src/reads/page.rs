//! A page of records as Airtable answers it: which records, where the next one begins; cut, or with another offset. Pure.

use std::ops::Range;

use bytes::Bytes;
use http::header;
use memchr::{memchr, memmem};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::answer::Answer;

/// What matters of a page.
#[derive(Debug, Deserialize)]
pub struct Page {
    records: Vec<Row>,
    /// Where the next page begins; none on the last one.
    pub offset: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Row {
    id: String,
}

impl Page {
    /// The page in an answer; none in an error.
    pub fn of(answer: &Answer) -> Option<Self> {
        serde_json::from_slice(&answer.body).ok().filter(|_| answer.status.is_success())
    }

    /// How many records it has.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Where a record is in it.
    pub fn place(&self, record: &str) -> Option<usize> {
        self.records.iter().position(|row| row.id == record)
    }

    /// What is left of it without its first `from` records and with at most `most` of the others.
    pub fn part(self, from: usize, most: usize) -> Self {
        Self { records: self.records.into_iter().skip(from).take(most).collect(), offset: None }
    }

    /// Its last record.
    pub fn last(&self) -> Option<&str> {
        self.records.last().map(|row| row.id.as_str())
    }
}

/// Whether there may be a page after this one, without reading it: where there is, the offset's name is in it, though
/// perhaps in escapes.
pub fn may_go_on(answer: &Answer) -> bool {
    let body = &answer.body[..];
    // Few pages have escapes at all, and to look for one letter is quick.
    let escaped = memchr(b'\\', body).and_then(|at| body.get(at..));
    memmem::find(body, br#""offset""#).is_some()
        || escaped.is_some_and(|rest| memmem::find(rest, br"\u").is_some())
}

/// Whether Airtable does not know an offset any more.
pub fn is_offset_gone(answer: &Answer) -> bool {
    let gone = ["LIST_RECORDS_ITERATOR_NOT_AVAILABLE", "INVALID_OFFSET_VALUE"];
    answer.status == http::StatusCode::UNPROCESSABLE_ENTITY
        && answer.error_type().is_some_and(|kind| gone.contains(&kind.as_str()))
}

/// The same page, byte for byte, with `ours` in place of the offset `theirs`.
pub fn with_offset(mut answer: Answer, theirs: &str, ours: &str) -> Answer {
    let (theirs, text) = (Value::from(theirs).to_string(), Value::from(ours).to_string());
    let Some(at) = memmem::rfind(&answer.body, theirs.as_bytes()) else {
        // Escaped in a way that Airtable does not write.
        return part(answer, 0, usize::MAX, Some(ours));
    };
    let body = put(std::mem::take(&mut answer.body), at..at + theirs.len(), text.as_bytes());
    resized(answer, body)
}

/// The body with `text` in this place: in the same memory where nobody else has it and the length is the same, as that of offsets is.
fn put(body: Bytes, at: Range<usize>, text: &[u8]) -> Bytes {
    let body = match body.try_into_mut() {
        Ok(mut body) => {
            if let Some(place) = body.get_mut(at.clone()).filter(|place| place.len() == text.len()) {
                place.copy_from_slice(text);
                return body.freeze();
            }
            body.freeze()
        }
        Err(shared) => shared,
    };
    let around = (body.get(..at.start).unwrap_or_default(), body.get(at.end..).unwrap_or_default());
    [around.0, text, around.1].concat().into()
}

/// The page without its first `from` records and with at most `most` of the others, and with `ours` for its offset.
pub fn part(answer: Answer, from: usize, most: usize, ours: Option<&str>) -> Answer {
    #[derive(Deserialize)]
    struct Rows<'a> {
        #[serde(borrow)]
        records: Vec<&'a RawValue>,
    }
    let Ok(Rows { records }) = serde_json::from_slice(&answer.body) else { return answer };
    let offset = ours.map(|ours| format!(r#","offset":{}"#, Value::from(ours))).unwrap_or_default();
    let records: Vec<&str> = records.into_iter().skip(from).take(most).map(RawValue::get).collect();
    let mut body = String::with_capacity(answer.body.len() + offset.len());
    body.push_str(r#"{"records":["#);
    for (number, record) in records.into_iter().enumerate() {
        if number > 0 {
            body.push(',');
        }
        body.push_str(record);
    }
    body.push(']');
    body.push_str(&offset);
    body.push('}');
    body.shrink_to_fit();
    resized(answer, body.into())
}

/// The same answer with another body.
pub fn resized(answer: Answer, body: Bytes) -> Answer {
    let mut answer = Answer { body, ..answer };
    // They speak of the bytes that Airtable sent.
    answer.headers.remove(header::ETAG);
    answer.headers.remove(header::CONTENT_LENGTH);
    answer
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::json;

    use super::*;

    fn answer(body: &str) -> Answer {
        Answer { body: body.to_owned().into(), ..Answer::json(StatusCode::OK, &json!({})) }
    }

    const TWO: &str = r#"{ "records": [{"id":"rec1","fields":{"a":1.0,"b":"itr/rec"}}, {"id":"rec2"}], "offset": "itr/rec"}"#;

    #[test]
    fn an_offset_is_replaced_and_nothing_else() {
        let ours = with_offset(answer(TWO), "itr/rec", "ours");
        let expected = format!("{}\"ours\"}}", TWO.strip_suffix("\"itr/rec\"}").unwrap());
        assert_eq!(ours.body, expected);
        let shared = answer(TWO);
        let same = format!("{}\"rec/itr\"}}", TWO.strip_suffix("\"itr/rec\"}").unwrap());
        assert_eq!(with_offset(shared.clone(), "itr/rec", "rec/itr").body, same);
        assert_eq!(shared.body, TWO, "who has the page as well has it as it was");
        let place = shared.body.as_ptr();
        let changed = with_offset(shared, "itr/rec", "rec/itr").body;
        assert_eq!((changed.as_ptr(), &*changed), (place, same.as_bytes()), "nobody else has it");
        let escaped = answer(r#"{"records":[],"offset":"itr\/rec"}"#);
        assert_eq!(
            with_offset(escaped, "itr/rec", "ours").value().unwrap(),
            json!({"records": [], "offset": "ours"})
        );
    }

    #[test]
    fn a_page_that_is_followed_by_another_is_never_taken_for_the_last() {
        for body in
            [TWO, r#"{"records":[],"\u006fffset":"itr/rec"}"#, r#"{"offset" : "itr/rec", "records":[]}"#]
        {
            assert!(may_go_on(&answer(body)), "{body}");
            assert!(Page::of(&answer(body)).unwrap().offset.is_some(), "{body}");
        }
        assert!(!may_go_on(&answer(r#"{"records":[{"id":"rec1","fields":{"a":"\"offset\""}}]}"#)));
    }

    #[test]
    fn a_page_is_cut_at_both_ends_with_its_records_as_they_were() {
        let cut_page = part(answer(TWO), 0, 1, None);
        assert_eq!(cut_page.body, r#"{"records":[{"id":"rec1","fields":{"a":1.0,"b":"itr/rec"}}]}"#);
        assert_eq!(part(answer(TWO), 1, 9, Some("o")).body, r#"{"records":[{"id":"rec2"}],"offset":"o"}"#);
        assert_eq!(part(answer(TWO), 2, 9, None).body, r#"{"records":[]}"#);
        assert_eq!(Page::of(&answer(TWO)).unwrap().part(1, 9).last(), Some("rec2"));
    }
}
