//! Personal access tokens of the people of an enterprise account, without the tokens themselves.

use airtable::Error;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Enterprise, account, failure};
use crate::world::World;

/// A token as the meta API tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Token {
    /// `pat…`.
    id: String,
    name: String,
    state: String,
    #[serde(default)]
    scopes: Vec<String>,
    resource_access: ResourceAccess,
    created_time: Timestamp,
    user_id: String,
    created_by_user_id: String,
}

/// What a token opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResourceAccess {
    mode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource_model_ids: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revocation {
    token_ids: Vec<String>,
}

/// The tokens; what each opens only where `includeResources` says so.
pub fn list(enterprise: &Enterprise, asked: &Map<String, Value>) -> Value {
    let with_resources = asked.get("includeResources").and_then(Value::as_str);
    let with_resources = with_resources.is_some_and(|said| said.eq_ignore_ascii_case("true") || said == "1");
    let mut tokens = enterprise.personal_access_tokens.clone();
    for token in tokens.iter_mut().filter(|_| !with_resources) {
        token.resource_access.resource_model_ids = None;
    }
    json!({"personalAccessTokens": tokens})
}

/// Takes tokens away, each for itself.
pub fn revoke(world: &mut World, asked: &Revocation) -> Result<Value, Error> {
    let tokens = &mut account(world)?.personal_access_tokens;
    let (mut revoked, mut errors) = (Vec::new(), Vec::new());
    for id in &asked.token_ids {
        match tokens.iter().position(|token| token.id == *id) {
            Some(place) => revoked.push(json!({"id": id, "userId": tokens.remove(place).user_id})),
            None => errors.push(failure("tokenId", id, &Error::ModelNotFound)),
        }
    }
    Ok(json!({"revokedTokens": revoked, "errors": errors}))
}
