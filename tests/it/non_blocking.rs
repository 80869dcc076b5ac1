//! The session never waits for a model (V10): in paused time, a call that waits for a summary takes virtual time, and one
//! that does not takes exactly none.

use std::sync::Arc;
use std::time::Duration;

use highwater_protocol::message::{ContextReply, OpenCalls};
use highwater_protocol::session::SessionConfig;
use highwater_protocol::{Entry, EntryId, Outcome, caps};
use highwater_tests::host::Host;
use highwater_tests::{notation, world};
use tokio::time::Instant;

/// Longer than any deadline of a client.
const SUMMARY_SECS: u64 = 3_000;

async fn slow() -> (highwater::Highwater, Host) {
    let config = SessionConfig { pass_deadline: Duration::from_secs(10_000), ..world::by_wish() };
    let (house, mut host) = Host::alone(world::gist(SUMMARY_SECS), config).await;
    host.chat("fill", 20, 60).await;
    (house, host)
}

#[tokio::test(start_paused = true)]
async fn appends_and_contexts_beside_a_pass_take_no_time_at_all() {
    let (_house, mut host) = slow().await;
    let started = Instant::now();
    let pass = host.compact(None).await;
    for round in 0..150 {
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(host.pass().await, Some(pass), "the call overlaps the pass");
        let asked = Instant::now();
        if round % 2 == 0 {
            host.append(&format!("u{round}b: beside it ~3")).await;
            assert_eq!(asked.elapsed(), Duration::ZERO, "append {round} waited");
            host.context().await;
        } else {
            let entries = notation::entries(&format!("u{round}b: beside it ~3"));
            let next = host.session.next_context(entries, OpenCalls::Refuse).await;
            let context = next.expect("it is stored").context;
            assert!(matches!(context, Ok(ContextReply::Ready(_))), "{context:?}");
        }
        assert_eq!(asked.elapsed(), Duration::ZERO, "context {round} waited");
    }
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    assert_eq!(started.elapsed(), Duration::from_secs(SUMMARY_SECS), "the summary did take long");
    let asked = Instant::now();
    host.context().await;
    assert_eq!(asked.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn other_sessions_take_no_time_of_the_pass() {
    let (house, host) = slow().await;
    let pass = host.compact(None).await;
    let mut other = Host::open(&house, "other", world::by_wish()).await;
    let asked = Instant::now();
    other.chat("free", 100, 5).await;
    // What it says first may come right behind a commit of the other session.
    assert!(asked.elapsed() <= caps::COMMIT_EVERY, "{:?}", asked.elapsed());
    assert_eq!(host.pass().await, Some(pass), "the pass is still in flight");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_awaits_the_pass_stands_still_for_all_of_it() {
    let (_house, mut host) = slow().await;
    let asked = Instant::now();
    let pass = host.compact(None).await;
    assert_eq!(host.settled(pass).await, Outcome::Spliced);
    host.append("u: at last").await;
    host.context().await;
    assert_eq!(asked.elapsed(), Duration::from_secs(SUMMARY_SECS));
}

#[tokio::test(start_paused = true)]
async fn what_fills_the_queue_does_not_wait_for_who_waits_for_a_pass() {
    let (_house, host) = slow().await;
    let pass = host.compact(None).await;
    let session = host.session.clone();
    let waits = tokio::spawn(async move { session.settled(pass).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = Instant::now();
    let large = |number: usize| {
        let id = EntryId::parse(&format!("large{number}")).expect("a legal id");
        Arc::new(Entry::user(id, &"x".repeat(4 << 20)).expect("below the cap"))
    };
    let entries: Vec<_> = (0..9).map(large).collect();
    assert!(
        entries.iter().map(|entry| entry.source().len()).sum::<usize>() > caps::SESSION_QUEUE_BYTES
    );
    host.session.append(entries).await.expect("it is stored");
    assert_eq!(asked.elapsed(), Duration::ZERO);
    waits.await.expect("it does not panic").expect("the pass has ended");
}
