//! The gateway's ledger: what it has for a key, and closing a key.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    contract::{Base, Problem},
    gateway_client::{Gateways, Mark, Write, segment},
    outcome::Failure,
};

/// What a gateway's ledger has for a key.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// `unknown`, `inFlight`, `interrupted`, `done` or `closed`.
    pub state: String,
    /// The answer to the write, if it was done.
    #[serde(default)]
    response: Option<Response>,
    /// `unknown`, where the key was closed and nobody can tell what had been done.
    #[serde(default)]
    outcome: Option<String>,
}

/// The answer that a ledger kept.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Response {
    /// Airtable's status.
    status: u16,
    /// Airtable's body.
    #[serde(default)]
    body: Value,
}

/// What had been done under a key when it was closed.
#[derive(Debug, Clone, PartialEq)]
pub enum Closed {
    /// Nothing that remains.
    Nothing,
    /// A write with this answer of Airtable's.
    Effect(Value),
    /// Nobody can tell, now or later.
    Unknowable,
}

impl From<Entry> for Closed {
    fn from(entry: Entry) -> Self {
        match entry.response {
            Some(Response { status: 200..300, body }) => Self::Effect(body),
            None if entry.outcome.as_deref() == Some("unknown") => Self::Unknowable,
            _ => Self::Nothing,
        }
    }
}

impl Gateways {
    /// What the gateway's ledger has for the key.
    pub async fn look(&self, base: &Base, mark: &Mark) -> Result<Entry, Failure> {
        let answer = self.send(self.entry(Method::GET, base, mark), mark).await?;
        answer.judge().map_err(unproven).and_then(read)
    }

    /// Closes the key: its write is never sent from now on. What had been done under it is found out.
    ///
    /// `write` is what was sent, or would have been. It counts only where the gateway's ledger does not know: a create
    /// is then searched for, **another write is sent**.
    pub async fn close(&self, base: &Base, mark: &Mark, write: Option<&Write>) -> Result<Closed, Failure> {
        let mut request = self.entry(Method::DELETE, base, mark);
        if let Some(write) = write {
            let mut body = json!({"method": write.method.as_str(), "path": write.target(base)});
            if let Some(cells) = &write.body {
                body["body"] = cells.clone();
            }
            request = request.json(&body);
        }
        let answer = self.send(request, mark).await?;
        if answer.status == StatusCode::CONFLICT && answer.kind() == "IDEMPOTENCY_OUTCOME_UNKNOWABLE" {
            return Ok(Closed::Unknowable);
        }
        match answer.judge() {
            Ok(body) => read(body).map(Closed::from),
            Err(Failure::Accepted(wait)) => {
                let problem = Problem::new("ActionInFlight", "the gateway is still sending the action");
                Err(Failure::Later(problem, wait))
            }
            Err(failure) => Err(unproven(failure)),
        }
    }

    fn entry(&self, method: Method, base: &Base, mark: &Mark) -> RequestBuilder {
        let target = format!("/api/airtable/ledger/{}", segment(&mark.key));
        self.request(method, base, &target).header("Idempotency-Since", mark.since.to_string())
    }
}

/// That the ledger's endpoints refuse something says nothing of the write.
fn unproven(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(problem) | Failure::NotFound(problem) => Failure::Unknown(problem),
        other => other,
    }
}

fn read(body: Value) -> Result<Entry, Failure> {
    serde_json::from_value(body).map_err(|error| {
        let message = format!("the gateway's ledger answered strangely: {error}");
        Failure::Unknown(Problem::new("GatewayAnswer", message))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_write_that_succeeded_is_an_effect_and_an_unknown_outcome_is_not_nothing() {
        for (entry, expected) in [
            (json!({"state": "closed"}), Closed::Nothing),
            (json!({"state": "closed", "response": {"status": 200, "body": 7}}), Closed::Effect(json!(7))),
            (json!({"state": "closed", "response": {"status": 422, "body": 7}}), Closed::Nothing),
            (json!({"state": "closed", "outcome": "unknown"}), Closed::Unknowable),
        ] {
            assert_eq!(Closed::from(read(entry.clone()).unwrap()), expected, "{entry}");
        }
    }
}
