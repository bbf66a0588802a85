//! Work that goes on when whoever waits for it goes away, at no cost while nobody does.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::runtime::Handle;
use tracing::Instrument as _;

/// Work under way. Dropped before its end, it goes on in a task of its own, with the ids of the request in its logs.
#[must_use = "nothing is done until it is awaited"]
pub struct Persistent<F: Future<Output: Send> + Send + 'static>(Option<Pin<Box<F>>>);

/// `work`, to be awaited: its own task is made only for what is left of it when the waiting ends early.
pub fn persist<F: Future<Output: Send> + Send + 'static>(work: F) -> Persistent<F> {
    Persistent(Some(Box::pin(work)))
}

impl<F: Future<Output: Send> + Send + 'static> Future for Persistent<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // Out of its place meanwhile: what panics does not go on.
        let Some(mut work) = self.0.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Persistent<F> {
    fn drop(&mut self) {
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work.in_current_span());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, oneshot};

    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_goes_on() {
        let (go_on, told) = oneshot::channel::<()>();
        let (done, mut ended) = mpsc::channel(1);
        let mut work = Box::pin(persist(async move {
            told.await.unwrap();
            done.send(()).await.unwrap();
        }));
        assert!(futures::poll!(&mut work).is_pending());
        drop(work);
        go_on.send(()).unwrap();
        assert_eq!(ended.recv().await, Some(()));
    }

    #[tokio::test]
    async fn what_ended_or_panicked_does_not_begin_again() {
        let (begun, mut beginnings) = mpsc::unbounded_channel();
        let again = begun.clone();
        persist(async move { begun.send(1).unwrap() }).await;
        let panics = tokio::spawn(persist(async move {
            again.send(2).unwrap();
            tokio::task::yield_now().await;
            panic!("a defect");
        }));
        assert!(panics.await.unwrap_err().is_panic());
        tokio::task::yield_now().await;
        let mut seen = Vec::new();
        while let Some(begun) = beginnings.recv().await {
            seen.push(begun);
        }
        assert_eq!(seen, [1, 2]);
    }
}
