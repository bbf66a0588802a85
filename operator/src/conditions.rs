//! Conditions: what holds now, with the time since when it does. Pure.

use crds::{
    condition::{Condition, ConditionStatus, READY, RECONCILING, STALLED},
    reason::Reason,
};
use jiff::Timestamp;

/// The longest message kept, in characters; events take 1 kB.
const LONGEST_MESSAGE: usize = 1000;

/// What a controller found out about a long-lived resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Ready,
    /// On its way, by itself.
    Reconciling(Reason, String),
    /// Somebody has to mend something; the operator looks again from time to time.
    Stalled(Reason, String),
}

/// A condition that shall hold.
pub struct Wanted {
    /// Its type.
    pub kind: &'static str,
    /// Its status.
    pub status: ConditionStatus,
    /// Why.
    pub reason: Reason,
    /// Why, for a person.
    pub message: String,
}

/// `Ready`, `Reconciling` and `Stalled` by the kstatus contract: the latter two are there only while they are true.
pub fn of_verdict(
    verdict: &Verdict,
    before: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let wanted =
        |kind, status, reason, message: &str| Wanted { kind, status, reason, message: message.to_owned() };
    let list = match verdict {
        Verdict::Ready => vec![wanted(READY, ConditionStatus::True, Reason::Ready, Reason::Ready.meaning())],
        Verdict::Reconciling(reason, message) => vec![
            wanted(READY, ConditionStatus::False, *reason, message),
            wanted(RECONCILING, ConditionStatus::True, *reason, message),
        ],
        Verdict::Stalled(reason, message) => vec![
            wanted(READY, ConditionStatus::False, *reason, message),
            wanted(STALLED, ConditionStatus::True, *reason, message),
        ],
    };
    settle(list, before, generation, now)
}

/// The wanted conditions; one that had the same status before keeps its time.
pub fn settle(
    wanted: Vec<Wanted>,
    before: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let since = |wanted: &Wanted| {
        let same = before.iter().find(|old| old.r#type == wanted.kind && old.status == wanted.status);
        same.map_or(now, |old| old.last_transition_time)
    };
    wanted
        .into_iter()
        .map(|wanted| Condition {
            last_transition_time: since(&wanted),
            r#type: wanted.kind.to_owned(),
            status: wanted.status,
            observed_generation: generation,
            reason: wanted.reason.as_str().to_owned(),
            message: cut(&wanted.message, LONGEST_MESSAGE),
        })
        .collect()
}

/// At most `most` characters, with a sign that something was cut off.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_condition_keeps_its_time_while_its_status_lasts() {
        let first = of_verdict(&Verdict::Stalled(Reason::SecretMissing, "a".into()), &[], Some(1), at(10));
        let second = of_verdict(&Verdict::Stalled(Reason::TokenRefused, "b".into()), &first, Some(1), at(20));
        assert_eq!(second[0].last_transition_time, at(10));
        assert_eq!(second[0].reason, "TokenRefused");
        let third = of_verdict(&Verdict::Ready, &second, Some(1), at(30));
        assert_eq!(third.len(), 1, "Stalled is there only while it is true: {third:?}");
        assert_eq!(third[0].last_transition_time, at(30));
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        assert_eq!(cut("ääää", 3), "ää…");
    }
}
