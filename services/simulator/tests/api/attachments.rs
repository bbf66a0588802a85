//! Attachments: fetched, uploaded, served for two hours, kept over restarts.

use std::net::SocketAddr;

use axum::{Router, http::header::CONTENT_TYPE, response::Redirect, routing::get};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use simulator::Behaviour;

use crate::support::{BASE, Simulator};

const INVOICE: &str = "recCRM00000000301";
/// A PNG of 3 times 2 pixels, as far as anybody looks at it.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x03\0\0\0\x02\x08\x06\0\0\0";

/// Files on this machine: `/logo.png`, `/hop/N` with N redirects to it, `/large`, and nothing else.
async fn files() -> SocketAddr {
    let hop = async |axum::extract::Path(left): axum::extract::Path<u8>| match left {
        0 | 1 => Redirect::to("/logo.png"),
        left => Redirect::to(&format!("/hop/{}", left - 1)),
    };
    let router = Router::new()
        .route("/logo.png", get(|| async { ([(CONTENT_TYPE, "image/png; q=1")], PNG) }))
        .route("/large", get(|| async { vec![0_u8; (16 << 20) + 1] }))
        .route("/hop/{left}", get(hop));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await });
    address
}

fn simulator() -> Simulator {
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    Simulator::behaving(Behaviour { private_urls: true, ..Behaviour::default() })
}

fn invoice() -> String {
    format!("{BASE}/Invoices/{INVOICE}")
}

async fn write(simulator: &Simulator, attachments: Value) -> Value {
    let answer = simulator.patch(&invoice(), json!({"fields": {"Document": attachments}})).await.ok();
    answer["fields"]["Document"].clone()
}

async fn read(simulator: &Simulator) -> Value {
    simulator.get(&invoice()).await.ok()["fields"]["Document"].clone()
}

