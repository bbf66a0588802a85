//! Resources in, children out: whole, as snapshots, so that a change of a child is seen as one.

use clap::Parser as _;
use crds::{AirtableBase, Workflow};
use serde::Serialize;
use serde_json::Value;

use super::Plan;
use crate::{
    base::{self, observe::Observed},
    config::{Cli, Command, Config},
    workflow,
};

fn config() -> Config {
    let Command::Run(config) = Cli::parse_from([
        "operator",
        "run",
        "--service-account=operator",
        "--namespace=system",
        "--workloads-image=workloads:1",
    ])
    .command
    else {
        panic!("the command is run")
    };
    *config
}

fn base(spec: &str) -> AirtableBase {
    let yaml = format!(
        "{{apiVersion: pyairtable.dev/v1alpha1, kind: AirtableBase, metadata: {{name: crm, namespace: sales, uid: u1}}, spec: {spec}}}"
    );
    serde_saphyr::from_str(&yaml).unwrap()
}

fn gateway(spec: &str) -> Plan {
    let observed = Observed { workflows: vec!["orders".to_owned()], ..Observed::default() };
    base::build::plan(&base(spec), &observed, &config()).unwrap()
}

fn worker(worker: &str) -> Plan {
    let yaml = format!(
        "{{apiVersion: pyairtable.dev/v1alpha1, kind: Workflow, metadata: {{name: orders, namespace: sales, uid: u2}}, \
         spec: {{{worker} sagaTemplate: {{steps: [{{name: a, action: {{operation: wait}}}}]}}}}}}"
    );
    let workflow: Workflow = serde_saphyr::from_str(&yaml).unwrap();
    workflow::build::plan(&workflow, &config()).unwrap()
}

/// Every child of a plan, without what is absent.
fn children(plan: &Plan) -> Vec<Value> {
    let super::Children { account, files, claim, deployment, service, policy, disruption, has_others } =
        plan.build().unwrap();
    let disruption = has_others.then_some(disruption);
    let all = [
        json(account),
        json(files),
        json(claim),
        json(deployment),
        json(service),
        json(policy),
        json(disruption),
    ];
    all.into_iter().filter(|child| !child.is_null()).collect()
}

fn json(object: impl Serialize) -> Value {
    serde_json::to_value(object).unwrap()
}

const MINIMAL: &str = "{baseId: appCRM00000000001, tokenSecretRef: {name: token}}";

#[test]
fn the_children_of_a_minimal_base() {
    insta::assert_yaml_snapshot!(children(&gateway(MINIMAL)));
}

#[test]
fn the_operator_may_write_to_a_base_only_where_its_schema_wants_that() {
    let reads_only = |spec: &str| -> Value {
        let clients: Value = serde_json::from_str(&gateway(spec).files["clients.json"]).unwrap();
        clients["serviceAccounts"][0]["readOnly"].clone()
    };
    assert_eq!(reads_only(MINIMAL), true);
    for (policy, wanted) in [("Observe", true), ("Create", false), ("Apply", false)] {
        let schema = format!("token}}, schema: {{policy: {policy}, tables: []}}}}");
        assert_eq!(reads_only(&MINIMAL.replace("token}}", &schema)), wanted, "{policy}");
    }
}

#[test]
fn an_account_is_listed_once_and_that_of_a_worker_with_all_rights() {
    let clients = "token}, clients: [{name: a, serviceAccountRef: {name: orders-worker}, readOnly: true},
        {name: b, serviceAccountRef: {name: bi}, readOnly: true}, {name: c, serviceAccountRef: {name: bi, namespace: other}}]}";
    let files = gateway(&MINIMAL.replace("token}}", clients)).files;
    let listed: Value = serde_json::from_str(&files["clients.json"]).unwrap();
    let listed: Vec<_> = listed["serviceAccounts"].as_array().unwrap().iter().collect();
    let worker = json(("sales", "orders-worker", false));
    let is_worker = |it: &&&Value| json((&it["namespace"], &it["name"], &it["readOnly"])) == worker;
    assert_eq!((listed.len(), listed.iter().filter(is_worker).count()), (4, 1), "{listed:?}");
}

