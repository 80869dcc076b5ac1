//! Turning a panic in somebody else's future into an error.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::env::said;

/// Drives a future; a panic in it is an error with its text, and the future is dropped.
///
/// It is polled in place rather than in a task of its own: dropping it ends the work at once, before the permit that it
/// runs under goes back, and no other task's turn comes between.
pub(super) async fn unwinding<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let mut work = pin!(work);
    let polled =
        poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(said(panic.as_ref()))),
        });
    polled.await
}
