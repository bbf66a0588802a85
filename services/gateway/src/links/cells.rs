//! The attachments in an answer with records: where their URLs stand, and the same answer with others. Pure; all else stays
//! byte for byte.

use std::{borrow::Cow, ops::Range};

use airtable::id::Kind;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::entries::Entries;

/// In which form a file is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Original,
    Small,
    Large,
    Full,
}

/// An attachment in a cell.
#[derive(Debug, PartialEq, Eq)]
pub struct Attachment<'a> {
    /// The record in whose cell it is seen; of another one's by a lookup.
    pub record: Cow<'a, str>,
    pub id: Cow<'a, str>,
    pub file_name: Cow<'a, str>,
    pub urls: Vec<Place<'a>>,
}

/// A URL and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub struct Place<'a> {
    pub size: Size,
    pub url: Cow<'a, str>,
    /// Of the JSON string with its quotes, in bytes of the body.
    at: Range<usize>,
}

impl Size {
    const ALL: [Self; 4] = [Self::Original, Self::Small, Self::Large, Self::Full];

    /// As Airtable names thumbnails.
    pub fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Small => "small",
            Self::Large => "large",
            Self::Full => "full",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.name() == name)
    }
}

/// All attachments in the answer `body`: that of a record, or of a list of them.
pub fn find(body: &[u8]) -> Vec<Attachment<'_>> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        records: Option<Vec<Row<'a>>>,
    }
    if !holds(body, b"\"att") {
        return Vec::new();
    }
    let rows = match serde_json::from_slice::<Answer<'_>>(body) {
        Ok(Answer { records: Some(rows) }) => rows,
        Ok(Answer { records: None }) => serde_json::from_slice(body).into_iter().collect(),
        Err(_) => Vec::new(),
    };
    let mut found = Vec::new();
    for Row { id: record, fields } in rows {
        for (_, cell) in fields.0 {
            found.extend(in_cell(body, &record, cell));
        }
    }
    found
}

/// The body with another URL wherever `other` has one.
pub fn replace(
    body: &[u8],
    found: &[Attachment<'_>],
    other: impl Fn(&Attachment<'_>, &Place<'_>) -> Option<String>,
) -> Option<Bytes> {
    let mut others: Vec<(&Range<usize>, String)> = found
        .iter()
        .flat_map(|attachment| attachment.urls.iter().map(move |place| (attachment, place)))
        .filter_map(|(attachment, place)| Some((&place.at, other(attachment, place)?)))
        .map(|(at, url)| (at, serde_json::Value::from(url).to_string()))
        .collect();
    others.sort_by_key(|(at, _)| at.start);
    let (gone, new) = others.iter().fold((0, 0), |(gone, new), (at, url)| (gone + at.len(), new + url.len()));
    let mut written = Vec::with_capacity((body.len() + new).saturating_sub(gone));
    let mut from = 0;
    for (at, url) in &others {
        written.extend_from_slice(body.get(from..at.start)?);
        written.extend_from_slice(url.as_bytes());
        from = at.end;
    }
    written.extend_from_slice(body.get(from..)?);
    (!others.is_empty()).then(|| written.into())
}

fn holds(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|window| window == text)
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    fields: Entries<'a>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    url: &'a RawValue,
    #[serde(borrow)]
    filename: Option<Cow<'a, str>>,
    #[serde(borrow)]
    thumbnails: Option<Thumbnails<'a>>,
}

#[derive(Deserialize)]
struct Thumbnails<'a> {
    #[serde(borrow)]
    small: Option<Thumbnail<'a>>,
    #[serde(borrow)]
    large: Option<Thumbnail<'a>>,
    #[serde(borrow)]
    full: Option<Thumbnail<'a>>,
}

#[derive(Deserialize)]
struct Thumbnail<'a> {
    #[serde(borrow)]
    url: &'a RawValue,
}

fn in_cell<'a>(body: &[u8], record: &Cow<'a, str>, cell: &'a RawValue) -> Vec<Attachment<'a>> {
    let text = cell.get();
    if !text.starts_with('[') || !holds(text.as_bytes(), b"\"att") {
        return Vec::new();
    }
    let items: Vec<Item<'a>> = serde_json::from_str(text).unwrap_or_default();
    let attachments = items.into_iter().filter(|item| Kind::Attachment.names(&item.id));
    let found = attachments.map(|item| {
        let thumbnails = item
            .thumbnails
            .into_iter()
            .flat_map(|all| [(Size::Small, all.small), (Size::Large, all.large), (Size::Full, all.full)]);
        let thumbnails = thumbnails.filter_map(|(size, thumbnail)| Some((size, thumbnail?.url)));
        let urls = std::iter::once((Size::Original, item.url)).chain(thumbnails);
        Attachment {
            record: record.clone(),
            id: item.id,
            file_name: item.filename.unwrap_or_default(),
            urls: urls.filter_map(|(size, url)| place(body, size, url)).collect(),
        }
    });
    found.collect()
}

