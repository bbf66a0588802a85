use valkey::testing::Server;

use super::*;
use crate::reads::walk::Spot;

const BASE: &str = "appAAAAAAAAAAAAAA";

fn places(server: &Server) -> Places {
    Places::shared(Valkey::open(server.source()).unwrap(), BASE)
}

fn reached(theirs: &str) -> Place {
    Place::Reached(theirs.to_owned())
}

fn on_the_way(before: usize) -> Place {
    let spot = |before| Spot { theirs: Some("itr/rec".to_owned()), before };
    Place::OnTheWay(Walk { next: spot(before), given: Some(spot(0)) })
}

#[tokio::test]
async fn what_one_replica_knows_all_know_with_the_rights_that_the_docs_name() {
    let page = include_str!("../../../../../docs/reference/gateway-store.md");
    let user = page.lines().find_map(|line| line.strip_prefix("user ")).unwrap();
    let server = Server::with(&[&["--user"], user.split(' ').collect::<Vec<_>>().as_slice()].concat());
    server.set_url(&format!("{}?user=gateway&pass=password", server.url()));
    let (one, other) = (places(&server), places(&server));
    for place in [reached("theirs"), on_the_way(100), on_the_way(200)] {
        one.keep("ours", place.clone()).await;
        assert_eq!(other.find("ours").await, Some(place.clone()));
        assert_eq!(one.find("ours").await, Some(place));
    }
    let shared = one.shared.as_ref().unwrap();
    for ours in ["another", "ours"] {
        shared.keep(ours, &on_the_way(200), 1).await.expect("each command is permitted");
    }
    assert_eq!(other.find("another").await, None, "it made room");
    other.keep("ours", on_the_way(300)).await;
    assert_eq!(one.find("ours").await, Some(on_the_way(300)), "the other one went on");
}

#[tokio::test]
async fn without_the_store_a_process_knows_its_own_places() {
    let mut server = Server::start();
    let (one, other) = (places(&server), places(&server));
    one.keep("before", reached("theirs")).await;
    for frozen in [true, false] {
        if frozen {
            server.freeze();
        } else {
            server.stop();
        }
        one.keep("ours", reached("theirs")).await;
        for ours in ["before", "ours"] {
            assert_eq!(one.find(ours).await, Some(reached("theirs")));
            assert_eq!(other.find(ours).await, None);
        }
    }
}

#[tokio::test]
async fn what_another_version_wrote_is_no_place() {
    let server = Server::start();
    let (one, store) = (places(&server), Valkey::open(server.source()).unwrap());
    let key = format!("pyairtable:{{{BASE}}}:offsets");
    store.command::<()>(cmd("HSET").arg(key).arg("ours").arg("{}")).await.unwrap();
    assert_eq!(one.find("ours").await, None);
}

#[tokio::test]
async fn the_store_keeps_places_for_a_while_and_no_more_than_a_number_of_them() {
    let server = Server::start();
    let store = Valkey::open(server.source()).unwrap();
    let places = places(&server);
    let shared = places.shared.as_ref().unwrap();
    let kept = async || {
        let names: Vec<String> =
            store.command(cmd("ZRANGE").arg(&shared.keys[1]).arg(0).arg(-1)).await.unwrap();
        for ours in ["a", "b", "c", "d", "e"] {
            let is_there = shared.find(ours).await.unwrap().is_some();
            assert_eq!(is_there, names.iter().any(|name| name == ours), "{ours}: the same in both");
        }
        names.concat()
    };
    for ours in ["a", "b", "c", "d"] {
        shared.keep(ours, &reached("theirs"), 3).await.unwrap();
    }
    assert_eq!(kept().await, "bcd");
    let long_ago = cmd("ZADD").arg(&shared.keys[1]).arg(1).arg("c").to_owned();
    store.command::<()>(&long_ago).await.unwrap();
    shared.keep("e", &reached("theirs"), 9).await.unwrap();
    assert_eq!(kept().await, "bde");
    for key in &shared.keys {
        let left: i64 = store.command(cmd("PTTL").arg(key)).await.unwrap();
        let lifetime = i64::try_from(LIFETIME.as_millis()).unwrap();
        assert!((1..=lifetime).contains(&left), "{key} ends by itself: {left}");
    }
}
