//! Each kind of write, and a gateway that dies before or after Airtable has it, or whose ledger is lost.

use jiff::Timestamp;

use super::*;

const KEY_FIELD: &str = "--key-field=Idempotency key";

/// A kind of write, and how it is to be found out about.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Where another record is just like it.
    MarkedCreate,
    Create,
    Update,
    Upsert,
    Delete,
}

const ALL: [Kind; 5] = [Kind::MarkedCreate, Kind::Create, Kind::Update, Kind::Upsert, Kind::Delete];

impl Kind {
    fn operation(self) -> &'static str {
        match self {
            Self::MarkedCreate | Self::Create | Self::Upsert => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    fn write(self, world: &World) -> Write {
        let (table, record) = ("Customers".to_owned(), format!("Customers/{}", world.old));
        let fields = json!({"fields": {"Name": "Once"}});
        match self {
            Self::MarkedCreate | Self::Create => (Method::POST, table, fields),
            Self::Update => (Method::PATCH, record, fields),
            Self::Upsert => {
                let upsert = json!({"performUpsert": {"fieldsToMergeOn": ["Name"]}, "records": [fields]});
                (Method::PATCH, table, upsert)
            }
            Self::Delete => (Method::DELETE, record, Value::Null),
        }
    }
}

/// A base, a folder for the ledger, and a write.
struct Scene {
    world: World,
    folder: tempfile::TempDir,
    kind: Kind,
    write: Write,
    /// Effects of the write's kind that were there before.
    before: usize,
}

impl Scene {
    async fn new(kind: Kind) -> Self {
        let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
        let write = kind.write(&world);
        if kind == Kind::MarkedCreate {
            let tables = world.get(&format!("/v0/meta/bases/{CRM}/tables")).await;
            let tables = tables["tables"].as_array().unwrap();
            let table =
                tables.iter().find(|table| table["name"] == "Customers").unwrap()["id"].as_str().unwrap();
            let field = json!({"name": "Idempotency key", "type": "singleLineText"});
            world.post(&format!("/v0/meta/bases/{CRM}/tables/{table}/fields"), &field).await;
            world.post(&format!("/v0/{CRM}/Customers"), &write.2).await;
        }
        let before = world.effects(kind.operation()).await.len();
        Self { world, folder, kind, write, before }
    }

    async fn gateway(&self, failpoints: &str) -> Process {
        let base = format!("--base={CRM}");
        let more = [base.as_str(), "--settle-seconds=4", KEY_FIELD];
        let more = if self.kind == Kind::MarkedCreate { &more[..] } else { &more[..2] };
        Process::start_with(self.folder.path(), &self.world.url, failpoints, more).await
    }

    async fn effects(&self) -> usize {
        self.world.effects(self.kind.operation()).await.len() - self.before
    }
}

impl World {
    /// A person's request.
    async fn post(&self, path: &str, body: &Value) {
        let request = Client::new().post(format!("{}{path}", self.url)).bearer_auth("pat-of-a-person");
        assert_eq!(request.json(body).send().await.unwrap().status(), 200);
    }
}

async fn killed_at(failpoint: &str) {
    let each = ALL.map(|kind| async move {
        let scene = Scene::new(kind).await;
        let first = scene.gateway(&format!("{failpoint}=1*return")).await;
        assert_eq!(send(first.request(CRM, "key", &scene.write)).await, None, "{kind:?}: it was to die");
        drop(first);
        let second = scene.gateway("").await;
        let (status, body) = send(second.request(CRM, "key", &scene.write)).await.unwrap();
        assert_eq!((status.as_u16(), scene.effects().await), (200, 1), "{kind:?}: {body}");
        let again = send(second.request(CRM, "key", &scene.write)).await.unwrap();
        assert_eq!((again, scene.effects().await), ((status, body), 1), "{kind:?}");
    });
    futures::future::join_all(each).await;
}

#[tokio::test]
async fn killed_before_the_call_each_write_takes_effect_once() {
    killed_at("gateway::after-intent").await;
}

#[tokio::test]
async fn killed_after_the_call_each_write_took_effect_once() {
    killed_at("gateway::after-effect").await;
}

#[tokio::test]
async fn killed_before_the_answer_each_write_took_effect_once() {
    killed_at("gateway::before-answer").await;
}

#[tokio::test]
async fn killed_with_a_marked_create_in_flight_it_is_waited_for() {
    let scene = Scene::new(Kind::MarkedCreate).await;
    let first = scene.gateway("").await;
    scene.world.delay(&Method::POST).await;
    let waiting = tokio::spawn(send(first.request(CRM, "key", &scene.write)));
    while scene.world.get("/admin/faults").await["faults"] != json!([]) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(first);
    assert_eq!(waiting.await.unwrap(), None, "the process was killed");
    let second = scene.gateway("").await;
    let answer = second.request(CRM, "key", &scene.write).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["idempotency-replayed"], "true", "it was found, not sent again");
    assert_eq!(scene.effects().await, 1);
}

/// What a gateway with a new ledger answers to a write that was done under the key before, beside the first answer.
async fn ledger_lost(kind: Kind) -> ((u16, Value), Value, Scene) {
    let scene = Scene::new(kind).await;
    let first = scene.gateway("").await;
    let since = Timestamp::now().to_string();
    let request =
        |process: &Process| process.request(CRM, "key", &scene.write).header("Idempotency-Since", &since);
    let (status, done) = send(request(&first)).await.unwrap();
    assert_eq!(status, 200, "{done}");
    drop(first);
    std::fs::remove_file(scene.folder.path().join("ledger.redb")).unwrap();
    let second = scene.gateway("").await;
    let (status, again) = send(request(&second)).await.unwrap();
    ((status.as_u16(), again), done, scene)
}

#[tokio::test]
async fn after_a_ledgers_volume_was_lost_a_create_with_a_mark_is_found() {
    let (again, done, scene) = ledger_lost(Kind::MarkedCreate).await;
    assert_eq!((again, scene.effects().await), ((200, done), 1));
}

#[tokio::test]
async fn after_a_ledgers_volume_was_lost_a_create_without_a_mark_is_unknown_and_not_sent_again() {
    let ((status, body), _, scene) = ledger_lost(Kind::Create).await;
    assert_eq!((status, &body["error"]["type"]), (503, &json!("IDEMPOTENCY_OUTCOME_UNKNOWN")), "{body}");
    assert_eq!(scene.effects().await, 1);
}

#[tokio::test]
async fn after_a_ledgers_volume_was_lost_what_leaves_the_same_state_is_sent_again() {
    let (again, done, scene) = ledger_lost(Kind::Update).await;
    assert_eq!((again, scene.effects().await), ((200, done), 1));
    let ((status, body), done, scene) = ledger_lost(Kind::Upsert).await;
    assert_eq!((status, &body["createdRecords"]), (200, &done["createdRecords"]), "{body}");
    assert_eq!(scene.effects().await, 1);
    let (again, done, scene) = ledger_lost(Kind::Delete).await;
    assert_eq!((again, scene.effects().await), ((200, done), 1));
}
