//! The gateway's own URLs of attachments, which outlive Airtable's: what they look like, and where they stand in answers.
//! Pure but for the file with the keys.
//!
//! `<base URL>/attachments/{table}/{record}/{attachment}/{size}/{mac}/{file name}`: outside of `/v0/`, under which all of
//! Airtable's API is, so that no base or table can have the same path. The MAC is the right to read it.

pub mod cells;
pub mod hosts;
mod keys;
mod options;
pub mod reference;

use http::HeaderMap;

use self::{cells::Size, hosts::Hosts, keys::Keys, reference::Reference};
pub use options::Options;

/// What makes URLs and knows them again.
pub struct Links {
    base: String,
    /// Without a slash at its end.
    origin: String,
    keys: Keys,
    hosts: Hosts,
}

/// Which URLs of attachments a client wants: `Attachment-Urls: airtable` asks for Airtable's.
///
/// Whoever writes a file back that may be gone from its cell by then needs them: they live on for two hours, the gateway's
/// lead to what is in the cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Links,
    Airtables,
}

impl Wanted {
    /// By the headers of a request.
    pub fn of(headers: &HeaderMap) -> Self {
        match headers.get("attachment-urls") {
            Some(value) if value.as_bytes().eq_ignore_ascii_case(b"airtable") => Self::Airtables,
            _ => Self::Links,
        }
    }
}

impl Links {
    /// Links to attachments in `base`, where they are wanted.
    ///
    /// # Errors
    /// When the keys can't be used.
    pub fn new(options: &Options, base: &str) -> Result<Option<Self>, String> {
        let (Some(url), Some(file)) = (&options.urls, &options.key_file) else { return Ok(None) };
        let origin = url.as_str().trim_end_matches('/').to_owned();
        let hosts = Hosts::new(options.hosts.clone());
        Ok(Some(Self { base: base.to_owned(), origin, keys: Keys::open(file)?, hosts }))
    }

    /// The URL in place of `url`; none where that is not of Airtable's content.
    pub fn url(&self, url: &str, reference: &Reference<'_>) -> Option<String> {
        self.hosts.url(url)?;
        let mac = self.keys.ring().mac(&reference.signed(&self.base));
        Some(format!("{}/attachments/{}", self.origin, reference.path(&mac)))
    }

    /// Whether this MAC makes a URL of the gateway's.
    pub fn verifies(&self, reference: &Reference<'_>, mac: &str) -> bool {
        self.keys.ring().verifies(&reference.signed(&self.base), mac)
    }

    /// Where content may be fetched from.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }
}
