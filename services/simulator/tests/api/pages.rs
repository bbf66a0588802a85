//! The pages under `/admin/`.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use simulator::{Behaviour, Fixture};
use telemetry::metrics::Metrics;
use tower::ServiceExt as _;

use crate::support::{BASE, Simulator, own};

impl Simulator {
    async fn page(&self, path: &str) -> (u16, HeaderMap, String) {
        page(self.router(), Request::get(path).body(Body::empty()).unwrap()).await
    }
}

async fn page(router: axum::Router, request: Request<Body>) -> (u16, HeaderMap, String) {
    let answer = router.oneshot(request).await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_first_page_shows_tables_limits_faults_requests_and_effects() {
    let simulator = Simulator::new();
    simulator.post(&format!("{BASE}/Customers"), json!({"fields": {"Name": "<b>Eve</b>"}})).await.ok();
    simulator.get("/v0/nowhere/T").await;
    simulator.put("/admin/faults", json!({"faults": [{"times": 3, "kind": {"status": 503}}]})).await.ok();
    simulator.put("/admin/limits", json!({"perBase": 7, "monthlyCalls": 99})).await.ok();
    let (status, headers, page) = simulator.page("/admin/").await;
    assert_eq!((status, &headers["content-type"]), (200, &"text/html; charset=utf-8".parse().unwrap()));
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
    for part in [
        "<a href=\"/admin/bases/appCRM00000000001/tblCRM00000000001\">Customers</a>",
        "<td class=\"number\">5</td>",
        "<td>Requests a second to a base</td><td>7</td>",
        "<td>{&quot;status&quot;:503}</td>",
        "<td>/v0/nowhere/T</td><td class=\"number\">404</td><td>NOT_FOUND</td>",
        "<td>create</td><td class=\"id\">tblCRM00000000001</td>",
        "&lt;b&gt;Eve&lt;/b&gt;",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    assert!(!page.contains("<b>") && !page.contains("<script"), "{page}");
    let (status, headers, style) = simulator.page("/admin/style.css").await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/css; charset=utf-8"));
    assert!(style.contains("color-scheme"));
}

#[tokio::test]
async fn a_table_is_shown_as_people_read_it_page_by_page() {
    let mut fixture: Value = serde_json::from_str(include_str!("../../fixtures/crm.json")).unwrap();
    let record = |number: u32| {
        json!({"id": format!("recMany{number:010}"), "createdTime": "2026-01-05T09:00:00.000Z",
            "fields": {"Name": format!("N{number}"), "Credit limit": 1234.5, "VIP": true}})
    };
    fixture["bases"][0]["records"] = json!({"tblCRM00000000001": (0..51).map(record).collect::<Vec<_>>()});
    let simulator = own(&fixture);
    let path = "/admin/bases/appCRM00000000001/tblCRM00000000001";
    let (_, _, first) = simulator.page(path).await;
    assert!(
        first.contains("<td>N0</td>") && first.contains("<td>N49</td>") && !first.contains("<td>N50</td>")
    );
    assert!(first.contains("<td>€1,234.50</td>") && first.contains("<td>checked</td>"), "{first}");
    assert!(first.contains("?page=1\">Next</a>") && !first.contains(">Previous<"));
    let (_, _, second) = simulator.page(&format!("{path}?page=1")).await;
    assert!(
        second.contains("<td>N50</td>")
            && second.contains("?page=0\">Previous</a>")
            && !second.contains(">Next<")
    );
    assert_eq!(simulator.page(&format!("{path}?page=18446744073709551615")).await.0, 200);
    assert_eq!(simulator.page("/admin/bases/appCRM00000000001/nope").await.0, 404);
}

#[tokio::test]
async fn with_an_admin_token_pages_ask_for_a_password_and_all_else_for_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "secret\n").unwrap();
    let metrics = Metrics::new();
    let state = simulator::start(Fixture::sample().unwrap(), Behaviour::default(), &metrics).unwrap();
    let router = simulator::guarded(state, &file).unwrap();
    let ask = async |path: &str, authorization: Option<String>| {
        let mut request = Request::get(path);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let (status, headers, _) = page(router.clone(), request.body(Body::empty()).unwrap()).await;
        (status, headers.get("www-authenticate").is_some())
    };
    let basic = |given: &str| Some(format!("Basic {}", BASE64_STANDARD.encode(given)));
    for path in ["/admin/", "/admin/style.css", "/admin/bases/appCRM00000000001/tblCRM00000000001"] {
        assert_eq!(ask(path, None).await, (401, true), "{path}");
        assert_eq!(ask(path, basic("me:wrong")).await, (401, true), "{path}");
        assert_eq!(ask(path, basic("me:secret")).await, (200, false), "{path}");
        assert_eq!(ask(path, Some("Bearer secret".to_owned())).await, (200, false), "{path}");
    }
    for path in ["/admin/effects", "/admin/requests", "/admin/faults", "/admin/limits"] {
        assert_eq!(ask(path, None).await, (401, false), "{path}");
        assert_eq!(
            ask(path, basic("me:secret")).await,
            (401, false),
            "{path}: a browser sends passwords by itself"
        );
        assert_eq!(ask(path, Some("Bearer secret".to_owned())).await, (200, false), "{path}");
    }
}
