//! Tokens of the operator's own ServiceAccount, one for each audience, so that no receiver can use one elsewhere.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
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
/// Audiences kept; beyond, those whose token is not fresh are forgotten.
const MANY: usize = 1000;

/// When a token was made, and the token; none before the first. Whoever asks for it makes it, and others wait for that.
type Slot = Arc<Mutex<Option<(Instant, String)>>>;

/// A cache of tokens by audience.
#[derive(Clone)]
pub struct Tokens {
    account: Option<(Api<ServiceAccount>, String)>,
    slots: Arc<std::sync::Mutex<HashMap<String, Slot>>>,
}

impl Tokens {
    /// Tokens of the ServiceAccount `name` of `namespace`; none when there is no name.
    pub fn new(client: Client, namespace: &str, name: Option<&str>) -> Self {
        let account = name.map(|name| (Api::namespaced(client, namespace), name.to_owned()));
        Self { account, slots: Arc::default() }
    }

    /// A token for `audience`, or none when the operator has no ServiceAccount. Waits for nobody but the API server: the
    /// caller bounds the time.
    ///
    /// # Errors
    /// When the API server grants none.
    pub async fn get(&self, audience: &str) -> Result<Option<String>, kube::Error> {
        let Some((api, name)) = &self.account else { return Ok(None) };
        let slot = self.slot(audience);
        let mut slot = slot.lock().await;
        if let Some((_, token)) = slot.as_ref().filter(|made| is_fresh(made)) {
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
        *slot = Some((Instant::now(), token.clone()));
        Ok(Some(token))
    }

    fn slot(&self, audience: &str) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MANY {
            slots.retain(|_, slot| slot.try_lock().map_or(true, |slot| slot.as_ref().is_some_and(is_fresh)));
        }
        slots.entry(audience.to_owned()).or_default().clone()
    }
}

fn is_fresh((since, _): &(Instant, String)) -> bool {
    since.elapsed() < FRESH
}
