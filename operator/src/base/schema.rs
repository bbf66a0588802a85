//! Brings the schema of a base towards the declared one: plans, writes what the policy allows, reads and plans again.
//!
//! A write has no key and needs none: names are unique in Airtable, so that one that is repeated after a crash, or that is
//! still on its way when it is repeated, is refused and creates nothing twice.

use std::time::Duration;

use airtable::Table;
use crds::{
    AirtableBase,
    base_schema::{DesiredSchema, SchemaPolicy},
    reason::Reason,
};
use reqwest::StatusCode;
use schema::{Change, Method, Request, plan};
use serde_json::Value;
use tokio::time::Instant;

use super::observe::{self, Access, Gateway, Seen, Tables};
use crate::{
    context::Context,
    http::{self, plain},
};

/// Writes in one pass at most; the next pass goes on.
const MOST_WRITES: usize = 20;
/// Times that a pass looks again, since what was made lets further changes be made: tables, then links.
const MOST_ROUNDS: usize = 4;
/// Refusals after which a pass tries no further: each is a request of the base's budget.
const MOST_REFUSALS: usize = 3;
/// How long a pass goes on writing: passes over other bases wait for one that is slow.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest answer to a write, in bytes.
const MOST_ANSWER_BYTES: usize = 1024 * 1024;

/// What a pass came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Nobody knows whether the schema matches, and why.
    NotRead(String),
    /// The schema was compared.
    Compared {
        /// What differs still.
        left: Vec<Change>,
        /// Writes that were refused, each with the answer.
        refused: Vec<String>,
    },
}

/// Compares the schema that was seen with the declared one, and writes what the policy allows. What is read anew meanwhile
/// replaces what was seen. None where no schema is declared.
pub async fn settle(
    base: &AirtableBase,
    seen: &mut Seen,
    ctx: &Context,
) -> Result<Option<Outcome>, kube::Error> {
    let Some(declared) = &base.spec.schema else { return Ok(None) };
    let Some(Gateway::Ready(Ok(tables))) = &mut seen.gateway else {
        return Ok(Some(Outcome::NotRead("the gateway is not ready, or can't read it".to_owned())));
    };
    let mut writer = Writer::new(base, ctx);
    let outcome = writer.settle(declared, tables).await?;
    if !writer.made.is_empty() {
        ctx.report.event(base, false, Reason::SchemaChanged, &writer.made.join("; ")).await;
    }
    Ok(Some(outcome))
}

/// Whether the operator writes to this base.
pub fn writes(base: &AirtableBase) -> bool {
    base.spec.schema.as_ref().is_some_and(|schema| schema.policy != SchemaPolicy::Observe)
}

fn compare(declared: &DesiredSchema, found: &Tables) -> Result<Vec<Change>, String> {
    let tables: Vec<Table> = serde::Deserialize::deserialize(&found.schema)
        .map_err(|error| format!("the gateway's answer is no schema: {error}"))?;
    Ok(plan(&declared.tables, &tables))
}

/// What can be written now, under the policy, at most `most`; nothing for a base that is going.
fn round(base: &AirtableBase, left: &[Change], most: usize) -> Vec<(String, Request)> {
    let policy = base.spec.schema.as_ref().map(|schema| schema.policy);
    let policy = policy.filter(|_| base.metadata.deletion_timestamp.is_none());
    let is_allowed = |change: &&Change| policy.is_some_and(|policy| change.action.is_allowed(policy));
    let sent = |change: &Change| Some((change.told(), change.request.clone()?));
    left.iter().filter(is_allowed).filter_map(sent).take(most).collect()
}

/// Why a write did not succeed.
enum Failure {
    /// It was refused for what it says; others may succeed.
    Refused(String),
    /// It was refused for who asks, or has no answer: others would fare no better now.
    CutOff(String),
}

struct Writer<'a> {
    base: &'a AirtableBase,
    ctx: &'a Context,
    made: Vec<String>,
    refused: Vec<String>,
    is_cut_off: bool,
    until: Instant,
}

impl<'a> Writer<'a> {
    fn new(base: &'a AirtableBase, ctx: &'a Context) -> Self {
        let until = Instant::now() + PATIENCE;
        Self { base, ctx, made: Vec::new(), refused: Vec::new(), is_cut_off: false, until }
    }