fn place<'a>(body: &[u8], size: Size, url: &'a RawValue) -> Option<Place<'a>> {
    // A piece of the body: so far from its beginning.
    let start = url.get().as_ptr().addr().checked_sub(body.as_ptr().addr())?;
    let at = start..start + url.get().len();
    let text: Cow<'a, str> = serde_json::from_str(url.get()).ok()?;
    (body.get(at.clone())? == url.get().as_bytes()).then_some(Place { size, url: text, at })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn attachment(id: &str) -> Value {
        let url = |size: &str| json!({"url": format!("https://x/{id}/{size}"), "width": 3});
        json!({"id": id, "width": 3, "url": format!("https://x/{id}/original"), "filename": "ä \"b\".png", "size": 1,
            "thumbnails": {"small": url("small"), "large": url("large"), "full": url("full")}})
    }

    const ONE: &str = "attAAAAAAAAAAAAAA";
    const TWO: &str = "attBBBBBBBBBBBBBB";

    fn replaced(body: &str) -> Option<String> {
        let found = find(body.as_bytes());
        let other = |attachment: &Attachment<'_>, place: &Place<'_>| {
            Some(format!("ours/{}/{}/\"{}", attachment.record, attachment.id, place.size.name()))
        };
        Some(String::from_utf8(replace(body.as_bytes(), &found, other)?.to_vec()).unwrap())
    }

    #[test]
    fn every_url_of_every_attachment_is_replaced_and_nothing_else() {
        let pretty = serde_json::to_string_pretty(&json!({"records": [
            {"id": "rec1", "fields": {"Files": [attachment(ONE), attachment(TWO)], "url": "https://x/1", "1.0": 1.0}},
            {"id": "rec2", "fields": {"Lookup": [attachment(ONE)], "Text": format!("[{{\"id\":\"{ONE}\"}}]")}},
        ], "offset": "itr/rec"}))
        .unwrap();
        let mut expected = pretty.clone();
        let parts = [("rec1", ONE), ("rec1", TWO), ("rec2", ONE)];
        for (record, id) in parts {
            for size in ["original", "small", "large", "full"] {
                let ours = format!("ours/{record}/{id}/\\\"{size}");
                expected = expected.replacen(&format!("https://x/{id}/{size}"), &ours, 1);
            }
        }
        assert_eq!(replaced(&pretty).unwrap(), expected);
    }

    #[test]
    fn a_record_alone_has_attachments_as_well() {
        let body = json!({"id": "rec1", "createdTime": "x", "fields": {"F": [attachment(ONE)]}}).to_string();
        let found = find(body.as_bytes());
        let [only] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((&*only.record, &*only.id, &*only.file_name), ("rec1", ONE, "ä \"b\".png"));
        assert_eq!(only.urls.len(), 4);
        assert_eq!(only.urls[0].url, format!("https://x/{ONE}/original"));
    }

    #[test]
    fn one_that_is_not_described_yet_and_one_with_an_escaped_url_are_attachments() {
        let body = format!(r#"{{"id":"rec1","fields":{{"F":[{{"id":"{ONE}","url":"https:\/\/x\/1"}}]}}}}"#);
        assert_eq!(find(body.as_bytes())[0].urls[0].url, "https://x/1");
        let ours = format!(r#""url":"ours/rec1/{ONE}/\"original""#);
        assert!(replaced(&body).unwrap().contains(&ours));
    }

    #[test]
    fn what_only_looks_like_one_stays() {
        for fields in [
            json!({"F": [{"id": "att1", "url": "https://x"}]}),
            json!({"F": [{"id": ONE, "name": "no url"}]}),
            json!({"F": {"id": ONE, "url": "https://x"}}),
            json!({"F": [ONE]}),
            json!({"F": [{"id": ONE, "url": 1}]}),
        ] {
            assert_eq!(replaced(&json!({"id": "rec1", "fields": fields}).to_string()), None, "{fields}");
        }
        for body in ["", "[]", "{\"records\":1,\"x\":\"att\"}", "{\"error\":\"attNOT_FOUND\"}"] {
            assert_eq!(replaced(body), None, "{body}");
        }
    }

    #[test]
    fn sizes_are_known_by_their_names() {
        for size in Size::ALL {
            assert_eq!(Size::named(size.name()), Some(size));
        }
        assert_eq!(Size::named("huge"), None);
    }
}
