//! Who may call: the operator, by its ServiceAccount's token for this worker, or by a key.

use std::sync::Arc;

use auth::{Error, Keys, TokenReview, bearer};
use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::contract::Problem;

/// The callers that are let in: whoever has a key, or a token that belongs to the operator.
pub struct Access {
    /// Everybody is let in: for development.
    pub anonymous: bool,
    /// The keys.
    pub keys: Keys,
    /// The review of tokens, and the one user, such as `system:serviceaccount:sales:operator`.
    pub operator: Option<(TokenReview, String)>,
}

impl Access {
    async fn allows(&self, token: Option<&str>) -> Result<bool, Error> {
        if self.anonymous {
            return Ok(true);
        }
        let Some(token) = token else { return Ok(false) };
        if self.keys.find(token).is_some() {
            return Ok(true);
        }
        let Some((review, user)) = &self.operator else { return Ok(false) };
        Ok(review.review(token).await?.is_some_and(|identity| identity.username == *user))
    }
}

/// Lets a request through, or answers 401; 500 where the API server can't be asked, since 503 would claim that the
/// key has no effect.
pub async fn check(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    match access.allows(bearer(request.headers())).await {
        Ok(true) => next.run(request).await,
        Ok(false) => {
            let problem =
                Problem::new("Unauthorized", "a bearer token of the operator for this worker is needed");
            (StatusCode::UNAUTHORIZED, Json(json!({"error": problem}))).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "a caller could not be identified");
            let problem = Problem::new("AuthenticationUnavailable", "the caller could not be identified");
            (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": problem}))).into_response()
        }
    }
}
