//! Who calls: client keys from files, and `ServiceAccount` tokens reviewed by the Kubernetes API server.
//!
//! A leaf: it knows no router and no rights. A service decides what a caller may do; this crate says who it is.

mod bearer;
mod keys;
mod secret_file;
mod token_review;
mod unverified;
mod verdicts;

pub use bearer::bearer;
pub use keys::{Fault, Key, Keys, Survey};
pub use secret_file::{Secret, SecretFile};
pub use token_review::{ApiServer, Identity, TokenReview};

/// Why somebody could not be identified, other than by being nobody.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A secret's file is missing, unreadable, not UTF-8 or empty.
    #[error("{file}: {why}")]
    SecretFile {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The client for the API server can't be made.
    #[error("client for the Kubernetes API server: {0}")]
    Client(String),
    /// The API server gave no verdict; that says nothing about the token.
    #[error("the Kubernetes API server did not review the token: {0}")]
    Unavailable(String),
}
