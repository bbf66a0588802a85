//! Claims: at most one holder of the right to settle a key.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Error, Ledger,
    claimed::Taken,
    decide::{self, Assign, Change, Entry, Settle},
    shared::{Holding, Token, Watch},
    turn::{Decided, Keys, Stand},
};

/// A claim as the ledger keeps it; given up on drop.
#[derive(Debug)]
pub enum Lease {
    Local(Taken),
    Shared(Holding),
}

impl Lease {
    fn key(&self) -> &str {
        match self {
            Self::Local(taken) => &taken.key,
            Self::Shared(holding) => holding.key(),
        }
    }

    fn stand(&self, stand: fn(Token) -> Stand) -> Stand {
        match self {
            Self::Local(_) => Stand::Asks,
            Self::Shared(holding) => stand(holding.token()),
        }
    }
}

/// Whether a claim that other processes may get still holds, told without asking anybody; clones tell the same.
#[derive(Debug, Clone)]
pub struct Hold(Watch);

impl Hold {
    /// Whether what is begun now is begun before anybody else can get the claim.
    pub fn is_good(&self) -> bool {
        self.0.is_good()
    }

    /// Resolves when it is not good any more.
    pub async fn ended(&self) {
        self.0.ended().await;
    }
}

/// The exclusive right to settle a key.
///
/// Dropped unsettled, the intent stays and whoever uses the key next meets it as interrupted.
#[derive(Debug)]
#[must_use = "a claim that is dropped leaves its key interrupted"]
pub struct Claim {
    ledger: Ledger,
    lease: Lease,
    names: Vec<String>,
}

impl Claim {
    pub(crate) fn new(ledger: Ledger, lease: Lease) -> Self {
        Self { ledger, lease, names: Vec::new() }
    }

    /// The key that is claimed.
    pub fn key(&self) -> &str {
        self.lease.key()
    }

    /// Tells whether it still holds. What must not happen beside another holder is begun only while it does, and given
    /// up when it ends. None where there are no other processes.
    pub fn hold(&self) -> Option<Hold> {
        match &self.lease {
            Lease::Local(_) => None,
            Lease::Shared(holding) => Some(Hold(holding.watch())),
        }
    }

    /// From when on nothing is under way any more that other processes began under earlier claims of the key, given that
    /// they heed [`Claim::hold`]. None where there are no other processes.
    pub fn quiet(&self) -> Option<Timestamp> {
        match &self.lease {
            Lease::Local(_) => None,
            Lease::Shared(holding) => Some(holding.quiet()),
        }
    }

    /// Keeps another JSON note with the intent, durably before it returns.
    pub async fn note(&self, note: Value) -> Result<(), Error> {
        let noted =
            self.ledger.turn(Keys::one(self.key()), self.lease.stand(Stand::Holds), move |known, _| {
                Ok(Decided::one((decide::note(known.entry, note.clone()), ())))
            });
        noted.await
    }

    /// Gives all of `names` to the key in the same moment as it is finished or closed. Where one is another key's already,
    /// that fails with [`Error::Taken`], and the key stays as it is. Whose a name is, [`Ledger::look`] tells, as the
    /// outcome.
    pub fn owning(self, names: Vec<String>) -> Self {
        Self { names, ..self }
    }

    /// The work took effect; `outcome` is answered to whoever begins it again.
    pub async fn finish(self, outcome: Value, now: Timestamp) -> Result<(), Error> {
        self.settle(Settle::Finish { outcome, now }).await
    }

    /// The work is proven to be without effect: the key is unknown again.
    pub async fn forget(self) -> Result<(), Error> {
        self.settle(Settle::Forget).await
    }

    /// The work must not be done from now on; `found` is what had been done.
    pub async fn close(self, found: Option<Value>, now: Timestamp) -> Result<(), Error> {
        self.settle(Settle::Close { found, now }).await
    }

    /// The lease travels with the operation, so that the key is claimed until the entry is settled, also when
    /// the caller stops waiting.
    async fn settle(self, settle: Settle) -> Result<(), Error> {
        let Self { ledger, lease, names } = self;
        let names = if settle.gives_at().is_some() { names } else { Vec::new() };
        let keys = Keys { key: lease.key().to_owned(), names };
        let (owner, given) = (keys.key.clone(), keys.names.clone());
        let settled = ledger.turn(keys, lease.stand(Stand::Settles), move |known, _| {
            let _until_it_is_settled = &lease;
            let changes = match settle.gives_at() {
                Some(now) => give(&given, known.names, &owner, now)?,
                None => Vec::new(),
            };
            let change = decide::settle(known.entry, settle.clone());
            Ok(Decided { change, names: changes, answer: () })
        });
        settled.await
    }
}

/// All of `names`, whose entries these are, or none where one is somebody else's.
fn give(
    names: &[String],
    entries: Vec<Option<Entry>>,
    owner: &str,
    now: Timestamp,
) -> Result<Vec<Change>, Error> {
    let give = |(name, entry): (&String, Option<Entry>)| match decide::assign(entry, owner, now) {
        Assign::Take(change) => Ok(change),
        Assign::Taken => Err(Error::Taken { name: name.clone() }),
    };
    names.iter().zip(entries).map(give).collect()
}
