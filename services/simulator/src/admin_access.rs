//! Who may see what is under `/admin`.

use std::sync::Arc;

use auth::{Keys, bearer};
use axum::{
    Json,
    extract::{Request, State as Shared},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

/// Lets in who brings one of the keys as bearer token.
pub async fn by_token(Shared(keys): Shared<Arc<Keys>>, request: Request, next: Next) -> Response {
    if bearer(request.headers()).is_some_and(|token| keys.find(token).is_some()) {
        return next.run(request).await;
    }
    refusal()
}

/// Lets in who brings one of the keys as bearer token or as the password that a browser asks for.
///
/// For pages that change nothing alone: a browser sends the password along whoever made it send a request.
pub async fn by_password(Shared(keys): Shared<Arc<Keys>>, request: Request, next: Next) -> Response {
    let token = bearer(request.headers()).map(str::to_owned).or_else(|| password(request.headers()));
    if token.is_some_and(|token| keys.find(&token).is_some()) {
        return next.run(request).await;
    }
    let mut refusal = refusal();
    let challenge = HeaderValue::from_static("Basic realm=\"simulator\", charset=\"UTF-8\"");
    refusal.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    refusal
}

/// The password of basic authentication, whatever the name.
fn password(headers: &HeaderMap) -> Option<String> {
    let (scheme, given) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let decoded =
        BASE64_STANDARD.decode(given.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let given = String::from_utf8(decoded).ok()?;
    given.split_once(':').map(|(_, password)| password.to_owned())
}

fn refusal() -> Response {
    let message = "what is under /admin needs the token in the file of --admin-token-file as bearer token";
    let body = json!({"error": {"type": "ADMIN_TOKEN_REQUIRED", "message": message}});
    (StatusCode::UNAUTHORIZED, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_what_follows_the_first_colon() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            password(&headers)
        };
        let encoded = |text: &str| BASE64_STANDARD.encode(text);
        assert_eq!(read(&format!("Basic {}", encoded("me:a:b"))).as_deref(), Some("a:b"));
        assert_eq!(read(&format!("basic {}", encoded(":x"))).as_deref(), Some("x"));
        assert_eq!(read(&format!("Basic {}", encoded("x"))), None);
        assert_eq!(read(&format!("Bearer {}", encoded("me:x"))), None);
        assert_eq!(read("Basic ###"), None);
    }
}
