//! `pyairtable base` against a simulator on loopback: what it prints, and how it exits.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may end by a panic")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use simulator::{Behaviour, Fixture};
use telemetry::metrics::Metrics;
use tokio::net::TcpListener;

const BASE: &str = "appCRM00000000001";
const TOKEN: &str = "patTest.secret";

/// A simulator and a folder.
struct Scene {
    url: String,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn open() -> Self {
        let behaviour = Behaviour { tokens: vec![TOKEN.to_owned()], ..Behaviour::default() };
        let state = simulator::start(Fixture::sample().unwrap(), behaviour, &Metrics::new()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, simulator::router(state)).await });
        Self { url, folder: tempfile::tempdir().unwrap() }
    }

    async fn run(&self, token: &'static str, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pyairtable"));
        command.args(arguments).env_clear().env("AIRTABLE_TOKEN", token);
        tokio::task::spawn_blocking(move || command.output().expect("it can be run")).await.unwrap()
    }

    /// The manifest of the base as it is.
    async fn export(&self) -> String {
        let output = self
            .run(
                TOKEN,
                &["base", "export", BASE, "--endpoint", &self.url, "--name", "crm", "--policy", "Create"],
            )
            .await;
        assert_eq!(code(&output), 0, "{}", told(&output.stderr));
        told(&output.stdout)
    }

    fn file(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("base.yaml");
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn plan(&self, file: &Path, format: &str) -> Output {
        self.run(TOKEN, &["base", "plan", "--file", file.to_str().unwrap(), "--output", format]).await
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn told(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_no_change_and_has_no_ids() {
    let scene = Scene::open().await;
    let manifest = scene.export().await;
    assert!(
        !manifest.contains("fldCRM") && !manifest.contains("tblCRM") && !manifest.contains("status:"),
        "{manifest}"
    );
    assert!(!manifest.contains(TOKEN), "{manifest}");
    let planned = scene.plan(&scene.file(&manifest), "table").await;
    assert_eq!((code(&planned), told(&planned.stdout).as_str()), (0, "No changes: crm is as declared.\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_listed_with_what_the_policy_allows_and_the_exit_code_is_2() {
    let scene = Scene::open().await;
    let manifest = scene.export().await;
    let changed = manifest.replace("Who buys.", "Who pays.").replace("name: Phone\n", "name: Mobile\n");
    let file = scene.file(&changed);
    let planned = scene.plan(&file, "table").await;
    let expected = "\
ACTION       TABLE      FIELD   WHAT         FOUND      WANTED       WHY
CreateField  Customers  Mobile  field                   phoneNumber
UpdateTable  Customers          description  Who buys.  Who pays.

2 changes to crm, of which the operator makes 1 under policy Create.
";
    assert_eq!((code(&planned), told(&planned.stdout).as_str()), (2, expected));

    let planned = scene.plan(&file, "json").await;
    let answer: serde_json::Value = serde_json::from_slice(&planned.stdout).unwrap();
    let allowed: Vec<_> =
        answer["changes"].as_array().unwrap().iter().map(|change| &change["allowed"]).collect();
    assert_eq!((code(&planned), allowed), (2, vec![&true.into(), &false.into()]));
    let yaml = told(&scene.plan(&file, "yaml").await.stdout);
    assert!(yaml.starts_with("base: crm\npolicy: Create\nchanges:\n"), "{yaml}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_say_what_to_do_end_with_1_and_show_no_token() {
    let scene = Scene::open().await;
    let plain = "kind: AirtableBase\nmetadata: {name: crm}\nspec: {baseId: appCRM00000000001, tokenSecretRef: {name: t}}\n";
    let file = scene.file(plain);
    let file = file.to_str().unwrap();
    let export = ["base", "export", BASE, "--endpoint", scene.url.as_str()];
    for (token, arguments, expected) in [
        ("", &export[..], "error: no token: give --token-file or set AIRTABLE_TOKEN"),
        ("patWrong.secret", &export[..], "it answers 401 AUTHENTICATION_REQUIRED: Authentication required"),
        (TOKEN, &["base", "export", "crm"][..], "the id of a base is app and 14 letters or digits"),
        (TOKEN, &["base", "plan", "--file", file][..], "error: AirtableBase crm has no spec.schema"),
        (TOKEN, &["base", "plan", "--file", "/nowhere.yaml"][..], "error: /nowhere.yaml: No such file"),
        (TOKEN, &["base", "plan"][..], "required arguments were not provided"),
        (TOKEN, &["base", "plan", "crm", "--kubeconfig", "/nowhere.yaml"][..], "error: cluster: "),
    ] {
        let output = scene.run(token, arguments).await;
        let complaint = told(&output.stderr);
        assert_eq!(code(&output), 1, "{arguments:?}: {complaint}");
        assert!(complaint.contains(expected), "{arguments:?}: {complaint}");
        assert!(!complaint.contains("secret"), "{arguments:?}: {complaint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_is_told_how_to_complete() {
    let output = Scene::open().await.run("", &["completion", "bash"]).await;
    assert!(code(&output) == 0 && told(&output.stdout).contains("_pyairtable"), "{}", told(&output.stdout));
}
