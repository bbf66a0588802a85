//! How a connection to Airtable is made: directly or by the proxy that the environment names, with TLS, in bounded time.

use std::{
    error::Error,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt as _, TryFutureExt as _, future::BoxFuture};
use http::{Uri, uri::Scheme};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::{
        legacy::connect::{HttpConnector, proxy::Tunnel},
        proxy::matcher::{Intercept, Matcher},
    },
    rt::TokioIo,
};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower::{Service, util::MapResponse};

/// Name, connection, tunnel and TLS together.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Nothing acknowledged for so long, and the kernel gives up as well; below the least of `--settle-seconds`.
#[cfg(target_os = "linux")]
const UNHEARD: Duration = Duration::from_secs(5);

/// Makes connections; clones share the TLS configuration.
#[derive(Clone)]
pub struct Connector {
    proxies: Arc<Matcher>,
    tls: Arc<ClientConfig>,
    https: HttpsConnector<Http>,
}

type Failure = Box<dyn Error + Send + Sync>;
type Http = MapResponse<HttpConnector, fn(TokioIo<TcpStream>) -> TokioIo<TcpStream>>;
/// To Airtable within the one to a proxy; one within nothing where there is no proxy.
type Connection = MaybeHttpsStream<MaybeHttpsStream<TokioIo<TcpStream>>>;

impl Connector {
    /// A connector that goes by the proxies of `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY`, but to what `NO_PROXY`
    /// names. Without `is_encrypted` it trusts nobody's certificate, and needs none to trust, which an image may lack.
    pub fn new(is_encrypted: bool) -> Result<Self, String> {
        let builder = ClientConfig::builder();
        let builder = if is_encrypted {
            builder.with_native_roots().map_err(|error| error.to_string())?
        } else {
            builder.with_root_certificates(RootCertStore::empty())
        };
        let tls = Arc::new(builder.with_no_client_auth());
        let https = HttpsConnector::from((http(), tls.clone()));
        Ok(Self { proxies: Arc::new(Matcher::from_env()), tls, https })
    }

    /// By `proxy`, which sees names and no content: also what is not encrypted goes through a tunnel.
    fn tunnel(&self, proxy: &Intercept) -> HttpsConnector<Tunnel<HttpsConnector<Http>>> {
        let tunnel = Tunnel::new(proxy.uri().clone(), self.https.clone());
        let tunnel = match proxy.basic_auth() {
            Some(auth) => tunnel.with_auth(auth.clone()),
            None => tunnel,
        };
        HttpsConnector::from((tunnel, self.tls.clone()))
    }
}

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Connection, Failure>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = match self.proxies.intercept(&to) {
            Some(proxy) => self.tunnel(&proxy).call(with_port(to)),
            None => self.https.call(to).map_ok(MaybeHttpsStream::Http).boxed(),
        };
        Box::pin(async move {
            let late = |_| format!("no connection within {} s", TIMEOUT.as_secs());
            tokio::time::timeout(TIMEOUT, connecting).await.map_err(late)?
        })
    }
}

/// Connections of which nothing is sent any more once they are given up, or their process has died or stands still.
fn http() -> Http {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    #[cfg(target_os = "linux")]
    http.set_tcp_user_timeout(Some(UNHEARD));
    MapResponse::new(http, forgetful)
}

/// `stream`, of which the kernel drops what was not sent yet when it is closed: it would send it on for a minute or two.
fn forgetful(stream: TokioIo<TcpStream>) -> TokioIo<TcpStream> {
    if let Err(error) = stream.inner().set_zero_linger() {
        tracing::warn!(%error, "what is given up may be sent all the same");
    }
    stream
}

/// A tunnel takes 443 for the port of whatever names none.
fn with_port(to: Uri) -> Uri {
    let mut parts = to.clone().into_parts();
    match (&parts.scheme, &parts.authority) {
        (Some(scheme), Some(authority)) if *scheme == Scheme::HTTP && authority.port().is_none() => {
            parts.authority = format!("{authority}:80").parse().ok();
            Uri::from_parts(parts).unwrap_or(to)
        }
        _ => to,
    }
}

#[cfg(test)]
#[path = "connector_tests.rs"]
mod tests;
