//! Requests to addresses that clients name: over HTTP, with few redirects, and only to public hosts unless allowed.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};

use tokio::sync::Semaphore;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Airtable follows no more when it fetches attachments.
const REDIRECTS: usize = 3;
/// Most files that are fetched at a time, and as many notifications.
const AT_A_TIME: usize = 8;
const USER_AGENT: &str = concat!("pyairtable-compose-simulator/", env!("CARGO_PKG_VERSION"));

/// Why nothing was sent, or no answer came.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a URL that may be called.
    #[error("{0}")]
    Url(String),
    /// No client can be made.
    #[error("no HTTP client: {0}")]
    Client(String),
    /// The request failed.
    #[error("{}", causes(.0))]
    Failed(#[from] reqwest::Error),
}

/// Sends requests for others, so that nobody reaches by way of the simulator what only the simulator can reach.
pub struct Outbound {
    /// Hosts that are not public may be called as well.
    private: bool,
    following: OnceLock<Result<Client, String>>,
    direct: OnceLock<Result<Client, String>>,
    /// Whose turn it is to fetch a file, and to send a notification.
    pub fetching: Semaphore,
    pub notifying: Semaphore,
}

impl Outbound {
    pub fn new(private: bool) -> Self {
        Self {
            private,
            following: OnceLock::new(),
            direct: OnceLock::new(),
            fetching: Semaphore::new(AT_A_TIME),
            notifying: Semaphore::new(AT_A_TIME),
        }
    }

    /// The URL in `text`, where it is one of HTTP and does not name an address that is not public.
    pub fn url(&self, text: &str) -> Result<Url, Error> {
        let invalid = |why: &str| Error::Url(format!("the URL {why}"));
        let url = Url::parse(text).map_err(|error| invalid(&format!("can't be read: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("must begin with https:// or http://"));
        }
        if !self.private && names_private(&url) {
            return Err(invalid("names an address that is not public; --private-urls would allow it"));
        }
        Ok(url)
    }

    /// A client that follows up to three redirects.
    pub fn following(&self) -> Result<&Client, Error> {
        let private = self.private;
        let policy = move || {
            Policy::custom(move |attempt| {
                if attempt.previous().len() > REDIRECTS {
                    attempt.error("more than 3 redirects")
                } else if !private && names_private(attempt.url()) {
                    attempt.error("redirected to an address that is not public")
                } else {
                    attempt.follow()
                }
            })
        };
        client(&self.following, private, policy)
    }

    /// A client that follows none.
    pub fn direct(&self) -> Result<&Client, Error> {
        client(&self.direct, self.private, Policy::none)
    }
}

fn client(
    made: &OnceLock<Result<Client, String>>,
    private: bool,
    policy: impl Fn() -> Policy,
) -> Result<&Client, Error> {
    made.get_or_init(|| build(private, policy)).as_ref().map_err(|error| Error::Client(error.clone()))
}

fn build(private: bool, policy: impl Fn() -> Policy) -> Result<Client, String> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err("this process has installed no TLS provider".to_owned());
    }
    let builder = || {
        // Proxies would resolve names in place of the check below.
        let builder = Client::builder().connect_timeout(CONNECT_TIMEOUT).no_proxy().redirect(policy());
        let builder = builder.user_agent(USER_AGENT);
        if private { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) }
    };
    // An image may lack root certificates; what is not encrypted needs none.
    builder().build().or_else(|_| builder().tls_certs_only([]).build()).map_err(|error| causes(&error))
}

/// Names lead to public addresses or nowhere, whatever they led to when they were looked at before.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err("the host has no public address".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether the host is an address, not a name, and not public. Names are looked at when they are resolved.
fn names_private(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok_and(|address| !is_public(address))
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or_else(|| is_public_v6(address), is_public_v4),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_special = match address.octets() {
        [0 | 240.., ..] | [192, 0, 0, _] | [198, 18 | 19, ..] => true,
        [100, second, ..] => (64..128).contains(&second),
        _ => false,
    };
    !(is_special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation())
}

/// Only what is handed out for global use, and of that neither tunnels nor documentation.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x2001, 0..0x200 | 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..0x1000, ..] => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

/// The error and its causes, without the URL, which may hold a key.
fn causes(error: &reqwest::Error) -> String {
    let url = error.url().map(Url::as_str).unwrap_or_default();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    if url.is_empty() { text } else { text.replace(&format!(" for url ({url})"), "") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_may_be_named() {
        let outbound = Outbound::new(false);
        for url in [
            "https://example.com/a.png",
            "http://1.1.1.1/",
            "https://[2606:4700::1111]/",
            "http://example.com:8080",
        ] {
            assert!(outbound.url(url).is_ok(), "{url}");
        }
        for url in [
            "http://127.0.0.1:8090/admin/reset",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0.0.0.0/",
            "http://10.96.0.1/",
            "http://169.254.169.254/latest/meta-data",
            "http://192.168.1.1/",
            "http://172.16.0.1/",
            "http://100.64.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[fd00::1]/",
            "http://[fe80::1]/",
            "http://[2002:7f00:1::]/",
            "http://[64:ff9b::7f00:1]/",
            "file:///etc/passwd",
            "ftp://example.com/",
            "example.com",
        ] {
            assert!(outbound.url(url).is_err(), "{url}");
        }
        assert!(Outbound::new(true).url("http://127.0.0.1:1/").is_ok());
        assert!(Outbound::new(true).url("file:///etc/passwd").is_err());
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_called() {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/", listener.local_addr().unwrap().port());
        let outbound = Outbound::new(false);
        let url = outbound.url(&url).unwrap();
        let error: Error = outbound.following().unwrap().get(url).send().await.unwrap_err().into();
        assert!(error.to_string().contains("no public address"), "{error}");
        assert!(!error.to_string().contains("localhost"), "{error}");
    }
}
