//! The end of a gateway: within the grace period all who wait get an answer, and nothing is sent that nobody would hear of.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::Request,
    response::{IntoResponse as _, Response},
};
use tokio::time::Instant;
use tower::{Service, service_fn};

use crate::{
    Gateway,
    answer::Answer,
    delivery::{
        Undelivered,
        retry::{self, Care},
    },
    keyed::outcome,
    queue::closing::Closing,
    route,
};

/// What ends when, after a stop was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// Nobody gets a turn any more: until then as much is sent as the budget allows.
    pub last_turn: Instant,
    /// Who was sent and has no answer of Airtable yet gets one without.
    pub last_answer: Instant,
}

impl Times {
    /// Within `grace` from `now`: a fifth of it is for answers of Airtable, some of that for those to the clients.
    pub fn new(now: Instant, grace: Duration) -> Self {
        Self { last_turn: now + grace.mul_f64(0.8), last_answer: now + grace.mul_f64(0.95) }
    }
}

/// `service`, which answers each request before the process ends.
pub fn in_time<S>(
    mut service: S,
    ended: Closing,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone,
{
    service_fn(move |request: Request| {
        let care = retry::care(request.method(), route::clean(request.uri().path()));
        let has_key = request.headers().contains_key("idempotency-key");
        let (answering, ended) = (service.call(request), ended.clone());
        async move {
            tokio::select! {
                biased;
                response = answering => response,
                () = ended.over() => Ok(late(care, has_key).into_response()),
            }
        }
    })
}

/// What is known of a request that was perhaps sent: of a write with a key the next process finds out.
fn late(care: Care, has_key: bool) -> Answer {
    let stopped = "the gateway stopped before Airtable's answer came".to_owned();
    match care {
        Care::Read => Undelivered::Stopping.into(),
        _ if has_key => outcome::unknown(&stopped),
        _ => Undelivered::Lost(stopped).into(),
    }
}

impl Gateway {
    /// From now on it stops, within `grace`.
    pub(crate) fn drain(&self, grace: Duration) {
        let times = Times::new(Instant::now(), grace);
        let waiting = self.delivery().queue().snapshot().waiting;
        tracing::info!(
            waiting,
            grace_seconds = grace.as_secs(),
            "stopping: what waits is sent as far as time allows"
        );
        self.delivery().queue().closing().at(times.last_turn);
        self.ended().at(times.last_answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_end_before_answers_do_and_these_before_the_grace() {
        let (now, grace) = (Instant::now(), Duration::from_secs(25));
        let Times { last_turn, last_answer } = Times::new(now, grace);
        assert_eq!(last_turn, now + Duration::from_secs(20));
        assert!(last_turn < last_answer && last_answer < now + grace);
    }

    #[test]
    fn who_is_late_is_told_what_is_known() {
        for (care, has_key, expected) in [
            (Care::Read, false, "GATEWAY_STOPPING"),
            (Care::Write, false, "GATEWAY_ANSWER_LOST"),
            (Care::Write, true, "IDEMPOTENCY_OUTCOME_UNKNOWN"),
        ] {
            assert_eq!(late(care, has_key).error_type().as_deref(), Some(expected));
        }
    }
}
