//! Where the server is and how one gets in: a URL in a file.

use std::{
    fmt::Display,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use redis::{ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion};

use crate::Error;

/// Largest file read, in bytes.
const LARGEST: u64 = 8 << 10;

/// A file with a URL; whitespace around it is not part of it.
#[derive(Debug, Clone)]
pub struct Source(PathBuf);

impl Source {
    /// The URL in `file`; nothing is read yet.
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self(file.into())
    }

    /// Where the URL is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The URL as it is now.
    pub(crate) fn read(&self) -> Result<ConnectionInfo, Error> {
        let mut url = String::new();
        let file = File::open(&self.0).map_err(|error| self.error(&error))?;
        file.take(LARGEST).read_to_string(&mut url).map_err(|error| self.error(&error))?;
        // What is wrong with a URL is not told: the message could hold a part of it.
        let wrong = |_| {
            self.error(&"not a URL of a store: expected redis://[user:password@]host:port/db, rediss://… or unix:///path")
        };
        let info = url.trim().into_connection_info().map_err(wrong)?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        Ok(info.set_redis_settings(settings.set_skip_set_lib_name()))
    }

    fn error(&self, why: &dyn Display) -> Error {
        Error::Source { file: self.0.display().to_string(), why: why.to_string() }
    }
}
