//! Slots of a store of one's own, by several replicas.

use std::path::Path;

use futures::future::join_all;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use valkey::{cmd, testing::Server};

use super::*;

const WINDOW: Duration = Duration::from_millis(100);
const BASE: &str = "appAAAAAAAAAAAAAA";

/// A store, and a token.
struct World {
    server: Server,
    valkey: Valkey,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        Self::of(Server::start())
    }

    fn of(server: Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let valkey = Valkey::open(server.source()).unwrap();
        std::fs::write(folder.path().join("token"), "pat-of-the-gateway").unwrap();
        Self { server, valkey, folder }
    }

    fn token(&self) -> &Path {
        self.folder.path()
    }

    fn replica(&self, name: &str, base: &str, terms: Terms) -> Slots {
        let store = Store { valkey: self.valkey.clone(), replica: name.to_owned() };
        Slots::new(&store, base, self.token().join("token"), terms)
    }
}

fn terms(of_base: usize) -> Terms {
    Terms::new(of_base, 50, WINDOW)
}

/// One slot, where nobody is passed over, be the machine ever so slow.
fn patient() -> Terms {
    Terms { grace: Duration::from_secs(10), ..terms(1) }
}

/// Asks until there is a slot, more often than it is told to.
async fn wait(slots: &mut Slots) -> Slot {
    loop {
        match slots.take().await.unwrap() {
            Told::Taken { slot, .. } => return slot,
            Told::Wait { after, .. } => sleep(after.min(Duration::from_millis(1))).await,
        }
    }
}

/// A slot within the time of a test, used.
async fn used(slots: &mut Slots) -> Slot {
    let mut slot = timeout(Duration::from_secs(20), wait(slots)).await.unwrap();
    assert!(slot.used());
    slot
}

#[tokio::test]
async fn a_slot_is_to_be_had_again_a_window_after_it_came_back() {
    let world = World::new();
    let mut slots = world.replica("a", BASE, terms(2));
    let (first, _second) = (used(&mut slots).await, used(&mut slots).await);
    let told = slots.take().await.unwrap();
    assert!(matches!(told, Told::Wait { after, used: 2, .. } if after <= WINDOW), "{told:?}");
    let back = Instant::now();
    drop(first);
    let _third = used(&mut slots).await;
    assert!(back.elapsed() >= WINDOW, "{:?}", back.elapsed());
}

#[tokio::test]
async fn the_first_window_of_a_store_is_left_to_what_it_may_have_forgotten() {
    let mut world = World::of(Server::with(&["--appendonly", "yes"]));
    let mut slots = world.replica("a", BASE, terms(2));
    let is_closed = async |slots: &mut Slots| matches!(slots.take().await, Ok(Told::Wait { used: 2, .. }));
    assert!(is_closed(&mut slots).await, "an empty one");
    used(&mut slots).await;
    world.valkey.command::<()>(&cmd("FLUSHALL")).await.unwrap();
    assert!(is_closed(&mut slots).await, "one that was emptied");
    used(&mut slots).await;
    world.server.restart();
    while world.valkey.check().await.is_err() {
        sleep(Duration::from_millis(5)).await;
    }
    assert!(is_closed(&mut slots).await, "one that was restarted with what it had written");
    used(&mut slots).await;
}

#[tokio::test]
async fn who_asks_again_since_no_answer_came_has_one_slot() {
    let world = World::new();
    let mut slots = world.replica("a", BASE, terms(2));
    let _slot = used(&mut slots).await;
    slots.asked -= 1;
    let told = slots.take().await.unwrap();
    assert!(matches!(told, Told::Taken { used: 1, .. }), "{told:?}");
}

