//! The W3C `traceparent` of a call: all calls of a saga are one trace, named by its uid. Pure.
//!
//! So the logs of worker and gateway of one saga are found by its `metadata.uid` without dashes, and nothing has to be kept.

use super::live::CallId;
use crate::digest::sha256;

/// The header's value, or none where the uid is not the UUID that every API server gives.
///
/// Shape: <https://www.w3.org/TR/trace-context/#traceparent-header>. The span is that of one attempt in one direction.
pub fn parent(uid: &str, id: &CallId) -> Option<String> {
    let trace = uid.replace('-', "").to_ascii_lowercase();
    let is_hex = trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit());
    let attempt = sha256(format!("{}/{:?}/{}", id.step, id.direction, id.attempt).as_bytes());
    let span = attempt.get(..16)?;
    is_hex.then(|| format!("00-{trace}-{span}-01"))
}

#[cfg(test)]
mod tests {
    use saga::Direction;

    use super::*;

    const UID: &str = "0AF76519-16cd-43dd-8448-eb211c80319c";

    fn call(direction: Direction, attempt: u32) -> CallId {
        CallId { step: "reserve".to_owned(), direction, attempt }
    }

    #[test]
    fn the_trace_is_the_sagas_uid_and_the_span_one_attempt() {
        let parents: Vec<String> = [(Direction::Do, 1), (Direction::Do, 2), (Direction::Undo, 1)]
            .into_iter()
            .map(|(direction, attempt)| parent(UID, &call(direction, attempt)).unwrap())
            .collect();
        for parent in &parents {
            let parts: Vec<&str> = parent.split('-').collect();
            assert_eq!(parts[..2], ["00", "0af7651916cd43dd8448eb211c80319c"]);
            assert!(parts[2].len() == 16 && parts[2] != "0".repeat(16), "{parent}");
            assert_eq!(parts[3], "01");
        }
        assert!(parents[0] != parents[1] && parents[1] != parents[2] && parents[0] != parents[2]);
    }

    #[test]
    fn a_uid_that_is_no_uuid_gives_no_header() {
        for uid in ["", "uid-1", "zaf76519-16cd-43dd-8448-eb211c80319c"] {
            assert_eq!(parent(uid, &call(Direction::Do, 1)), None, "{uid}");
        }
    }
}
