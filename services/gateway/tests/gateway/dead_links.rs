//! Links to files that are gone: they cost Airtable a request now and then, however often they are opened.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use axum::{Router, http::StatusCode, routing::get};
use futures::future::join_all;
use reqwest::{Client, Method};
use serde_json::json;

use crate::{
    attachments::{ours, serving, switched},
    setup::{Running, answer},
    upstream::Upstream,
};

/// A content host that has the file while this is set, and says how often it was asked.
async fn content(is_there: Arc<AtomicBool>) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let file = get(move || {
        count.fetch_add(1, Ordering::SeqCst);
        let found = is_there.load(Ordering::SeqCst).then_some("file");
        async move { found.ok_or(StatusCode::FORBIDDEN) }
    });
    (serving(Router::new().route("/file", file)).await, asked)
}

/// Status and `Cache-Control` of so many requests at once.
async fn fetched(url: &str, times: usize) -> Vec<(u16, String)> {
    let one = || async {
        let response = Client::new().get(url).send().await.unwrap();
        let cached = response.headers()["cache-control"].to_str().unwrap().to_owned();
        (response.status().as_u16(), cached)
    };
    join_all((0..times).map(|_| one())).await
}

/// Fetches `url` fifty times, half of them at once, and says how many requests that cost Airtable.
async fn cost(upstream: &Upstream, url: &str) -> usize {
    let before = upstream.seen().len();
    let mut all = fetched(url, 25).await;
    for _ in 0..25 {
        all.extend(fetched(url, 1).await);
    }
    let gone = (404, "public, max-age=60".to_owned());
    assert!(all.iter().all(|one| *one == gone), "{all:?}");
    upstream.seen().len() - before
}

async fn write(gateway: &Running) {
    let fields = json!({"fields": {}});
    let written = gateway.deals(Method::PATCH, "/recAAAAAAAAAAAAAA", None).json(&fields);
    assert_eq!(answer(written).await.0, 200);
}

#[tokio::test]
async fn a_file_that_is_in_no_cell_is_looked_for_once_until_its_table_is_written() {
    let (host, _) = content(Arc::new(AtomicBool::new(true))).await;
    let is_there = Arc::new(AtomicBool::new(true));
    let (upstream, gateway, _folder) = switched(is_there.clone(), &host).await;
    let url = ours(&gateway).await;
    is_there.store(false, Ordering::SeqCst);
    write(&gateway).await;
    assert_eq!(cost(&upstream, &url).await, 1);
    assert_eq!(cost(&upstream, &url).await, 0);

    is_there.store(true, Ordering::SeqCst);
    write(&gateway).await;
    assert_eq!(fetched(&url, 1).await[0].0, 200, "it was put back");
    is_there.store(false, Ordering::SeqCst);
    for told in ["?table=Deals", ""] {
        let path = format!("/api/airtable/cache{told}");
        assert_eq!(answer(gateway.request(Method::DELETE, &path)).await.0, 204);
        assert_eq!(cost(&upstream, &url).await, 1, "others have written: {told}");
    }
}

#[tokio::test]
async fn a_file_that_its_host_refuses_is_looked_for_once_however_often_it_is_listed() {
    let is_there = Arc::new(AtomicBool::new(true));
    let (host, asked) = content(is_there.clone()).await;
    let (upstream, gateway, _folder) = switched(Arc::new(AtomicBool::new(true)), &host).await;
    let url = ours(&gateway).await;
    assert_eq!(fetched(&url, 1).await[0].0, 200);
    is_there.store(false, Ordering::SeqCst);
    assert_eq!(cost(&upstream, &url).await, 1);
    let before = asked.load(Ordering::SeqCst);
    assert_eq!((cost(&upstream, &url).await, asked.load(Ordering::SeqCst)), (0, before));
    ours(&gateway).await;
    assert_eq!(cost(&upstream, &url).await, 0, "the same answer was given to a client");
    is_there.store(true, Ordering::SeqCst);
    ours(&gateway).await;
    assert_eq!(fetched(&url, 1).await[0].0, 200, "its host has it again");
}

#[tokio::test]
async fn what_was_never_signed_is_kept_nowhere() {
    let (host, _) = content(Arc::new(AtomicBool::new(true))).await;
    let (_upstream, gateway, _folder) = switched(Arc::new(AtomicBool::new(true)), &host).await;
    let forged = ours(&gateway).await.replace("/original/", "/small/");
    assert_eq!(fetched(&forged, 1).await, [(404, "no-store".to_owned())]);
}
