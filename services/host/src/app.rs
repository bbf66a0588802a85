//! What a service answers by: its routes and, past them, the service for what is asked most.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{Router, extract::Request, response::Response, routing::future::RouteFuture};
use futures::future::{BoxFuture, Either};
use tower::{Service, service_fn};

/// Routes, and perhaps a service past them.
#[derive(Clone)]
pub struct App {
    pub(crate) routes: Router,
    pub(crate) direct: Option<Direct>,
}

/// A service for all paths that begin alike.
#[derive(Clone)]
pub(crate) struct Direct {
    /// As a router would call it.
    pub(crate) route: &'static str,
    prefix: &'static str,
    answer: Answering,
}

/// How a route for all that begins alike ends.
const REST: &str = "{*path}";

type Answering = Arc<dyn Fn(Request) -> BoxFuture<'static, Result<Response, Infallible>> + Send + Sync>;

impl From<Router> for App {
    fn from(routes: Router) -> Self {
        Self { routes, direct: None }
    }
}

impl App {
    /// The same, but `service` answers `route`, such as `/v0/{*path}`, past the routes: for what is asked most, since the boxes
    /// and copies of a router are a good part of what a short request costs.
    #[must_use]
    pub fn direct<S>(self, route: &'static str, service: S) -> Self
    where
        S: Service<Request, Response = Response, Error = Infallible, Future: Send + 'static>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let answer =
            Arc::new(move |request| -> BoxFuture<'static, _> { Box::pin(service.clone().call(request)) });
        let prefix = route.strip_suffix(REST).unwrap_or(route);
        Self { direct: Some(Direct { route, prefix, answer }), ..self }
    }

    pub(crate) fn answer(&self, request: Request) -> <Self as Service<Request>>::Future {
        match &self.direct {
            Some(direct) if request.uri().path().starts_with(direct.prefix) => {
                Either::Left((direct.answer)(request))
            }
            _ => Either::Right(self.routes.clone().call(request)),
        }
    }
}

impl Service<Request> for App {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<BoxFuture<'static, Result<Response, Infallible>>, RouteFuture<Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.answer(request)
    }
}

impl Direct {
    /// What answers, for layers around it.
    pub(crate) fn service(
        self,
    ) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync
    {
        service_fn(move |request| (self.answer)(request))
    }
}
