//! A gateway that is asked to stop while writes wait: each gets its answer, and none is lost or done in silence.

use std::collections::BTreeSet;

use super::*;

/// A gateway for a base in which nothing happened yet.
async fn gateway(more: &[&str]) -> (World, tempfile::TempDir, Process) {
    let (world, folder) = (World::new().await, tempfile::tempdir().unwrap());
    let process = restarted(&world, folder.path(), more).await;
    (world, folder, process)
}

async fn restarted(world: &World, folder: &Path, more: &[&str]) -> Process {
    let base = format!("--base={CRM}");
    Process::start_with(folder, &world.url, "", &[more, &[base.as_str(), "--settle-seconds=1"]].concat())
        .await
}

impl Process {
    /// As Kubernetes does it.
    fn terminate(&self) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Whether it ended, and well.
    async fn ended(&mut self) -> bool {
        for _ in 0..1000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it never ended")
    }

    /// Waits until so many requests are in the queue.
    async fn waiting(&self, count: u64) {
        let status = format!("http://{}/api/airtable/status", self.address);
        for _ in 0..1000 {
            let asked = send(Client::new().get(&status).bearer_auth(setup::KEY)).await.unwrap().1;
            if asked["queueLength"].as_u64() >= Some(count) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("fewer than {count} wait")
    }

    /// A create of the customer `name`, under it as a key where it is `keyed`.
    fn create_of(&self, name: &str, keyed: bool) -> RequestBuilder {
        let write = (Method::POST, "Customers".to_owned(), json!({"fields": {"Name": name}}));
        let request = self.request(CRM, name, &write);
        if keyed { request } else { without_key(request) }
    }
}

fn without_key(request: RequestBuilder) -> RequestBuilder {
    let (client, request) = request.build_split();
    let mut request = request.unwrap();
    request.headers_mut().remove("Idempotency-Key");
    RequestBuilder::from_parts(client, request)
}

async fn created(world: &World) -> Vec<String> {
    let effects = world.effects("create").await;
    effects.iter().map(|effect| effect["fields"]["Name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn of_a_hundred_writes_that_wait_each_is_done_and_answered_or_neither() {
    let slow = ["--merge=off", "--requests-per-second=10", "--shutdown-grace-seconds=5"];
    let (world, folder, mut process) = gateway(&slow).await;
    let names: Vec<(String, bool)> =
        (0..100).map(|number| (format!("customer-{number}"), number % 2 == 0)).collect();
    let sent: Vec<_> =
        names.iter().map(|(name, keyed)| tokio::spawn(send(process.create_of(name, *keyed)))).collect();
    process.waiting(70).await;
    process.terminate();
    while tokio::net::TcpStream::connect(process.address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(process.child.try_wait().unwrap(), None, "it takes nobody new, and serves those who wait");

    let (mut done, mut left) = (Vec::new(), Vec::new());
    for ((name, keyed), answer) in names.iter().zip(sent) {
        let (status, body) = answer.await.unwrap().expect("each has an answer");
        match status.as_u16() {
            200 => done.push(name.clone()),
            status => {
                assert_eq!((status, &body["error"]["type"]), (503, &json!("GATEWAY_STOPPING")), "{body}");
                left.push((name.clone(), *keyed));
            }
        }
    }
    assert!(process.ended().await);
    assert!(done.len() >= 30 && left.len() >= 20, "{} done, {} left", done.len(), left.len());
    let effects = created(&world).await;
    assert_eq!(effects.len(), done.len(), "once each");
    assert_eq!(effects.into_iter().collect::<BTreeSet<_>>(), done.into_iter().collect());

    let process = restarted(&world, folder.path(), &["--merge=off"]).await;
    let again = left.iter().map(|(name, keyed)| send(process.create_of(name, *keyed)));
    let again = futures::future::join_all(again).await;
    assert!(again.iter().flatten().all(|(status, _)| *status == 200), "their keys are free again: {again:?}");
    let effects = created(&world).await;
    assert_eq!((effects.len(), effects.iter().collect::<BTreeSet<_>>().len()), (100, 100));
}

#[tokio::test]
async fn what_fits_into_the_grace_is_all_done_and_the_rest_of_it_is_not_waited_for() {
    let (world, _folder, mut process) =
        gateway(&["--merge=off", "--requests-per-second=5", "--shutdown-grace-seconds=300"]).await;
    let names: Vec<String> = (0..30).map(|number| format!("customer-{number}")).collect();
    let sent: Vec<_> = names.iter().map(|name| tokio::spawn(send(process.create_of(name, false)))).collect();
    process.waiting(15).await;
    process.terminate();
    for answer in sent {
        assert_eq!(answer.await.unwrap().unwrap().0, 200);
    }
    assert!(process.ended().await);
    assert_eq!(created(&world).await.len(), 30);
}

#[tokio::test]
async fn whose_answer_does_not_come_within_the_grace_is_told_what_is_known() {
    let (world, folder, mut process) = gateway(&["--merge=off", "--shutdown-grace-seconds=3"]).await;
    let held = json!({"match": {"method": "POST"}, "times": 2, "kind": {"holdMs": 20000}});
    let faults = Client::new().put(format!("{}/admin/faults", world.url)).json(&json!({"faults": [held]}));
    assert_eq!(faults.send().await.unwrap().status(), 200);
    let keyed = tokio::spawn(send(process.create_of("keyed", true)));
    let unkeyed = tokio::spawn(send(process.create_of("unkeyed", false)));
    while created(&world).await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    process.terminate();
    let kind = |answer: Option<(StatusCode, Value)>| {
        let (status, body) = answer.unwrap();
        (status.as_u16(), body["error"]["type"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(kind(keyed.await.unwrap()), (503, "IDEMPOTENCY_OUTCOME_UNKNOWN".to_owned()));
    assert_eq!(kind(unkeyed.await.unwrap()), (502, "GATEWAY_ANSWER_LOST".to_owned()));
    assert!(process.ended().await);

    let process = restarted(&world, folder.path(), &[]).await;
    let (status, body) = send(process.create_of("keyed", true)).await.unwrap();
    assert_eq!((status.as_u16(), &body["fields"]["Name"]), (200, &json!("keyed")), "{body}");
    assert_eq!(created(&world).await.len(), 2, "it was found");
}
