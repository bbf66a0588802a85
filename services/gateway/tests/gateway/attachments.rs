//! URLs of attachments that don't expire: the gateway before a simulator whose own die after two hours, and before a content
//! host that answers as told.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    http::{HeaderMap, HeaderValue},
    response::{IntoResponse as _, Response as Reply},
    routing::get,
};
use futures::future::join_all;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use simulator::{Behaviour, Fixture};
use telemetry::metrics::Metrics;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::{
    setup::{Running, answer},
    simulated::BASE,
    upstream::{self, Upstream},
};

const INVOICE: &str = "recCRM00000000301";
/// A PNG of 3 times 2 pixels, as far as anybody looks at it.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x03\0\0\0\x02\x08\x06\0\0\0";
const KEY: &str = "0123456789abcdef0123456789abcdef";

pub async fn serving(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

/// Airtable, with a file that an invoice gets.
struct Airtable {
    url: String,
    file: String,
    folder: TempDir,
}

impl Airtable {
    async fn new() -> Self {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let behaviour = Behaviour { private_urls: true, ..Behaviour::default() };
        let state = simulator::start(Fixture::sample().unwrap(), behaviour, &Metrics::new()).unwrap();
        let url = serving(simulator::router(state)).await;
        let image = get(|| async { ([("content-type", "image/png")], PNG) });
        let file = format!("{}/logo.png", serving(Router::new().route("/logo.png", image)).await);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("keys"), KEY).unwrap();
        Self { url, file, folder }
    }

    fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    async fn gateway(&self, more: &[&str]) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = [
            format!("--base={BASE}"),
            format!("--attachment-urls=http://{}", listener.local_addr().unwrap()),
            format!("--attachment-key-file={}", self.keys().display()),
            format!("--attachment-hosts={}", self.url),
        ];
        let options: Vec<&str> = options.iter().map(String::as_str).chain(more.iter().copied()).collect();
        Running::at(listener, &self.url, tempfile::tempdir().unwrap(), &options)
    }

    async fn ahead(&self, seconds: u32) {
        let clock = Client::new().put(format!("{}/admin/clock", self.url));
        assert_eq!(answer(clock.json(&json!({"aheadSeconds": seconds}))).await.0, 200);
    }

    async fn direct(&self) -> Value {
        let invoice = format!("{}/v0/{BASE}/Invoices/{INVOICE}", self.url);
        answer(Client::new().get(invoice).bearer_auth("pat")).await.1["fields"]["Document"].clone()
    }
}

fn invoice(gateway: &Running, method: Method) -> RequestBuilder {
    gateway.request(method, &format!("/v0/{BASE}/Invoices/{INVOICE}"))
}

async fn write(gateway: &Running, cell: Value) -> Value {
    let body = json!({"fields": {"Document": cell}});
    let (status, body) = answer(invoice(gateway, Method::PATCH).json(&body)).await;
    assert_eq!(status, 200, "{body}");
    body["fields"]["Document"].clone()
}

async fn read(gateway: &Running) -> Value {
    answer(invoice(gateway, Method::GET)).await.1["fields"]["Document"].clone()
}

/// The invoice has the file, and this is its attachment by the gateway.
async fn attached(airtable: &Airtable, gateway: &Running) -> Value {
    write(gateway, json!([{"url": airtable.file}])).await;
    let arrives = async {
        while airtable.direct().await[0]["size"].is_null() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), arrives).await.unwrap();
    read(gateway).await[0].clone()
}

