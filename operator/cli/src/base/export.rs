//! `pyairtable base export`: the manifest of a base that exists, with its schema, so that a plan of it is empty.

use airtable::{Table, id::Kind};
use crds::{
    AirtableBase, AirtableBaseSpec,
    base_schema::{DesiredSchema, DesiredTable, SchemaPolicy},
    reference::SecretKeyRef,
};

use super::source::{self, Source};
use crate::{
    Ending,
    cluster::Cluster,
    error::Error,
    output::{self, Format},
};

/// What to export, and as what.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// Id of the base, app…
    #[arg(value_name = "APPID", value_parser = base_id)]
    base_id: String,
    #[command(flatten)]
    source: Source,
    /// Name of the AirtableBase; else the id in small letters
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What the operator shall do about differences
    #[arg(long, value_name = "POLICY", default_value = "Observe", value_parser = policy)]
    policy: SchemaPolicy,
    /// Name of the Secret with the token, in its key token
    #[arg(long, value_name = "NAME", default_value = "airtable-token")]
    token_secret: String,
}

impl Export {
    /// Reads the schema and prints the manifest.
    pub async fn run(&self, cluster: &Cluster) -> Result<Ending, Error> {
        let token = self.source.token()?.ok_or(Error::NoToken(""))?;
        let found = source::tables(&self.source.endpoint(None), &token, &self.base_id).await?;
        let tables = schema::export(&found);
        let mut text = left_out(&found, &tables);
        text.push_str(&output::document(&self.manifest(tables, cluster), Format::Yaml)?);
        output::print(&text)?;
        Ok(Ending::Done)
    }

    fn manifest(&self, tables: Vec<DesiredTable>, cluster: &Cluster) -> AirtableBase {
        let name = self.name.clone().unwrap_or_else(|| self.base_id.to_lowercase());
        let spec = AirtableBaseSpec {
            base_id: self.base_id.clone(),
            token_secret_ref: SecretKeyRef { name: self.token_secret.clone(), key: None },
            endpoint: self.source.endpoint.clone(),
            rate_limit: None,
            cache: None,
            attachments: None,
            store: None,
            idempotency: None,
            tls: None,
            gateway: None,
            clients: Vec::new(),
            schema: Some(DesiredSchema { policy: self.policy, tables }),
            deletion_policy: None,
        };
        let mut base = AirtableBase::new(&name, spec);
        base.metadata.namespace = cluster.named_namespace();
        base
    }
}

/// A comment for each field that can't be declared.
fn left_out(found: &[Table], declared: &[DesiredTable]) -> String {
    let is_declared = |table: &Table, field: &airtable::Field| {
        let tables = declared.iter().filter(|it| it.name == table.name);
        tables.flat_map(|it| &it.fields).any(|it| it.name == field.name)
    };
    let line = |table: &Table, field: &airtable::Field| {
        let kind = field.field_type.as_str();
        let place = output::on_one_line(&format!("{}.{}", table.name, field.name));
        format!("# Left out, since fields of type {} can't be declared: {place}\n", output::on_one_line(kind))
    };
    let fields = found.iter().flat_map(|table| table.fields.iter().map(move |field| (table, field)));
    fields
        .filter(|(table, field)| !is_declared(table, field))
        .map(|(table, field)| line(table, field))
        .collect()
}

fn base_id(text: &str) -> Result<String, String> {
    let is_id = Kind::Base.names(text);
    is_id
        .then(|| text.to_owned())
        .ok_or_else(|| "the id of a base is app and 14 letters or digits".to_owned())
}

fn policy(text: &str) -> Result<SchemaPolicy, String> {
    match text {
        "Observe" => Ok(SchemaPolicy::Observe),
        "Create" => Ok(SchemaPolicy::Create),
        "Apply" => Ok(SchemaPolicy::Apply),
        _ => Err("it is Observe, Create or Apply".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_left_out_is_a_comment_whatever_it_is_called() {
        let field = json!({"id": "fld1", "name": "New\nkind: Secret", "type": "holo\ngram"});
        let table = json!({"id": "tbl1", "name": "Deals\r---", "primaryFieldId": "fld1", "fields": [field]});
        let comments = left_out(&serde_json::from_value::<Vec<Table>>(json!([table])).unwrap(), &[]);
        let lines: Vec<&str> = comments.split(['\n', '\r', '\u{85}', '\u{2028}']).collect();
        assert!(matches!(lines[..], [comment, ""] if comment.starts_with("# ")), "{lines:?}");
    }
}
