//! What is kept with an intent: the request, and from when to when it may take effect.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use ledger::Intent;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::mark::Mark;
use crate::delivery::upstream::{self, Request};

/// How far clocks may be apart.
const SKEW: Duration = Duration::from_mins(1);

/// A request that was, or is about to be, sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    method: String,
    target: String,
    content_type: Option<String>,
    body: String,
    /// Not sent before, where that is later than the intent: all that was sent earlier is proven to be without effect.
    from: Option<Timestamp>,
    /// When it was begun to be sent last, where that is later than `from` and the intent.
    #[serde(default)]
    sent: Option<Timestamp>,
    /// Not sent after.
    until: Timestamp,
    /// When the connection on which it was sent last was gone.
    lost: Option<Timestamp>,
    /// Of a create: all that may have taken effect bears it; none where something may have been sent without.
    #[serde(default)]
    pub mark: Option<Mark>,
    #[serde(default)]
    said: Said,
}

/// Whether somebody said that nothing of what was sent took effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Said {
    #[default]
    Nothing,
    /// And nothing was sent since.
    NotDone,
    /// Of what was sent before `from`.
    NotDoneBefore,
}

/// From when to when a request of unknown outcome may have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: Timestamp,
    /// From then on it can take effect no more.
    pub settled: Timestamp,
    /// The last time at which it may have taken effect: not later than that, and often before.
    to: Timestamp,
}

impl Note {
    /// A request that will be sent until `until`.
    pub fn new(request: &Request, until: Timestamp) -> Self {
        let content_type = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Self {
            method: request.method.to_string(),
            target: request.target.clone(),
            content_type: content_type.map(str::to_owned),
            body: String::from_utf8_lossy(&request.body).into_owned(),
            from: None,
            sent: None,
            until,
            lost: None,
            mark: None,
            said: Said::Nothing,
        }
    }

    /// The note of an intent, where it has one.
    pub fn of(intent: &Intent) -> Option<Self> {
        serde_json::from_value(intent.note.clone()).ok()
    }

    /// As JSON for the ledger.
    pub fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The request again.
    pub fn request(&self) -> Option<Request> {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = &self.content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).ok()?);
        }
        let method: Method = self.method.parse().ok()?;
        Some(Request { method, target: self.target.clone(), headers, body: self.body.clone().into() })
    }

    /// The connection was gone `now`.
    pub fn lost(&mut self, now: Timestamp) {
        self.lost = Some(now);
    }

    /// Whether no connection is there any more on which it was sent.
    pub fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// Whether it is for sure that it was not sent since `time`.
    pub fn was_sent_before(&self, time: Timestamp) -> bool {
        self.until < time
    }

    /// The earliest time at which it may have been sent.
    pub fn departed(&self, intent_at: Timestamp) -> Timestamp {
        self.from.unwrap_or(intent_at)
    }

    /// What was sent before `now` is proven to be without effect; it will be sent again until `until`.
    pub fn begin_again(&mut self, now: Timestamp, until: Timestamp) {
        let said = if self.said == Said::Nothing { Said::Nothing } else { Said::NotDoneBefore };
        *self = Self { from: Some(now), sent: None, until, lost: None, said, ..self.clone() };
    }

    /// Somebody says that nothing of what was sent took effect, and nothing can any more.
    pub fn say_not_done(&mut self) {
        self.said = Said::NotDone;
    }

    /// Whether that was said, and nothing was sent since.
    pub fn is_said_not_done(&self) -> bool {
        self.said == Said::NotDone
    }

    /// Whether nobody ever said that: then a proof that nothing was done since says it of all the time.
    pub fn is_unsaid(&self) -> bool {
        self.said == Said::Nothing
    }

    /// It will be sent again until `until`, whatever became of what was sent before `now`.
    pub fn send_again(&mut self, now: Timestamp, until: Timestamp) {
        *self = Self { sent: Some(now), until, lost: None, ..self.clone() };
    }

    /// When it may have taken effect. `intent_at`: the time of the intent; `started`: when this process started. What
    /// an earlier process sent was gone by then. `settle`: how long after its connection is gone a request may still
    /// take effect.
    pub fn window(&self, intent_at: Timestamp, started: Timestamp, settle: Duration) -> Window {
        let from = self.from.unwrap_or(intent_at);
        let latest = self.until.checked_add(upstream::TIMEOUT).unwrap_or(self.until);
        let quiet = match self.lost {
            Some(lost) => lost,
            None if self.sent.unwrap_or(from) < started => started,
            None => latest,
        };
        let after = |gone: Timestamp| gone.checked_add(settle).unwrap_or(gone);
        Window { from, settled: after(quiet), to: after(quiet.min(latest.max(from))) }
    }
}

