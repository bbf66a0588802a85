//! Why a ledger can't answer. Each message says which file it is about and what to do.

/// A ledger that can't be opened, read or written. Whoever meets one answers "later", never "not done".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another process holds the file.
    #[error(
        "ledger {file} is open in another process: stop that one, or give each process a file of its own"
    )]
    InUse {
        /// The file.
        file: String,
    },
    /// The folder or the file can't be used: missing, read-only, not permitted.
    #[error("ledger {file} can't be opened: {why}; its folder must exist and be writable for this user")]
    Unreachable {
        /// The file.
        file: String,
        /// What the operating system said.
        why: String,
    },
    /// The file is there, but it is not a whole ledger.
    #[error(
        "ledger {file} is damaged: {why}; restore it from a backup, or move it away to begin an empty one, \
         which treats keys first used before its birth as interrupted"
    )]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// Reading or writing failed; the file is opened anew for the next operation.
    #[error(
        "ledger {file} can't be read or written: {why}; check that the volume has space and is not read-only"
    )]
    Storage {
        /// The file.
        file: String,
        /// What the store said.
        why: String,
    },
    /// The store of several processes can't be used, or what it answers can't.
    #[error("the ledger's store can't be used: {why}")]
    Store {
        /// What is the matter.
        why: String,
    },
    /// The claim on the key is not this one's any more: it was not renewed in time, or the store lost it. Nothing was written.
    #[error("the claim on the key was lost: another process may be at it")]
    ClaimLost,
    /// A name that was to be given belongs to somebody else; nothing was written.
    #[error("{name} belongs to another key")]
    Taken {
        /// The name.
        name: String,
    },
    /// The writer thread has ended; the process has to be restarted.
    #[error("the writer of the ledger has stopped: restart the process")]
    Stopped,
}

impl From<valkey::Error> for Error {
    fn from(error: valkey::Error) -> Self {
        Self::Store { why: error.to_string() }
    }
}

/// A call from an operator process that is no longer in charge, or a ledger that can't tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fenced {
    /// A higher epoch was seen for the key.
    #[error("epoch {seen} was seen before")]
    Older {
        /// The highest epoch seen.
        seen: i64,
    },
    /// The ledger can't answer.
    #[error(transparent)]
    Store(#[from] Error),
}
