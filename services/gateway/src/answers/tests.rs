//! Who gets room when, polled step by step.

use bytes::Bytes;
use futures::{FutureExt as _, poll};

use super::*;
use crate::{
    answer::Answer,
    delivery::{
        breaker::Sign,
        delivered,
        receive::{LARGEST_ANSWER, Purpose},
        retry::{self, Care, Next},
        upstream::Trip,
    },
};

const ALL: usize = 1 << 20;

fn answers() -> Answers {
    Answers::new(Bounds { all: ALL, kept: 0 })
}

/// Room that is free.
fn now(answers: &Answers, bytes: usize) -> Taken {
    answers.reserve(bytes).now_or_never().flatten().unwrap()
}

#[tokio::test(start_paused = true)]
async fn room_is_bounded_and_comes_back_with_the_last_copy_of_the_body() {
    let answers = answers();
    let body = Share::from(now(&answers, ALL)).hold(Bytes::from(vec![b'x'; ALL - 10]));
    assert_eq!(answers.taken(), ALL - 10, "what the body does not need is given back");
    let copy = body.slice(5..);
    drop(body);
    assert!(answers.reserve(11).await.is_none());
    assert_eq!(answers.taken(), ALL - 10);
    drop(copy);
    assert_eq!(answers.taken(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_read_waits_for_room_until_its_patience_is_over() {
    let answers = answers();
    let (taken, begun) = (now(&answers, ALL), Instant::now());
    assert!(answers.reserve(1).await.is_none());
    assert_eq!(begun.elapsed(), PATIENCE);
    let mut waiting = Box::pin(answers.reserve(ALL));
    assert!(poll!(&mut waiting).is_pending());
    drop(taken);
    assert!(waiting.await.is_some());
    assert_eq!(
        (answers.taken(), answers.0.listening.load(SeqCst), answers.0.in_line.load(SeqCst)),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn who_needs_much_is_not_passed_by_those_who_need_less_but_by_small_answers() {
    let answers = answers();
    let most = now(&answers, ALL - 2 * SMALL);
    let mut large = Box::pin(answers.reserve(ALL / 2));
    assert!(poll!(&mut large).is_pending());
    let mut next = Box::pin(answers.reserve(SMALL + 1));
    assert!(poll!(&mut next).is_pending(), "there is room, but not in turn");
    drop(now(&answers, SMALL));
    assert!(poll!(&mut large).is_pending());
    drop(most);
    let large = large.await;
    assert!(large.is_some() && next.await.is_some());
}

#[tokio::test(start_paused = true)]
async fn of_bodies_that_grow_one_waits_and_the_others_make_room_for_it() {
    let answers = answers();
    let (mut one, mut other) = (now(&answers, ALL / 2), now(&answers, ALL / 2));
    let mut growing = Box::pin(one.grow(ALL));
    assert!(poll!(&mut growing).is_pending());
    assert_eq!(other.grow(ALL).now_or_never(), Some(false), "it would wait for who waits for it");
    drop(other);
    assert!(growing.await);
    assert_eq!(answers.taken(), ALL);
    drop(one);
    assert_eq!(answers.taken(), 0);
}

#[tokio::test]
async fn what_holds_some_room_waits_for_nobody_who_has_none() {
    let answers = answers();
    let held = now(&answers, ALL / 2);
    let mut in_line = Box::pin(answers.reserve(ALL));
    assert!(poll!(&mut in_line).is_pending());
    assert!(answers.reserve_more(ALL / 2).now_or_never().flatten().is_some());
    drop(held);
    assert!(in_line.await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_write_is_always_told_and_the_next_one_waits_before_it_is_sent() {
    let (answers, far) = (answers(), Instant::now() + Duration::from_hours(1));
    let (all, told) = (now(&answers, ALL), answers.insist(OF_WRITES));
    assert_eq!(answers.taken(), ALL + OF_WRITES);
    let mut write = Box::pin(answers.admit_write(far));
    assert!(poll!(&mut write).is_pending());
    drop(told);
    assert!(write.await, "reads that fill their room hold up no write");
    drop(all);
}

#[tokio::test(start_paused = true)]
async fn while_many_wait_for_room_no_further_read_is_sent() {
    let (answers, second) = (answers(), Duration::from_secs(1));
    let taken = now(&answers, ALL);
    let mut line = Vec::new();
    for _ in 0..MOST_IN_LINE {
        assert_eq!(answers.admit_read(Instant::now() + second).now_or_never(), Some(true));
        line.push(Box::pin(answers.reserve(ALL)));
        assert!(poll!(line.last_mut().unwrap()).is_pending());
    }
    assert!(answers.are_crowded());
    assert!(!answers.admit_read(Instant::now() + second).await);
    let mut read = Box::pin(answers.admit_read(Instant::now() + second));
    assert!(poll!(&mut read).is_pending());
    drop(line.pop());
    assert!(read.await, "one gave up");
    drop(taken);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_leaves_the_line_to_others() {
    let answers = answers();
    let taken = now(&answers, ALL);
    let mut first = Box::pin(answers.reserve(ALL));
    assert!(poll!(&mut first).is_pending());
    let mut second = Box::pin(answers.reserve(ALL));
    assert!(poll!(&mut second).is_pending());
    drop(first);
    drop(taken);
    assert!(second.await.is_some());
}

#[tokio::test]
async fn a_body_of_unknown_length_has_all_that_is_free_where_that_is_enough() {
    let answers = answers();
    let held = now(&answers, ALL / 2);
    assert!(answers.reserve_up_to(ALL / 2 + 1, ALL).now_or_never().is_none());
    let rest = answers.reserve_up_to(ALL / 4, ALL).await.unwrap();
    assert_eq!((rest.bytes(), answers.taken()), (ALL / 2, ALL));
    drop(rest);
    let some = answers.reserve_up_to(1, ALL / 4).await.unwrap();
    assert_eq!((some.bytes(), answers.taken()), (ALL / 4, ALL / 2 + ALL / 4));
    drop((held, some));
    assert_eq!(answers.taken(), 0);
}

#[test]
fn a_read_without_room_is_told_to_come_again_and_says_nothing_of_airtable() {
    let answer = Answer::from(delivered(Trip::Dropped).unwrap_err());
    assert_eq!((answer.status.as_u16(), answer.error_type().as_deref()), (503, Some("GATEWAY_ANSWERS_FULL")));
    assert_eq!(answer.headers["retry-after"], "5");
    assert_eq!(Sign::of(&Trip::Dropped), Sign::Alive);
    assert_eq!(retry::next(&Trip::Dropped, Care::Read, 0, 0.0), Next::Deliver);
}

#[test]
fn the_largest_answer_has_its_room_and_no_larger_one() {
    for purpose in [Purpose::PassOn, Purpose::Decode] {
        for room in [ALL, 40 << 20, 1 << 30] {
            let size = purpose.size(room);
            assert!(purpose.room(size) <= room, "{purpose:?} {room}");
            assert!(size == LARGEST_ANSWER || purpose.room(size + 8) > room, "{purpose:?} {room}");
        }
    }
    assert_eq!(Purpose::PassOn.room(SMALL), SMALL);
}
