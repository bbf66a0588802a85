//! Connections by a proxy, to one that writes down what it is asked for.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

/// A connector that goes by the proxy at `url`, but to hosts named in `except`.
fn by_proxy(url: &str, except: &str) -> Connector {
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let proxies = Arc::new(Matcher::builder().all(url.to_owned()).no(except.to_owned()).build());
    Connector { proxies, ..Connector::new(false).unwrap() }
}

async fn first_bytes(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut bytes = vec![0; 4096];
    let length = stream.read(&mut bytes).await.unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_with_its_own_credentials() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://who:what@{}", listener.local_addr().unwrap());
    for (to, named) in
        [("http://airtable.test/v0", "airtable.test:80"), ("https://airtable.test/v0", "airtable.test:443")]
    {
        let mut connector = by_proxy(&proxy, "");
        let (asked, _connection) = tokio::join!(first_bytes(&listener), connector.call(to.parse().unwrap()));
        assert!(asked.starts_with(&format!("CONNECT {named} HTTP/1.1\r\n")), "{asked}");
        assert!(asked.contains("\r\nProxy-Authorization: Basic d2hvOndoYXQ=\r\n"), "{asked}");
    }
}

#[tokio::test]
async fn what_is_excepted_is_connected_to_directly() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("http://{}/", listener.local_addr().unwrap());
    let mut connector = by_proxy("http://127.0.0.1:9", "127.0.0.1");
    assert!(connector.call(to.parse().unwrap()).await.is_ok());
    let mut connector = by_proxy("http://127.0.0.1:9", "");
    assert!(connector.call(to.parse().unwrap()).await.is_err(), "nobody listens there");
}

#[tokio::test]
async fn of_a_connection_that_was_given_up_or_is_not_heard_of_the_kernel_sends_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("http://{}/", listener.local_addr().unwrap());
    let mut connector = by_proxy("http://127.0.0.1:9", "127.0.0.1");
    let Ok(MaybeHttpsStream::Http(MaybeHttpsStream::Http(stream))) =
        connector.call(to.parse().unwrap()).await
    else {
        panic!("no plain connection")
    };
    let socket = socket2::SockRef::from(stream.inner());
    #[cfg(target_os = "linux")]
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(UNHEARD));
    assert_eq!(socket.linger().unwrap(), Some(Duration::ZERO));
}

#[tokio::test]
async fn by_a_proxy_as_well_what_is_given_up_is_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut connector = by_proxy(&format!("http://{}", listener.local_addr().unwrap()), "");
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _asked = stream.read(&mut [0; 4096]).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        stream
    };
    let (mut stream, connection) =
        tokio::join!(serve, connector.call("http://airtable.test/v0".parse().unwrap()));
    drop(connection.unwrap());
    let gone = stream.read(&mut [0; 1]).await.map_err(|error| error.kind());
    assert_eq!(gone, Err(std::io::ErrorKind::ConnectionReset));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_come_about_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("https://{}/", listener.local_addr().unwrap());
    let error = Connector::new(false).unwrap().call(to.parse().unwrap()).await.map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "no connection within 5 s");
}
