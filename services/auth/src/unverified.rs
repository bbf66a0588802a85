//! What a token says of itself: never believed, but a token that says it is for others is not worth a review.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// Longest token that is looked at, in bytes; those of `ServiceAccounts` have about a thousand.
const LONGEST: usize = 8 << 10;

#[derive(Deserialize)]
struct Claims {
    aud: Audience,
    exp: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Whether `token` claims to be for one of `audiences`, and not to be over `now` (since 1970). Its signature is not looked at.
pub fn may_be_valid(token: &str, audiences: &[String], now: Duration) -> bool {
    let is_alive = |exp: f64| exp > now.as_secs_f64();
    token.len() <= LONGEST
        && read(token).is_some_and(|claims| claims.aud.names(audiences) && claims.exp.is_none_or(is_alive))
}

/// The claims of a JSON Web Token.
fn read(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_head, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

impl Audience {
    fn names(&self, wanted: &[String]) -> bool {
        match self {
            Self::One(audience) => wanted.contains(audience),
            Self::Several(audiences) => audiences.iter().any(|audience| wanted.contains(audience)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn token(claims: &Value) -> String {
        format!("head.{}.signature", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn only_a_token_for_us_that_is_not_over_is_worth_a_review() {
        let now = Duration::from_secs(1_800_000_123);
        let ours = ["a".to_owned(), "b".to_owned()];
        for (claims, expected) in [
            (json!({"aud": ["x", "b"], "exp": 1_800_000_124}), true),
            (json!({"aud": "a"}), true),
            (json!({"aud": ["a"], "exp": 1_800_000_123}), false),
            (json!({"aud": ["x"], "exp": 1_900_000_000}), false),
            (json!({"exp": 1_900_000_000}), false),
            (json!([]), false),
        ] {
            assert_eq!(may_be_valid(&token(&claims), &ours, now), expected, "{claims}");
        }
    }

    #[test]
    fn what_is_no_token_or_is_too_long_is_not_worth_one() {
        let now = Duration::ZERO;
        let ours = ["a".to_owned()];
        let good = token(&json!({"aud": "a"}));
        assert!(may_be_valid(&good, &ours, now));
        for other in [
            "patNoWebToken",
            "a.b.c",
            "a.!.c",
            &format!("{good}.more"),
            &format!("{good}{}", "x".repeat(LONGEST)),
        ] {
            assert!(!may_be_valid(other, &ours, now), "{other}");
        }
    }
}
