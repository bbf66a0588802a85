//! Accepts connections, plain or TLS, and serves HTTP/1 on each; none can be held for ever, and there are only so many.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::body::Body;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::{App, Limits};

/// Longest time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Silence after which a client is asked whether it is still there, and how often then.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_mins(1)).with_interval(Duration::from_secs(15));
/// Before the next try, where connections can't be accepted.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves an app on any number of listeners.
pub struct Server {
    app: App,
    http: http1::Builder,
    places: Arc<Semaphore>,
    write_timeout: Duration,
    stopping: watch::Receiver<bool>,
}

impl Server {
    /// Stops once `stopping` is true. Each connection holds a receiver of it until it ends.
    pub fn new(app: App, limits: Limits, stopping: watch::Receiver<bool>) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(limits.head_timeout);
        Self {
            // Once for all: without it each request makes the routes anew.
            app: App { routes: app.routes.with_state(()), ..app },
            http,
            places: Arc::new(Semaphore::new(limits.connections)),
            write_timeout: limits.write_timeout,
            stopping,
        }
    }

    /// Accepts connections until it is told to stop; those that are open go on. Where there is no place for a connection
    /// it waits in the kernel.
    pub async fn accept(&self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let mut stop = pin!(stopped(self.stopping.clone()));
        loop {
            let next = async {
                let place = self.places.clone().acquire_owned().await;
                (place, persevere(|| listener.accept()).await.0)
            };
            let (place, stream) = tokio::select! {
                biased;
                () = stop.as_mut() => return,
                next = next => next,
            };
            self.guard(&stream);
            let (tls, http, app) = (tls.clone(), self.http.clone(), self.app.clone());
            let stopping = self.stopping.clone();
            tokio::spawn(async move {
                match tls {
                    None => serve(stream, &http, app, stopping).await,
                    Some(tls) => {
                        if let Some(stream) = shake_hands(stream, &tls, stopping.clone()).await {
                            serve(stream, &http, app, stopping).await;
                        }
                    }
                }
                drop(place);
            });
        }
    }

    /// Has the kernel cut the connection where the client is gone, or takes nothing of what is written.
    fn guard(&self, stream: &TcpStream) {
        let socket = SockRef::from(stream);
        let set = stream
            .set_nodelay(true)
            .and_then(|()| socket.set_tcp_keepalive(&KEEPALIVE))
            .and_then(|()| socket.set_tcp_user_timeout(Some(self.write_timeout)));
        if let Err(error) = set {
            tracing::debug!(%error, "a connection is without its timeouts");
        }
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    let _asked_or_gone = stopping.wait_for(|stop| *stop).await;
}

/// What `accept` gives in the end: an error of it concerns one connection, or passes.
async fn persevere<T, F: Future<Output = io::Result<T>>>(mut accept: impl FnMut() -> F) -> T {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match accept().await {
            Ok(accepted) => return accepted,
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => {
            }
            Err(error) => {
                // File descriptors, most likely: they come back as connections end.
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn shake_hands(
    stream: TcpStream,
    tls: &TlsAcceptor,
    stopping: watch::Receiver<bool>,
) -> Option<impl AsyncRead + AsyncWrite + Unpin + use<>> {
    tokio::select! {
        shaken = timeout(HANDSHAKE, tls.accept(stream)) => match shaken {
            Ok(shaken) => shaken.inspect_err(|error| tracing::debug!(%error, "a TLS handshake failed")).ok(),
            Err(_late) => None,
        },
        () = stopped(stopping) => None,
    }
}

/// Serves requests on a connection until it ends; once it is told to stop, the one that is under way.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    http: &http1::Builder,
    app: App,
    stopping: watch::Receiver<bool>,
) {
    let service = service_fn(move |request: Request<Incoming>| app.answer(request.map(Body::new)));
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = stopped(stopping.clone()) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    drop(stopping);
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
