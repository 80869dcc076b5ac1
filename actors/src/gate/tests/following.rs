//! Following an account: each call that ended is told once with its waits, and nothing is noted for nobody.

use std::time::Duration;

use highwater_protocol::caps;
use highwater_protocol::limit::{Amounts, ClassKind, Ending, Limits, Report};
use tokio::time::{sleep, timeout};

use super::{gate, turn};
use crate::gate::{Calls, Followed, Gate};

async fn followed(limits: Limits) -> (Gate, Calls) {
    let gate = gate(limits).await;
    let calls = gate.follow("acme").await.expect("the account is known");
    (gate, calls)
}

#[tokio::test(start_paused = true)]
async fn an_ended_call_is_told_with_when_it_was_asked_for_granted_and_ended() {
    let (gate, mut calls) = followed(Limits::slots(1)).await;
    let first = gate.acquire(turn()).await.expect("a permit");
    let next = tokio::spawn({
        let gate = gate.clone();
        async move { gate.acquire(turn()).await }
    });
    sleep(Duration::from_secs(2)).await;
    first.finish(Report::answered(Amounts::new(90, 5)));
    let second = next.await.expect("it waits").expect("a permit");
    sleep(Duration::from_secs(3)).await;
    drop(second);
    let Some(Followed::Call(told)) = calls.next().await else { panic!("a call ended") };
    assert_eq!((told.class, told.ending), (ClassKind::Turn, Ending::Answered));
    assert_eq!((told.amounts, told.used), (Amounts::new(100, 10), Some(Amounts::new(90, 5))));
    let Some(Followed::Call(told)) = calls.next().await else { panic!("two calls ended") };
    assert_eq!((told.ending, told.used), (Ending::Abandoned, None));
    let spans = [told.granted.since(told.asked), told.ended.since(told.granted)];
    assert_eq!(spans, [2, 3].map(Duration::from_secs));
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_nobody_took_is_no_call_and_one_that_ran_out_is() {
    let (gate, mut calls) = followed(Limits::slots(1)).await;
    let lease = gate.lease(turn(), Duration::from_secs(1)).await.expect("a lease");
    // Granted while the future that waits for it is dropped: it comes back unused.
    let gone = tokio::spawn({
        let gate = gate.clone();
        async move { gate.acquire(turn()).await.map(drop) }
    });
    sleep(Duration::from_millis(10)).await;
    gone.abort();
    sleep(Duration::from_secs(5)).await;
    let Some(Followed::Call(told)) = calls.next().await else { panic!("the lease ran out") };
    assert_eq!(told.ended.since(told.granted), Duration::from_secs(1));
    assert!(gate.release(&lease, Report::of(Ending::Answered)).is_ok());
    gate.close(Duration::from_secs(1)).await;
    assert_eq!(calls.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn who_follows_misses_nothing_when_somebody_else_begins_to() {
    let (gate, mut calls) = followed(Limits::slots(1)).await;
    let permit = gate.acquire(turn()).await.expect("a permit");
    let second = tokio::spawn({
        let gate = gate.clone();
        async move { gate.follow("acme").await }
    });
    permit.finish(Report::of(Ending::Answered));
    second.await.expect("no panic").expect("the account is known");
    let told = timeout(Duration::from_secs(1), calls.next()).await.expect("it is told");
    assert!(matches!(told, Some(Followed::Call(_))), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_does_not_read_is_told_how_many_calls_it_missed() {
    let (gate, mut calls) = followed(Limits::slots(1)).await;
    let beyond = 7;
    for _ in 0..caps::CALLS_QUEUE + beyond {
        gate.acquire(turn()).await.expect("a permit").finish(Report::of(Ending::Answered));
    }
    gate.status().await.expect("all ends are heard");
    assert_eq!(calls.next().await, Some(Followed::Missed(beyond as u64)));
}
