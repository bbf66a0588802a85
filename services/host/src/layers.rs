//! The layers around every router: limits, security headers, request ids, logs, metrics, no panic passes.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::Route,
};
use futures::future::Either;
use prometheus::{HistogramVec, IntCounterVec};
use telemetry::metrics::{Error, Metrics};
use tower::{Layer as _, Service, layer::layer_fn, service_fn};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowHeaders, Any, CorsLayer},
    timeout::TimeoutLayer,
};
use tracing::Instrument as _;

use crate::{App, ids};

/// Bounds on requests and connections.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest body in bytes; larger ones are answered 413.
    pub body_bytes: usize,
    /// Longest time until the answer begins; later ones are answered 504.
    pub timeout: Duration,
    /// Connections at once, plain and TLS together; further ones wait to be accepted.
    pub connections: usize,
    /// Longest time until the head of the next request is whole, also where none of it came yet. Longer than proxies and pools
    /// of clients keep idle connections (60 s, 90 s), so that none of them sends on one that is just being closed.
    pub head_timeout: Duration,
    /// Longest time in which a client takes nothing of what is written to it.
    pub write_timeout: Duration,
}

impl Default for Limits {
    /// 1 MiB and 30 s; 4,096 connections, 100 s for a head, 60 s of writing in vain.
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            timeout: Duration::from_secs(30),
            connections: 4096,
            head_timeout: Duration::from_secs(100),
            write_timeout: Duration::from_mins(1),
        }
    }
}

/// Rate, errors and duration of requests, by route pattern so that ids never become labels; the labels are a closed set.
pub struct HttpMetrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
}

impl HttpMetrics {
    /// Registers `http_requests_total` and `http_request_duration_seconds`.
    pub fn register(metrics: &Metrics) -> Result<Self, Error> {
        Ok(Self {
            requests: metrics.counter(
                "http_requests_total",
                "Requests answered, by method, route pattern and status.",
                &["method", "route", "status"],
            )?,
            seconds: metrics.seconds(
                "http_request_duration_seconds",
                "Seconds until the answer began, by method and route pattern.",
                &["method", "route"],
            )?,
        })
    }
}

/// Puts the layers around `app`, all of them at once: each time costs every request several boxes.
pub fn wrap(app: App, http: HttpMetrics, limits: Limits) -> App {
    let http = Arc::new(http);
    let bounds = (
        CatchPanicLayer::new(),
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, limits.timeout),
        DefaultBodyLimit::max(limits.body_bytes),
    );
    let direct = app.direct.map(|direct| {
        let route = direct.route;
        (route, observed(bounds.layer(direct.service()), http.clone(), Some(route)))
    });
    let routes =
        app.routes.layer(layer_fn(move |route: Route| observed(bounds.layer(route), http.clone(), None)));
    match direct {
        Some((route, service)) => App::from(routes).direct(route, service),
        None => routes.into(),
    }
}