/// Without a key, as a browser asks.
async fn fetch(url: &str) -> (u16, Vec<u8>) {
    let response = Client::new().get(url).send().await.unwrap();
    (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

#[tokio::test]
async fn a_url_of_the_gateways_outlives_airtables_and_a_restart_of_the_gateway() {
    let airtable = Airtable::new().await;
    let gateway = airtable.gateway(&[]).await;
    let attachment = attached(&airtable, &gateway).await;
    let (ours, airtables) = (text(&attachment, "url"), airtable.direct().await);
    assert!(
        ours.starts_with(&format!("{}/attachments/", gateway.url)) && ours.ends_with("/logo.png"),
        "{ours}"
    );
    assert_eq!(fetch(ours).await, (200, PNG.to_vec()));
    for size in ["small", "large", "full"] {
        let thumbnail = text(&attachment["thumbnails"][size], "url");
        assert!(thumbnail.contains(&format!("/{size}/")), "{thumbnail}");
        assert_eq!(fetch(thumbnail).await, (200, PNG.to_vec()));
    }
    airtable.ahead(7201).await;
    assert_eq!(fetch(text(&airtables[0], "url")).await.0, 410);
    assert_eq!(fetch(ours).await, (200, PNG.to_vec()));
    assert_eq!(read(&gateway).await[0]["url"], ours, "it stays the same");

    let other = airtable.gateway(&[]).await;
    assert_eq!(fetch(&ours.replace(&gateway.url, &other.url)).await, (200, PNG.to_vec()));
}

#[tokio::test]
async fn the_answer_is_airtables_but_for_the_urls_and_they_are_in_lists_and_writes_as_well() {
    let airtable = Airtable::new().await;
    let gateway = airtable.gateway(&["--cache-ttl-seconds=600"]).await;
    let attachment = attached(&airtable, &gateway).await;
    let bytes = invoice(&gateway, Method::GET).send().await.unwrap().text().await.unwrap();
    let origin = |text: &str, origin: &str| {
        let parts: Vec<&str> = text.split(origin).collect();
        // Up to the quote that ends the URL.
        let rest = parts[1..].iter().map(|part| part.split_once('"').unwrap().1);
        std::iter::once(parts[0]).chain(rest).collect::<Vec<_>>().join("<url>\"")
    };
    let path = format!("{}/v0/{BASE}/Invoices/{INVOICE}", airtable.url);
    let airtables = Client::new().get(path).bearer_auth("pat").send().await.unwrap().text().await.unwrap();
    assert_eq!(origin(&bytes, &gateway.url), origin(&airtables, &airtable.url));

    let list = format!("/v0/{BASE}/Invoices?maxRecords=9&fields[]=Document");
    for _ in 0..2 {
        let listed = answer(gateway.request(Method::GET, &list)).await.1.to_string();
        assert!(listed.contains(text(&attachment, "url")) && !listed.contains(&airtable.url), "{listed}");
    }
    let plain = gateway.request(Method::GET, &list).header("Attachment-Urls", "airtable");
    let plain = answer(plain).await.1.to_string();
    assert!(plain.contains(&airtable.url) && !plain.contains(&gateway.url), "{plain}");
    // What a client read it may write back.
    let kept = write(&gateway, json!([attachment])).await;
    assert_eq!((&kept[0]["id"], &kept[0]["url"]), (&attachment["id"], &attachment["url"]));
    assert_eq!(airtable.direct().await[0]["id"], attachment["id"], "nothing is lost");
}

#[tokio::test]
async fn what_was_taken_out_of_its_cell_is_not_found_and_what_is_forged_never_was() {
    let airtable = Airtable::new().await;
    let gateway = airtable.gateway(&[]).await;
    let attachment = attached(&airtable, &gateway).await;
    let ours = text(&attachment, "url").to_owned();
    let parts: Vec<&str> = ours.split('/').collect();
    for (at, other) in [
        (4, "tblCRM00000000001"),
        (5, "recCRM00000000302"),
        (6, "attAAAAAAAAAAAAAA"),
        (7, "small"),
        (7, "huge"),
        (8, "AAAAAAAAAAAAAAAAAAAAAA"),
        (8, "x"),
        (9, "page.html"),
    ] {
        let mut forged = parts.clone();
        forged[at] = other;
        assert_eq!(fetch(&forged.join("/")).await.0, 404, "{other}");
    }
    assert_eq!(fetch(&ours).await.0, 200);
    write(&gateway, json!([])).await;
    assert_eq!(fetch(&ours).await.0, 404);
    let metrics = gateway.metrics();
    assert!(metrics.contains(r#"gateway_attachments_total{outcome="forged"} 8"#), "{metrics}");
    assert!(metrics.contains(r#"gateway_attachments_total{outcome="gone"} 1"#), "{metrics}");
}

#[tokio::test]
async fn a_key_that_is_replaced_is_good_for_as_long_as_it_is_in_the_file() {
    let airtable = Airtable::new().await;
    let ours = {
        let gateway = airtable.gateway(&[]).await;
        let url = attached(&airtable, &gateway).await["url"].as_str().unwrap().to_owned();
        url.strip_prefix(&gateway.url).unwrap().to_owned()
    };
    for (keys, expected) in [(format!("{}\n{KEY}", "n".repeat(32)), 200), ("n".repeat(32), 404)] {
        std::fs::write(airtable.keys(), keys).unwrap();
        let gateway = airtable.gateway(&[]).await;
        assert_eq!(fetch(&format!("{}{ours}", gateway.url)).await.0, expected);
    }
}

#[tokio::test]
async fn without_keys_the_base_is_served_with_airtables_urls_and_keys_that_come_are_taken_up() {
    let airtable = Airtable::new().await;
    for keys in [None, Some("too short")] {
        match keys {
            None => std::fs::remove_file(airtable.keys()).unwrap(),
            Some(short) => std::fs::write(airtable.keys(), short).unwrap(),
        }
        let gateway = airtable.gateway(&[]).await;
        let url = attached(&airtable, &gateway).await["url"].as_str().unwrap().to_owned();
        assert!(url.starts_with(&airtable.url), "{url}");
        let path = format!("{}/attachments/T/{INVOICE}/{ATTACHMENT}/original/x/a.png", gateway.url);
        assert_eq!(fetch(&path).await.0, 503, "nobody knows whether it is forged");
        std::fs::write(airtable.keys(), KEY).unwrap();
        let ours = async { while !text(&read(&gateway).await[0], "url").starts_with(&gateway.url) {} };
        tokio::time::timeout(Duration::from_secs(10), ours).await.unwrap();
        assert_eq!(fetch(&path).await.0, 404);
    }
}

#[tokio::test]
async fn without_the_option_urls_are_airtables_and_there_is_no_such_path() {
    let airtable = Airtable::new().await;
    let gateway = Running::new(&airtable.url, &[&format!("--base={BASE}")]).await;
    let attachment = attached(&airtable, &gateway).await;
    assert!(text(&attachment, "url").starts_with(&airtable.url));
    let path =
        format!("{}/attachments/T/{INVOICE}/{}/original/x/a.png", gateway.url, text(&attachment, "id"));
    assert_eq!(fetch(&path).await.0, 404);
}

#[tokio::test]
async fn a_client_has_the_same_urls_as_others_and_none_of_cells_that_it_may_not_see() {
    let airtable = Airtable::new().await;
    let folder = airtable.folder.path();
    let table = |fields: Value| json!([{"name": "Invoices", "fields": fields}]);
    let client = |name: &str, tables: Value| json!({"name": name, "file": name, "tables": tables});
    let sees = client("sees", table(json!(["Number", "Document"])));
    let blind = client("blind", table(json!(["Number"])));
    let clients = json!({"keys": [{"name": "full", "file": "full"}, sees, blind]});
    std::fs::write(folder.join("clients"), clients.to_string()).unwrap();
    for name in ["full", "sees", "blind"] {
        std::fs::write(folder.join(name), if name == "full" { crate::setup::KEY } else { name }).unwrap();
    }
    let gateway = airtable.gateway(&[&format!("--clients-file={}", folder.join("clients").display())]).await;
    let url = attached(&airtable, &gateway).await["url"].as_str().unwrap().to_owned();
    let record = |key: &'static str| {
        let path = format!("{}/v0/{BASE}/Invoices/{INVOICE}", gateway.url);
        answer(Client::new().get(path).bearer_auth(key))
    };
    let ((status, shown), (_, hidden)) = (record("sees").await, record("blind").await);
    assert_eq!(status, 200, "{shown}");
    let theirs = text(&shown["fields"]["Document"][0], "url");
    assert_eq!(fetch(theirs).await.0, 200);
    let is_hidden = !hidden.to_string().contains("attachments");
    assert!(hidden["fields"]["Number"].is_string() && is_hidden, "{hidden}");

    // Until the gateway knows the ids of tables, a URL has the name of the path.
    assert!(url.contains("/Invoices/") && theirs.contains("/tblCRM00000000003/"));
    gateway.watch();
    let same = async { while read(&gateway).await[0]["url"] != theirs {} };
    tokio::time::timeout(Duration::from_secs(10), same).await.unwrap();
}

const ATTACHMENT: &str = "attAAAAAAAAAAAAAA";

/// A gateway before an Airtable whose one record has an attachment at this URL.
async fn pointing(url: impl Fn() -> String + Send + 'static, host: &str) -> (Upstream, Running, TempDir) {
    before(move || Some(url()), host).await
}

/// The same with the URL `/file` of `host`, while this is set.
pub async fn switched(is_there: Arc<AtomicBool>, host: &str) -> (Upstream, Running, TempDir) {
    let at = format!("{host}/file");
    before(move || is_there.load(Ordering::SeqCst).then(|| at.clone()), host).await
}

async fn before(
    url: impl Fn() -> Option<String> + Send + 'static,
    host: &str,
) -> (Upstream, Running, TempDir) {
    let upstream = Upstream::new(move |_| {
        let attachment =
            |url| json!({"id": ATTACHMENT, "url": url, "filename": "a.html", "size": 1, "type": "text/html"});
        let cell: Vec<_> = url().map(attachment).into_iter().collect();
        upstream::Reply::Json(200, json!({"id": "recAAAAAAAAAAAAAA", "fields": {"Files": cell}}))
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keys"), KEY).unwrap();
    let keys = format!("--attachment-key-file={}", folder.path().join("keys").display());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let urls = format!("--attachment-urls=http://{}", listener.local_addr().unwrap());
    let hosts = format!("--attachment-hosts={host}");
    let gateway = Running::at(listener, &upstream.url, tempfile::tempdir().unwrap(), &[&keys, &urls, &hosts]);
    (upstream, gateway, folder)
}

pub async fn ours(gateway: &Running) -> String {
    let record = answer(gateway.deals(Method::GET, "/recAAAAAAAAAAAAAA", None)).await.1;
    record["fields"]["Files"][0]["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn ranges_and_conditions_are_heard_and_a_page_can_do_nothing() {
    let seen = Arc::new(Mutex::new(Vec::<HeaderMap>::new()));
    let log = seen.clone();
    let content = get(move |headers: HeaderMap| async move {
        let range = headers.get("range").cloned();
        log.lock().unwrap().push(headers);
        let page = [("content-type", "text/html"), ("set-cookie", "a=b"), ("etag", "\"theirs\"")];
        match range {
            Some(_) => (reqwest::StatusCode::PARTIAL_CONTENT, page, [("content-range", "bytes 1-2/4")], "ag")
                .into_response(),
            None => (page, "page").into_response(),
        }
    });
    let host = serving(Router::new().route("/page", content)).await;
    let at = format!("{host}/page");
    let (_upstream, gateway, _folder) = pointing(move || at.clone(), &host).await;
    let url = ours(&gateway).await;
    let asked = async |name: &'static str, value: &str| {
        Client::new().get(&url).header("range", "bytes=1-2").header(name, value).send().await.unwrap()
    };
    let header = |response: &Response, name: &str| response.headers()[name].to_str().unwrap().to_owned();

    let whole = Client::new().get(&url).bearer_auth("a key of the client").send().await.unwrap();
    let tag = header(&whole, "etag");
    assert_eq!(
        (header(&whole, "content-length").as_str(), tag.as_str()),
        ("4", "\"attAAAAAAAAAAAAAA-original\"")
    );
    assert_eq!(header(&whole, "content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(header(&whole, "x-content-type-options"), "nosniff");
    assert!(header(&whole, "cache-control").contains("immutable"));
    assert!(header(&whole, "content-disposition").ends_with("a%2Ehtml"));
    assert!(whole.headers().get("set-cookie").is_none());
    assert_eq!(whole.headers().get_all("content-type").iter().collect::<Vec<_>>(), ["text/html"]);
    assert_eq!(whole.text().await.unwrap(), "page");

    let part = asked("if-range", &tag).await;
    assert_eq!((part.status().as_u16(), header(&part, "content-range").as_str()), (206, "bytes 1-2/4"));
    assert_eq!(asked("if-range", "\"another\"").await.status(), 200);
    assert_eq!(asked("if-none-match", &format!("W/{tag}, \"x\"")).await.status(), 304);
    let head = Client::new().head(&url).send().await.unwrap();
    assert_eq!((head.status().as_u16(), header(&head, "content-length").as_str()), (200, "4"));
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 4, "nothing is fetched for who has it");
    let secret = ["authorization", "cookie", "if-range"];
    assert!(seen.iter().all(|headers| secret.iter().all(|name| !headers.contains_key(*name))));
}

#[tokio::test]
async fn nothing_is_fetched_from_elsewhere_whatever_an_answer_or_a_redirect_says() {
    let inside = Arc::new(AtomicUsize::new(0));
    let count = inside.clone();
    let secret = get(move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        "secret"
    });
    let private = format!("{}/secret", serving(Router::new().route("/secret", secret)).await);
    let target = HeaderValue::try_from(&private).unwrap();
    let hop = get(move || async move {
        let mut redirect: Reply = reqwest::StatusCode::FOUND.into_response();
        redirect.headers_mut().insert("location", target.clone());
        redirect
    });
    let host = serving(Router::new().route("/hop", hop)).await;

    // A redirect of the content host.
    let at = format!("{host}/hop");
    let (_upstream, gateway, _folder) = pointing(move || at.clone(), &host).await;
    assert_eq!(fetch(&ours(&gateway).await).await.0, 503);

    // A URL that somebody wrote: first it is not replaced, and where it stands in place of a good one it is not followed.
    let is_bad = Arc::new(Mutex::new(false));
    let (bad, good, told) = (private.clone(), format!("{host}/gone"), is_bad.clone());
    let answers = move || if *told.lock().unwrap() { bad.clone() } else { good.clone() };
    let (_upstream, gateway, _folder) = pointing(answers, &host).await;
    let url = ours(&gateway).await;
    *is_bad.lock().unwrap() = true;
    assert_eq!(ours(&gateway).await, private, "not ours");
    assert_eq!(fetch(&url).await.0, 404);
    assert_eq!(inside.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn without_a_token_what_is_known_is_served_and_else_later() {
    let host = serving(Router::new().route("/file", get(|| async { "file" }))).await;
    let at = format!("{host}/file");
    let (upstream, gateway, folder) = pointing(move || at.clone(), &host).await;
    let url = ours(&gateway).await;
    std::fs::remove_file(gateway.folder.path().join("token")).unwrap();
    assert_eq!(fetch(&url).await.0, 200);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let keys = format!("--attachment-key-file={}", folder.path().join("keys").display());
    let options = [keys.as_str(), "--attachment-urls=http://x"];
    let next = Running::at(listener, &upstream.url, tempfile::tempdir().unwrap(), &options);
    std::fs::remove_file(next.folder.path().join("token")).unwrap();
    assert_eq!(fetch(&url.replace(&gateway.url, &next.url)).await.0, 503);
}

#[tokio::test]
async fn a_record_is_read_once_for_all_who_want_files_of_it() {
    let host = serving(Router::new().route("/file", get(|| async { "file" }))).await;
    let at = format!("{host}/file");
    let (upstream, gateway, folder) = pointing(move || at.clone(), &host).await;
    let url = ours(&gateway).await;
    let keys = format!("--attachment-key-file={}", folder.path().join("keys").display());
    let options = [keys.as_str(), "--attachment-urls=http://x", &format!("--attachment-hosts={host}")];
    let next = Running::new(&upstream.url, &options).await;
    let (before, url) = (upstream.seen().len(), url.replace(&gateway.url, &next.url));
    let fetched = join_all((0..8).map(|_| fetch(&url))).await;
    assert!(fetched.iter().all(|(status, bytes)| (*status, bytes.as_slice()) == (200, b"file")));
    assert_eq!(upstream.seen().len() - before, 1);
}