/// How the creation of a record and a request stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Birth {
    /// The record is older, however far the clocks are apart.
    Before,
    /// It looks older, and may still be of the request: clocks may be apart.
    Doubtful,
    /// It may be of the request.
    Since,
}

impl Window {
    /// Whether a record created at this time may be of the request. Airtable tells whole seconds.
    pub fn birth(&self, created: Timestamp) -> Birth {
        let (earliest, _) = self.with_skew();
        match created.as_second() {
            second if second < earliest.as_second() => Birth::Before,
            second if second < self.from.as_second() => Birth::Doubtful,
            _ => Birth::Since,
        }
    }

    /// The earliest and the latest time of creation that a record of this request may bear.
    pub fn with_skew(&self) -> (Timestamp, Timestamp) {
        let earliest = self.from.checked_sub(SKEW).unwrap_or(self.from);
        (earliest, self.to.checked_add(SKEW).unwrap_or(self.to))
    }
}

/// What a key stands for: the same key with another method, path, query or body is a mistake of the caller.
pub fn fingerprint(request: &Request) -> String {
    let mut hash = Sha256::new();
    for part in [request.method.as_str().as_bytes(), request.target.as_bytes(), &request.body] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn note() -> Note {
        Note::new(&Request::post("/v0/app/T".into(), &serde_json::json!({"fields": {}})), at(120))
    }

    #[test]
    fn a_request_survives_its_note() {
        let note = note();
        let intent = Intent { at: at(0), fingerprint: String::new(), note: note.value() };
        let again = Note::of(&intent).unwrap().request().unwrap();
        assert_eq!(fingerprint(&again), fingerprint(&note.request().unwrap()));
        assert_eq!(again.headers[header::CONTENT_TYPE], "application/json");
    }

    #[test]
    fn what_this_process_may_still_be_sending_is_quiet_only_after_its_last_time() {
        assert_eq!(note().window(at(0), at(-5), Duration::ZERO).settled, at(180));
    }

    #[test]
    fn what_an_earlier_process_sent_was_gone_when_this_one_started() {
        let window = note().window(at(0), at(1000), Duration::ZERO);
        assert_eq!(window.settled, at(1000));
        assert_eq!(window.with_skew(), (at(-60), at(240)));
    }

    #[test]
    fn what_was_sent_again_may_be_on_its_way_again() {
        let mut note = note();
        note.lost(at(7));
        note.send_again(at(20), at(140));
        assert_eq!(note.window(at(0), at(-5), Duration::ZERO).settled, at(200), "by this process");
        assert_eq!(note.window(at(0), at(1000), Duration::ZERO).settled, at(1000), "by an earlier process");
        assert_eq!(
            note.window(at(0), at(10), Duration::ZERO).settled,
            at(200),
            "the intent by an earlier one, the repeat by this"
        );
        assert_eq!(
            note.window(at(0), at(-5), Duration::ZERO).with_skew().0,
            at(-60),
            "the first time still counts"
        );
    }

    #[test]
    fn a_record_of_the_minute_before_may_be_of_the_request_or_not() {
        let window = note().window(at(0), at(-5), Duration::ZERO);
        let births = [-61, -60, -1, 0, 30].map(|second| window.birth(at(second)));
        assert_eq!(births, [Birth::Before, Birth::Doubtful, Birth::Doubtful, Birth::Since, Birth::Since]);
    }

    #[test]
    fn a_request_may_take_effect_until_it_has_settled() {
        let mut note = note();
        let settle = Duration::from_mins(10);
        note.lost(at(7));
        let window = note.window(at(0), at(-5), settle);
        assert_eq!((window.settled, window.with_skew().1), (at(607), at(667)), "by this process");
        note.lost = None;
        let window = note.window(at(0), at(1000), settle);
        assert_eq!((window.settled, window.with_skew().1), (at(1600), at(840)), "by an earlier one");
    }

    #[test]
    fn what_somebody_said_of_a_request_ends_when_it_is_sent_again() {
        let mut note = note();
        note.say_not_done();
        note.begin_again(at(20), at(140));
        assert!(!note.is_said_not_done() && !note.is_unsaid());
        let intent = Intent { at: at(0), fingerprint: String::new(), note: note.value() };
        assert_eq!(Note::of(&intent), Some(note), "and is kept");
    }

    #[test]
    fn a_lost_connection_ends_the_window_and_a_new_beginning_moves_it() {
        let mut note = note();
        note.lost(at(7));
        assert_eq!(note.window(at(0), at(-5), Duration::ZERO).with_skew(), (at(-60), at(67)));
        note.begin_again(at(20), at(140));
        assert_eq!(note.window(at(0), at(-5), Duration::ZERO).from, at(20));
        assert_eq!(note.window(at(0), at(-5), Duration::ZERO).settled, at(200));
    }
}