/// `service` for pages of any origin, as they may call Airtable: nothing is allowed to who has no token, and a browser adds
/// none. Who names no origin is no page, and costs nothing.
pub fn for_browsers<S>(
    mut service: S,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone,
{
    let allowing = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(Any)
        .max_age(Duration::from_hours(1))
        .layer(service.clone());
    let allowing = Arc::new(allowing);
    service_fn(move |request: Request| {
        if request.headers().contains_key(header::ORIGIN) {
            Either::Left((*allowing).clone().call(request))
        } else {
            Either::Right(service.call(request))
        }
    })
}

/// `inner` with ids, log and metrics, by the pattern that a router found, or `route`.
fn observed<S>(
    mut inner: S,
    http: Arc<HttpMetrics>,
    route: Option<&'static str>,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone
where
    S: Service<Request, Response: IntoResponse, Error = Infallible, Future: Send> + Clone,
{
    service_fn(move |mut request: Request| {
        let (begun, http) = (Instant::now(), http.clone());
        let method = ids::known(request.method());
        let pattern = Pattern::of(&request, route);
        let id = ids::request_id(request.headers());
        let span = ids::span(method, pattern.as_str(), &id, request.headers());
        request.headers_mut().insert(ids::REQUEST_ID, id.clone());
        let answering = span.in_scope(|| inner.call(request));
        async move {
            let mut response = answering.instrument(span.clone()).await?.into_response();
            let (route, status) = (pattern.as_str(), response.status());
            let seconds = begun.elapsed().as_secs_f64();
            http.requests.with_label_values(&[method, route, status.as_str()]).inc();
            http.seconds.with_label_values(&[method, route]).observe(seconds);
            span.in_scope(|| tracing::debug!(status = status.as_u16(), seconds, "answered"));
            response.headers_mut().insert(ids::REQUEST_ID, id);
            secure(response.headers_mut());
            Ok(response)
        }
    })
}

/// What stands for a path, without its ids.
enum Pattern {
    Matched(MatchedPath),
    Known(&'static str),
}

impl Pattern {
    fn of(request: &Request, known: Option<&'static str>) -> Self {
        match (known, request.extensions().get::<MatchedPath>()) {
            (None, Some(path)) => Self::Matched(path.clone()),
            (known, _) => Self::Known(known.unwrap_or("unmatched")),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Matched(path) => path.as_str(),
            Self::Known(route) => route,
        }
    }
}

fn secure(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    fn app(metrics: &Metrics) -> App {
        let router = Router::new()
            .route("/records/{id}", get(|| async { "here" }))
            .route("/panic", get(|| async { panic!("a defect") as &str }));
        wrap(router.into(), HttpMetrics::register(metrics).unwrap(), Limits::default())
    }

    async fn get_path(metrics: &Metrics, path: &str) -> Response {
        app(metrics).oneshot(Request::builder().uri(path).body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn requests_are_counted_by_pattern_not_by_id() {
        let metrics = Metrics::new();
        let response = get_path(&metrics, "/records/rec42").await;
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert!(response.headers().contains_key("x-request-id"));
        let text = metrics.text().unwrap();
        assert!(text.contains(r#"route="/records/{id}",status="200""#), "{text}");
        assert!(!text.contains("rec42"));
    }

    #[tokio::test]
    async fn what_goes_past_the_routes_has_the_same_layers() {
        let direct = service_fn(async |request: Request| match request.uri().path() {
            "/v0/panic" => panic!("a defect"),
            _ => Ok(StatusCode::ACCEPTED.into_response()),
        });
        let routes =
            Router::new().route("/v0", get(|| async { "here" })).fallback(|| async { StatusCode::GONE });
        let metrics = Metrics::new();
        let app = App::from(routes).direct("/v0/{*path}", direct);
        let app = wrap(app, HttpMetrics::register(&metrics).unwrap(), Limits::default());
        for (path, status) in
            [("/v0/", 202), ("/v0/rec42/x", 202), ("/v0/panic", 500), ("/v0", 200), ("/v1/a", 410)]
        {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            let response = app.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), status, "{path}");
            assert!(
                response.headers().contains_key("x-request-id")
                    && response.headers().contains_key("x-frame-options")
            );
        }
        let text = metrics.text().unwrap();
        for line in [
            r#"route="/v0/{*path}",status="202"} 2"#,
            r#"route="/v0/{*path}",status="500"} 1"#,
            r#"route="/v0",status="200"} 1"#,
            r#"route="unmatched",status="410"} 1"#,
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }

    #[tokio::test]
    async fn pages_of_any_origin_may_call_and_for_who_is_no_page_nothing_changes() {
        let here = service_fn(async |_: Request| Ok(StatusCode::OK.into_response()));
        let app = for_browsers(here);
        let answer = async |method: &str, origin: Option<&str>| {
            let request = Request::builder().method(method).header("access-control-request-method", "PATCH");
            let request =
                origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
            app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().headers().clone()
        };
        assert_eq!(answer("GET", Some("https://a.example")).await["access-control-allow-origin"], "*");
        assert_eq!(answer("OPTIONS", Some("https://a.example")).await["access-control-allow-methods"], "*");
        assert!(answer("GET", None).await.is_empty());
    }

    #[tokio::test]
    async fn a_panic_becomes_a_500() {
        assert_eq!(get_path(&Metrics::new(), "/panic").await.status(), 500);
    }

    #[tokio::test]
    async fn what_a_stranger_makes_up_never_becomes_a_label() {
        let metrics = Metrics::new();
        let app = app(&metrics);
        for method in ["BREW", "get", "PROPFIND"] {
            for path in ["/records/rec42", "/made/up"] {
                let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
                app.clone().oneshot(request).await.unwrap();
            }
        }
        let text = metrics.text().unwrap();
        assert!(text.contains(r#"method="OTHER",route="unmatched",status="404"} 3"#), "{text}");
        assert!(text.contains(r#"method="OTHER",route="/records/{id}",status="405"} 3"#), "{text}");
        assert!(!["BREW", "get\"", "PROPFIND", "made"].iter().any(|word| text.contains(word)), "{text}");
    }
}
