//! The server from the outside, by sockets that do less than they should.

use std::net::SocketAddr;

use axum::{Router, body::Body, routing::get};
use futures::{FutureExt as _, future::join_all, stream};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    sync::{mpsc, oneshot},
};

use super::*;
use crate::{Readiness, Service};

const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: any\r\n\r\n";
const HEAD: &str = "HTTP/1.1 200 OK\r\n";
/// Far beyond what a test takes: who waits for so long waits for nothing.
const LONG: Duration = Duration::from_secs(30);

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<io::Result<()>>,
}

async fn start(router: Router, limits: Limits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let metrics = telemetry::metrics::Metrics::new();
    let service = Service { app: router.into(), readiness: Readiness::default(), metrics, limits, tls: None };
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(crate::serve(listener, service, 2 * LONG, stopped.map(drop)));
    Running { address, stop, ended }
}

async fn ask(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(ASK).await.unwrap();
    stream
}

async fn status_line(stream: &mut TcpStream) -> String {
    let mut line = vec![0; HEAD.len()];
    timeout(LONG, stream.read_exact(&mut line)).await.unwrap().unwrap();
    String::from_utf8(line).unwrap()
}

/// Until the server has cut the connection.
async fn cut(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let _by_fin_or_reset = timeout(LONG, stream.read_to_end(&mut rest)).await.unwrap();
}

#[tokio::test]
async fn who_sends_no_whole_head_in_time_is_cut_off_at_first_and_between_requests() {
    let limits = Limits { head_timeout: Duration::from_millis(100), ..Limits::default() };
    let server = start(Router::new().route("/", get(|| async { "here" })), limits).await;
    for part in ["", "GET / HTTP/1.1\r\nhost: a"] {
        let mut silent = TcpStream::connect(server.address).await.unwrap();
        silent.write_all(part.as_bytes()).await.unwrap();
        cut(&mut silent).await;
        let mut answered = ask(server.address).await;
        assert_eq!(status_line(&mut answered).await, HEAD);
        let _cut_already = answered.write_all(part.as_bytes()).await;
        cut(&mut answered).await;
    }
}

#[tokio::test]
async fn an_answer_may_take_longer_than_a_head() {
    let limits = Limits { head_timeout: Duration::from_millis(50), ..Limits::default() };
    let slow = get(|| async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        "here"
    });
    let server = start(Router::new().route("/", slow), limits).await;
    assert_eq!(status_line(&mut ask(server.address).await).await, HEAD);
}

#[tokio::test]
async fn connections_above_the_bound_wait_until_others_end() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let server = start(Router::new().route("/", get(|| async { "here" })), limits).await;
    let mut answered = join_all((0..2).map(|_| ask(server.address))).await;
    for stream in &mut answered {
        assert_eq!(status_line(stream).await, HEAD);
    }
    let mut third = ask(server.address).await;
    let early = timeout(Duration::from_millis(100), status_line(&mut third)).await;
    assert!(early.is_err(), "there was a place for a third one");
    answered.pop();
    assert_eq!(status_line(&mut third).await, HEAD);
}

#[tokio::test]
async fn who_reads_nothing_of_an_answer_is_cut_off() {
    let endless =
        || async { Body::from_stream(stream::repeat_with(|| Ok::<_, io::Error>("x".repeat(1 << 16)))) };
    let limits = Limits { write_timeout: Duration::from_millis(500), ..Limits::default() };
    let server = start(Router::new().route("/", get(endless)), limits).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1 << 12).unwrap();
    let mut client = socket.connect(server.address).await.unwrap();
    client.write_all(ASK).await.unwrap();
    assert_eq!(status_line(&mut client).await, HEAD);
    server.stop.send(()).unwrap();
    timeout(LONG, server.ended).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn stopping_ends_what_is_idle_and_waits_for_what_is_asked() {
    let (go_on, told) = oneshot::channel::<()>();
    let (told, (begun, mut under_way)) = (told.shared(), mpsc::channel(1));
    let waits = get(move || async move {
        begun.send(()).await.unwrap();
        let _told = told.await;
        "here"
    });
    let server = start(Router::new().route("/", waits), Limits::default()).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: any\r\n\r\n").await.unwrap();
    assert_eq!(status_line(&mut idle).await, HEAD);
    let mut asked = ask(server.address).await;
    under_way.recv().await.unwrap();
    server.stop.send(()).unwrap();
    cut(&mut idle).await;
    assert!(!server.ended.is_finished());
    go_on.send(()).unwrap();
    assert_eq!(status_line(&mut asked).await, HEAD);
    timeout(LONG, server.ended).await.unwrap().unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn errors_of_accept_pass() {
    const NO_DESCRIPTOR: i32 = 24;
    let aborted = || io::Error::from(io::ErrorKind::ConnectionAborted);
    let mut results =
        [Err(io::Error::from_raw_os_error(NO_DESCRIPTOR)), Err(aborted()), Ok("a connection")].into_iter();
    let before = tokio::time::Instant::now();
    let accepted = persevere(|| std::future::ready(results.next().unwrap())).await;
    assert_eq!((accepted, before.elapsed()), ("a connection", PAUSE));
}
