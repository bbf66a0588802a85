//! What is generated from the types is checked in and true: fails when stale, and writes it anew under `UPDATE=1`.
#![expect(clippy::disallowed_methods, reason = "a test is told by the environment to rewrite files")]
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

use std::path::Path;

/// etcd takes objects up to 1.5 MB; `kubectl apply` keeps a copy of up to 256 kB in an annotation.
const MOST_BYTES: usize = 200_000;

fn compare(file: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{file} is stale: run UPDATE=1 cargo test -p crds");
}

#[test]
fn the_manifests_are_those_of_the_types() {
    for crd in crds::all() {
        let yaml = serde_saphyr::to_string(&crd).unwrap();
        assert!(yaml.len() < MOST_BYTES, "{} has {} bytes", crd.spec.names.kind, yaml.len());
        compare(&format!("{}.yaml", crd.spec.names.plural), &yaml);
    }
}

#[test]
fn the_page_of_reasons_is_that_of_the_list() {
    compare("../docs/reference/reasons.md", &crds::reason::reference());
}

#[test]
fn every_field_has_a_description() {
    for crd in crds::all() {
        let json = serde_json::to_value(&crd).unwrap();
        let schema = &json["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let mut bare = Vec::new();
        undescribed(schema, &crd.spec.names.kind, &mut bare);
        assert!(bare.is_empty(), "fields without a description: {bare:?}");
    }
}

fn undescribed(schema: &serde_json::Value, path: &str, bare: &mut Vec<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        if field.get("description").is_none() {
            bare.push(path.clone());
        }
        undescribed(field, &path, bare);
        undescribed(&field["items"], &path, bare);
    }
}

#[test]
fn no_schema_has_a_default_which_gitops_would_see_as_drift() {
    for crd in crds::all() {
        let json = serde_json::to_string(&crd.spec.versions[0].schema).unwrap();
        assert!(!json.contains("\"default\":"), "{}", crd.spec.names.kind);
        assert!(!json.contains("uint"), "{}: Kubernetes does not know uint formats", crd.spec.names.kind);
    }
}
