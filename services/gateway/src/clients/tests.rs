//! `ServiceAccounts` as clients, against a scripted API server.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use auth::SecretFile;
use axum::{Json, Router, extract::State, routing::post};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// Claims to be for `gateway.pyairtable.dev`.
const CLAIMS: &str = "eyJhdWQiOlsiZ2F0ZXdheS5weWFpcnRhYmxlLmRldiJdfQ";

/// An API server that knows the tokens signed `worker` and `stranger`, is out of order for any other; counts reviews.
async fn api_server() -> (String, Arc<AtomicUsize>) {
    async fn review(
        State(count): State<Arc<AtomicUsize>>,
        Json(body): Json<Value>,
    ) -> Result<Json<Value>, StatusCode> {
        count.fetch_add(1, Ordering::SeqCst);
        let token = body["spec"]["token"].as_str().unwrap_or_default();
        let name = token.rsplit('.').next().unwrap_or_default();
        match name {
            "worker" | "stranger" => {
                let user = json!({"username": format!("system:serviceaccount:sales:{name}")});
                Ok(Json(
                    json!({"status": {"authenticated": true, "user": user, "audiences": body["spec"]["audiences"]}}),
                ))
            }
            "forged" => Ok(Json(json!({"status": {"authenticated": false}}))),
            _ => Err(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let router = Router::new().route(path, post(review)).with_state(count.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, count)
}

async fn gatekeeper(folder: &TempDir) -> (Gatekeeper, Arc<AtomicUsize>) {
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let (url, count) = api_server().await;
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("token"), "own").unwrap();
    let accounts = json!([{"namespace": "sales", "name": "worker", "readOnly": true}]);
    std::fs::write(file("clients.json"), json!({"serviceAccounts": accounts}).to_string()).unwrap();
    let audiences = vec!["of-this-base".to_owned(), "gateway.pyairtable.dev".to_owned()];
    let review = TokenReview::new(&url, Vec::new(), SecretFile::new(file("token")), audiences).unwrap();
    let source = Source::File(Box::new(ClientsFile::open(file("clients.json")).unwrap()));
    (Gatekeeper::new(source, Some(review)).unwrap(), count)
}

async fn identify(keeper: &Gatekeeper, token: &str) -> Result<Client, (u16, Option<String>)> {
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
    keeper.identify(&headers).await.map_err(|answer| (answer.status.as_u16(), answer.error_type()))
}

#[tokio::test]
async fn a_service_account_is_known_by_its_name_with_the_rights_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (keeper, _count) = gatekeeper(&folder).await;
    let client = identify(&keeper, &format!("head.{CLAIMS}.worker")).await.unwrap();
    assert_eq!(client, Client { name: "sales/worker".to_owned(), rights: Rights::ReadOnly, share: 1 });
}

#[tokio::test]
async fn strangers_and_forged_tokens_are_refused_the_worst_without_a_review() {
    let folder = tempfile::tempdir().unwrap();
    let (keeper, count) = gatekeeper(&folder).await;
    let refusal = Err((401, Some("AUTHENTICATION_REQUIRED".to_owned())));
    for signature in ["stranger", "forged"] {
        assert_eq!(identify(&keeper, &format!("head.{CLAIMS}.{signature}")).await, refusal, "{signature}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 2);
    for number in 0..100 {
        assert_eq!(identify(&keeper, &format!("head.{number}.worker")).await, refusal);
    }
    assert_eq!(
        count.load(Ordering::SeqCst),
        2,
        "tokens that do not claim to be for this gateway cost nothing"
    );
}

#[tokio::test]
async fn without_a_verdict_of_the_api_server_nobody_is_called_a_stranger() {
    let folder = tempfile::tempdir().unwrap();
    let (keeper, _count) = gatekeeper(&folder).await;
    let unavailable = Err((503, Some("GATEWAY_AUTHENTICATION_UNAVAILABLE".to_owned())));
    assert_eq!(identify(&keeper, &format!("head.{CLAIMS}.other")).await, unavailable);
}

#[tokio::test]
async fn a_key_of_two_clients_is_refused_whatever_the_rights_of_either_and_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let keys = json!([{"name": "guest", "file": "a", "readOnly": true}, {"name": "admin", "file": "b"}, {"name": "crm", "file": "c"}]);
    for (name, text) in [
        ("a", "copied"),
        ("b", "copied\n"),
        ("c", "own"),
        ("clients.json", &json!({"keys": keys}).to_string()),
    ] {
        std::fs::write(file(name), text).unwrap();
    }
    let keeper =
        Gatekeeper::new(Source::File(Box::new(ClientsFile::open(file("clients.json")).unwrap())), None)
            .unwrap();
    assert_eq!(identify(&keeper, "copied").await, Err((401, Some("AUTHENTICATION_REQUIRED".to_owned()))));
    assert_eq!(identify(&keeper, "own").await.unwrap().name, "crm");
    let said = keeper.check().unwrap().unwrap();
    assert!(said.starts_with("ClientsUnusable: guest and admin have the same key"), "{said}");
    assert!(!said.contains("copied"), "{said}");
}

#[tokio::test]
async fn a_gateway_whose_only_key_is_missing_is_not_ready_until_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let keeper = Gatekeeper::new(Source::Fixed(Arc::new(Clients::single(path.clone()))), None).unwrap();
    let why = keeper.check().unwrap_err();
    assert!(
        why.starts_with("ClientsUnusable: the key of client can't be used: ") && why.contains("key: "),
        "{why}"
    );
    std::fs::write(path, "k").unwrap();
    assert_eq!(keeper.check(), Ok(None));
}
