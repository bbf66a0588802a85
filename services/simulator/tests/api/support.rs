//! A simulator in process and a client for it.

use std::net::SocketAddr;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, Response},
};
use serde_json::Value;
use simulator::{Behaviour, Fixture, router, start};
use telemetry::metrics::Metrics;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tower::ServiceExt as _;

pub const BASE: &str = "/v0/appCRM00000000001";
pub const ADA: &str = "recCRM00000000101";
pub const BLUE: &str = "recCRM00000000102";

/// A simulator with the sample base.
pub struct Simulator {
    router: Router,
    pub metrics: Metrics,
}

/// Status and body of an answer.
#[derive(Debug, PartialEq)]
pub struct Answer(pub u16, pub Value);

impl Simulator {
    pub fn new() -> Self {
        Self::behaving(Behaviour::default())
    }

    pub fn behaving(behaviour: Behaviour) -> Self {
        Self::with(Fixture::sample().unwrap(), behaviour)
    }

    pub fn with(fixture: Fixture, behaviour: Behaviour) -> Self {
        let metrics = Metrics::new();
        Self { router: router(start(fixture, behaviour, &metrics).unwrap()), metrics }
    }

    /// To be called with a request of one's own.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(method, path, Some("Bearer patTest"), body).await
    }

    /// Status, headers and body of what is got under a URL of the simulator.
    pub async fn raw(&self, url: &str) -> Response<Vec<u8>> {
        let path = url.strip_prefix("http://localhost").unwrap_or(url);
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        Response::from_parts(parts, to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    pub async fn send(&self, method: Method, path: &str, authorization: Option<&str>, body: Body) -> Answer {
        // `oneshot` wants a path that is a valid URI; spaces come encoded from real clients.
        let mut request = Request::builder()
            .method(method)
            .uri(path.replace(' ', "%20"))
            .header("content-type", "application/json");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answer(status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

impl Answer {
    /// The body of a success.
    pub fn ok(self) -> Value {
        assert_eq!(self.0, 200, "{}", self.1);
        self.1
    }

    /// Status, type and message of a refusal.
    pub fn refused(&self) -> (u16, String, String) {
        let (kind, message) = airtable::error::read(&self.1).unwrap_or_else(|| panic!("no error: {self:?}"));
        (self.0, kind.to_owned(), message.unwrap_or_default().to_owned())
    }

    /// The type of a refusal.
    pub fn kind(&self) -> String {
        self.refused().1
    }
}

/// One cell of each record of a listing.
pub fn column(listing: &Value, field: &str) -> Vec<Value> {
    listing["records"].as_array().unwrap().iter().map(|record| record["fields"][field].clone()).collect()
}

/// The body that a real server answers, over a connection that ends with the answer.
pub async fn call(address: SocketAddr, method: &str, path: &str, body: &str) -> Value {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer patTest\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// A simulator that holds a fixture of one's own.
pub fn own(fixture: &Value) -> Simulator {
    Simulator::with(Fixture::parse(&fixture.to_string(), "test").unwrap(), Behaviour::default())
}
