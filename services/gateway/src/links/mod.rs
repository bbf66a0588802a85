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

use std::sync::Arc;

use http::HeaderMap;

use self::{
    cells::Size,
    hosts::Hosts,
    keys::{Keys, Ring},
    reference::Reference,
};
pub use options::Options;

/// What makes URLs and knows them again.
pub struct Links {
    base: String,
    /// Without a slash at its end.
    origin: String,
    keys: Keys,
    hosts: Hosts,
}

/// Makes URLs with the keys as they are now.
pub struct Signer<'a> {
    links: &'a Links,
    ring: Arc<Ring>,
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
    pub fn new(options: &Options, base: &str) -> Option<Self> {
        let (url, file) = (options.urls.as_ref()?, options.key_file.as_ref()?);
        let origin = url.as_str().trim_end_matches('/').to_owned();
        let hosts = Hosts::new(options.hosts.clone());
        Some(Self { base: base.to_owned(), origin, keys: Keys::new(file), hosts })
    }

    /// What makes the URLs of an answer; none while there are no keys.
    pub fn signer(&self) -> Option<Signer<'_>> {
        Some(Signer { links: self, ring: self.keys.ring()? })
    }

    /// Whether this MAC makes a URL of the gateway's; none while there are no keys.
    pub fn verifies(&self, reference: &Reference<'_>, mac: &str) -> Option<bool> {
        Some(self.keys.ring()?.verifies(&reference.signed(&self.base), mac))
    }

    /// Ready: there are keys.
    ///
    /// # Errors
    /// Why not, beginning with a reason.
    pub fn check(&self) -> Result<(), String> {
        self.keys.check()
    }

    /// Where content may be fetched from.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }
}

impl Signer<'_> {
    /// The URL in place of `url`; none where that is not of Airtable's content.
    pub fn url(&self, url: &str, reference: &Reference<'_>) -> Option<String> {
        self.links.hosts.url(url)?;
        let mac = self.ring.mac(&reference.signed(&self.links.base));
        Some(format!("{}/attachments/{}", self.links.origin, reference.path(&mac)))
    }
}
