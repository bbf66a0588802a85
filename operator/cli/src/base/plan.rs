//! `pyairtable base plan`: how a base differs from what is declared, and what the operator does about it.

use std::path::PathBuf;

use crds::{AirtableBase, base_schema::SchemaPolicy};
use kube::ResourceExt as _;
use schema::{Action, Change};
use serde::Serialize;

use super::{
    manifest,
    source::{self, Source},
};
use crate::{
    Ending,
    cluster::{Cluster, Namespace},
    error::Error,
    output::{self, Colour, Format},
};

/// The longest cell of the table, in characters.
const WIDEST: usize = 48;

/// What to compare, and how to print it.
#[derive(Debug, clap::Args)]
pub struct Plan {
    /// Name of the AirtableBase in the cluster
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    name: Option<String>,
    /// File with the AirtableBase instead; - is standard input. No cluster is asked
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Ask the base's gateway (status.gateway.url); the token is then the key of one of its clients
    #[arg(long, conflicts_with_all = ["file", "endpoint"])]
    gateway: bool,
    #[command(flatten)]
    source: Source,
    /// How the plan is printed
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    output: Format,
    // Set by people who want no colours anywhere.
    #[arg(long, env = "NO_COLOR", hide = true)]
    no_color: Option<String>,
}

/// The plan as programs read it.
#[derive(Serialize)]
struct Answer<'a> {
    base: String,
    policy: SchemaPolicy,
    changes: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    change: &'a Change,
    /// Whether the operator makes the change under the policy.
    allowed: bool,
}

impl Plan {
    /// Reads both schemas and prints the plan.
    pub async fn run(&self, cluster: &Cluster) -> Result<Ending, Error> {
        let (base, namespace) = self.base(cluster).await?;
        let name = base.name_any();
        let Some(declared) = &base.spec.schema else { return Err(Error::NoSchema(name)) };
        let (endpoint, token) = self.access(&base, namespace.as_ref()).await?;
        let found = source::tables(&endpoint, &token, &base.spec.base_id).await?;
        let changes = schema::plan(&declared.tables, &found);
        let policy = declared.policy;
        let text = if self.output == Format::Table {
            self.table(&name, policy, &changes)
        } else {
            let entries =
                changes.iter().map(|change| Entry { change, allowed: change.action.is_allowed(policy) });
            output::document(&Answer { base: name, policy, changes: entries.collect() }, self.output)?
        };
        output::print(&text)?;
        Ok(if changes.is_empty() { Ending::Done } else { Ending::Changes })
    }

    async fn base(&self, cluster: &Cluster) -> Result<(AirtableBase, Option<Namespace>), Error> {
        match (&self.file, &self.name) {
            (None, Some(name)) => {
                let namespace = cluster.connect().await?;
                Ok((namespace.base(name).await?, Some(namespace)))
            }
            (file, _) => Ok((manifest::read(&file.clone().unwrap_or_default())?, None)),
        }
    }

    /// Where to ask, and the token for it. The base's own is sent only to where the base says.
    async fn access(
        &self,
        base: &AirtableBase,
        namespace: Option<&Namespace>,
    ) -> Result<(String, String), Error> {
        let given = self.source.token()?;
        if self.gateway {
            let gateway = base.status.as_ref().and_then(|status| status.gateway.as_ref());
            let url = gateway
                .map(|gateway| gateway.url.clone())
                .ok_or_else(|| Error::NoGateway(base.name_any()))?;
            return Ok((url, given.ok_or(Error::NoToken(": a key of a client of the gateway"))?));
        }
        let endpoint = self.source.endpoint(base.spec.endpoint.as_deref());
        match (given, namespace) {
            (Some(token), _) => Ok((endpoint, token)),
            (None, Some(namespace)) if self.source.endpoint.is_none() => {
                Ok((endpoint, namespace.secret(&base.spec.token_secret_ref).await?))
            }
            (None, Some(_)) => Err(Error::NoToken(": the base's own is not sent to another endpoint")),
            (None, None) => Err(Error::NoToken("")),
        }
    }

    fn table(&self, name: &str, policy: SchemaPolicy, changes: &[Change]) -> String {
        if changes.is_empty() {
            return format!("No changes: {name} is as declared.\n");
        }
        let is_coloured = output::is_coloured(self.no_color.as_deref());
        let row = |change: &Change| {
            let colour = match change.action {
                Action::CreateTable | Action::CreateField => Colour::Green,
                Action::UpdateTable | Action::UpdateField => Colour::Yellow,
                Action::CannotChange => Colour::Red,
            };
            let text = |text: &Option<String>| cut(text.as_deref().unwrap_or_default());
            let cells = vec![
                change.action.as_str().to_owned(),
                cut(&change.table),
                text(&change.field),
                change.what.clone(),
                text(&change.found),
                text(&change.wanted),
                change.why.clone().unwrap_or_default(),
            ];
            (is_coloured.then_some(colour), cells)
        };
        let rows: Vec<_> = changes.iter().map(row).collect();
        let made = changes.iter().filter(|change| change.action.is_allowed(policy)).count();
        let table = output::table(&["ACTION", "TABLE", "FIELD", "WHAT", "FOUND", "WANTED", "WHY"], &rows);
        format!(
            "{table}\n{} to {name}, of which the operator makes {made} under policy {policy:?}.\n",
            count(changes.len())
        )
    }
}

fn count(changes: usize) -> String {
    if changes == 1 { "1 change".to_owned() } else { format!("{changes} changes") }
}

/// At most as long as a cell may be, on one line.
fn cut(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= WIDEST {
        return line;
    }
    line.chars().take(WIDEST - 1).chain(['…']).collect()
}
