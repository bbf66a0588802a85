//! Files that nobody takes, and files that end before their end.

use axum::{Router, routing::get};
use futures::{future::join_all, stream};
use tokio::net::TcpListener;

use super::*;
use crate::links::cells::Size;

const REFERENCE: Reference<'static> = Reference {
    table: "tblAAAAAAAAAAAAAA",
    record: "recAAAAAAAAAAAAAA",
    attachment: "attAAAAAAAAAAAAAA",
    size: Size::Original,
    file_name: "film.mp4",
};

/// Fetches what the content host says at a path, with so much patience for who takes it.
struct Fetcher {
    content: Content,
    host: String,
}

impl Fetcher {
    async fn new(patience: Duration) -> Self {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let piece = || Ok::<_, io::Error>(Bytes::from(vec![b'x'; 1 << 16]));
        let endless = get(move || async move { Body::from_stream(stream::repeat_with(piece)) });
        let cut = get(move || async move {
            // More than is written at once, so that the head is there before the end.
            let pieces = std::iter::repeat_with(piece).take(32);
            Body::from_stream(stream::iter(pieces.chain([Err(io::Error::other("the host goes away"))])))
        });
        let short = get(|| async { ([("content-encoding", "gzip")], "packed") });
        let image = get(|| async { ([("content-type", "image/png"), ("etag", "\"theirs\"")], "pixels") });
        let router = Router::new().route("/endless", endless).route("/cut", cut);
        let router = router.route("/short", short).route("/image", image);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { content: Content { patience, ..Content::new().unwrap() }, host }
    }

    async fn fetch(&self, path: &str) -> Response {
        let url = format!("{}{path}", self.host).parse().unwrap();
        match self.content.fetch(url, &REFERENCE, &HeaderMap::new()).await {
            Ok(Fetched::Response(response)) => response,
            Ok(Fetched::Gone) => panic!("gone"),
            Err(answer) => panic!("{answer:?}"),
        }
    }
}

async fn taken(response: Response) -> Result<Bytes, axum::Error> {
    axum::body::to_bytes(response.into_body(), usize::MAX).await
}

#[tokio::test]
async fn who_does_not_take_a_file_makes_room_for_others_and_sees_it_cut() {
    let fetcher = Fetcher::new(Duration::from_millis(100)).await;
    let mut stalled = join_all((0..MOST).map(|_| fetcher.fetch("/endless"))).await;
    assert_eq!(fetcher.content.under_way.available_permits(), 0);
    assert_eq!(taken(fetcher.fetch("/short").await).await.unwrap(), "packed");
    assert!(taken(stalled.pop().unwrap()).await.is_err());
}

#[tokio::test]
async fn who_takes_a_file_or_goes_away_gives_the_turn_back_at_its_end() {
    let fetcher = Fetcher::new(Duration::from_mins(9)).await;
    let (under_way, most) = (&fetcher.content.under_way, u32::try_from(MOST).unwrap());
    assert_eq!(taken(fetcher.fetch("/short").await).await.unwrap(), "packed");
    drop(under_way.acquire_many(most).await.unwrap());
    let endless = fetcher.fetch("/endless").await;
    assert!(under_way.try_acquire_many(most).is_err());
    drop(endless);
    drop(timeout(READ_TIMEOUT, under_way.acquire_many(most)).await.unwrap().unwrap());
}

#[tokio::test]
async fn a_file_that_the_content_host_cuts_short_never_looks_whole() {
    let fetcher = Fetcher::new(PATIENCE).await;
    assert!(taken(fetcher.fetch("/cut").await).await.is_err());
}

#[tokio::test]
async fn a_packed_file_says_so() {
    let fetcher = Fetcher::new(PATIENCE).await;
    assert_eq!(fetcher.fetch("/short").await.headers()[header::CONTENT_ENCODING], "gzip");
}

#[tokio::test]
async fn a_file_has_each_header_once_and_its_own_type() {
    let fetcher = Fetcher::new(PATIENCE).await;
    let image = fetcher.fetch("/image").await;
    assert_eq!(image.headers()[header::CONTENT_TYPE], "image/png");
    for name in image.headers().keys() {
        assert_eq!(image.headers().get_all(name).iter().count(), 1, "{name}");
    }
}
