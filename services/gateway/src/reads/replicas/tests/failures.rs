//! Replicas that end without a word, stores that lose what they were told, tables that change meanwhile.

use super::*;

const SHORT: Duration = Duration::from_millis(30);

async fn settled(replica: &Replica, scope: &Scope) -> Told {
    loop {
        let told = replica.told(scope).await;
        if !told.is_unsettled() {
            return told;
        }
        sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_write_whose_replica_is_gone_counts_as_one_with_an_effect_once_its_time_is_over() {
    let server = Server::start();
    let [mut one, mut other] = replicas(&server, SHORT).await;
    let reading = loop {
        let _never_ended = one.begin(Touch::Table("a".to_owned())).await;
        let reading = other.read(&scope("b")).await;
        if reading.told().is_unsettled() {
            break reading;
        }
    };
    let told = settled(&other, &scope("b")).await;
    assert!(!told.holds(reading.told()));
    let later = other.read(&scope("b")).await;
    assert!(other.told(&scope("b")).await.holds(later.told()));
}

#[tokio::test]
async fn a_write_in_doubt_counts_as_under_way_for_as_long_as_one_may_take() {
    let server = Server::start();
    let [mut one, mut other] = replicas(&server, LONG).await;
    let writing = one.begin(Touch::Table("a".to_owned())).await;
    one.end(writing, End::Doubtful(Instant::now())).await;
    let reading = other.read(&scope("a")).await;
    let told = other.told(&scope("a")).await;
    assert!(told.is_unsettled() && told.may_be_joined(reading.told()));
}

#[tokio::test]
async fn nothing_from_before_a_restart_of_the_store_holds_and_nothing_is_kept_until_writes_from_before_are_over()
 {
    let mut server = Server::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let [mut one, _] = replicas(&server, Duration::from_secs(1)).await;
    let before = one.read(&scope("a")).await;
    server.restart();
    let told = loop {
        match one.told(&scope("a")).await {
            Told::Silence => sleep(Duration::from_millis(2)).await,
            told => break told,
        }
    };
    assert!(!told.holds(before.told()), "ticks of another run");
    assert!(told.is_unsettled(), "writes from before may be under way");
    assert!(!settled(&one, &scope("a")).await.holds(&told));
}

#[tokio::test]
async fn a_flushed_store_is_one_that_has_lost_what_it_was_told() {
    let server = Server::start();
    let [mut one, mut other] = replicas(&server, SHORT).await;
    let before = one.read(&scope("a")).await;
    let shared = one.replicas.0.clone().unwrap();
    shared.store.command::<()>(&cmd("FLUSHALL")).await.unwrap();
    assert!(other.read(&scope("a")).await.told().is_unsettled());
    assert!(!settled(&one, &scope("a")).await.holds(before.told()));
}

#[tokio::test]
async fn without_its_store_nothing_holds_and_nothing_may_be_written() {
    let mut server = Server::start();
    let [mut one, _] = replicas(&server, LONG).await;
    let before = one.read(&scope("a")).await;
    server.stop();
    let told = one.told(&scope("a")).await;
    assert_eq!(told, Told::Silence);
    assert!(!told.holds(before.told()));
    let named = one.marks.named_write(&Touch::AllTables);
    let refused = one.replicas.begin(&named, Instant::now()).await.unwrap_err();
    assert!(
        refused.to_string().starts_with("the replicas of the gateway can't be told of the write"),
        "{refused}"
    );
}

#[tokio::test]
async fn tables_that_another_replica_changed_meanwhile_are_not_learned() {
    let server = Server::start();
    let [mut one, mut other] = replicas(&server, LONG).await;
    let asked = one.read(&Scope::Schema).await;
    let writing = other.begin(Touch::Everything).await;
    other.end(writing, End::Done).await;
    assert!(!one.replicas.learn(asked.told(), tables(false).digest()).await);
    let asked = one.read(&Scope::Schema).await;
    assert!(one.replicas.learn(asked.told(), tables(false).digest()).await);
    assert!(!other.replicas.learn(&Told::Silence, "x").await);
}

#[tokio::test]
async fn a_link_made_by_one_replica_counts_at_once_for_another_that_has_not_seen_it() {
    let server = Server::start();
    let [mut one, mut other] = replicas(&server, LONG).await;
    for replica in [&mut one, &mut other] {
        let asked = replica.read(&Scope::Schema).await;
        replica.learn(&asked, tables(false)).await;
    }
    let unlinked = other.read(&scope("a")).await;
    let writing = other.begin(Touch::Table("b".to_owned())).await;
    other.end(writing, End::Done).await;
    assert!(other.holds(&unlinked, &other.told(&scope("a")).await));
    let linking = one.begin(Touch::Everything).await;
    one.end(linking, End::Done).await;
    let linked = other.read(&scope("a")).await;
    let writing = other.begin(Touch::Table("b".to_owned())).await;
    other.end(writing, End::Done).await;
    assert!(!other.holds(&linked, &other.told(&scope("a")).await));
}
