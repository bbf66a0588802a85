//! The files behind attachments: what is awaited, what is kept, and how much of it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use airtable::id::Kind;
use axum::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Failure, cell};
use crate::{
    secret::Secret,
    transaction::{Change, Operation},
    world::Base,
};

/// Most bytes of all files together.
pub const MOST_BYTES: usize = 32 << 20;
/// Most files, wherever they are.
const MOST_FILES: usize = 10_000;
/// How long a URL that failed is not tried again.
const FAILED: SignedDuration = SignedDuration::from_mins(1);
/// Most files that are awaited at a time.
const MOST_AWAITED: usize = 1_000;

/// The files by the ids of their attachments. A copy shares their bytes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Files {
    /// Signs the URLs of files.
    pub key: Secret,
    by_id: BTreeMap<String, File>,
    #[serde(skip)]
    fetching: HashSet<String>,
    /// Somebody fetches all that is awaited.
    #[serde(skip)]
    all_begun: bool,
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum File {
    /// To be fetched.
    Awaited { url: String },
    /// It could not be fetched or kept.
    Missing {
        why: String,
        /// What failed when; none where nothing was tried.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tried: Option<(String, Timestamp)>,
    },
    /// It is here.
    Kept(Kept),
}

/// A file that is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// As in `Content-Type`.
    #[serde(rename = "type")]
    pub media_type: String,
    /// In bytes.
    pub size: usize,
    /// Width and height in pixels, where it is an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<(usize, usize)>,
    /// In a snapshot they are in a file of their own.
    #[serde(skip)]
    pub bytes: Bytes,
}

impl Kept {
    pub fn new(media_type: String, bytes: Bytes) -> Self {
        let pixels = imagesize::blob_size(&bytes).ok().map(|size| (size.width, size.height));
        Self { media_type, size: bytes.len(), pixels, bytes }
    }
}

impl Files {
    pub fn get(&self, id: &str) -> Option<&File> {
        self.by_id.get(id)
    }

    /// The files that are here.
    pub fn kept_mut(&mut self) -> impl Iterator<Item = (&String, &mut File)> {
        self.by_id.iter_mut().filter(|(_, file)| matches!(file, File::Kept(_)))
    }

    /// The files that are here.
    pub fn kept(&self) -> impl Iterator<Item = (&str, &Kept)> {
        self.by_id.iter().filter_map(|(id, file)| match file {
            File::Kept(kept) => Some((id.as_str(), kept)),
            _ => None,
        })
    }

    /// Awaits the files that these changes name for the first time, as far as there is room for them; answers why others don't come.
    pub fn expect(&mut self, changes: &[Change], bases: &[Base], now: Timestamp) -> BTreeSet<Failure> {
        let mut failures = BTreeSet::new();
        let written = changes.iter().filter(|change| change.operation != Operation::Delete);
        let cells = written.flat_map(|change| change.fields.values());
        for attachment in cells.flat_map(|cell| cell::items(Some(cell))) {
            let (Some(id), Some(url)) = (cell::text(attachment, "id"), cell::text(attachment, "url")) else {
                continue;
            };
            let is_described = attachment.get("size").is_some();
            if Kind::Attachment.names(id) && !is_described && !self.by_id.contains_key(id) {
                let (file, failure) = self.awaited(url, bases, now);
                self.by_id.insert(id.to_owned(), file);
                failures.extend(failure);
            }
        }
        failures
    }

    fn awaited(&mut self, url: &str, bases: &[Base], now: Timestamp) -> (File, Option<Failure>) {
        let has_failed = |file: &&File| match file {
            File::Missing { tried: Some((tried, at)), .. } => {
                tried == url && now.duration_since(*at) < FAILED
            }
            _ => false,
        };
        if let Some(failed) = self.by_id.values().find(has_failed) {
            return (failed.clone(), Some(Failure::AttachmentsFailedUploading));
        }
        let awaited = self.by_id.values().filter(|file| matches!(file, File::Awaited { .. })).count();
        if awaited < MOST_AWAITED && self.make_room(0, bases) {
            self.all_begun = false;
            return (File::Awaited { url: url.to_owned() }, None);
        }
        let why = format!("{MOST_AWAITED} files are awaited already, or {MOST_FILES} are kept");
        (File::Missing { why, tried: None }, Some(Failure::AttachmentUploadRateIsTooHigh))
    }

    /// The ids and URLs of the files that nobody fetches yet; from now on somebody does.
    pub fn begin_fetching(&mut self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if std::mem::replace(&mut self.all_begun, true) {
            return found;
        }
        for (id, file) in &self.by_id {
            if let File::Awaited { url } = file
                && self.fetching.insert(id.clone())
            {
                found.push((id.clone(), url.clone()));
            }
        }
        found
    }

