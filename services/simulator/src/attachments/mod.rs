//! Attachments: cells that hold files, the files themselves, and URLs under which they are to be had for two hours.
//!
//! One direction: a write puts what was given into a cell ([`cell`]); what it names is awaited in [`files`] and fetched
//! ([`fetch`]), or came with the write ([`upload`]); answers get their URLs last ([`link`]), which are served ([`serve`]).

pub mod cell;
pub mod fetch;
pub mod files;
pub mod folder;
pub mod link;
pub mod partial;
pub mod serve;
pub mod upload;

pub use files::Files;
pub use partial::Failure;
