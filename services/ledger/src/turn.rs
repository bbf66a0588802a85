//! One turn at the ledger: what is known of a key at one moment, and what is to become of it.

use jiff::Timestamp;

use crate::{
    Error,
    claim::Lease,
    decide::{Change, Entry, Key},
    shared::Token,
};

/// How whoever decides stands to the claim of the key.
#[derive(Debug)]
pub enum Stand {
    /// It may be anybody's.
    Asks,
    /// It has this one in the store, or the decision is an error.
    Holds(Token),
    /// The same, and gives it up with what is written.
    Settles(Token),
}

impl Stand {
    /// The claim that it must have.
    pub fn token(&self) -> Option<&Token> {
        match self {
            Self::Asks => None,
            Self::Holds(token) | Self::Settles(token) => Some(token),
        }
    }
}

/// A key, and the names that are given to it in the same moment.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    pub key: String,
    pub names: Vec<String>,
}

impl Keys {
    /// A key without names.
    pub fn one(key: &str) -> Self {
        Self { key: key.to_owned(), names: Vec::new() }
    }
}

/// What is known of them, at one moment.
#[derive(Debug)]
pub struct Known {
    pub entry: Option<Entry>,
    /// Somebody holds the claim of the key.
    pub claimed: bool,
    /// Of keys first used before this time the ledger may know nothing.
    pub horizon: Timestamp,
    /// The entries of the names, in their order.
    pub names: Vec<Option<Entry>>,
}

impl Known {
    /// The key as a decision meets it, of a caller who first used it at `since`.
    pub fn key(self, since: Option<Timestamp>) -> Key {
        let forgotten = since.filter(|since| *since < self.horizon);
        Key { entry: self.entry, claimed: self.claimed, forgotten }
    }
}

/// What is to become of them, all in the same moment, and what to answer then.
#[derive(Debug)]
pub struct Decided<T> {
    pub change: Change,
    /// Of the names, in their order.
    pub names: Vec<Change>,
    pub answer: T,
}

impl<T> Decided<T> {
    /// A change of the key alone.
    pub fn one((change, answer): (Change, T)) -> Self {
        Self { change, names: Vec::new(), answer }
    }
}

/// A decision: asked again where what is known changed before it could be written. The second argument claims the key.
pub trait Decision<T>:
    Fn(Known, &mut dyn FnMut(()) -> Lease) -> Result<Decided<T>, Error> + Send + Sync + 'static
{
}

impl<T, F> Decision<T> for F where
    F: Fn(Known, &mut dyn FnMut(()) -> Lease) -> Result<Decided<T>, Error> + Send + Sync + 'static
{
}
