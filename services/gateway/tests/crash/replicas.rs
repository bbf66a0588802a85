//! A replica is killed, and the other one gets its key: once the claim of the dead one has run out, it finds out.

use valkey::testing::Server;

use super::*;

/// Two replicas, and their store.
struct Pair {
    first: Process,
    second: Process,
    _store: Server,
    _folders: [tempfile::TempDir; 2],
}

impl Pair {
    /// The first one dies at `failpoint`.
    async fn start(upstream: &str, failpoint: &str, more: &[&str]) -> Self {
        let (store, folders) = (Server::start(), [(); 2].map(|()| tempfile::tempdir().unwrap()));
        let option = format!("--store-url-file={}", store.url_file().display());
        let options = [&[option.as_str(), "--claim-seconds=3"], more].concat();
        let failpoints = if failpoint.is_empty() { String::new() } else { format!("{failpoint}=1*return") };
        let first = Process::start_with(folders[0].path(), upstream, &failpoints, &options).await;
        let second = Process::start_with(folders[1].path(), upstream, "", &options).await;
        for process in [&first, &second] {
            let look = format!("http://{}/api/airtable/ledger/any", process.address);
            let (_, state) = send(Client::new().get(look).bearer_auth(setup::KEY)).await.unwrap();
            assert_eq!(state["state"], "unknown");
        }
        Self { first, second, _store: store, _folders: folders }
    }
}

/// What the other replica answers once it gets the key.
async fn when_free(request: impl Fn() -> RequestBuilder) -> (StatusCode, Value) {
    for _ in 0..300 {
        match send(request()).await.unwrap() {
            (status, body) if status == 409 => {
                assert_eq!(body["error"]["type"], "IDEMPOTENCY_KEY_IN_FLIGHT", "{body}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            answer => return answer,
        }
    }
    panic!("it never gets the key")
}

#[tokio::test]
async fn killed_at_any_point_its_key_takes_effect_once_through_the_other() {
    for failpoint in ["gateway::after-intent", "gateway::after-effect", "gateway::before-answer"] {
        let table = Table::default();
        let copy = table.clone();
        let upstream = Upstream::new(move |seen| copy.apply(seen)).await;
        let pair = Pair::start(&upstream.url, failpoint, &[]).await;
        assert_eq!(pair.first.create().await, None, "{failpoint}: the process was to die");
        let write = (Method::POST, "Deals".to_owned(), json!({"fields": {"Name": "A"}}));
        let request = || pair.second.request(setup::BASE, "uid/step/do", &write);
        let (status, body) = when_free(request).await;
        assert_eq!((status.as_u16(), &body["fields"]), (200, &json!({"Name": "A"})), "{failpoint}: {body}");
        let creates = upstream.seen().iter().filter(|seen| seen.target.ends_with("/Deals")).count();
        assert_eq!((table.records().len(), creates), (1, 1), "{failpoint}");
    }
}

/// Sends `write` through a replica that is killed while it is on its way, and again through the other one.
async fn killed_in_flight(world: &World, write: &Write) -> (Pair, Value) {
    let base = format!("--base={CRM}");
    let pair = Pair::start(&world.url, "", &[&base, "--settle-seconds=5"]).await;
    world.delay(&write.0).await;
    let waiting = tokio::spawn(send(pair.first.request(CRM, "key", write)));
    while world.get("/admin/faults").await["faults"] != json!([]) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let Pair { first, .. } = &pair;
    let killed = Command::new("kill").args(["-KILL", &first.child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(waiting.await.unwrap(), None, "the process was killed");
    let (status, body) = when_free(|| pair.second.request(CRM, "key", write)).await;
    assert_eq!(status, 200, "{body}");
    (pair, body)
}

#[tokio::test]
async fn killed_with_a_write_in_flight_it_takes_effect_once() {
    let name = |name: &str| json!({"fields": {"Name": name}});
    for (method, operation) in [(Method::POST, "create"), (Method::DELETE, "delete")] {
        let world = World::new().await;
        let record = format!("Customers/{}", world.old);
        let write = match operation {
            "create" => (method, "Customers".to_owned(), name("In flight")),
            _ => (method, record, Value::Null),
        };
        let (_pair, body) = killed_in_flight(&world, &write).await;
        let effects = world.effects(operation).await;
        assert_eq!((effects.len(), &effects[0]["record"]), (1, &body["id"]), "{operation}");
    }
}

#[tokio::test]
async fn killed_with_an_update_in_flight_it_does_not_land_after_its_undo() {
    let world = World::new().await;
    let path = format!("Customers/{}", world.old);
    let name = |name: &str| json!({"fields": {"Name": name}});
    let (pair, _body) = killed_in_flight(&world, &(Method::PATCH, path.clone(), name("Updated"))).await;
    let undo = pair.second.request(CRM, "undo", &(Method::PATCH, path.clone(), name("Before")));
    assert_eq!(send(undo).await.unwrap().0, 200);
    // Longer than the update could be on its way: there is no condition that could be awaited.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(world.get(&format!("/v0/{CRM}/{path}")).await["fields"]["Name"], "Before");
}
