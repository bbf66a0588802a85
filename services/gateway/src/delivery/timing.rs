//! What every answer tells about time and budget: `Server-Timing`, `RateLimit` and `RateLimit-Policy`.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{extract::Request, response::Response};
use http::{HeaderName, HeaderValue};
use tower::{Service, service_fn};

use crate::{Gateway, queue::Snapshot};

/// How long one request spent where, retries and lock-outs included; clones measure together.
#[derive(Debug, Clone, Default)]
pub struct Timing(Arc<Spent>);

#[derive(Debug, Default)]
struct Spent {
    /// Microseconds.
    queue: AtomicU64,
    upstream: AtomicU64,
}

impl Timing {
    /// It waited for its turn.
    pub fn queued(&self, time: Duration) {
        add(&self.0.queue, time);
    }

    /// It was with Airtable.
    pub fn sent(&self, time: Duration) {
        add(&self.0.upstream, time);
    }

    /// As the value of `Server-Timing`: whole tenths of milliseconds.
    fn header(&self) -> String {
        let tenths = |spent: &AtomicU64| spent.load(Relaxed) / 100;
        let (queue, upstream) = (tenths(&self.0.queue), tenths(&self.0.upstream));
        format!("queue;dur={}.{}, upstream;dur={}.{}", queue / 10, queue % 10, upstream / 10, upstream % 10)
    }
}

fn add(spent: &AtomicU64, time: Duration) {
    spent.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Relaxed);
}

/// `route` with the headers on each answer, whatever it is.
pub fn stamped<S>(
    mut route: S,
    gateway: Gateway,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone,
{
    let policy = HeaderValue::try_from(policy(&gateway.delivery().queue().snapshot())).ok();
    service_fn(move |mut request: Request| {
        let (timing, gateway, policy) = (Timing::default(), gateway.clone(), policy.clone());
        request.extensions_mut().insert(timing.clone());
        let answering = route.call(request);
        async move {
            let mut response = answering.await?;
            let snapshot = gateway.delivery().queue().snapshot();
            let headers = response.headers_mut();
            // These and those of the host.
            headers.reserve(8);
            if let Some(policy) = policy {
                headers.insert(RATELIMIT_POLICY, policy);
            }
            for (name, value) in [(SERVER_TIMING, timing.header()), (RATELIMIT, left(&snapshot))] {
                if let Ok(value) = HeaderValue::try_from(value) {
                    headers.insert(name, value);
                }
            }
            Ok(response)
        }
    })
}

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// So many requests in any second.
fn policy(snapshot: &Snapshot) -> String {
    format!("\"base\";q={};w=1", snapshot.permits)
}

/// So many would not have to wait now; more will be to be had in so many seconds, rounded up.
fn left(snapshot: &Snapshot) -> String {
    let is_free = snapshot.waiting == 0 && snapshot.locked.is_zero();
    let left = if is_free { snapshot.free } else { 0 };
    format!("\"base\";r={left};t={}", snapshot.more_in.as_millis().div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_told_in_milliseconds_and_adds_up() {
        let timing = Timing::default();
        timing.queued(Duration::from_millis(1500));
        timing.clone().queued(Duration::from_micros(250));
        timing.sent(Duration::from_millis(80));
        assert_eq!(timing.header(), "queue;dur=1500.2, upstream;dur=80.0");
    }

    #[test]
    fn what_is_left_is_nothing_while_others_wait_or_a_lock_out_lasts() {
        let free = Snapshot {
            permits: 5,
            free: 3,
            waiting: 0,
            locked: Duration::ZERO,
            more_in: Duration::from_millis(400),
        };
        assert_eq!(policy(&free), "\"base\";q=5;w=1");
        assert_eq!(left(&free), "\"base\";r=3;t=1");
        assert_eq!(left(&Snapshot { waiting: 1, ..free }), "\"base\";r=0;t=1");
        let locked = Duration::from_secs(29);
        assert_eq!(left(&Snapshot { locked, more_in: locked, ..free }), "\"base\";r=0;t=29");
    }
}
