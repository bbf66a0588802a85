//! Faults on demand: which request meets which.

use axum::http::Method;
use serde::{Deserialize, Serialize};

use crate::fault_kind::Kind;

/// A fault that waits for its requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests it meets; all where nothing is said.
    #[serde(rename = "match", default)]
    pub matching: Matching,
    /// How many of them pass first.
    #[serde(default)]
    pub after: u32,
    /// How many it meets then.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens to them.
    pub kind: Kind,
}

/// Which requests a fault meets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Matching {
    /// `GET`, `POST`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A part of the raw path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_contains: Option<String>,
}

/// The faults left, in the order given.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    pub faults: Vec<Fault>,
}

impl Faults {
    /// What happens to this request: the first fault that is due for it. Each fault that it matches counts it.
    pub fn meet(&mut self, method: &Method, path: &str) -> Option<Kind> {
        let mut met = None;
        for fault in self.faults.iter_mut().filter(|fault| fault.matching.fits(method, path)) {
            if fault.after > 0 {
                fault.after -= 1;
            } else if met.is_none() && fault.times > 0 {
                fault.times -= 1;
                met = Some(fault.kind.clone());
            }
        }
        self.faults.retain(|fault| fault.times > 0);
        met
    }
}

impl Matching {
    fn fits(&self, method: &Method, path: &str) -> bool {
        let by_method = self.method.as_ref().is_none_or(|name| method.as_str().eq_ignore_ascii_case(name));
        by_method && self.path_contains.as_ref().is_none_or(|part| path.contains(part.as_str()))
    }
}

fn once() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_lets_the_first_pass_meets_the_next_and_is_gone() {
        let fault = json!({"match": {"method": "post"}, "after": 1, "times": 2, "kind": {"status": 503}});
        let mut faults: Faults = serde_json::from_value(json!({"faults": [fault]})).unwrap();
        let status = Some(Kind::Status { status: 503, body: None });
        assert_eq!(faults.meet(&Method::GET, "/"), None);
        assert_eq!(faults.meet(&Method::POST, "/"), None);
        assert_eq!(faults.meet(&Method::POST, "/"), status);
        assert_eq!(faults.meet(&Method::POST, "/"), status);
        assert_eq!(faults.meet(&Method::POST, "/"), None);
        assert!(faults.faults.is_empty());
    }
}
