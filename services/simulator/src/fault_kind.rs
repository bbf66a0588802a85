//! What a fault does to a request: exactly one of four kinds.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest wait in milliseconds: no answer begins later than that.
const LONGEST_MS: u64 = 300_000;

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, try_from = "Given")]
pub enum Kind {
    /// It waits, then takes effect and is answered.
    Latency {
        /// How long.
        #[serde(rename = "latencyMs")]
        latency_ms: u64,
    },
    /// It takes no effect and is answered so.
    Status {
        /// 200 to 599.
        status: u16,
        /// What it is answered with; an empty object where absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<Value>,
    },
    /// Its connection is closed without an answer.
    Cut {
        /// Before or after it took effect.
        cut: Moment,
    },
    /// It takes effect at once and is answered later.
    Hold {
        /// How long the answer waits.
        #[serde(rename = "holdMs")]
        hold_ms: u64,
    },
}

/// Before or after a request takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    BeforeEffect,
    AfterEffect,
}

/// A kind as it is written, before it is known to be one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Given {
    latency_ms: Option<u64>,
    status: Option<u16>,
    body: Option<Value>,
    cut: Option<Moment>,
    hold_ms: Option<u64>,
}

impl TryFrom<Given> for Kind {
    type Error = String;

    fn try_from(given: Given) -> Result<Self, String> {
        match given {
            Given { body: Some(_), status: None, .. } => {
                Err("body belongs to status: remove it, or add status".to_owned())
            }
            Given { latency_ms: Some(ms), status: None, cut: None, hold_ms: None, .. } => {
                Ok(Self::Latency { latency_ms: wait("latencyMs", ms)? })
            }
            Given { status: Some(status), body, latency_ms: None, cut: None, hold_ms: None } => {
                if !(200..600).contains(&status) {
                    return Err(format!("status is {status}, 200 to 599 are possible"));
                }
                Ok(Self::Status { status, body })
            }
            Given { cut: Some(cut), latency_ms: None, status: None, hold_ms: None, .. } => {
                Ok(Self::Cut { cut })
            }
            Given { hold_ms: Some(ms), latency_ms: None, status: None, cut: None, .. } => {
                Ok(Self::Hold { hold_ms: wait("holdMs", ms)? })
            }
            other => Err(other.not_one()),
        }
    }
}

impl Given {
    fn not_one(&self) -> String {
        let all = [
            ("latencyMs", self.latency_ms.is_some()),
            ("status", self.status.is_some()),
            ("cut", self.cut.is_some()),
            ("holdMs", self.hold_ms.is_some()),
        ];
        let given: Vec<&str> =
            all.into_iter().filter_map(|(name, is_given)| is_given.then_some(name)).collect();
        let here =
            if given.is_empty() { "is none".to_owned() } else { format!("are {}", given.join(" and ")) };
        format!("exactly one of latencyMs, status, cut and holdMs is needed, here {here}")
    }
}

fn wait(name: &str, ms: u64) -> Result<u64, String> {
    if ms > LONGEST_MS {
        return Err(format!("{name} is {ms}, {LONGEST_MS} is possible at most"));
    }
    Ok(ms)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_reads_as_documented_and_is_answered_as_it_was_given() {
        for (given, kind) in [
            (json!({"latencyMs": 500}), Kind::Latency { latency_ms: 500 }),
            (json!({"status": 503}), Kind::Status { status: 503, body: None }),
            (
                json!({"status": 200, "body": {"a": 1}}),
                Kind::Status { status: 200, body: Some(json!({"a": 1})) },
            ),
            (json!({"cut": "afterEffect"}), Kind::Cut { cut: Moment::AfterEffect }),
            (json!({"holdMs": 3000}), Kind::Hold { hold_ms: 3000 }),
        ] {
            assert_eq!(serde_json::from_value::<Kind>(given.clone()).unwrap(), kind);
            assert_eq!(serde_json::to_value(kind).unwrap(), given);
        }
    }

    #[test]
    fn a_kind_that_is_not_exactly_one_is_refused_and_the_field_is_named() {
        for (kind, expected) in [
            (json!({}), "exactly one of latencyMs, status, cut and holdMs is needed, here is none"),
            (json!({"latencyMs": 10, "status": 503}), "here are latencyMs and status"),
            (json!({"status": 503, "bdy": {}}), "unknown field `bdy`, expected one of"),
            (json!({"status": 199}), "status is 199, 200 to 599 are possible"),
            (json!({"status": 600}), "status is 600, 200 to 599 are possible"),
            (json!({"latencyMs": 5, "body": {}}), "body belongs to status: remove it, or add status"),
            (json!({"holdMs": 300_001}), "holdMs is 300001, 300000 is possible at most"),
            (json!({"latencyMs": 300_001}), "latencyMs is 300001, 300000 is possible at most"),
            (json!({"cut": "midway"}), "unknown variant `midway`"),
        ] {
            let message = serde_json::from_value::<Kind>(kind.clone()).unwrap_err().to_string();
            assert!(message.contains(expected), "{kind}: {message}");
        }
    }
}
