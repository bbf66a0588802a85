//! Tokens of the operator's own ServiceAccount, one for each audience, so that no receiver can use one elsewhere.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{Api, Client, api::PostParams};
use tokio::sync::Mutex;

/// Lifetime asked for, in seconds; the API server's least is 600.
const LIFETIME: i64 = 3600;
/// A token is replaced once this much of its life is over.
const FRESH: Duration = Duration::from_mins(40);

/// A cache of tokens by audience.
#[derive(Clone)]
pub struct Tokens {
    account: Option<(Api<ServiceAccount>, String)>,
    cache: Arc<Mutex<HashMap<String, (Instant, String)>>>,
}

impl Tokens {
    /// Tokens of the ServiceAccount `name` of `namespace`; none when there is no name.
    pub fn new(client: Client, namespace: &str, name: Option<&str>) -> Self {
        let account = name.map(|name| (Api::namespaced(client, namespace), name.to_owned()));
        Self { account, cache: Arc::default() }
    }

    /// A token for `audience`, or none when the operator has no ServiceAccount.
    ///
    /// # Errors
    /// When the API server grants none.
    pub async fn get(&self, audience: &str) -> Result<Option<String>, kube::Error> {
        let Some((api, name)) = &self.account else { return Ok(None) };
        let mut cache = self.cache.lock().await;
        if let Some((since, token)) = cache.get(audience)
            && since.elapsed() < FRESH
        {
            return Ok(Some(token.clone()));
        }
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                audiences: Some(vec![audience.to_owned()]),
                expiration_seconds: Some(LIFETIME),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let answer = api.create_token_request(name, &PostParams::default(), &request).await?;
        let token = answer.status.and_then(|status| status.token).unwrap_or_default();
        cache.retain(|_, (since, _)| since.elapsed() < FRESH);
        cache.insert(audience.to_owned(), (Instant::now(), token.clone()));
        Ok(Some(token))
    }
}
