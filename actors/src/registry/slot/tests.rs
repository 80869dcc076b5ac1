//! What of a slot exists only as long as somebody needs it.

use std::time::Duration;

use highwater_protocol::message::Notice;
use highwater_protocol::{Budget, Error, Format, Kind, TokenCount};
use tokio::time::timeout;

use super::*;
use crate::SessionHandle;
use crate::admission::admit;

fn slot() -> Arc<Slot> {
    let budget = Budget::of_window(TokenCount(100_000)).expect("a legal window");
    let config = SessionConfig::new(budget, Format::Anthropic);
    let session = SessionId::parse("s").expect("a legal name");
    Arc::new(Slot::new(session, Arc::new(config)))
}

#[tokio::test(start_paused = true)]
async fn requests_share_a_budget_that_goes_with_the_last_of_them() {
    let (slot, house) = (slot(), Budgeted::new(1 << 30));
    let enter = |bytes| {
        let (slot, house) = (Arc::clone(&slot), house.clone());
        async move {
            let queued = slot.enqueue();
            admit(queued.budget(), &house, bytes).await.map(|admission| admission.within(queued))
        }
    };
    for _ in 0..2 {
        let all = enter(caps::SESSION_QUEUE_BYTES).await.expect("it is free");
        let waiting = enter(1);
        tokio::pin!(waiting);
        assert!(timeout(Duration::from_secs(1), &mut waiting).await.is_err(), "all is taken");
        assert!(timeout(Duration::from_secs(1), enter(1)).await.is_err(), "for this one too");
        drop(all);
        let next = waiting.await.expect("it is free again");
        assert!(slot.queue().is_some(), "one is in it");
        drop(next);
        assert!(slot.queue().is_none(), "nobody is in it");
    }
}

#[tokio::test]
async fn who_gives_up_waiting_leaves_the_queue() {
    let (slot, house) = (slot(), Budgeted::new(10));
    let queued = slot.enqueue();
    let first = admit(queued.budget(), &house, 1).await.expect("it is free").within(queued);
    let others = (0..3).map(|_| {
        let (slot, house) = (Arc::clone(&slot), house.clone());
        tokio::spawn(async move {
            let queued = slot.enqueue();
            admit(queued.budget(), &house, 1).await.map(|admission| admission.within(queued))
        })
    });
    let others: Vec<_> = others.collect();
    tokio::task::yield_now().await;
    for other in others {
        other.abort();
        assert!(other.await.is_err(), "it waits for the house");
    }
    assert_eq!(slot.queue().as_ref().map(|queue| queue.count), Some(1));
    drop(first);
    assert!(slot.queue().is_none());
}

#[tokio::test]
async fn a_request_may_outlive_the_slot() {
    let (slot, house) = (slot(), Budgeted::new(1 << 30));
    let queued = slot.enqueue();
    let admission = admit(queued.budget(), &house, 1).await.expect("it is free").within(queued);
    drop(slot);
    drop(admission);
}

#[test]
fn the_queue_of_notices_goes_with_the_last_who_listens() {
    let slot = slot();
    let failed = || Notice::Failed(Error::new(Kind::Internal, "a notice"));
    for _ in 0..2 {
        assert!(!slot.notices().has_queue());
        let (mut first, second) = (slot.subscribe(), slot.subscribe());
        drop(second);
        slot.notices().tell(failed());
        assert!(slot.notices().is_heard() && first.try_next().is_some());
        drop(first);
        assert!(!slot.notices().has_queue(), "nobody listens");
    }
    let last = slot.subscribe();
    slot.notices().close();
    drop(last);
    slot.notices().tell(failed());
    assert!(slot.subscribe().try_next().is_none() && !slot.notices().has_queue());
}

/// The bench `idle` counts all of it; here is what a field more would be added to.
#[test]
fn what_each_idle_session_takes_has_not_grown() {
    const POINTER: usize = size_of::<usize>();
    assert_eq!(size_of::<SessionHandle>(), 3 * POINTER);
    assert_eq!(size_of::<Slot>(), 14 * POINTER);
}