#[test]
fn the_children_of_a_base_with_everything() {
    let spec = "{baseId: appCRM00000000001, tokenSecretRef: {name: token, key: pat}, endpoint: 'http://airtable/', deletionPolicy: Retain,
        rateLimit: {requestsPerSecond: 4, lockoutSeconds: 31},
        cache: {ttlSeconds: 60, staleWhileRevalidateSeconds: 600, staleIfErrorSeconds: 3600}, idempotency: {keyField: Idempotency key},
        gateway: {replicas: 0, image: 'other:2', resources: {limits: {memory: 1Gi}}, storage: {sizeMebibytes: 64, storageClassName: fast}},
        tls: {secretName: certificate},
        clients: [{name: report, serviceAccountRef: {name: report, namespace: bi}, readOnly: true, share: 3}, {name: script, keySecretRef: {name: script-key}, tables: [{name: Orders}, {name: Customers, readOnly: true, fields: [Name]}]}]}";
    insta::assert_yaml_snapshot!(children(&gateway(spec)));
}

#[test]
fn the_children_of_a_base_with_a_store_and_three_pods() {
    let spec = "{baseId: appCRM00000000001, tokenSecretRef: {name: token}, gateway: {replicas: 3}, store: {urlSecretRef: {name: valkey, key: dsn}}}";
    insta::assert_yaml_snapshot!(children(&gateway(spec)));
}

#[test]
fn a_base_with_public_urls_leads_its_gateway_to_keys_and_webhook() {
    let spec = |more: &str| {
        format!(
            "{{baseId: appCRM00000000001, tokenSecretRef: {{name: token}}{more},
            attachments: {{url: 'https://a.example', keySecretRef: {{name: keys, key: links}}, hosts: [a.example, 'http://*.b.example:81']}},
            cache: {{ttlSeconds: 600, webhook: {{url: 'https://a.example/crm', checkSeconds: 60}}}}}}"
        )
    };
    let plan = gateway(&spec(""));
    insta::assert_yaml_snapshot!((&plan.args, &plan.volumes, &plan.mounts));
    let shared = gateway(&spec(", store: {urlSecretRef: {name: valkey}}"));
    let has_state = |plan: &Plan| plan.args.iter().any(|arg| arg.starts_with("--webhook-state"));
    assert!(has_state(&plan) && !has_state(&shared), "a store leaves no folder to keep it in");
}

#[test]
fn a_gateway_with_a_store_is_the_same_pod_whatever_their_number() {
    let of = |replicas: u8| {
        let spec = format!(
            "{{baseId: appCRM00000000001, tokenSecretRef: {{name: token}}, gateway: {{replicas: {replicas}}}, store: {{urlSecretRef: {{name: valkey}}}}}}"
        );
        let plan = gateway(&spec);
        let template = json(plan.build().unwrap().deployment)["spec"]["template"].clone();
        let bounded = children(&plan).iter().any(|child| child["kind"] == "PodDisruptionBudget");
        (template, bounded)
    };
    let [(one, one_is_bounded), (two, two_are_bounded)] = [of(1), of(2)];
    assert_eq!(one, two);
    assert_eq!((one_is_bounded, two_are_bounded), (false, true));
}

#[test]
fn the_children_of_a_workflow() {
    insta::assert_yaml_snapshot!(children(&worker("")));
}

#[test]
fn a_worker_of_somebody_elses_is_told_by_its_environment() {
    let plan = worker("worker: {image: 'mine:1'},");
    assert!(plan.args.is_empty());
    assert_eq!(plan.env["AUDIENCE"], "worker.pyairtable.dev/sales/orders");
}

#[test]
fn nothing_is_deployed_for_what_runs_elsewhere() {
    let base = base(
        "{baseId: appCRM00000000001, tokenSecretRef: {name: token}, gateway: {external: {url: 'http://there:1/'}}}",
    );
    assert!(base::build::plan(&base, &Observed::default(), &config()).is_none());
    assert_eq!(base::endpoint(&base).as_deref(), Some("http://there:1"));
}

#[test]
fn every_pod_keeps_to_the_restricted_standard() {
    let shared = MINIMAL.replace("token}}", "token}, store: {urlSecretRef: {name: valkey}}}");
    for plan in [gateway(MINIMAL), gateway(&shared), worker("")] {
        let pod = serde_json::to_value(plan.build().unwrap().deployment).unwrap()["spec"]["template"]["spec"]
            .clone();
        let container = &pod["containers"][0]["securityContext"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        assert_eq!(container["allowPrivilegeEscalation"], false);
        assert_eq!(container["readOnlyRootFilesystem"], true);
        assert_eq!(container["capabilities"]["drop"][0], "ALL");
    }
}