    async fn settle(
        &mut self,
        declared: &DesiredSchema,
        tables: &mut Tables,
    ) -> Result<Outcome, kube::Error> {
        let mut left = match compare(declared, tables) {
            Ok(left) => left,
            Err(why) => return Ok(Outcome::NotRead(why)),
        };
        for _ in 0..MOST_ROUNDS {
            let round = round(self.base, &left, MOST_WRITES.saturating_sub(self.made.len()));
            if round.is_empty() || self.is_done() {
                break;
            }
            let Some(access) = observe::access(self.base, self.ctx).await? else { break };
            self.write(&access, &round).await;
            let read = observe::tables(&access, self.ctx).await;
            match read.and_then(|read| compare(declared, &read).inspect(|_| *tables = read)) {
                Ok(compared) => left = compared,
                Err(why) if self.refused.is_empty() => return Ok(Outcome::NotRead(why)),
                // Why a write was refused tells more.
                Err(_) => break,
            }
        }
        Ok(Outcome::Compared { left, refused: std::mem::take(&mut self.refused) })
    }

    /// Whether another round would be of no use, or too late.
    fn is_done(&self) -> bool {
        !self.refused.is_empty() || Instant::now() >= self.until
    }

    async fn write(&mut self, access: &Access, round: &[(String, Request)]) {
        for (told, request) in round {
            if self.is_cut_off || self.refused.len() >= MOST_REFUSALS || Instant::now() >= self.until {
                return;
            }
            if let Some(answer) = self.attempt(access, told, request).await {
                fail::fail_point!("operator::after-schema-write", |_| std::process::abort());
                self.made.push(told.clone());
                if let Some(next) = request.follow_up(&answer) {
                    self.attempt(access, &format!("name of the other side of {told}"), &next).await;
                }
            }
        }
    }

    async fn attempt(&mut self, access: &Access, told: &str, request: &Request) -> Option<Value> {
        match send(access, &self.base.spec.base_id, request, self.ctx).await {
            Ok(answer) => return Some(answer),
            Err(Failure::Refused(why)) => self.refused.push(format!("{told}: {why}")),
            Err(Failure::CutOff(why)) => {
                self.is_cut_off = true;
                self.refused.push(format!("{told}: {why}"));
            }
        }
        None
    }
}

async fn send(access: &Access, base_id: &str, request: &Request, ctx: &Context) -> Result<Value, Failure> {
    let url = format!("{}/v0/meta/bases/{base_id}{}", access.url, request.path);
    let call = match request.method {
        Method::Post => ctx.http.post(url),
        Method::Patch => ctx.http.patch(url),
    };
    let call = call.bearer_auth(access.token.as_deref().unwrap_or_default()).json(&request.body);
    let answer = call.send().await.map_err(|error| Failure::CutOff(plain(&error)))?;
    let status = answer.status();
    let body =
        http::body(answer, MOST_ANSWER_BYTES).await.map_err(|error| Failure::CutOff(error.to_string()))?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status.is_success() {
        return Ok(body);
    }
    let (kind, message) = airtable::error::read(&body).unwrap_or_default();
    let why = format!("{} {kind}: {}", status.as_u16(), message.unwrap_or("no message"));
    Err(if status == StatusCode::UNPROCESSABLE_ENTITY { Failure::Refused(why) } else { Failure::CutOff(why) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn base(policy: &str) -> AirtableBase {
        let fields = json!([{"name": "Name", "type": "singleLineText"}, {"name": "Age", "type": "number"}]);
        let schema = json!({"policy": policy, "tables": [
            {"name": "People", "description": "All", "fields": fields}, {"name": "Things", "fields": [{"name": "Name", "type": "url"}]},
        ]});
        let spec = json!({"baseId": "appAAAAAAAAAAAAAA", "tokenSecretRef": {"name": "t"}, "schema": schema});
        serde_json::from_value(json!({"metadata": {"name": "crm"}, "spec": spec})).unwrap()
    }

    fn told(base: &AirtableBase, most: usize) -> Vec<String> {
        let found = json!([{"id": "tbl1", "name": "People", "primaryFieldId": "f", "fields": [{"id": "f", "name": "Name", "type": "singleLineText"}]}]);
        let tables = Tables { tables: vec![], count: 1, hash: String::new(), schema: found };
        let left = compare(base.spec.schema.as_ref().unwrap(), &tables).unwrap();
        assert_eq!(left.len(), 3);
        round(base, &left, most).into_iter().map(|(told, _)| told).collect()
    }

    #[test]
    fn the_policy_decides_what_is_written() {
        assert_eq!(told(&base("Observe"), 9), [""; 0]);
        assert_eq!(told(&base("Create"), 9), ["CreateTable Things", "CreateField People.Age"]);
        let all = ["CreateTable Things", "CreateField People.Age", "UpdateTable People (description)"];
        assert_eq!(told(&base("Apply"), 9), all);
    }

    #[test]
    fn no_more_is_written_than_the_pass_may_and_nothing_to_a_base_that_is_going() {
        let mut base = base("Apply");
        assert_eq!(told(&base, 1), ["CreateTable Things"]);
        base.metadata.deletion_timestamp = serde_json::from_value(json!("2026-11-21T00:00:00Z")).ok();
        assert_eq!(told(&base, 9), [""; 0]);
    }
}
