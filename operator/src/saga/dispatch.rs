//! Makes the calls: one bounded task each, whose end is told to the saga's next pass.

use std::time::{Duration, Instant};

use crds::Saga;
use jiff::Timestamp;
use kube::{ResourceExt as _, runtime::reflector::ObjectRef};
use reqwest::{Method, RequestBuilder, Response, header::RETRY_AFTER};
use saga::{Direction, Report};
use serde_json::Value;

use super::{
    answer::{Answer, meaning},
    call,
    live::{CallId, Fenced},
    observe::{Credential, Observed},
    trace,
    turn::Turn,
};
use crate::{
    context::Context,
    http::{self, BodyError, plain},
};

/// The most bytes read of an answer.
const MOST_ANSWER_BYTES: usize = 256 * 1024;

/// Kept free before a deadline, so that the worker has time to answer.
const MARGIN: Duration = Duration::from_millis(500);

/// Everything that a call's task needs.
struct Call {
    id: CallId,
    uid: String,
    saga: ObjectRef<Saga>,
    url: String,
    credential: Credential,
    epoch: i64,
    deadline: Timestamp,
    /// A copy of the call may be under way already: that this one was not sent proves nothing.
    may_be_sent: bool,
    body: Value,
}

/// Starts the calls that are not under way yet. The journal that asks for them is written.
pub fn dispatch(saga: &Saga, observed: &Observed, turn: &Turn, ctx: &Context) {
    let uid = saga.uid().unwrap_or_default();
    for command in &turn.commands {
        let id = CallId::of(command);
        if !ctx.live.begin(&uid, &id) {
            continue;
        }
        let may_be_sent = turn.sent_before.contains(&id);
        let epoch = turn.status.epoch.unwrap_or(0);
        let (step, _, deadline, _) = call::parts(command);
        let saga_ref = ObjectRef::from_obj(saga);
        let status = saga.status.as_ref().unwrap_or(&turn.status);
        let early = match call::body(command, observed, saga.spec.parameters.as_ref(), status) {
            Ok(Some(body)) => {
                let call = Call {
                    url: format!("{}/v1/steps/{uid}/{step}", observed.worker_url),
                    credential: observed.credential.clone(),
                    epoch,
                    uid: uid.clone(),
                    saga: saga_ref,
                    deadline,
                    may_be_sent,
                    body,
                    id,
                };
                let ctx = ctx.clone();
                ctx.live.tasks.clone().spawn(async move { call.run(&ctx).await });
                continue;
            }
            Ok(None) => not_sent(
                may_be_sent,
                "BaseNotReady",
                "an AirtableBase that the step uses does not exist".to_owned(),
            ),
            // What an earlier process may have sent is not without effect, whatever this one makes of it.
            Err(refusal) if may_be_sent => unknown("InvalidInput", refusal.to_string()),
            Err(refusal) => {
                Report::Refused { reason: "InvalidInput".to_owned(), message: refusal.to_string() }
            }
        };
        let (live, uid) = (ctx.live.clone(), uid.clone());
        ctx.live.tasks.spawn(async move { live.end(saga_ref, &uid, id, epoch, Ok(early)).await });
    }
}

impl Call {
    async fn run(self, ctx: &Context) {
        let begun = Instant::now();
        let direction = if self.id.direction == Direction::Do { "do" } else { "undo" };
        fail::fail_point!(&point("operator::before-call", direction), |_| std::process::abort());
        let gauge = ctx.metrics.calls_in_flight.with_label_values::<&str>(&[]);
        gauge.inc();
        let ended = self.ended(ctx).await;
        gauge.dec();
        fail::fail_point!(&point("operator::before-result", direction), |_| std::process::abort());
        let outcome = match &ended {
            Err(_) => "fenced",
            Ok(Report::Succeeded { .. }) => "succeeded",
            Ok(Report::Refused { .. }) => "refused",
            Ok(Report::Busy { .. }) => "busy",
            Ok(Report::Unknown { .. }) => "unknown",
        };
        ctx.metrics.calls.with_label_values(&[direction, outcome]).inc();
        ctx.metrics.call_seconds.with_label_values(&[direction]).observe(begun.elapsed().as_secs_f64());
        tracing::debug!(saga = %self.saga, step = self.id.step, direction, attempt = self.id.attempt, outcome, "call ended");
        ctx.live.end(self.saga, &self.uid, self.id, self.epoch, ended).await;
    }

