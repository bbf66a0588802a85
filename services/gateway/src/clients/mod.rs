//! Who calls the gateway, and with which rights.

mod check;
pub mod file;
pub mod watched;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use airtable::Table;
use auth::TokenReview;
use http::{HeaderMap, Method};

use self::{
    file::{Clients, Terms},
    watched::{ClientsFile, Reading},
};
use crate::{
    answer::Answer,
    keyed::key::Key,
    rights::{self, TableRights, Unknown},
    route,
    schema::Schema,
};

const WATCH_RIGHTS_EVERY: Duration = Duration::from_secs(5);

/// What a client may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rights {
    Full,
    ReadOnly,
    /// On these tables only; see [`crate::rights`].
    Tables(Arc<[TableRights]>),
}

impl Rights {
    /// By the fields `readOnly` and `tables` of a client. `readOnly` covers all tables.
    pub fn of(read_only: bool, tables: Option<Vec<TableRights>>) -> Self {
        let cover = |table: TableRights| TableRights { read_only: read_only || table.read_only, ..table };
        match tables {
            Some(tables) => Self::Tables(tables.into_iter().map(cover).collect()),
            None if read_only => Self::ReadOnly,
            None => Self::Full,
        }
    }

    /// Whether a request is allowed as far as its method and path tell; `path` is percent-encoded.
    pub fn allow(&self, method: &Method, path: &str) -> bool {
        *self != Self::ReadOnly || route::reads(method, path)
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The name of its key, or `namespace/name` of its `ServiceAccount`.
    pub name: String,
    pub rights: Rights,
    /// Of the budget: so many turns for each one of a client with a share of one.
    pub share: u16,
}

impl Client {
    /// The key under which the ledger keeps its write. Clients of the whole base share theirs, which they may look up
    /// anyway; another has its own.
    pub fn key(&self, key: Key) -> Key {
        match self.rights {
            Rights::Full | Rights::ReadOnly => key,
            Rights::Tables(_) => key.of_client(&self.name),
        }
    }
}

/// Where clients are listed.
pub enum Source {
    File(Box<ClientsFile>),
    Fixed(Arc<Clients>),
}

/// Tells clients from strangers.
pub struct Gatekeeper {
    source: Source,
    review: Option<TokenReview>,
}

impl Gatekeeper {
    /// A gatekeeper for the clients of `source`; without `review` there are no `ServiceAccounts` among them.
    pub fn new(source: Source, review: Option<TokenReview>) -> Result<Self, String> {
        let keeper = Self { source, review };
        let Reading { clients, .. } = keeper.read();
        clients.keys.survey();
        if keeper.review.is_none() && clients.has_service_accounts() {
            let message = "the clients file names serviceAccounts, but there is no Kubernetes API server to review \
                           their tokens: run in a cluster, or give --kubernetes-host";
            return Err(message.to_owned());
        }
        Ok(keeper)
    }

    /// Who sends these headers: 401 for a stranger, 503 where the API server gives no verdict.
    pub async fn identify(&self, headers: &HeaderMap) -> Result<Client, Answer> {
        let token = auth::bearer(headers).ok_or_else(Answer::authentication_required)?;
        let Reading { clients, .. } = self.read();
        let by_key = clients.keys.find(token).and_then(|key| {
            let Terms { rights, share } = clients.of_key(&key.name)?;
            Some(Client { name: key.name.clone(), rights, share })
        });
        match by_key {
            Some(client) => Ok(client),
            None => {
                self.by_service_account(&clients, token).await?.ok_or_else(Answer::authentication_required)
            }
        }
    }

    async fn by_service_account(&self, clients: &Clients, token: &str) -> Result<Option<Client>, Answer> {
        let Some(review) = self.review.as_ref().filter(|_| clients.has_service_accounts()) else {
            return Ok(None);
        };
        let identity = review.review(token).await.map_err(|error| {
            tracing::warn!(%error, "a client could not be identified");
            Answer::later("GATEWAY_AUTHENTICATION_UNAVAILABLE", &error.to_string(), 5)
        })?;
        Ok(identity.as_ref().and_then(|identity| {
            let (namespace, name) = identity.service_account()?;
            let Terms { rights, share } = clients.of_service_account(namespace, name)?;
            Some(Client { name: format!("{namespace}/{name}"), rights, share })
        }))
    }

    /// Whether anybody can use the gateway, and what keeps out some; shown to whoever asks.
    pub fn check(&self) -> Result<Option<String>, String> {
        let Reading { clients, stale } = self.read();
        check::verdict(stale, &clients.keys.survey(), clients.has_service_accounts())
    }

    /// Warns once of each table or field that rights name and the base, as it was read last, does not have; for ever.
    pub async fn watch_rights(&self, schema: &Schema) {
        let mut told = BTreeSet::new();
        loop {
            if let Some(tables) = schema.latest() {
                let unknown = self.unknown(&tables);
                for news in unknown.difference(&told) {
                    tracing::warn!("{news}");
                }
                told = unknown;
            }
            tokio::time::sleep(WATCH_RIGHTS_EVERY).await;
        }
    }

    fn unknown(&self, tables: &[Table]) -> BTreeSet<Unknown> {
        let Reading { clients, .. } = self.read();
        clients.limited().flat_map(|(name, rights)| rights::unknown(&name, &rights, tables)).collect()
    }

    fn read(&self) -> Reading {
        match &self.source {
            Source::File(file) => file.read(),
            Source::Fixed(clients) => Reading { clients: clients.clone(), stale: None },
        }
    }
}

#[cfg(test)]
mod tests;
