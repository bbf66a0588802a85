//! An `AirtableBase` in a file, which may hold other documents as well.

use std::{io::Read as _, path::Path};

use crds::AirtableBase;
use serde_json::Value;

use crate::error::Error;

/// The base in `file`; `-` is standard input.
pub fn read(file: &Path) -> Result<AirtableBase, Error> {
    let failed = |source| Error::File { file: file.display().to_string(), source };
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        text
    } else {
        std::fs::read_to_string(file).map_err(failed)?
    };
    only_base(&text).map_err(|why| Error::Manifest { file: file.display().to_string(), why })
}

fn only_base(text: &str) -> Result<AirtableBase, String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| error.to_string())?;
    let mut bases = documents.into_iter().filter(|document| document["kind"] == "AirtableBase");
    match (bases.next(), bases.next()) {
        (Some(base), None) => serde_json::from_value(base).map_err(|error| format!("AirtableBase: {error}")),
        (None, _) => Err("it holds no AirtableBase".to_owned()),
        (Some(_), Some(_)) => Err("it holds more than one AirtableBase: give a file with one".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str =
        "kind: AirtableBase\nmetadata: {name: crm}\nspec: {baseId: app, tokenSecretRef: {name: t}}\n";

    #[test]
    fn the_base_is_found_among_other_documents_and_two_are_refused() {
        let secret = "kind: Secret\nmetadata: {name: t}\n";
        assert_eq!(only_base(&format!("{secret}---\n{BASE}")).unwrap().spec.base_id, "app");
        assert_eq!(only_base(secret).unwrap_err(), "it holds no AirtableBase");
        assert!(only_base(&format!("{BASE}---\n{BASE}")).unwrap_err().contains("more than one"));
    }
}
