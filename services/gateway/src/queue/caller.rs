//! For whom a request waits: whose turns it takes, how urgent it is, until when.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use ledger::Hold;
use tokio::time::Instant;

use super::{
    turns::{Ask, Place},
    urgency::Urgency,
};
use crate::{answer::Answer, clients::Client, delivery::timing::Timing};

/// A caller of one request; clones measure together.
#[derive(Debug, Clone)]
pub struct Caller {
    client: Arc<str>,
    share: u16,
    pub urgency: Urgency,
    /// Until when it may wait.
    pub deadline: Instant,
    /// What is sent for it is sent while this is good; none where nothing can take its place.
    pub hold: Option<Hold>,
    pub timing: Timing,
}

/// `Request-Timeout` is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Request-Timeout: not a number of seconds above 0, for example 20; the most is {}, more counts as that", .0.as_secs())]
pub struct NoTimeout(Duration);

impl Caller {
    /// A client, with what it asks for in `headers`; it waits no longer than `patience`.
    pub fn new(
        client: &Client,
        headers: &HeaderMap,
        patience: Duration,
        timing: Timing,
    ) -> Result<Self, NoTimeout> {
        let asked = headers.get("request-timeout").map(|value| seconds(value.to_str().ok(), patience));
        let timeout = asked.transpose()?;
        Ok(Self {
            client: client.name.as_str().into(),
            share: client.share,
            urgency: Urgency::of(headers),
            deadline: Instant::now() + timeout.unwrap_or(patience),
            hold: None,
            timing,
        })
    }

    /// The gateway on its own behalf. No client has a name with a space.
    pub fn gateway(deadline: Instant) -> Self {
        let timing = Timing::default();
        let (client, urgency) = ("the gateway".into(), Urgency::Urgent);
        Self { client, share: 1, urgency, deadline, hold: None, timing }
    }

    /// The same, for what must not be sent beside another holder of a claim.
    pub fn under(&self, hold: Option<Hold>) -> Self {
        Self { hold, ..self.clone() }
    }

    /// The gateway for somebody whom it does not know, who can wait.
    pub fn background(deadline: Instant) -> Self {
        Self { urgency: Urgency::Bulk, ..Self::gateway(deadline) }
    }

    /// How it queues; with others of `kind`, where there is one.
    pub fn ask(&self, place: Place, kind: Option<Arc<str>>) -> Ask {
        Ask { place, urgency: self.urgency, client: self.client.clone(), share: self.share, kind }
    }

    /// The deadline by a clock that says `now`.
    pub fn until(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.deadline.saturating_duration_since(Instant::now())).unwrap_or(now)
    }
}

/// What is asked for, at most `most`.
fn seconds(text: Option<&str>, most: Duration) -> Result<Duration, NoTimeout> {
    let seconds = text.and_then(|text| text.trim().parse().ok()).filter(|seconds: &f64| seconds.is_finite());
    let asked = Duration::try_from_secs_f64(seconds.ok_or(NoTimeout(most))?.min(most.as_secs_f64()));
    asked.ok().filter(|timeout| !timeout.is_zero()).ok_or(NoTimeout(most))
}

impl From<NoTimeout> for Answer {
    fn from(none: NoTimeout) -> Self {
        Self::error(StatusCode::UNPROCESSABLE_ENTITY, "REQUEST_TIMEOUT_INVALID", &none.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Rights;

    fn patience(value: &'static str) -> Result<Duration, NoTimeout> {
        let client = Client { name: "report".to_owned(), rights: Rights::Full, share: 1 };
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("request-timeout"),
            http::HeaderValue::from_static(value),
        )]);
        let caller = Caller::new(&client, &headers, Duration::from_secs(30), Timing::default())?;
        Ok(caller.deadline - Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_shortens_the_patience_and_never_prolongs_it() {
        assert_eq!(patience("2"), Ok(Duration::from_secs(2)));
        assert_eq!(patience(" 0.5"), Ok(Duration::from_millis(500)));
        for value in ["30", "1e9", "99999999999999999999"] {
            assert_eq!(patience(value), Ok(Duration::from_secs(30)), "{value}");
        }
        for value in ["0", "-1", "soon", "NaN", "inf", ""] {
            assert_eq!(patience(value), Err(NoTimeout(Duration::from_secs(30))), "{value}");
        }
        assert!(patience("soon").unwrap_err().to_string().contains("the most is 30"));
    }
}