    /// Ends the wait for a file; nothing happens where nobody waits for it any more.
    pub fn arrived(&mut self, id: &str, file: File) {
        self.fetching.remove(id);
        if let Some(held @ File::Awaited { .. }) = self.by_id.get_mut(id) {
            *held = file;
        }
    }

    /// Adds a file that came with a request.
    pub fn add(&mut self, id: &str, kept: Kept) {
        self.by_id.insert(id.to_owned(), File::Kept(kept));
    }

    /// Makes room for a file of so many bytes: files that are in no cell of these bases go. False where that is not enough.
    pub fn make_room(&mut self, bytes: usize, bases: &[Base]) -> bool {
        let fits = |files: &Self| {
            let held: usize = files.kept().map(|(_, kept)| kept.size).sum();
            held + bytes <= MOST_BYTES && files.by_id.len() < MOST_FILES
        };
        if !fits(self) {
            let held: HashSet<&str> = bases.iter().flat_map(cell::ids).collect();
            self.by_id.retain(|id, _| held.contains(id.as_str()));
        }
        fits(self)
    }

    /// Each file as `/admin/attachments` tells it.
    pub fn report(&self) -> Vec<Value> {
        let report = |(id, file): (&String, &File)| match file {
            File::Awaited { .. } => json!({"id": id, "state": "awaited"}),
            File::Missing { why, .. } => json!({"id": id, "state": "missing", "why": why}),
            File::Kept(kept) => {
                json!({"id": id, "state": "kept", "type": kept.media_type, "size": kept.size})
            }
        };
        self.by_id.iter().map(report).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fixture;

    fn kept(size: usize) -> Kept {
        Kept::new("text/plain".to_owned(), vec![b'x'; size].into())
    }

    #[test]
    fn files_that_are_in_no_cell_make_room_and_those_in_cells_stay() {
        let mut bases = Fixture::sample().unwrap().into_world().unwrap().bases;
        let mut files = Files::default();
        files.add("attHeld0000000000", kept(MOST_BYTES / 2));
        files.add("attGone0000000000", kept(MOST_BYTES / 2));
        let invoices = bases[0].table("Invoices").unwrap().schema.id.clone();
        let invoices = bases[0].table_mut(&invoices).unwrap();
        let field = invoices.schema.field("Document").unwrap().id.clone();
        let row = invoices.row_mut("recCRM00000000301").unwrap();
        row.cells.insert(field, json!([{"id": "attHeld0000000000", "filename": "x"}]));
        assert!(files.make_room(1, &bases));
        assert!(files.get("attHeld0000000000").is_some() && files.get("attGone0000000000").is_none());
        assert!(!files.make_room(MOST_BYTES / 2 + 1, &bases), "what is in a cell is not dropped");
    }

    #[test]
    fn a_file_is_fetched_once_and_only_while_it_is_awaited() {
        let mut files = Files::default();
        let (file, failure) = files.awaited("https://example.com", &[], Timestamp::UNIX_EPOCH);
        assert_eq!(failure, None);
        files.by_id.insert("att1".to_owned(), file);
        assert_eq!(files.begin_fetching(), [("att1".to_owned(), "https://example.com".to_owned())]);
        assert_eq!(files.begin_fetching(), []);
        files.arrived("att1", File::Kept(kept(1)));
        files.arrived("att1", File::Missing { why: String::new(), tried: None });
        assert_eq!(files.get("att1"), Some(&File::Kept(kept(1))));
    }
    #[test]
    fn a_url_that_failed_is_said_to_fail_for_a_minute_and_is_then_tried_again() {
        let mut files = Files::default();
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let tried = Some(("https://example.com".to_owned(), at(0)));
        let missing = File::Missing { why: "404".to_owned(), tried };
        files.by_id.insert("att1".to_owned(), missing.clone());
        let failed = (missing, Some(Failure::AttachmentsFailedUploading));
        assert_eq!(files.awaited("https://example.com", &[], at(59)), failed);
        assert_eq!(files.awaited("https://example.com/2", &[], at(59)).1, None);
        assert_eq!(files.awaited("https://example.com", &[], at(60)).1, None);
    }

    #[test]
    fn more_files_than_may_be_awaited_are_said_not_to_come() {
        let mut files = Files::default();
        for number in 0..=MOST_AWAITED {
            let (file, failure) = files.awaited("https://example.com", &[], Timestamp::UNIX_EPOCH);
            assert_eq!(failure.is_some(), number == MOST_AWAITED, "{number}");
            files.by_id.insert(number.to_string(), file);
        }
    }
}
