//! Why there is no answer, and whether anything may have been done.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// No answer. No message holds the URL or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file with the URL can't be used; nothing was sent.
    #[error("{file}: {why}")]
    Source {
        /// The file.
        file: String,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// There is no connection, or the server is not up yet; nothing was done.
    #[error("the store can't be reached: {0}")]
    Unreachable(String),
    /// The password, the rights of its user, or a server that must not be written to; nothing was done.
    #[error("the store refuses: {0}")]
    Refused(String),
    /// The time was over; it may have been done, or may be done yet.
    #[error("the store did not answer within a second")]
    TimedOut,
    /// The connection broke before the answer; it may have been done.
    #[error("the connection to the store broke before its answer")]
    Lost,
    /// An error, or an answer of another kind than expected. A script may have done a part.
    #[error("the store answered: {0}")]
    Answer(String),
}

impl Error {
    /// As a label of metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Source { .. } | Self::Unreachable(_) => "unreachable",
            Self::Refused(_) => "refused",
            Self::TimedOut => "timedOut",
            Self::Lost => "lost",
            Self::Answer(_) => "failed",
        }
    }

    /// Whether the connection that it came from is of no more use.
    pub(crate) fn ends_connection(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Lost | Self::Refused(_))
    }

    /// While connecting and introducing oneself: nothing was asked for yet.
    pub(crate) fn of_connecting(error: &RedisError) -> Self {
        match Self::of_call(error) {
            Self::Lost => Self::Unreachable(error.to_string()),
            Self::Answer(why) => Self::Unreachable(why),
            other => other,
        }
    }

    /// After the command was handed over.
    pub(crate) fn of_call(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io => Self::Lost,
            ErrorKind::AuthenticationFailed => Self::Refused("user or password are wrong".to_owned()),
            ErrorKind::Server(ServerErrorKind::NoPerm) => {
                let detail = error.detail().unwrap_or("a command or a key is not permitted");
                Self::Refused(format!("{detail} (ACL)"))
            }
            ErrorKind::Server(ServerErrorKind::ReadOnly) => Self::read_only(),
            ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown) => {
                Self::Unreachable("the server is loading its data".to_owned())
            }
            _ => match (error.code(), error.detail()) {
                (Some("WRONGPASS"), _) => Self::Refused("user or password are wrong".to_owned()),
                (Some("NOAUTH"), _) => Self::Refused("it wants a user or a password".to_owned()),
                (Some(code), detail) => Self::Answer(format!("{code} {}", detail.unwrap_or_default())),
                (None, _) => Self::Answer(error.to_string()),
            },
        }
    }

    pub(crate) fn read_only() -> Self {
        Self::Refused("the server is a read-only replica, the URL must lead to the primary".to_owned())
    }
}
