//! URLs of files: signed, and good for two hours after they were answered.

use std::time::Duration;

use airtable::id::Kind;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::files::{File, Files, Kept};
use crate::state::State;

/// How long a URL leads to its file.
pub const LIFE: Duration = Duration::from_hours(2);

/// The forms in which an image is to be had beside the original, with the longest side that Airtable gives each.
const THUMBNAILS: [(&str, Side, usize); 3] =
    [("small", Side::Height, 36), ("large", Side::Longest, 512), ("full", Side::Longest, 3000)];

#[derive(Clone, Copy)]
enum Side {
    Height,
    Longest,
}

/// Completes the attachments in an answer for who called this host.
pub fn show(state: &State, answer: &mut Value, host: Option<&str>) {
    let (now, origin) = (state.now(), state.origin(host));
    Links { files: &state.held().files, origin: &origin, now }.show(answer);
}

/// Gives attachments in answers their URLs.
struct Links<'a> {
    files: &'a Files,
    /// Where clients reach the simulator, for example `http://127.0.0.1:8090`.
    origin: &'a str,
    now: Timestamp,
}

/// What becomes of a request for a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    Expired,
    Forged,
}

impl Links<'_> {
    /// Completes every attachment in an answer, wherever it is: with its URL, and with what is known of the file.
    fn show(&self, answer: &mut Value) {
        match answer {
            Value::Array(items) => items.iter_mut().for_each(|item| self.show(item)),
            Value::Object(object) => match self.shown(object) {
                Some(shown) => *object = shown,
                None => object.values_mut().for_each(|value| self.show(value)),
            },
            _ => {}
        }
    }

    /// The attachment as Airtable answers it; `None` where this is none, or not one of these files.
    fn shown(&self, object: &Map<String, Value>) -> Option<Map<String, Value>> {
        let id = object.get("id")?.as_str().filter(|id| Kind::Attachment.names(id))?;
        let name = object.get("filename")?.as_str()?;
        let mut shown = object.clone();
        match self.files.get(id)? {
            // Until it is here its URL is the one given, as at Airtable.
            File::Awaited { .. } => {}
            // Airtable keeps it, with a URL that is answered with an error.
            File::Missing { .. } => {
                shown.insert("url".to_owned(), json!(self.url(id, "original", name)));
            }
            File::Kept(kept) => {
                shown.insert("url".to_owned(), json!(self.url(id, "original", name)));
                shown.extend(self.described(id, name, kept));
            }
        }
        Some(shown)
    }

    fn described(&self, id: &str, name: &str, kept: &Kept) -> Map<String, Value> {
        let mut described = Map::new();
        described.insert("size".to_owned(), json!(kept.size));
        described.insert("type".to_owned(), json!(kept.media_type));
        if let Some((width, height)) = kept.pixels {
            described.insert("width".to_owned(), json!(width));
            described.insert("height".to_owned(), json!(height));
            let thumbnails = THUMBNAILS.iter().map(|(form, side, most)| {
                let (width, height) = scaled(width, height, *side, *most);
                let url = self.url(id, form, name);
                ((*form).to_owned(), json!({"url": url, "width": width, "height": height}))
            });
            described.insert("thumbnails".to_owned(), Value::Object(thumbnails.collect()));
        }
        described
    }

    fn url(&self, id: &str, form: &str, name: &str) -> String {
        let until = self.now.as_second().saturating_add(LIFE.as_secs().cast_signed());
        let signature = self.files.key.sign(signed(id, form, until).as_bytes());
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
        format!("{}/attachments/{id}/{form}/{until}/{signature}/{name}", self.origin)
    }
}

/// Whether a URL is one that [`Links`] made, and still good.
pub fn check(files: &Files, id: &str, form: &str, until: i64, signature: &str, now: Timestamp) -> Verdict {
    if !files.key.signed(signed(id, form, until).as_bytes(), signature) {
        return Verdict::Forged;
    }
    if now.as_second() < until { Verdict::Good } else { Verdict::Expired }
}

fn signed(id: &str, form: &str, until: i64) -> String {
    format!("{id}/{form}/{until}")
}

/// Width and height of a thumbnail: never larger than the image, at least one pixel.
fn scaled(width: usize, height: usize, side: Side, most: usize) -> (usize, usize) {
    let measured = match side {
        Side::Height => height,
        Side::Longest => width.max(height),
    };
    if measured <= most {
        return (width, height);
    }
    let scale = |length: usize| (length.saturating_mul(most) / measured).max(1);
    (scale(width), scale(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn parts(url: &str) -> Vec<&str> {
        url.strip_prefix("http://host/attachments/").unwrap().split('/').collect()
    }

    #[test]
    fn a_url_is_good_for_two_hours_and_for_its_own_file_and_form_only() {
        let files = Files::default();
        let links = Links { files: &files, origin: "http://host", now: NOW };
        let url = links.url("att1", "small", "a b/c.png");
        let [id, form, until, signature, name] = parts(&url)[..] else { panic!("{url}") };
        let until: i64 = until.parse().unwrap();
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        assert_eq!((id, form, name), ("att1", "small", "a%20b%2Fc%2Epng"));
        assert_eq!(check(&files, id, form, until, signature, at(7199)), Verdict::Good);
        assert_eq!(check(&files, id, form, until, signature, at(7200)), Verdict::Expired);
        assert_eq!(check(&files, id, form, until + 1, signature, NOW), Verdict::Forged);
        assert_eq!(check(&files, id, "full", until, signature, NOW), Verdict::Forged);
        assert_eq!(check(&files, "att2", form, until, signature, NOW), Verdict::Forged);
        assert_eq!(check(&Files::default(), id, form, until, signature, NOW), Verdict::Forged);
    }

    #[test]
    fn thumbnails_keep_the_shape_of_the_image_and_are_no_larger() {
        assert_eq!(scaled(1000, 500, Side::Height, 36), (72, 36));
        assert_eq!(scaled(1000, 500, Side::Longest, 512), (512, 256));
        assert_eq!(scaled(1000, 500, Side::Longest, 3000), (1000, 500));
        assert_eq!(scaled(1, 10_000, Side::Height, 36), (1, 36));
    }

    #[test]
    fn attachments_are_completed_wherever_they_are_and_nothing_else_is_touched() {
        let mut files = Files::default();
        files.add("attKept0000000000", Kept::new("text/plain".to_owned(), "four".into()));
        let links = Links { files: &files, origin: "http://host", now: NOW };
        let ours = json!({"id": "attKept0000000000", "filename": "a.txt"});
        let foreign =
            json!({"id": "attOther000000000", "filename": "b.txt", "url": "https://example.com/b.txt"});
        let text = json!("attKept0000000000");
        let mut answer =
            json!({"records": [{"id": "rec1", "fields": {"Files": [ours, foreign.clone()], "Text": text}}]});
        links.show(&mut answer);
        let fields = &answer["records"][0]["fields"];
        assert_eq!(
            (&fields["Files"][0]["size"], &fields["Files"][1], &fields["Text"]),
            (&json!(4), &foreign, &text)
        );
        assert!(fields["Files"][0]["url"].as_str().unwrap().starts_with("http://host/attachments/attKept"));
    }
}
