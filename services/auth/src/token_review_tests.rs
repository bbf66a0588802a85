//! TokenReview against a scripted API server.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Json, Router, extract::State, http::HeaderMap, routing::post};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;

const AUDIENCE: &str = "gateway.pyairtable.dev";

/// A token that claims to be for [`AUDIENCE`].
fn token_for(name: &str) -> String {
    let claims = json!({"aud": [AUDIENCE], "sub": name}).to_string();
    format!("head.{}.signature", URL_SAFE_NO_PAD.encode(claims))
}

/// Accepts the token of `good` for [`AUDIENCE`], counts reviews.
async fn api_server() -> (String, Arc<AtomicUsize>) {
    async fn review(
        State(count): State<Arc<AtomicUsize>>,
        headers: HeaderMap,
        Json(body): Json<Value>,
    ) -> Json<Value> {
        count.fetch_add(1, Ordering::SeqCst);
        assert_eq!(headers["authorization"], "Bearer own-token");
        assert_eq!(body["spec"]["audiences"], json!([AUDIENCE]));
        Json(match body["spec"]["token"].as_str() {
            Some(token) if token == token_for("good") => {
                json!({"status": {"authenticated": true, "audiences": [AUDIENCE],
                "user": {"username": "system:serviceaccount:sales:worker"}}})
            }
            Some(token) if token == token_for("foreign") => {
                json!({"status": {"authenticated": true, "user": {"username": "admin"}}})
            }
            _ => json!({"status": {"authenticated": false, "error": "invalid bearer token"}}),
        })
    }
    let count = Arc::new(AtomicUsize::new(0));
    let router = Router::new()
        .route("/apis/authentication.k8s.io/v1/tokenreviews", post(review))
        .with_state(count.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, count)
}

fn client(url: &str, folder: &tempfile::TempDir) -> TokenReview {
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    std::fs::write(folder.path().join("token"), "own-token").unwrap();
    let own_token = SecretFile::new(folder.path().join("token"));
    TokenReview::new(url, Vec::new(), own_token, vec![AUDIENCE.to_owned()]).unwrap()
}

#[tokio::test]
async fn a_good_token_is_reviewed_once_a_minute() {
    let (url, count) = api_server().await;
    let folder = tempfile::tempdir().unwrap();
    let review = client(&url, &folder);
    for _ in 0..3 {
        let identity = review.review(&token_for("good")).await.unwrap().unwrap();
        assert_eq!(identity.service_account(), Some(("sales", "worker")));
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_token_of_another_audience_or_a_forged_one_is_refused() {
    let (url, count) = api_server().await;
    let folder = tempfile::tempdir().unwrap();
    let review = client(&url, &folder);
    assert_eq!(review.review(&token_for("foreign")).await.unwrap(), None);
    assert_eq!(review.review(&token_for("forged")).await.unwrap(), None);
    assert_eq!(count.load(Ordering::SeqCst), 2);
    for stranger in ["patNoWebToken", "a.b.c"] {
        assert_eq!(review.review(stranger).await.unwrap(), None);
    }
    assert_eq!(count.load(Ordering::SeqCst), 2, "what does not even claim to be for us is not worth a call");
}

#[tokio::test]
async fn a_server_that_can_not_be_reached_gives_no_verdict() {
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let verdict = client(&url, &folder).review(&token_for("good")).await;
    assert!(matches!(verdict, Err(Error::Unavailable(_))), "{verdict:?}");
}
