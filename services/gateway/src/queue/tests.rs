//! The queue with a clock that stands still until everybody waits.

use futures::FutureExt as _;

use super::*;
use super::{turns::Place, urgency::Urgency};
use crate::{
    company::{Verdict, mergeable::Single},
    delivery::{retry::Care, upstream::Request},
};

fn ask() -> Ask {
    let (place, urgency, client) = (Place::Back, Urgency::Interactive, "client".into());
    Ask { place, urgency, client, share: 1, kind: None }
}

impl Queue {
    /// Waits at the back, and uses the permit.
    async fn permit(&self, deadline: Instant) -> Result<Permit, NoPermit> {
        match self.turn(ask(), deadline, None).await? {
            Turn::Send(mut permit, _) => {
                assert!(permit.used());
                Ok(permit)
            }
            Turn::Carried => panic!("nobody else sends it"),
        }
    }
}

fn queue(requests_per_second: usize, length: usize) -> Queue {
    let token_requests_per_second = requests_per_second;
    let limits =
        Limits { requests_per_second, token_requests_per_second, length, lockout: Duration::from_secs(30) };
    Queue::new(limits, Metrics::register(&telemetry::metrics::Metrics::new()).unwrap())
}

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(2)
}

#[tokio::test(start_paused = true)]
async fn a_second_request_waits_until_a_window_after_the_answer_of_the_first() {
    let queue = queue(1, 10);
    let first = queue.permit(soon()).await.unwrap();
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(first);
    let _second = queue.permit(soon()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_millis(1600), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_counts_permits_that_came_back() {
    let queue = queue(2, 10);
    drop(queue.permit(soon()).await.unwrap());
    assert_eq!(queue.snapshot().free, 1);
    tokio::time::sleep(WINDOW).await;
    assert_eq!(queue.snapshot().free, 2);
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_leaves_the_queue_and_who_waits_too_long_is_told() {
    let queue = queue(1, 1);
    let held = queue.permit(soon()).await.unwrap();
    let gone = tokio::time::timeout(Duration::from_secs(1), queue.permit(soon())).await;
    assert!(gone.is_err());
    assert_eq!(queue.snapshot().waiting, 0);
    let late = queue.permit(Instant::now() + Duration::from_secs(2)).await;
    assert_eq!(late.err(), Some(NoPermit::Deadline));
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.permit(soon()).await.is_ok() }
    });
    tokio::task::yield_now().await;
    assert_eq!(queue.permit(soon()).await.err(), Some(NoPermit::Full));
    drop(held);
    assert!(waiting.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn who_has_to_give_way_is_told_at_once_and_the_others_have_their_turns() {
    let queue = queue(1, 3);
    let held = queue.permit(soon()).await.unwrap();
    let begun = Instant::now();
    let turn = |client: &str| {
        let (queue, ask) = (queue.clone(), Ask { client: client.into(), ..ask() });
        tokio::spawn(async move { (queue.turn(ask, soon(), None).await.map(drop), begun.elapsed()) })
    };
    let many = [(); 3].map(|()| turn("many"));
    tokio::task::yield_now().await;
    let few = turn("few");
    tokio::task::yield_now().await;
    let [first, second, last] = many;
    assert_eq!(last.await.unwrap(), (Err(NoPermit::Full), Duration::ZERO));
    assert_eq!((queue.snapshot().waiting, queue.0.lock().seats.len()), (3, 3));
    drop(held);
    for served in [first, second, few] {
        assert_eq!(served.await.unwrap().0, Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_had_to_give_way_is_in_nobodys_company() {
    let queue = queue(1, 2);
    let ask = |client: &str| Ask { kind: Some("kind".into()), client: client.into(), ..ask() };
    let members = [1, 2].map(|number| member(number, soon()).0);
    let [first, second] = members.map(|member| queue.turn(ask("many"), soon(), Some(member)));
    let few = async { queue.turn(Ask { kind: None, ..ask("few") }, soon(), None).await.map(drop) };
    let (first, second, few) = tokio::join!(first, second, few);
    assert!(matches!(first, Ok(Turn::Send(_, company)) if company.len() == 1));
    assert_eq!((second.map(drop).err(), few), (Some(NoPermit::Full), Ok(())));
}

fn member(number: u8, deadline: Instant) -> (Member, oneshot::Receiver<Verdict>) {
    let body = serde_json::json!({"fields": {"Number": number}});
    let request = Request::post("/v0/appAAAAAAAAAAAAAA/Deals".to_owned(), &body);
    Member::new(Arc::new(Single::of(&request, Care::Write).unwrap()), deadline)
}

#[tokio::test(start_paused = true)]
async fn who_is_told_that_the_time_is_over_is_in_nobodys_company() {
    for milliseconds in 0..12 {
        let queue = queue(1, 10);
        let (soon, deadline) = (soon(), Instant::now() + Duration::from_millis(1000 + milliseconds));
        let ask = |client: &str| Ask { kind: Some("kind".into()), client: client.into(), ..ask() };
        let ((first, _), (second, _)) = (member(1, soon), member(2, deadline));
        let first = queue.turn(ask("a"), soon, Some(first));
        let second = queue.turn(ask("b"), deadline, Some(second));
        let (first, second) = tokio::join!(first, second);
        let Ok(Turn::Send(_, company)) = first else { panic!("it leads") };
        match second {
            Ok(Turn::Carried) => assert_eq!(company.len(), 2),
            Err(NoPermit::Deadline) => assert_eq!(company.len(), 1),
            _ => panic!("there is one permit"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lead_that_went_away_lets_its_company_go_on_alone() {
    let queue = queue(1, 10);
    let ask = |client: &str| Ask { kind: Some("kind".into()), client: client.into(), ..ask() };
    let ((lead, _), (along, heard)) = (member(1, soon()), member(2, soon()));
    let lead = queue.turn(ask("a"), soon(), Some(lead));
    let along = queue.turn(ask("b"), soon(), Some(along));
    let (lead, along) = tokio::join!(lead, along);
    assert!(matches!(along, Ok(Turn::Carried)));
    drop(lead);
    assert!(matches!(heard.await, Ok(Verdict::Alone)));
    let _permit_at_once = queue.permit(Instant::now() + Duration::from_millis(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lock_out_holds_everybody() {
    let queue = queue(5, 10);
    queue.lock_out();
    let begun = Instant::now();
    let _permit = queue.permit(soon()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn when_the_queue_closes_who_waits_is_told_and_nobody_has_a_turn_any_more() {
    let queue = queue(1, 10);
    let held = queue.permit(soon()).await.unwrap();
    let begun = Instant::now();
    let closes = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        queue.closing().at(Instant::now() + Duration::from_secs(4));
    };
    let (waited, ()) = tokio::join!(queue.permit(soon()), closes);
    assert_eq!(waited.err(), Some(NoPermit::Closed));
    assert_eq!(begun.elapsed().as_secs(), 5, "what time is left is used");
    drop(held);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((queue.permit(soon()).await.err(), queue.snapshot().free), (Some(NoPermit::Closed), 1));
}

#[tokio::test(start_paused = true)]
async fn who_need_not_wait_does_not_and_nobody_overtakes_who_does() {
    let queue = queue(2, 10);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let first = queue.turn(ask(), soon(), None).now_or_never();
    assert!(matches!(first, Some(Ok(Turn::Send(..)))));
    let _second = queue.permit(soon()).await.unwrap();
    let mut third = Box::pin(queue.permit(soon()));
    assert!(futures::poll!(&mut third).is_pending());
    // The one that was not used comes back, for who waits and not for who comes now.
    drop(first);
    assert!(queue.turn(ask(), soon(), None).now_or_never().is_none());
    let begun = Instant::now();
    let _third = third.await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn each_of_many_that_wait_is_woken_by_a_permit_that_came_back() {
    let queue = queue(3, 100);
    let begun = Instant::now();
    let served: Vec<_> = futures::future::join_all((0..12).map(|_| async {
        let permit = queue.permit(soon()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(permit);
        begun.elapsed().as_secs()
    }))
    .await;
    assert_eq!(served, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
}
