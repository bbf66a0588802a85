//! Who waits for whose answer, polled step by step: a read is looked at when its future is first polled.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, routing::get};
use clap::Parser;
use futures::poll;
use http::HeaderValue;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{
    answers::{Answers, Bounds},
    clients::{Client, Rights},
    delivery::{Way, health::Health, timing::Timing, token::Token, upstream::Upstream},
    queue::{self, NoPermit, turns::Place},
};

const LIST: &str = "/v0/appAAAAAAAAAAAAAA/Deals";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// Reads of an upstream that counts them and answers each when it is told to.
struct Stage {
    reads: Reads,
    arrived: Arc<AtomicUsize>,
    answers: Arc<Semaphore>,
    _folder: TempDir,
}

impl Stage {
    async fn new() -> Self {
        Self::with(Replicas::none()).await
    }

    async fn with(replicas: Replicas) -> Self {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let (arrived, answers) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (count, told) = (arrived.clone(), answers.clone());
        let list = get(async move || {
            let number = count.fetch_add(1, Ordering::SeqCst);
            told.acquire().await.unwrap().forget();
            Json(json!({"records": [], "number": number}))
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().route(LIST, list)).await });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "pat").unwrap();
        let metrics = Metrics::register(&telemetry::metrics::Metrics::new()).unwrap();
        let limits = queue::Limits {
            requests_per_second: 50,
            token_requests_per_second: 50,
            length: 10,
            lockout: Duration::from_mins(1),
        };
        let delivery = Delivery::new(Way {
            upstream: Upstream::new(&url).unwrap(),
            token: Token::new(folder.path().join("token"), metrics.clone()),
            queue: queue::Queue::new(limits, metrics.clone()),
            health: Health::new("appAAAAAAAAAAAAAA", metrics.clone()),
            metrics: metrics.clone(),
            answers: Answers::new(Bounds { all: 1 << 20, kept: 0 }),
            merges: false,
        });
        let options = Line::parse_from(["gateway", "--cache-ttl-seconds=600"]).options;
        Self {
            reads: Reads::new(&options, None, delivery, metrics, replicas, Duration::ZERO),
            arrived,
            answers,
            _folder: folder,
        }
    }

    fn read(&self, cache_control: &'static str) -> impl Future<Output = Outcome> + use<> {
        self.read_within(Duration::from_secs(20), cache_control)
    }

    fn read_within(
        &self,
        patience: Duration,
        cache_control: &'static str,
    ) -> impl Future<Output = Outcome> + use<> {
        self.read_as(Caller::gateway(Instant::now() + patience), cache_control)
    }

    fn read_as(&self, caller: Caller, cache_control: &'static str) -> impl Future<Output = Outcome> + use<> {
        let mut request = Request::get(LIST.to_owned());
        request.headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
        let reads = self.reads.clone();
        async move { reads.answer(request, Wanted::Links, caller).await }
    }

    async fn until_arrived(&self, count: usize) {
        while self.arrived.load(Ordering::SeqCst) < count {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

fn number(outcome: &Outcome) -> u64 {
    outcome.as_ref().unwrap().value().unwrap()["number"].as_u64().unwrap()
}

#[tokio::test]
async fn a_read_goes_on_for_others_when_the_one_who_asked_first_is_gone() {
    let stage = Stage::new().await;
    let (mut first, mut second) = (Box::pin(stage.read("")), Box::pin(stage.read("")));
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    drop(first);
    stage.answers.add_permits(1);
    assert_eq!(number(&second.await), 0);
    assert_eq!(stage.arrived.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_read_that_nobody_waits_for_is_joined_by_nobody() {
    let stage = Stage::new().await;
    let mut first = Box::pin(stage.read(""));
    assert!(poll!(&mut first).is_pending());
    drop(first);
    let mut second = Box::pin(stage.read(""));
    assert!(poll!(&mut second).is_pending());
    stage.answers.add_permits(1);
    second.await.unwrap();
}

#[tokio::test]
async fn who_joins_a_read_waits_no_longer_than_its_own_patience() {
    let stage = Stage::new().await;
    let mut first = Box::pin(stage.read(""));
    assert!(poll!(&mut first).is_pending());
    let hasty = stage.read_within(Duration::from_millis(50), "");
    assert_eq!(hasty.await, Err(Undelivered::QueueDeadline));
    stage.answers.add_permits(1);
    assert_eq!(number(&first.await), 0);
}

#[tokio::test]
async fn who_joined_a_read_that_had_to_give_way_in_the_queue_asks_for_itself() {
    let stage = Stage::new().await;
    let (queue, deadline) =
        (stage.reads.0.delivery.queue().clone(), Instant::now() + Duration::from_secs(20));
    let client = |name: &str| {
        let client = Client { name: name.to_owned(), rights: Rights::Full, share: 1 };
        let caller =
            Caller::new(&client, &http::HeaderMap::new(), Duration::from_secs(20), Timing::default());
        caller.unwrap()
    };
    let turn = |client: &Caller| {
        let (queue, ask) = (queue.clone(), client.ask(Place::Back, None));
        Box::pin(async move { queue.turn(ask, deadline, None).await.err() })
    };
    queue.lock_out();
    let mut many: Vec<_> = (0..9).map(|_| turn(&client("many"))).collect();
    for waiting in &mut many {
        assert!(poll!(waiting).is_pending());
    }
    let last = tokio::spawn(stage.read_as(client("many"), ""));
    while queue.snapshot().waiting < 10 {
        tokio::task::yield_now().await;
    }
    let (mut joined, mut other) = (Box::pin(stage.read_as(client("few"), "")), turn(&client("other")));
    assert!(poll!(&mut joined).is_pending() && poll!(&mut other).is_pending());
    assert_eq!(last.await.unwrap(), Err(Undelivered::QueueFull));
    let joined = tokio::spawn(joined);
    let (gave_way, of, _) = futures::future::select_all(many).await;
    assert_eq!((gave_way, of), (Some(NoPermit::Full), 8));
    assert!(!joined.is_finished());
}

#[tokio::test]
async fn nobody_joins_a_read_that_is_less_urgent() {
    let stage = Stage::new().await;
    let bulk = || Box::pin(stage.read_as(Caller::background(Instant::now() + Duration::from_secs(20)), ""));
    let (mut early, mut urgent, mut late) = (bulk(), Box::pin(stage.read("")), bulk());
    assert!(poll!(&mut early).is_pending() && poll!(&mut urgent).is_pending());
    assert!(poll!(&mut late).is_pending(), "who is less urgent may join");
    let reads = [tokio::spawn(early), tokio::spawn(urgent), tokio::spawn(late)];
    stage.until_arrived(2).await;
    stage.answers.add_permits(2);
    for read in reads {
        read.await.unwrap().unwrap();
    }
    assert_eq!(stage.arrived.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn who_wants_a_new_answer_waits_for_nobody_elses() {
    let stage = Stage::new().await;
    let (mut early, mut strict) = (Box::pin(stage.read("")), Box::pin(stage.read("no-cache")));
    assert!(poll!(&mut early).is_pending());
    tokio::spawn(early);
    stage.until_arrived(1).await;
    assert!(poll!(&mut strict).is_pending());
    tokio::spawn(strict);
    stage.until_arrived(2).await;
}

#[tokio::test]
async fn a_read_is_not_joined_once_a_write_began_after_it() {
    let stage = Stage::new().await;
    let mut early = Box::pin(stage.read(""));
    assert!(poll!(&mut early).is_pending());
    let write = Request::post(LIST.to_owned(), &json!({"fields": {}}));
    let under_way = stage.reads.write(&write, Instant::now()).await.unwrap();
    let mut during = Box::pin(stage.read(""));
    assert!(poll!(&mut during).is_pending());
    let (early, during) = (tokio::spawn(early), tokio::spawn(during));
    stage.until_arrived(2).await;
    stage.answers.add_permits(2);
    let _answered = (early.await.unwrap().unwrap(), during.await.unwrap().unwrap());
    drop(under_way);
}

#[tokio::test]
async fn without_the_store_of_the_replicas_a_read_goes_to_airtable_and_says_so() {
    let mut server = valkey::testing::Server::start();
    let store = valkey::Valkey::open(server.source()).unwrap();
    let stage = Stage::with(Replicas::of(store, "appAAAAAAAAAAAAAA", Duration::from_millis(1))).await;
    stage.answers.add_permits(9);
    let from = async |stage: &Stage| {
        let answer = stage.read("").await.unwrap();
        answer.headers["cache-status"].to_str().unwrap().to_owned()
    };
    // The store is new: what was written before may yet take effect, for a moment.
    while !from(&stage).await.starts_with("pyairtable; hit") {
        stage.answers.add_permits(1);
    }
    server.stop();
    assert_eq!(from(&stage).await, "pyairtable; fwd=bypass; detail=store-unreachable");
    let write = Request::post(LIST.to_owned(), &json!({"fields": {}}));
    assert!(stage.reads.write(&write, Instant::now()).await.is_err(), "nothing may be written untold");
}
