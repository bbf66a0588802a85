//! The built-in operations: reading them from a call, preparing, running, and telling outputs from an answer.

pub mod airtable;
mod drill;
mod http_request;
mod outputs;
mod wait;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    contract::{Action, Base, Problem},
    gateway_client::{Gateways, Mark},
    outcome::Failure,
};

pub use wait::rest as wait_rest;

/// An operation with its input, as far as it can be checked without asking anybody.
#[derive(Debug, Clone)]
pub enum Operation {
    /// `airtable.…`.
    Airtable(Base, airtable::Operation),
    /// `http.request`.
    HttpRequest(http_request::HttpRequest),
    /// `wait`.
    Wait(wait::Wait),
    /// `fail`, for drills.
    Fail(drill::Fail),
}

/// One run of an operation.
pub struct Run<'a> {
    /// The clients.
    pub gateways: &'a Gateways,
    /// For `http.request`.
    pub client: &'a reqwest::Client,
    /// Key and trace.
    pub mark: Mark,
    /// Counts from 1.
    pub attempt: u32,
    /// A run of this key was begun before, and may have had its effect.
    pub again: bool,
}

impl Operation {
    /// Reads the operation; the error names the field that is wrong.
    pub fn parse(action: &Action) -> Result<Self, Problem> {
        let input =
            if action.input.is_null() { Value::Object(serde_json::Map::new()) } else { action.input.clone() };
        let name = action.operation.as_str();
        match name {
            "http.request" => http_request::parse(input).map(Self::HttpRequest),
            "wait" => read(name, input).map(Self::Wait),
            "fail" => drill::parse(input).map(Self::Fail),
            _ => match airtable::parse(name, input)? {
                Some(operation) => {
                    let base = action.base.clone().ok_or_else(|| {
                        Problem::new("InvalidInput", format!("action.base is missing, {name} needs a base"))
                    })?;
                    Ok(Self::Airtable(base, operation))
                }
                None => Err(unknown(name)),
            },
        }
    }

    /// Whether it may be run again where nobody knows of the first time: a gateway's ledger, or the operation itself,
    /// makes twice as once.
    pub fn may_run_twice(&self) -> bool {
        match self {
            Self::HttpRequest(request) => request.is_idempotent(),
            Self::Airtable(..) | Self::Wait(_) | Self::Fail(_) => true,
        }
    }

    /// What has to be on disk before the run: what was there before, for the undo. Null for nothing.
    pub async fn prepare(&self, run: &Run<'_>, now: Timestamp) -> Result<Value, Failure> {
        match self {
            Self::Airtable(base, operation) => crate::before::read(base, operation, run, now).await,
            Self::Wait(wait) => wait.prepare(now),
            Self::HttpRequest(_) | Self::Fail(_) => Ok(Value::Null),
        }
    }

    /// Does it; returns the outputs. `note` is what [`Operation::prepare`] gave.
    pub async fn run(&self, run: &Run<'_>, note: &Value) -> Result<Value, Failure> {
        let outputs = match self {
            Self::Airtable(base, operation) => operation.run(base, run).await,
            Self::HttpRequest(request) => request.run(run).await,
            Self::Wait(_) => wait::run(note, Timestamp::now()).await,
            Self::Fail(fail) => fail.run(run.attempt).await,
        };
        outputs.map(outputs::fit)
    }
}

/// The name as a label of metrics: one of a closed set.
pub fn label(operation: &str) -> &'static str {
    const NAMES: &[&str] = &[
        "airtable.create",
        "airtable.update",
        "airtable.upsert",
        "airtable.delete",
        "airtable.get",
        "airtable.find",
        "http.request",
        "wait",
        "fail",
    ];
    NAMES.iter().find(|name| **name == operation).copied().unwrap_or("other")
}

/// Reads an input; what is missing, unknown or of the wrong type is named.
fn read<T: DeserializeOwned>(operation: &str, input: Value) -> Result<T, Problem> {
    serde_json::from_value(input)
        .map_err(|error| Problem::new("InvalidInput", format!("input of {operation}: {error}")))
}

fn unknown(name: &str) -> Problem {
    let message = format!(
        "action.operation is {name:?}, which this worker does not know; it knows airtable.create, airtable.update, \
         airtable.upsert, airtable.delete, airtable.get, airtable.find, http.request, wait and fail"
    );
    Problem::new("UnknownOperation", message)
}
