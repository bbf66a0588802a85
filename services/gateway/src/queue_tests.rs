//! The queue with a clock that stands still until everybody waits.

use super::*;
use crate::{turns::Place, urgency::Urgency};

impl Queue {
    /// Waits at the back, and uses the permit.
    async fn permit(&self, deadline: Instant) -> Result<Permit, NoPermit> {
        let (place, urgency, client) = (Place::Back, Urgency::Interactive, "client".into());
        match self.turn(Ask { place, urgency, client, share: 1, kind: None }, deadline, None).await? {
            Turn::Send(mut permit, _) => {
                permit.used();
                Ok(permit)
            }
            Turn::Carried => panic!("nobody else sends it"),
        }
    }
}

fn queue(requests_per_second: usize, length: usize) -> Queue {
    let limits = Limits { requests_per_second, length, lockout: Duration::from_secs(30) };
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
    tokio::time::sleep(Duration::from_secs(1) + MARGIN).await;
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
async fn a_lock_out_holds_everybody() {
    let queue = queue(5, 10);
    queue.lock_out();
    let begun = Instant::now();
    let _permit = queue.permit(soon()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(30), "{:?}", begun.elapsed());
}
