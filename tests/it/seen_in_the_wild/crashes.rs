//! Cancelling and crashing around a splice and an elision: before, at the instant, and behind.

use std::sync::Arc;
use std::time::Duration;

use highwater::summarize::{Extractive, Scripted};
use highwater_protocol::{Abandoned, Outcome, Seq};
use highwater_storage::MemoryStore;
use highwater_tests::host::Host;
use highwater_tests::world::{self, Environment, Shared};

#[tokio::test(start_paused = true)]
async fn a_cancel_before_at_and_behind_the_splice_says_what_it_did() {
    let mut told = Vec::new();
    for after_millis in [9_999, 10_000, 10_001] {
        let (_house, mut host) = Host::alone(world::gist(10), world::by_wish()).await;
        host.chat("fill", 20, 60).await;
        let before = host.blocks().await;
        let pass = host.compact(None).await;
        tokio::time::sleep(Duration::from_millis(after_millis)).await;
        let cancelled = host.session.cancel().await.expect("it answers");
        let outcome = host.settled(pass).await;
        if let Some(named) = cancelled {
            assert_eq!((named, &outcome), (pass, &Outcome::Abandoned(Abandoned::Cancelled)));
            assert_eq!(host.blocks().await, before, "nothing has changed");
        } else {
            assert_eq!(outcome, Outcome::Spliced, "there was nothing to cancel any more");
            assert!(host.context().await.body().contains("The gist of it."));
        }
        let stands = host.blocks().await;
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(host.blocks().await, stands, "and nothing comes late");
        told.push(cancelled.is_some());
        let next = host.session.compact(Some(Seq(19)), None).await.expect("it answers");
        assert!(matches!(next, highwater_protocol::message::CompactReply::Started(_)));
    }
    assert_eq!((told[0], told[2]), (true, false), "both ways were met");
}

#[tokio::test(start_paused = true)]
async fn a_summary_that_was_committed_is_not_made_again_after_a_crash() {
    let store = Arc::new(MemoryStore::new());
    let shared = || Shared(Arc::clone(&store));
    let first = world::house(shared(), Environment::Inline, world::gist(1)).await;
    let mut host = Host::open(&first, "s", world::automatic()).await;
    host.chat("fill", 40, 60).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let (before, covered) = (host.blocks().await, host.covered().await);
    assert!(covered.is_some());

    // The first house is not closed: it is gone for the second, as a process that was killed is.
    let other = Scripted::new([world::says(1, "Another gist.")]);
    let calls = other.calls();
    let second = world::house(shared(), Environment::Inline, other).await;
    host.move_to(&second).await;
    assert_eq!((host.blocks().await, host.covered().await), (before, covered));
    tokio::time::sleep(Duration::from_mins(10)).await;
    host.context().await;
    assert_eq!(calls.count(), 0, "nobody was asked again");
}

#[tokio::test(start_paused = true)]
async fn an_elision_outlives_a_crash_and_is_neither_undone_nor_made_again() {
    let store = Arc::new(MemoryStore::new());
    let shared = || Shared(Arc::clone(&store));
    let first = world::house(shared(), Environment::Inline, Extractive).await;
    let mut host = Host::open(&first, "s", world::by_wish()).await;
    host.append("u1: Read them.").await;
    for round in 0..4 {
        host.append(&format!("a{round} call c{round} cat\nr{round} c{round}: file ~1500")).await;
        host.context().await;
    }
    let before = host.context().await;
    assert!(before.resets > 0 && before.body().contains("kept whole as entry"));
    let second = world::house(shared(), Environment::Inline, Extractive).await;
    host.move_to(&second).await;
    let after = host.context().await;
    assert_eq!((after.resets, after.body()), (before.resets, before.body()));
    host.append("uend: And now?").await;
    assert_eq!(host.context().await.resets, before.resets, "it grew from where it was left");
}