#[tokio::test]
async fn who_asks_again_has_its_slot_for_a_whole_lease_from_then_on() {
    let world = World::new();
    let lease = Duration::from_millis(600);
    let terms = Terms { lease, ..terms(1) };
    let (mut asks_again, mut other) = (world.replica("a", BASE, terms), world.replica("b", BASE, terms));
    std::mem::forget(used(&mut asks_again).await);
    sleep(lease / 2).await;
    asks_again.asked -= 1;
    let again = used(&mut asks_again).await;
    let begun = again.taken();
    std::mem::forget(again);
    let _slot = used(&mut other).await;
    assert!(begun.elapsed() >= lease + WINDOW, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_was_not_used_is_to_be_had_at_once_and_said_so() {
    let world = World::new();
    let mut slots = world.replica("a", BASE, terms(1));
    drop(used(&mut slots).await);
    let slot = wait(&mut slots).await;
    drop(slot);
    slots.desk().freed().await;
    assert!(matches!(slots.take().await, Ok(Told::Taken { .. })));
}

#[tokio::test]
async fn what_nobody_gives_back_comes_back_when_its_request_can_no_longer_arrive() {
    let world = World::new();
    let lease = Duration::from_millis(400);
    let terms = Terms { lease, ..terms(1) };
    let (mut crashes, mut other) = (world.replica("a", BASE, terms), world.replica("b", BASE, terms));
    let slot = used(&mut crashes).await;
    let begun = slot.taken();
    std::mem::forget(slot);
    let _slot = used(&mut other).await;
    assert!(begun.elapsed() >= lease + WINDOW, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn replicas_that_all_wait_take_turns() {
    let world = World::new();
    let mut greedy: Vec<Slots> =
        ["a", "b", "c"].iter().map(|name| world.replica(name, BASE, patient())).collect();
    let mut order = Vec::new();
    while order.len() < 12 {
        for (number, slots) in greedy.iter_mut().enumerate() {
            if let Told::Taken { mut slot, .. } = slots.take().await.unwrap() {
                assert!(slot.used());
                order.push(number);
            }
        }
    }
    // Whoever came first, from then on it goes round.
    let turns =
        order[3..].windows(3).filter(|turn| turn[0] != turn[1] && turn[1] != turn[2] && turn[0] != turn[2]);
    assert_eq!(turns.count(), 7, "{order:?}");
}

#[tokio::test]
async fn who_rarely_asks_goes_before_one_that_always_does() {
    let world = World::new();
    let (mut greedy, mut rare) = (world.replica("a", BASE, patient()), world.replica("b", BASE, patient()));
    for _ in 0..6 {
        drop(used(&mut greedy).await);
        assert!(matches!(rare.take().await, Ok(Told::Wait { .. })));
        let slot = loop {
            assert!(matches!(greedy.take().await, Ok(Told::Wait { .. })), "it is the other's turn");
            if let Ok(Told::Taken { slot, .. }) = rare.take().await {
                break slot;
            }
        };
        drop(slot);
        rare.desk().settle().await;
    }
}

#[tokio::test]
async fn a_replica_that_has_gone_holds_nobody_up() {
    let world = World::new();
    let (mut stays, mut gone) = (world.replica("a", BASE, terms(1)), world.replica("b", BASE, terms(1)));
    drop(used(&mut stays).await);
    assert!(matches!(gone.take().await, Ok(Told::Wait { .. })));
    drop(gone);
    drop(used(&mut stays).await);
}

#[tokio::test]
async fn a_lock_out_is_kept_by_all_and_not_made_shorter() {
    let world = World::new();
    let (mut one, mut other) = (world.replica("a", BASE, terms(2)), world.replica("b", BASE, terms(2)));
    drop(used(&mut one).await);
    let begun = Instant::now();
    one.desk().lock_out(Duration::from_millis(600));
    one.desk().lock_out(Duration::from_millis(1));
    one.desk().settle().await;
    assert!(matches!(other.take().await, Ok(Told::Wait { is_lockout: true, .. })));
    let _slot = used(&mut other).await;
    assert!(begun.elapsed() >= Duration::from_millis(590), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_token_is_shared_by_bases_and_another_one_is_not() {
    let world = World::new();
    let terms = Terms { of_token: 1, ..terms(5) };
    let (mut one, mut other) =
        (world.replica("a", BASE, terms), world.replica("b", "appBBBBBBBBBBBBBB", terms));
    let held = used(&mut one).await;
    while let Told::Wait { used: 5, after, .. } = other.take().await.unwrap() {
        sleep(after).await;
    }
    assert!(matches!(other.take().await, Ok(Told::Wait { used: 0, .. })));
    std::fs::write(world.token().join("other"), "another-pat").unwrap();
    other.token = SecretFile::new(world.token().join("other"));
    let _of_another = used(&mut other).await;
    drop(held);
    let keys: Vec<String> = world.valkey.command(cmd("KEYS").arg("*")).await.unwrap();
    assert!(keys.iter().all(|key| key.starts_with("pyairtable:{") && !key.contains("pat")), "{keys:?}");
}

#[tokio::test]
async fn what_is_to_go_back_goes_back_also_after_the_store_was_away() {
    let mut world = World::of(Server::with(&["--appendonly", "yes", "--appendfsync", "always"]));
    let mut slots = world.replica("a", BASE, terms(1));
    let slot = used(&mut slots).await;
    world.server.stop();
    drop(slot);
    world.server.run();
    slots.desk().settle().await;
    while world.valkey.check().await.is_err() {
        sleep(Duration::from_millis(5)).await;
    }
    let _slot = used(&mut slots).await;
}

#[tokio::test]
async fn the_rights_that_the_docs_name_are_enough() {
    let page = include_str!("../../../../../docs/reference/gateway-store.md");
    let user = page.lines().find_map(|line| line.strip_prefix("user ")).unwrap();
    let server = Server::with(&[&["--user"], user.split(' ').collect::<Vec<_>>().as_slice()].concat());
    server.set_url(&format!("{}?user=gateway&pass=password", server.url()));
    let world = World::of(server);
    let mut slots = world.replica("a", BASE, terms(1));
    drop(used(&mut slots).await);
    slots.desk().lock_out(Duration::from_millis(1));
    slots.desk().settle().await;
    drop(wait(&mut slots).await);
    slots.desk().freed().await;
}

/// Requests arrive at some time while their slots are held.
#[tokio::test]
async fn no_window_sees_more_arrivals_than_there_are_slots_whichever_replica_they_are_of() {
    let world = World::new();
    let most = 3;
    let replicas = ["a", "b", "c", "d"].map(|name| {
        let mut slots = world.replica(name, BASE, terms(most));
        async move {
            let mut arrivals = Vec::new();
            for _ in 0..12 {
                let slot = used(&mut slots).await;
                sleep(Duration::from_millis(fastrand::u64(0..40))).await;
                arrivals.push(Instant::now());
                sleep(Duration::from_millis(fastrand::u64(0..40))).await;
                drop(slot);
            }
            arrivals
        }
    });
    let mut arrivals: Vec<Instant> = join_all(replicas).await.into_iter().flatten().collect();
    arrivals.sort();
    for (earlier, later) in arrivals.iter().zip(arrivals.iter().skip(most)) {
        assert!(*later - *earlier >= WINDOW, "{:?}", *later - *earlier);
    }
}
