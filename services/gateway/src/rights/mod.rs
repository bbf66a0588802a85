//! Clients with rights on some tables and fields only: what they may ask for, and what of the answers they see.
//!
//! [`decide()`] and [`Filter`] are pure: by the declared rights and the schema of the base. What is hidden is answered as if
//! it were not there. What can't be decided is not sent.

mod call;
mod cells;
mod decide;
mod filter;
mod grant;
mod list;
mod proof;
mod unknown;
mod write;

use self::{
    decide::{Allowed, decide},
    grant::Scope,
    proof::Proven,
};
use crate::{
    answer::Answer,
    delivery::{Delivery, upstream::Request},
    keyed::{Idempotency, key::Key},
    queue::caller::Caller,
    schema::Schema,
};

pub use filter::Filter;
pub use grant::TableRights;
pub use unknown::{Unknown, unknown};

/// Decides about the requests of clients with limited rights.
pub struct Inspector {
    base: String,
    delivery: Delivery,
    schema: Schema,
    proven: Proven,
}

impl Inspector {
    /// An inspector for `base`, whose `schema` says what names mean; it asks Airtable by `delivery`.
    pub fn new(base: &str, delivery: Delivery, schema: Schema) -> Self {
        Self { base: base.to_owned(), delivery, schema, proven: Proven::default() }
    }

    /// What to send in place of `request`, and what of the answer the client gets; else the answer that refuses it.
    /// `key`: the idempotency key it will be sent under.
    pub async fn inspect(
        &self,
        rights: &[TableRights],
        request: &Request,
        key: Option<(&Key, &Idempotency)>,
        caller: &Caller,
    ) -> Result<(Request, Filter), Answer> {
        let Allowed { request, filter, proof } = self.decide(rights, request, caller).await?;
        if let Some(proof) = proof {
            let is_proven = match key {
                Some((key, idempotency)) => idempotency.has_begun(key, &request).await?,
                None => false,
            };
            if !is_proven {
                self.proven.prove(&proof, &self.base, &self.delivery, caller).await?;
            }
        }
        Ok((request, filter))
    }

    async fn decide(
        &self,
        rights: &[TableRights],
        request: &Request,
        caller: &Caller,
    ) -> Result<Allowed, Answer> {
        let tables = self.schema.tables(caller).await?;
        let decided = decide(Scope { rights, tables: &tables }, &self.base, request);
        let decided = match decided {
            Err(refusal) if refusal.is_of_a_name() => {
                let tables = self.schema.after(&tables, caller).await?;
                decide(Scope { rights, tables: &tables }, &self.base, request)
            }
            decided => decided,
        };
        Ok(decided?)
    }
}

#[cfg(test)]
mod tests;