/// Waits until nothing is awaited; answers the reports of all files.
async fn settled(simulator: &Simulator) -> Vec<Value> {
    let settle = async {
        loop {
            let report = simulator.get("/admin/attachments").await.ok();
            let files = report["attachments"].as_array().unwrap().clone();
            if files.iter().all(|file| file["state"] != "awaited") {
                return files;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), settle).await.unwrap()
}

#[tokio::test]
async fn a_file_is_fetched_after_the_answer_and_then_described_and_served() {
    let (simulator, address) = (simulator(), files().await);
    let source = format!("http://{address}/logo.png");
    let written = write(&simulator, json!([{"url": source}])).await;
    assert_eq!((&written[0]["url"], &written[0]["filename"]), (&json!(source), &json!("logo.png")));
    for later in ["size", "width", "height", "thumbnails"] {
        assert_eq!(written[0].get(later), None, "it is not here yet");
    }
    settled(&simulator).await;
    let held = read(&simulator).await;
    assert_eq!(
        (&held[0]["id"], &held[0]["size"], &held[0]["type"]),
        (&written[0]["id"], &json!(PNG.len()), &json!("image/png"))
    );
    assert_eq!((&held[0]["width"], &held[0]["height"]), (&json!(3), &json!(2)));
    let thumbnails = &held[0]["thumbnails"];
    assert_eq!((&thumbnails["large"]["width"], &thumbnails["small"]["height"]), (&json!(3), &json!(2)));
    for url in [&held[0]["url"], &thumbnails["full"]["url"]] {
        let file = simulator.raw(url.as_str().unwrap()).await;
        assert_eq!((file.status().as_u16(), file.body().as_slice()), (200, PNG));
        assert_eq!(file.headers()[CONTENT_TYPE], "image/png");
        assert_eq!(file.headers()["content-security-policy"], "sandbox; default-src 'none'");
    }
}

#[tokio::test]
async fn urls_are_for_two_hours_and_a_new_answer_has_new_ones() {
    let (simulator, address) = (simulator(), files().await);
    write(&simulator, json!([{"url": format!("http://{address}/logo.png")}])).await;
    settled(&simulator).await;
    let url = read(&simulator).await[0]["url"].as_str().unwrap().to_owned();
    let status = async |url: &str| simulator.raw(url).await.status().as_u16();
    simulator.put("/admin/clock", json!({"aheadSeconds": 7190})).await.ok();
    assert_eq!(status(&url).await, 200);
    simulator.put("/admin/clock", json!({"aheadSeconds": 7200})).await.ok();
    assert_eq!(status(&url).await, 410);
    assert_eq!(status(read(&simulator).await[0]["url"].as_str().unwrap()).await, 200);
    assert_eq!(status(&url.replace("/original/", "/small/")).await, 403);
    let twisted = simulator.put("/admin/clock", json!({"ahead": 1})).await;
    assert_eq!(twisted.kind(), "INVALID_CLOCK");
}

#[tokio::test]
async fn at_most_three_redirects_are_followed_and_failures_leave_a_url_that_tells_why() {
    let (simulator, address) = (simulator(), files().await);
    for (path, why) in [
        ("hop/3", None),
        ("hop/4", Some("redirect")),
        ("nothing.png", Some("answered 404")),
        ("large", Some("larger than 16777216 bytes")),
    ] {
        write(&simulator, json!([{"url": format!("http://{address}/{path}")}])).await;
        settled(&simulator).await;
        let held = read(&simulator).await;
        let file = simulator.raw(held[0]["url"].as_str().unwrap()).await;
        match why {
            None => assert_eq!(file.body(), PNG, "{path}"),
            Some(why) => {
                let error = String::from_utf8_lossy(file.body()).into_owned();
                assert!(file.status() == 404 && error.contains(why), "{path}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_public_is_not_fetched_unless_that_is_allowed() {
    let address = files().await;
    let simulator = Simulator::new();
    write(&simulator, json!([{"url": format!("http://{address}/logo.png")}])).await;
    let files = settled(&simulator).await;
    assert_eq!(files[0]["state"], "missing");
    assert!(files[0]["why"].as_str().unwrap().contains("--private-urls"), "{}", files[0]);
}

#[tokio::test]
async fn the_list_written_is_what_the_cell_holds_and_order_counts() {
    let (simulator, address) = (simulator(), files().await);
    let url = format!("http://{address}/logo.png");
    let written =
        write(&simulator, json!([{"url": url, "filename": "a.jpg"}, {"url": url, "filename": "b.jpg"}]))
            .await;
    let (a, b) = (&written[0]["id"], &written[1]["id"]);
    let turned = write(&simulator, json!([{"id": b}, {"url": url}, {"id": a}])).await;
    let names: Vec<_> = turned.as_array().unwrap().iter().map(|file| &file["filename"]).collect();
    assert_eq!(names, ["b.jpg", "logo.png", "a.jpg"]);
    let unknown = json!({"fields": {"Document": [{"id": "attNothing0000000"}]}});
    assert_eq!(simulator.patch(&invoice(), unknown).await.kind(), "INVALID_VALUE_FOR_COLUMN");
    assert_eq!(write(&simulator, json!([])).await, Value::Null);
}

#[tokio::test]
async fn an_uploaded_image_is_described_in_the_answer_to_its_upload() {
    let simulator = simulator();
    let body = json!({"contentType": "image/png", "filename": "logo.png", "file": STANDARD.encode(PNG)});
    let path = format!("{BASE}/{INVOICE}/Document/uploadAttachment");
    let answer = simulator.post(&path, body).await.ok();
    let held = &answer["fields"].as_object().unwrap().values().next().unwrap()[0];
    let thumbnail = &held["thumbnails"]["large"];
    assert_eq!((&held["width"], &held["height"], &thumbnail["height"]), (&json!(3), &json!(2), &json!(2)));
}

#[tokio::test]
async fn an_upload_adds_to_the_cell_and_is_answered_by_field_id_with_all_it_holds() {
    let simulator = simulator();
    let upload = async |field: &str, body: Value| {
        simulator.post(&format!("{BASE}/{INVOICE}/{field}/uploadAttachment"), body).await
    };
    let body = |name: &str| json!({"contentType": "text/plain", "filename": name, "file": "aGVs\nbG8=\n"});
    upload("Document", body("one.txt")).await.ok();
    let answer = upload("Document", body("two.txt")).await.ok();
    let fields = answer["fields"].as_object().unwrap();
    let (field, held) = fields.iter().next().unwrap();
    assert_eq!((answer["id"].as_str().unwrap(), field.starts_with("fld"), fields.len()), (INVOICE, true, 1));
    assert_eq!(
        (&held[0]["filename"], &held[1]["filename"], &held[1]["size"]),
        (&json!("one.txt"), &json!("two.txt"), &json!(5))
    );
    assert_eq!(simulator.raw(held[1]["url"].as_str().unwrap()).await.body(), b"hello");
    assert_eq!(simulator.get("/admin/effects").await.ok()["effects"].as_array().unwrap().len(), 2);
    for (field, body, refused) in [
        (
            "Document",
            json!({"contentType": "text/plain", "filename": "x", "file": "?"}),
            (422, "INVALID_REQUEST_UNKNOWN"),
        ),
        (
            "Document",
            json!({"contentType": "text/plain", "filename": "x"}),
            (422, "INVALID_REQUEST_MISSING_FIELDS"),
        ),
        ("Number", body("x"), (422, "INVALID_VALUE_FOR_COLUMN")),
        ("Nowhere", body("x"), (422, "UNKNOWN_FIELD_NAME")),
    ] {
        let answer = upload(field, body).await.refused();
        assert_eq!((answer.0, answer.1.as_str()), refused);
    }
    let elsewhere = format!("{BASE}/recCRM00000000999/Document/uploadAttachment");
    assert_eq!(simulator.post(&elsewhere, body("x")).await.refused().0, 404);
}

#[tokio::test]
async fn five_megabytes_are_taken_and_no_more() {
    let simulator = simulator();
    let upload = async |bytes: usize| {
        let file = "AAAA".repeat(bytes / 3);
        let body = json!({"contentType": "application/zip", "filename": "a.zip", "file": file});
        simulator.post(&format!("{BASE}/{INVOICE}/Document/uploadAttachment"), body).await.0
    };
    assert_eq!((upload((5 << 20) + 3).await, upload(5 << 20).await), (413, 200));
}