    /// How it ended, or that another process is in charge.
    async fn ended(&self, ctx: &Context) -> Result<Report, Fenced> {
        let token = match &self.credential {
            Credential::Token(token) => token.clone(),
            Credential::Audience(audience) => {
                match tokio::time::timeout(self.in_time(), ctx.tokens.get(audience)).await {
                    Ok(Ok(token)) => token,
                    Ok(Err(error)) => {
                        return Ok(self.not_sent("NoToken", format!("no token for the worker: {error}")));
                    }
                    Err(_) => {
                        let why = "the API server made no token for the worker in time";
                        return Ok(self.not_sent("NoToken", why.to_owned()));
                    }
                }
            }
        };
        let method = if self.id.direction == Direction::Do { Method::PUT } else { Method::DELETE };
        let first = self.request(method, &self.url, token.as_deref(), ctx).json(&self.body);
        let mut answer = self.send(first, false, ctx).await;
        loop {
            match answer {
                Answer::Ended(report) => return Ok(report),
                Answer::Fenced => return Err(Fenced),
                Answer::Accepted(pause) => {
                    let left = self.left();
                    if left.is_zero() {
                        return Ok(self.late());
                    }
                    tokio::time::sleep(Duration::try_from(pause).unwrap_or_default().min(left)).await;
                    let url = format!("{}?epoch={}", self.url, self.epoch);
                    answer =
                        self.send(self.request(Method::GET, &url, token.as_deref(), ctx), true, ctx).await;
                }
            }
        }
    }

    fn request(&self, method: Method, url: &str, token: Option<&str>, ctx: &Context) -> RequestBuilder {
        let mut request = ctx.http.request(method, url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(parent) = trace::parent(&self.uid, &self.id) {
            request = request.header("traceparent", parent);
        }
        request
    }

    /// Sends it, once. Only before the worker has accepted the call does a failure to reach it prove that nothing was done.
    /// A call that waits for another one counts towards the bound only while it is being sent.
    async fn send(&self, request: RequestBuilder, is_accepted: bool, ctx: &Context) -> Answer {
        let Ok(Ok(_permit)) = tokio::time::timeout(self.in_time(), ctx.live.permits.acquire()).await else {
            let why = "the call could not be made before its deadline".to_owned();
            return Answer::Ended(if is_accepted { self.late() } else { self.not_sent("Overloaded", why) });
        };
        let error = match request.timeout(self.left()).send().await {
            Ok(response) => return self.read(response).await,
            Err(error) => error,
        };
        let cause = plain(&error);
        Answer::Ended(if error.is_connect() && !is_accepted {
            self.not_sent("WorkerUnreachable", format!("the worker can't be reached: {cause}"))
        } else if error.is_timeout() {
            self.late()
        } else {
            unknown("NoAnswer", format!("the connection to the worker broke: {cause}"))
        })
    }

    async fn read(&self, response: Response) -> Answer {
        let status = response.status().as_u16();
        let header = response.headers().get(RETRY_AFTER);
        let retry_after = header.and_then(|value| value.to_str().ok()).and_then(|value| value.parse().ok());
        match http::body(response, MOST_ANSWER_BYTES).await {
            Ok(body) => meaning(self.id.direction, status, &body, retry_after),
            Err(error @ BodyError::TooLarge(_)) => {
                Answer::Ended(unknown("AnswerTooLarge", format!("of the worker: {error}")))
            }
            Err(error @ BodyError::Broken(_)) => {
                Answer::Ended(unknown("NoAnswer", format!("of the worker: {error}")))
            }
        }
    }

    fn not_sent(&self, reason: &str, message: String) -> Report {
        not_sent(self.may_be_sent, reason, message)
    }

    /// How long a call may wait before it is sent.
    fn in_time(&self) -> Duration {
        self.left().saturating_sub(MARGIN)
    }

    fn left(&self) -> Duration {
        Duration::try_from(self.deadline.duration_since(Timestamp::now())).unwrap_or_default()
    }

    fn late(&self) -> Report {
        unknown(
            "NoAnswer",
            format!("the worker did not answer attempt {} by {}", self.id.attempt, self.deadline),
        )
    }
}

/// A call that this process did not send: without effect, unless an earlier process may have sent it.
fn not_sent(may_be_sent: bool, reason: &str, message: String) -> Report {
    if may_be_sent {
        return unknown(reason, message);
    }
    Report::Busy { reason: reason.to_owned(), message, retry_after: None }
}

fn unknown(reason: &str, message: String) -> Report {
    Report::Unknown { reason: reason.to_owned(), message }
}

/// The name of a failpoint with its direction.
#[cfg(feature = "failpoints")]
fn point(name: &str, direction: &str) -> String {
    format!("{name}:{direction}")
}
