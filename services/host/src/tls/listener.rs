//! Accepts connections and shakes hands with many at once, so that one that is slow keeps nobody waiting.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::Certificate;

/// Longest time for a handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Most handshakes at once; further connections wait in the kernel.
const HANDSHAKES: usize = 512;

type Handshake = BoxFuture<'static, Option<(TlsStream<TcpStream>, SocketAddr)>>;

/// A listener for [`axum::serve`].
pub struct Listener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
    handshakes: FuturesUnordered<Handshake>,
}

impl Listener {
    pub(super) fn new(tcp: TcpListener, acceptor: TlsAcceptor, certificate: Arc<Certificate>) -> Self {
        tokio::spawn(Certificate::watch(Arc::downgrade(&certificate)));
        Self { tcp, acceptor, certificate, handshakes: FuturesUnordered::new() }
    }

    /// What is shown in handshakes.
    pub fn certificate(&self) -> Arc<Certificate> {
        self.certificate.clone()
    }

    fn shake_hands(&self, stream: TcpStream, address: SocketAddr) {
        let _only_latency = stream.set_nodelay(true);
        let handshake = timeout(HANDSHAKE, self.acceptor.accept(stream));
        self.handshakes.push(
            async move {
                match handshake.await {
                    Ok(Ok(stream)) => Some((stream, address)),
                    Ok(Err(error)) => {
                        tracing::debug!(%address, %error, "a TLS handshake failed");
                        None
                    }
                    Err(_) => None,
                }
            }
            .boxed(),
        );
    }
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                (stream, address) = axum::serve::Listener::accept(&mut self.tcp), if self.handshakes.len() < HANDSHAKES => {
                    self.shake_hands(stream, address);
                }
                Some(shaken) = self.handshakes.next() => {
                    if let Some(ready) = shaken {
                        return ready;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
