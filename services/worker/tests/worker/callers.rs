//! Who may call the worker.

use axum::{Router, body::Body, http::Request};
use clap::Parser as _;
use telemetry::metrics::Metrics;
use tower::ServiceExt as _;

use crate::support::Cli;

fn router(arguments: &[&str]) -> Result<Router, worker::Error> {
    let cli = Cli::parse_from(["worker", "--listen=127.0.0.1:0"].iter().chain(arguments));
    cli.config.state(&Metrics::new()).map(worker::router)
}

async fn status(router: &Router, authorization: Option<&str>) -> u16 {
    let mut request = Request::builder().uri("/v1/steps/6f1c/a?epoch=1");
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn only_the_key_opens() {
    crate::support::install_tls();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "sesame\n").unwrap();
    let router = router(&["--client-key-file", file.to_str().unwrap()]).unwrap();
    assert_eq!(status(&router, None).await, 401);
    assert_eq!(status(&router, Some("Bearer open")).await, 401);
    assert_eq!(status(&router, Some("Bearer sesame")).await, 404);
}

#[tokio::test]
async fn a_worker_that_nobody_may_call_does_not_start() {
    crate::support::install_tls();
    assert!(matches!(router(&[]), Err(worker::Error::NoCallers)));
    let outside =
        router(&["--audience", "worker.pyairtable.dev/a/b", "--operator", "system:serviceaccount:a:b"]);
    assert!(matches!(outside, Err(worker::Error::NotInCluster)));
    assert_eq!(status(&router(&["--allow-anonymous"]).unwrap(), None).await, 404);
}
